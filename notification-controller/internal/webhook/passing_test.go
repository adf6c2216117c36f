// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
)

// TestPassingFaults checks that a sender is not told of what a moment later succeeds, and is told of what does not.
func TestPassingFaults(t *testing.T) {
	resource := schema.GroupResource{Resource: "gitrepositories"}
	conflict := apierrors.NewConflict(resource, "fleet", errors.New("modified"))
	missing := apierrors.NewNotFound(resource, "fleet")
	busy := []error{
		conflict, apierrors.NewTooManyRequests("", 0), apierrors.NewInternalError(errors.New("x")), syscall.ECONNRESET, syscall.ECONNREFUSED,
		apierrors.NewServiceUnavailable("x"),
	}
	early := &cache.ErrCacheNotStarted{}
	named := []string{"GitRepository/apps/fleet"}
	selected := func(r *notificationv1.Receiver) {
		r.Spec.Resources[0].Name, r.Spec.Resources[0].MatchLabels = all, map[string]string{"team": "red"}
	}
	filtered := func(r *notificationv1.Receiver) { r.Spec.ResourceFilter = "true" }
	pages := [][]string{{"a", "b"}, {"c"}}
	listed := []string{"GitRepository/apps/a", "GitRepository/apps/b", "GitRepository/apps/c"}
	cases := map[string]struct {
		reason string
		edit   func(*notificationv1.Receiver)
		faults map[string][]error
		code   int
		woken  []string
		// most is the longest that it may take.
		most time.Duration
	}{
		"Patch":     {reason: "Each may be over a moment later.", faults: map[string][]error{"patch": busy}, code: 200, woken: named, most: 10 * time.Second},
		"Token":     {reason: "The Secret is read again.", faults: map[string][]error{"get": busy[1:]}, code: 200, woken: named, most: 10 * time.Second},
		"Filter":    {reason: "The object is read again.", edit: filtered, faults: map[string][]error{"get": {nil, busy[1], busy[3]}}, code: 200, woken: named, most: time.Second},
		"List":      {reason: "The list is asked for again.", edit: selected, faults: map[string][]error{"list": {busy[1], nil, busy[3]}}, code: 200, woken: listed, most: time.Second},
		"Expired":   {reason: "Pages that took too long are listed anew, nothing is woken twice.", edit: selected, faults: map[string][]error{"list": {nil, apierrors.NewResourceExpired("x")}}, code: 200, woken: listed},
		"Deleted":   {reason: "What is deleted after it was listed has no labels any more.", edit: selected, faults: map[string][]error{"patch b": {missing}}, code: 200, woken: []string{listed[0], listed[2]}},
		"Missing":   {reason: "Contract, 13: an object that is not there does not come by asking.", faults: map[string][]error{"patch": {missing}}, code: 500},
		"Forbidden": {reason: "Nor does a right.", faults: map[string][]error{"patch": {apierrors.NewForbidden(resource, "fleet", errors.New("x"))}}, code: 500},
		"Endless":   {reason: "Somebody has to hear of it in the end.", faults: map[string][]error{"patch": slices.Repeat([]error{conflict}, 99)}, code: 500, most: 10 * time.Second},
		"NoSecrets": {reason: "Nor can a token be read without an API server.", faults: map[string][]error{"get": slices.Repeat(busy[4:5], 99)}, code: 500, most: 10 * time.Second},
		"Silent":    {reason: "An attempt that gets no answer counts too.", faults: map[string][]error{"get": {busy[1], errSilence}}, code: 500, most: 9 * time.Second},
		"Early":     {reason: "The process has just started.", faults: map[string][]error{"cache": slices.Repeat([]error{early}, 20)}, code: 200, woken: named, most: time.Second},
		"Never":     {reason: "The Receivers are not known, and the sender can wait no longer.", faults: map[string][]error{"cache": slices.Repeat([]error{early}, 9999)}, code: 503, most: 10 * time.Second},
		"Unsynced":  {reason: "What the cache says of a list that does not come.", faults: map[string][]error{"cache": {apierrors.NewTimeoutError("x", 0)}}, code: 503},
		"Broken":    {reason: "Contract, 7.4.", faults: map[string][]error{"cache": {errors.New("x")}}, code: 500},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rcv := receiver("generic")
				if tc.edit != nil {
					tc.edit(&rcv)
				}
				h, c := newHandler(t, rcv)
				c.faults, c.pages = tc.faults, pages
				begun := time.Now()
				if code := post(t, h, rcv.Status.WebhookPath, nil, "{}"); code != tc.code {
					t.Errorf("%s got %d, want %d", tc.reason, code, tc.code)
				}
				if took := time.Since(begun); took > tc.most {
					t.Errorf("%s took %s, senders wait 10s", tc.reason, took)
				}
				woken := c.take()
				slices.Sort(woken)
				if diff := cmp.Diff(tc.woken, woken); diff != "" {
					t.Errorf("%s woken (-want +got):\n%s", tc.reason, diff)
				}
			})
		})
	}
}

// TestWaitEnds: a sender that goes away is not waited for.
func TestWaitEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	asked := 0
	err := filled(ctx, func(context.Context) error {
		asked++
		return &cache.ErrCacheNotStarted{}
	})
	if !unfilled(err) || asked != 1 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}
