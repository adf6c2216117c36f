// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestAccount(t *testing.T) {
	for want, names := range map[types.NamespacedName][]string{
		{Namespace: "ns", Name: "own"}:     {"own", "default"},
		{Namespace: "ns", Name: "default"}: {"", "default"},
		{}:                                 {"", ""},
	} {
		if got := Account("ns", names...); got != want {
			t.Errorf("of %q it is %v, want %v", names, got, want)
		}
	}
}

func TestAccountGone(t *testing.T) {
	c := suite.Cluster(t)
	ns := c.Namespace(t, "account")
	c.ServiceAccount(t, ns, "there")
	refused := c.User(t, "nobody")
	cases := map[string]struct {
		reason string
		name   string
		anon   bool
		gone   bool
		fails  bool
	}{
		"There":   {reason: "It exists.", name: "there"},
		"Gone":    {reason: "It does not.", name: "gone", gone: true},
		"Process": {reason: "The process is never gone.", anon: true},
		"Refused": {reason: "Who may not look does not know.", name: "there", anon: true, fails: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var live client.Reader = c.Client
			if tc.anon {
				var err error
				if live, err = client.New(refused, client.Options{Scheme: c.Client.Scheme()}); err != nil {
					t.Fatal(err)
				}
			}
			gone, err := AccountGone(t.Context(), live, Account(ns, tc.name))
			if gone != tc.gone || (err != nil) != tc.fails {
				t.Errorf("%s got %v, %v", tc.reason, gone, err)
			}
		})
	}
}
