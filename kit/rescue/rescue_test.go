// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package rescue_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"

	"github.com/weir-gitops/weir/kit/rescue"
)

func TestCall(t *testing.T) {
	fault := errors.New("it broke")
	cases := map[string]struct {
		reason string
		work   func() error
		want   string
		logged string
	}{
		"Done":  {reason: "What ends well ends well.", work: func() error { return nil }},
		"Error": {reason: "An error is passed on as it is.", work: func() error { return fault }, want: "it broke"},
		"Panic": {reason: "A panic is an error, and its stack is in the log.", work: func() error { panic("oops") }, want: "panic in test: oops", logged: "rescue_test.go"},
		"Runtime": {
			reason: "So is one of the runtime.", want: "panic in test: runtime error: invalid memory address or nil pointer dereference", logged: "rescue_test.go",
			work: func() error { var nobody *strings.Builder; return errors.New(nobody.String()[nobody.Len():]) },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var lines strings.Builder
			log := funcr.New(func(_, args string) { lines.WriteString(args) }, funcr.Options{})
			got := ""
			if err := rescue.Call(log, "test", tc.work); err != nil {
				got = err.Error()
			}
			if got != tc.want || !strings.Contains(lines.String(), tc.logged) || tc.logged == "" && lines.Len() > 0 {
				t.Errorf("%s got %q, logged %q", tc.reason, got, lines.String())
			}
		})
	}
}
