// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// examine finds out what applying a step would do, without writing. It sets the action, and what the write needs to know.
func (e *Engine) examine(ctx context.Context, c Clients, p *Plan, s *step) error {
	switch s.verdict {
	case skip:
		s.action = Skipped
		return nil
	case unchanged:
		s.action = Unchanged
		return nil
	case probe, verify:
	}
	if !s.resolved {
		return s.dryRunError(&meta.NoKindMatchError{GroupKind: s.id.GroupKind, SearchedVersions: []string{s.gvk().Version}})
	}
	if s.target.Namespaced && s.id.Namespace == "" {
		return s.dryRunError(withoutNamespace())
	}
	if s.verdict == verify {
		return e.examineFully(ctx, c, p, s)
	}
	return e.examineMetadata(ctx, c, p, s)
}

// patchOptions are those of every server-side apply: conflicts are taken over.
func (e *Engine) patchOptions(dryRun bool) metav1.PatchOptions {
	o := metav1.PatchOptions{FieldManager: e.cfg.Field, Force: new(true)}
	if dryRun {
		o.DryRun = []string{metav1.DryRunAll}
	}
	return o
}

// examineMetadata dry-runs a step of which it is certain that it is absent, or as we left it. Metadata is all that comes back;
// it tells whether the object exists, whether it opts out, and whether somebody else's fields have to be taken over.
func (e *Engine) examineMetadata(ctx context.Context, c Clients, p *Plan, s *step) error {
	res, err := c.metadata(s.target, s.id.Namespace).
		Patch(ctx, s.id.Name, types.ApplyPatchType, s.item.body, e.patchOptions(true))
	if err != nil {
		return e.refused(ctx, c, p, s, err)
	}
	if res.ResourceVersion == "" {
		s.action = Created // the API server gives a version to what is stored only
		return nil
	}
	rec := e.reader.Read(res)
	if rec.Flags.Has(observe.Skip) || s.flags.Has(observe.IfNotPresent) {
		s.action = Skipped
		return nil
	}
	s.action, s.version = Configured, res.ResourceVersion
	if !e.takesOver(s, rec) {
		return nil
	}
	// The clean-up patch replaces managedFields, so it needs them as they are without our dry-run.
	live, err := c.metadata(s.target, s.id.Namespace).Get(ctx, s.id.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		s.action = Created
	case err != nil:
		return s.fail("query failed", err)
	default:
		s.leftover = foreignOf(live)
	}
	return nil
}

// examineFully compares the dry-run of a step with the live object.
func (e *Engine) examineFully(ctx context.Context, c Clients, p *Plan, s *step) error {
	if e.cfg.MigrateAPIVersion && !p.keep {
		if err := e.migrate(ctx, c, s); err != nil {
			return err
		}
	}
	client := c.dynamic(s.target, s.id.Namespace)
	dryRun, err := client.Patch(ctx, s.id.Name, types.ApplyPatchType, s.item.body, e.patchOptions(true))
	if err != nil {
		return e.refused(ctx, c, p, s, err)
	}
	if dryRun.GetResourceVersion() == "" {
		s.action = Created
		return nil
	}
	live, err := client.Get(ctx, s.id.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		s.action = Created
		return nil
	}
	if err != nil {
		return s.fail("query failed", err)
	}
	return e.compare(p, s, live, dryRun)
}

func (e *Engine) compare(p *Plan, s *step, live, dryRun *unstructured.Unstructured) error {
	rec := e.reader.Read(live)
	if rec.Flags.Has(observe.Skip) || s.flags.Has(observe.IfNotPresent) {
		s.action = Skipped
		p.account.post(s.item, rec, true)
		return nil
	}
	drifted := drifted(live, dryRun, s.rules)
	if drifted && s.touched {
		p.correct(s, rec)
	}
	if e.takesOver(s, rec) {
		s.leftover = foreignOf(live)
		drifted = true
	}
	if !drifted {
		s.action = Unchanged
		p.account.post(s.item, rec, false)
		return nil
	}
	s.action, s.version = Configured, live.GetResourceVersion()
	if p.keep {
		s.live, s.after = live, dryRun
	}
	body, err := s.payload(live, dryRun, e.cfg.Field).MarshalJSON()
	if err != nil {
		return s.fail("encode", err)
	}
	s.body = body
	return nil
}

// takesOver tells whether the leftovers of other writers have to be removed from the live object first.
func (e *Engine) takesOver(s *step, rec observe.Record) bool {
	return rec.Flags.Has(observe.TakeOver) && !rec.Flags.Has(observe.Merge) && !s.flags.Has(observe.Merge)
}

// unknownKind replaces the bare 404 of a kind that was served when the mapper last looked.
func (e *Engine) unknownKind(c Clients, p *Plan, s *step, cause error) error {
	if p.set.definesKind(s.id.GroupKind) {
		return cause
	}
	meta.MaybeResetRESTMapper(c.Mapper)
	if _, err := c.Mapper.RESTMapping(s.id.GroupKind, s.gvk().Version); meta.IsNoMatchError(err) {
		return err
	}
	return cause
}

// refused looks at the live object when a dry-run failed: it may opt out, or be replaced by force.
func (e *Engine) refused(ctx context.Context, c Clients, p *Plan, s *step, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := unanswered(cause); err != nil {
		return err
	}
	if isUnserved(cause) {
		return s.dryRunError(e.unknownKind(c, p, s, cause))
	}
	live, err := c.metadata(s.target, s.id.Namespace).Get(ctx, s.id.Name, metav1.GetOptions{})
	if err != nil {
		return s.dryRunError(cause)
	}
	rec := e.reader.Read(live)
	if rec.Flags.Has(observe.Skip) || s.flags.Has(observe.IfNotPresent) {
		s.action = Skipped
		return nil
	}
	if !e.mayRecreate(p, s, rec, cause) {
		return s.dryRunError(cause)
	}
	if err := e.wouldAccept(ctx, c, s); err != nil {
		return s.dryRunError(err)
	}
	s.action, s.recreate = Created, &doomed{uid: rec.UID}
	return nil
}
