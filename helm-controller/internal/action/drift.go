// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/apply"
)

// Drift is how the cluster differs from a release.
type Drift struct {
	lines []string
	found bool
	diff  []*apply.Difference
}

// Found tells whether there is anything to correct.
func (d *Drift) Found() bool { return d != nil && d.found }

// Summary has a line for each object that is not as it should be, or not looked at.
func (d *Drift) Summary() string { return strings.Join(d.lines, "\n") }

// Correction is what a correction of drift did.
type Correction struct {
	// Lines are "<object> created" and "<object> configured", in the order in which that was done.
	Lines []string
}

// DetectDrift compares the cluster with a revision. The result is never nil, and tells of the objects that could be compared also with
// an error.
func (r *Runner) DetectDrift(ctx context.Context, t Target, newest *release.Revision) (*Drift, error) {
	client, err := r.driftClient(ctx, t)
	if err != nil {
		return &Drift{}, err
	}
	if client.JustApplied(newest.Version) {
		return &Drift{}, nil
	}
	objects, buildErr := client.Objects(newest.Manifest, newest.Name)
	diff, err := client.Compare(ctx, objects, apply.CompareOptions{
		Ignore:  ignored(of(t.Object.Spec.DriftDetection).Ignore),
		Exclude: map[string]string{helmv2.DriftDetectionKey: helmv2.DriftDetectionDisabledValue},
	})
	d := &Drift{diff: diff}
	for _, one := range diff {
		if one.Relation == apply.Same {
			continue
		}
		d.found = d.found || one.Relation != apply.Excluded
		d.lines = append(d.lines, one.Text())
	}
	if err := errors.Join(buildErr, err); err != nil {
		return d, fmt.Errorf("unable to determine cluster state: %w", err)
	}
	return d, nil
}

// CorrectDrift puts right what DetectDrift found. It goes on after errors; there is one for each object.
func (r *Runner) CorrectDrift(ctx context.Context, t Target, d *Drift) (Correction, error) {
	client, err := r.driftClient(ctx, t)
	if err != nil {
		return Correction{}, err
	}
	done, err := client.Correct(ctx, d.diff)
	var c Correction
	for _, change := range done {
		c.Lines = append(c.Lines, change.Subject+" "+string(change.Action))
	}
	return c, err
}

func (r *Runner) driftClient(ctx context.Context, t Target) (*kube.Client, error) {
	client, err := r.Cluster.Client(ctx, kube.Options{Clients: t.Clients, Owner: t.owner(), Namespace: t.Namespace, TakeOwnership: true})
	if err != nil {
		return nil, fmt.Errorf("create client: %w", err)
	}
	return client, nil
}

func ignored(rules []helmv2.IgnoreRule) []apply.IgnoreRule {
	list := make([]apply.IgnoreRule, 0, len(rules))
	for _, rule := range rules {
		one := apply.IgnoreRule{Paths: slices.Clone(rule.Paths)}
		if s := rule.Target; s != nil {
			one.Target = &apply.Selector{
				Group: s.Group, Version: s.Version, Kind: s.Kind, Name: s.Name, Namespace: s.Namespace,
				LabelSelector: s.LabelSelector, AnnotationSelector: s.AnnotationSelector,
			}
		}
		list = append(list, one)
	}
	return list
}
