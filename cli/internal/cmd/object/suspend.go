// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/ready"
	"github.com/weir-gitops/weir/cli/internal/session"
)

func suspends(k kinds.Kind) bool { return k.Suspends }

func suspendVerb(s *session.Session) verb {
	return verb{
		use: "suspend", short: "Leave objects alone until they are resumed", arguments: "[NAME...]", takes: suspends,
		example: "  weir suspend kustomization apps\n  weir suspend helmrelease --all -n apps",
		each:    "  weir suspend %[1]s apps\n  weir suspend %[1]s --all",
		command: func(k kinds.Kind, cmd *cobra.Command) {
			w := &switching{session: s, kind: k, suspend: true, doing: "suspending", done: "suspended"}
			cmd.Flags().BoolVar(&w.all, "all", false, "suspend every "+k.Human+" of the namespace")
			cmd.RunE = w.run
		},
	}
}

func resumeVerb(s *session.Session) verb {
	return verb{
		use: "resume", short: "Look after suspended objects again", arguments: "[NAME...]", takes: suspends,
		example: "  weir resume kustomization apps\n  weir resume helmrelease --all -n apps --wait",
		each:    "  weir resume %[1]s apps\n  weir resume %[1]s --all --wait",
		command: func(k kinds.Kind, cmd *cobra.Command) {
			w := &switching{session: s, kind: k, doing: "resuming", done: "resumed"}
			cmd.Flags().BoolVar(&w.all, "all", false, "resume every "+k.Human+" of the namespace")
			cmd.Flags().BoolVar(&w.wait, "wait", false, "wait until the objects are ready (default true for a single name)")
			cmd.RunE = func(cmd *cobra.Command, names []string) error {
				if !cmd.Flags().Changed("wait") {
					w.wait = len(slices.Compact(slices.Sorted(slices.Values(names)))) == 1
				}
				return w.run(cmd, names)
			}
		},
	}
}

// switching is one run of suspend or resume.
type switching struct {
	session *session.Session
	kind    kinds.Kind

	suspend, all, wait bool
	doing, done        string // what messages call it
}

// run switches every object that is there. What cannot be switched is said, and is an error in the end.
func (w *switching) run(cmd *cobra.Command, names []string) error {
	ctx, cancel := w.session.Bounded(cmd.Context())
	defer cancel()
	c, err := w.session.Client()
	if err != nil {
		return err
	}
	found, failed := several(ctx, w.session, c, w.kind, names, w.all)
	var switched []*unstructured.Unstructured
	for _, obj := range found {
		w.session.Action("%s %s %s in %s namespace", w.doing, w.kind.Human, obj.GetName(), w.session.Namespace)
		// That one field is patched, so that whoever edits the rest meanwhile loses nothing.
		patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"suspend":%t}}`, w.suspend))
		if err := c.Patch(ctx, obj, patch); err != nil {
			w.session.Failure("%s %s: %v", w.kind.Human, obj.GetName(), err)
			failed = &session.ExitError{Code: 1}
			continue
		}
		w.session.Success("%s %s", w.kind.Human, w.done)
		switched = append(switched, obj)
	}
	if w.wait {
		return errors.Join(failed, settle(ctx, w.session, c, w.kind, switched))
	}
	return failed
}

// settle waits for all objects at once and says how each ended.
func settle(ctx context.Context, s *session.Session, c client.WithWatch, k kinds.Kind, objects []*unstructured.Unstructured) error {
	keys := make([]client.ObjectKey, len(objects))
	for i, obj := range objects {
		s.Waiting("waiting for %s %s reconciliation", k.Kind, obj.GetName())
		keys[i] = client.ObjectKeyFromObject(obj)
	}
	results, errs := ready.All(ctx, c, k, keys, func(key client.ObjectKey, message string) {
		s.Waiting("%s %s is not ready: %s", k.Kind, key.Name, message)
	})
	failed := false
	for i, obj := range objects {
		if errs[i] != nil {
			s.Failure("%s %s reconciliation failed: %v", k.Kind, obj.GetName(), errs[i])
			failed = true
			continue
		}
		s.Success("%s %s reconciliation completed", k.Kind, obj.GetName())
		if k.Result != nil {
			s.Success("%s", k.Result(results[i]))
		}
	}
	if failed {
		return &session.ExitError{Code: 1}
	}
	return nil
}
