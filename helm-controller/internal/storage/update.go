// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// Writes says what goes along with the writes of an action.
type Writes struct {
	// ApplyMethod of revisions that are created: release.ApplyServerSide or release.ApplyClientSide.
	ApplyMethod string
	// Intent of revisions that are created. Rewritten ones keep theirs, under this owner.
	Intent release.Intent
	// Observe is told of each successful write. May be nil.
	Observe func(release.Write)
	// BeforeCreate may change a revision before it is stored for the first time. May be nil.
	BeforeCreate func(*helmrelease.Release) error
	// BeforeEnd may refuse that a revision is deleted or marked as uninstalled. May be nil.
	BeforeEnd func() error
}

// mayEnd asks whether a revision may be deleted or marked as uninstalled.
func (w Writes) mayEnd() error {
	if w.BeforeEnd == nil {
		return nil
	}
	return w.BeforeEnd()
}

// update is a rewrite of a revision.
type update struct {
	intent  *release.Intent // nil leaves the revision to nobody
	observe func(release.Write)
}

func (s *Session) create(ctx context.Context, rls *helmrelease.Release, name string, w Writes) error {
	if w.BeforeCreate != nil {
		if err := w.BeforeCreate(rls); err != nil {
			return err
		}
	}
	extras := map[string]json.RawMessage{}
	if w.ApplyMethod != "" {
		extras[applyMethodKey] = jsonString(w.ApplyMethod)
	}
	var intent *release.Intent
	if w.Intent.Owner != "" {
		intent = &w.Intent
	}
	if err := setIntent(extras, intent); err != nil {
		return err
	}
	document, secret, err := s.encode(rls, extras)
	if err != nil {
		return err
	}
	secret.Name = name
	secret.Labels[createdLabel] = strconv.FormatInt(time.Now().Unix(), 10)
	if err := s.target.Client.Create(ctx, secret, client.FieldOwner(fieldManager)); err != nil {
		if apierrors.IsAlreadyExists(err) {
			return driver.ErrReleaseExists
		}
		return fmt.Errorf("create: failed to create: %w", err)
	}
	r := &revision{name: name, number: rls.Version}
	if err := s.store(r, rls, document, secret); err != nil {
		return err
	}
	tell(w.Observe, release.Write{Op: release.Created, Revision: r.observed})
	return nil
}

// update rewrites a revision whose payload is there. What others changed in it meanwhile is kept where Helm's type has no place for it.
func (s *Session) update(ctx context.Context, r *revision, rls *helmrelease.Release, u update) error {
	for range attempts {
		err := s.tryUpdate(ctx, r, rls, u)
		switch {
		case err == nil:
			tell(u.observe, release.Write{Op: release.Updated, Revision: r.observed})
			return nil
		case apierrors.IsNotFound(err):
			s.remove(r)
			return driver.ErrReleaseNotFound
		case !apierrors.IsConflict(err):
			return fmt.Errorf("update: failed to update: %w", err)
		}
		r.document = nil
		if err := s.load(ctx, r); err != nil {
			return err
		}
	}
	return fmt.Errorf("update: failed to update: %q changes all the time", r.name)
}

// tryUpdate sends the rewrite, unless it changes nothing.
func (s *Session) tryUpdate(ctx context.Context, r *revision, rls *helmrelease.Release, u update) error {
	rls = keepHooks(r.observed, rls)
	extras := maps.Clone(r.document.extras)
	if err := setIntent(extras, u.intent); err != nil {
		return err
	}
	document, secret, err := s.encode(rls, extras)
	if err != nil {
		return err
	}
	if r.document.sum == document.sum && maps.Equal(customLabels(r.labels), customLabels(secret.Labels)) {
		return nil
	}
	secret.Name, secret.ResourceVersion = r.name, r.version
	secret.Labels[modifiedLabel] = strconv.FormatInt(time.Now().Unix(), 10)
	if err := s.target.Client.Update(ctx, secret, client.FieldOwner(fieldManager)); err != nil {
		return err
	}
	return s.store(r, rls, document, secret)
}

// keepHooks returns the release with the hooks that are stored but that it lacks, in the stored order. While Helm tests with filters, its
// release has only the hooks that it runs; a process that dies then would lose the others for good.
func keepHooks(stored *release.Revision, rls *helmrelease.Release) *helmrelease.Release {
	type identity struct{ path, kind, name string }
	given := make(map[identity]*helmrelease.Hook, len(rls.Hooks))
	for _, h := range rls.Hooks {
		given[identity{h.Path, h.Kind, h.Name}] = h
	}
	var hooks []*helmrelease.Hook
	for _, h := range stored.Hooks {
		id := identity{h.Path, h.Kind, h.Name}
		if now := given[id]; now != nil {
			hooks = append(hooks, now)
			delete(given, id)
			continue
		}
		hooks = append(hooks, h.Helm())
	}
	for _, h := range rls.Hooks {
		if given[identity{h.Path, h.Kind, h.Name}] == h {
			hooks = append(hooks, h)
		}
	}
	if slices.Equal(hooks, rls.Hooks) {
		return rls
	}
	kept := *rls
	kept.Hooks = hooks
	return &kept
}

// encode makes the Secret of a release, without its name.
func (s *Session) encode(rls *helmrelease.Release, extras map[string]json.RawMessage) (*document, *corev1.Secret, error) {
	if rls.Info == nil {
		return nil, nil, fmt.Errorf("encode release %q: it has no information", rls.Name)
	}
	document, err := compose(rls, s.charts[rls.Chart], extras)
	if err != nil {
		return nil, nil, err
	}
	if rls.Chart != nil {
		s.charts[rls.Chart] = document.chart // the next write of the action has the same
	}
	payload, err := s.ledger.packer.pack(document)
	if err != nil {
		return nil, nil, fmt.Errorf("pack release %q: %w", rls.Name, err)
	}
	labels := customLabels(rls.Labels)
	labels[nameLabel] = rls.Name
	labels[ownerLabel] = ownerHelm
	labels[statusLabel] = rls.Info.Status.String()
	labels[versionLabel] = strconv.Itoa(rls.Version)
	return document, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.target.Namespace, Labels: labels, Annotations: mark(document.intent())},
		Type:       secretType,
		Data:       map[string][]byte{payloadKey: payload},
	}, nil
}

// store notes what was written.
func (s *Session) store(r *revision, rls *helmrelease.Release, d *document, secret *corev1.Secret) error {
	observed, err := release.Observe(rls)
	if err != nil {
		return err
	}
	observed.ApplyMethod, observed.Intent = applyMethod(d.extras), d.intent()
	r.version, r.labels = secret.ResourceVersion, secret.Labels
	r.document, r.observed, r.release = d, observed, nil
	s.revisions[r.number] = r
	s.note(r)
	return nil
}

func applyMethod(extras map[string]json.RawMessage) string {
	var method string
	if json.Unmarshal(extras[applyMethodKey], &method) != nil {
		return ""
	}
	return method
}

// setIntent puts the intent among the extra keys, or takes it out.
func setIntent(extras map[string]json.RawMessage, intent *release.Intent) error {
	if intent == nil {
		delete(extras, release.IntentKey)
		return nil
	}
	data, err := json.Marshal(intent)
	if err != nil {
		return fmt.Errorf("encode intent: %w", err)
	}
	extras[release.IntentKey] = data
	return nil
}

// remove notes that a revision is gone.
func (s *Session) remove(r *revision) {
	delete(s.revisions, r.number)
	s.ledger.forgetRevision(s.key(), r.number)
}

func tell(observe func(release.Write), w release.Write) {
	if observe != nil {
		observe(w)
	}
}
