// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apifault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestPassing(t *testing.T) {
	resource := schema.GroupResource{Resource: "things"}
	for err, want := range map[error]bool{
		apierrors.NewConflict(resource, "x", errors.New("modified")): true, apierrors.NewTooManyRequests("", 0): true,
		apierrors.NewInternalError(errors.New("x")): true, apierrors.NewServiceUnavailable("x"): true, apierrors.NewTimeoutError("x", 0): true,
		fmt.Errorf("get: %w", syscall.ECONNREFUSED): true, syscall.ECONNRESET: true, io.ErrUnexpectedEOF: true,
		fmt.Errorf("read: %w", apierrors.NewServerTimeout(resource, "get", 0)): true,
		apierrors.NewNotFound(resource, "x"):                                   false, apierrors.NewForbidden(resource, "x", errors.New("no")): false,
		apierrors.NewBadRequest("x"): false, errors.New("x"): false, context.Canceled: false,
	} {
		if got := Passing(err); got != want {
			t.Errorf("%v: %t", err, got)
		}
	}
}

func TestOutlast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cases := map[string]struct {
			reason string
			faults int
			fault  error
			tries  int
			fails  bool
		}{
			"None":    {reason: "Once is enough.", tries: 1},
			"Some":    {reason: "It passes.", faults: 6, fault: syscall.ECONNREFUSED, tries: 7},
			"Endless": {reason: "It does not.", faults: 99, fault: syscall.ECONNREFUSED, tries: 7, fails: true},
			"Lasting": {reason: "It is not going to.", faults: 99, fault: errors.New("x"), tries: 1, fails: true},
		}
		for name, tc := range cases {
			begun, tries := time.Now(), 0
			err := Outlast(t.Context(), func() error {
				if tries++; tries <= tc.faults {
					return tc.fault
				}
				return nil
			})
			if tries != tc.tries || (err != nil) != tc.fails || tc.fails && !errors.Is(err, tc.fault) {
				t.Errorf("%s: %s got %v after %d tries, want %d", name, tc.reason, err, tries, tc.tries)
			}
			if took := time.Since(begun); took > Patience {
				t.Errorf("%s: took %s", name, took)
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Outlast(ctx, func() error { return syscall.ECONNRESET }); err == nil {
		t.Error("no error after the end")
	}
}
