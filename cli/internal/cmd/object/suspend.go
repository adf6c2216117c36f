// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
		command: func(k kinds.Kind, cmd *cobra.Command) {
			all := cmd.Flags().Bool("all", false, "suspend every "+k.Human+" of the namespace")
			cmd.RunE = func(cmd *cobra.Command, names []string) error {
				ctx, cancel := s.Bounded(cmd.Context())
				defer cancel()
				c, err := s.Client()
				if err != nil {
					return err
				}
				found, missing := several(ctx, s, c, k, names, *all)
				for _, obj := range found {
					s.Action("suspending %s %s in %s namespace", k.Human, obj.GetName(), s.Namespace)
					if err := setSuspend(ctx, c, obj, true); err != nil {
						return err
					}
					s.Success("%s suspended", k.Human)
				}
				return missing
			}
		},
	}
}

func resumeVerb(s *session.Session) verb {
	return verb{
		use: "resume", short: "Look after suspended objects again", arguments: "[NAME...]", takes: suspends,
		example: "  weir resume kustomization apps\n  weir resume helmrelease --all -n apps --wait",
		command: func(k kinds.Kind, cmd *cobra.Command) {
			all := cmd.Flags().Bool("all", false, "resume every "+k.Human+" of the namespace")
			wait := cmd.Flags().Bool("wait", false, "wait until the objects are ready (default true for a single name)")
			cmd.RunE = func(cmd *cobra.Command, names []string) error {
				ctx, cancel := s.Bounded(cmd.Context())
				defer cancel()
				c, err := s.Client()
				if err != nil {
					return err
				}
				found, missing := several(ctx, s, c, k, names, *all)
				for _, obj := range found {
					s.Action("resuming %s %s in %s namespace", k.Human, obj.GetName(), s.Namespace)
					if err := setSuspend(ctx, c, obj, false); err != nil {
						return err
					}
					s.Success("%s resumed", k.Human)
				}
				if *wait || (len(names) == 1 && !cmd.Flags().Changed("wait")) {
					return errors.Join(missing, settle(ctx, s, c, k, found))
				}
				return missing
			}
		},
	}
}

// setSuspend patches that one field, so that whoever edits the rest meanwhile loses nothing.
func setSuspend(ctx context.Context, c client.Client, obj *unstructured.Unstructured, suspend bool) error {
	return c.Patch(ctx, obj, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"suspend":%t}}`, suspend)))
}

// settle waits for all objects at once and says how each ended.
func settle(ctx context.Context, s *session.Session, c client.WithWatch, k kinds.Kind, objects []*unstructured.Unstructured) error {
	results, errs := make([]*unstructured.Unstructured, len(objects)), make([]error, len(objects))
	var wg sync.WaitGroup
	for i, obj := range objects {
		s.Waiting("waiting for %s %s reconciliation", k.Kind, obj.GetName())
		wg.Go(func() { results[i], errs[i] = ready.Wait(ctx, c, k, client.ObjectKeyFromObject(obj), ready.Object(k)) })
	}
	wg.Wait()
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
