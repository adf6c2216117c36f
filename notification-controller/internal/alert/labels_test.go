// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
)

// live answers with the faults in turn, then with an object that has labels.
type live struct {
	client.Reader
	faults []error
	asked  int
}

func (l *live) Get(_ context.Context, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	if l.asked++; l.asked <= len(l.faults) {
		return l.faults[l.asked-1]
	}
	obj.SetLabels(map[string]string{"team": "red", "tier": "web"})
	return nil
}

// TestLabelled holds what matchLabels let through, and what an Alert is told where nobody can know.
func TestLabelled(t *testing.T) {
	missing := apierrors.NewNotFound(schema.GroupResource{Resource: "gitrepositories"}, "app")
	cases := map[string]struct {
		reason     string
		labels     map[string]string
		apiVersion string
		faults     []error
		want       bool
		asked      int
		told       []string
	}{
		"None":     {reason: "Without labels nobody looks.", want: true},
		"All":      {reason: "All have to be there.", labels: map[string]string{"team": "red", "tier": "web"}, want: true, asked: 1},
		"Some":     {reason: "One is not enough.", labels: map[string]string{"team": "red", "tier": "db"}, asked: 1},
		"Missing":  {reason: "Contract, 13: the object is gone.", labels: map[string]string{"team": "red"}, faults: []error{missing}, asked: 1, told: []string{notificationv1beta3.SourceFetchFailedReason}},
		"Passing":  {reason: "A fault that passes is no reason to lose an event.", labels: map[string]string{"team": "red"}, faults: []error{syscall.ECONNREFUSED, apierrors.NewServiceUnavailable("x")}, want: true, asked: 3},
		"Lasting":  {reason: "Nobody waits for ever.", labels: map[string]string{"team": "red"}, faults: slices.Repeat([]error{syscall.ECONNREFUSED}, 99), asked: 7, told: []string{notificationv1beta3.SourceFetchFailedReason}},
		"Unusable": {reason: "Contract, 3.4: labels that are none.", labels: map[string]string{"team": "not a label"}, told: []string{notificationv1beta3.InvalidConfigReason}},
		"NoKind":   {reason: "Contract, 13: an event without apiVersion.", labels: map[string]string{"team": "red"}, apiVersion: "-", told: []string{notificationv1beta3.SourceFetchFailedReason}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, recorder := newDispatcher(t, newCache(nil), &service{})
				l := &live{faults: tc.faults}
				event := eventv1.Event{}
				event.InvolvedObject.Kind, event.InvolvedObject.Namespace, event.InvolvedObject.Name = "GitRepository", "apps", "app"
				if tc.apiVersion == "" {
					event.InvolvedObject.APIVersion = "source.toolkit.fluxcd.io/v1"
				}
				s := &subject{event: event, live: l}
				source := notificationv1.CrossNamespaceObjectReference{Kind: "GitRepository", Name: "*", MatchLabels: tc.labels}
				begun := time.Now()
				for range 2 { // the second source asks for the same
					if got := d.labelled(t.Context(), newCache(nil).alert, source, s); got != tc.want {
						t.Errorf("%s got %t", tc.reason, got)
					}
				}
				if l.asked != tc.asked || time.Since(begun) > labelTimeout {
					t.Errorf("%s asked %d times in %s, want %d", tc.reason, l.asked, time.Since(begun), tc.asked)
				}
				if want := slices.Repeat(tc.told, 2); !slices.Equal(recorder.reasons(), want) {
					t.Errorf("%s told %v, want %v", tc.reason, recorder.reasons(), want)
				}
			})
		})
	}
}
