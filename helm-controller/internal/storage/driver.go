// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// helmDriver serves an action of Helm from a session.
type helmDriver struct {
	session *Session
	writes  Writes
	// request returns the context of one request. Helm's interface has none.
	request func() (context.Context, context.CancelFunc)
}

// Driver returns the session as the storage of an action. Requests take what ctx carries, but outlive its end, each for 30 seconds at most:
// an action that is cancelled still has to record that it failed.
func (s *Session) Driver(ctx context.Context, w Writes) driver.Driver {
	detached := context.WithoutCancel(ctx)
	return &guardedDriver{helmDriver{session: s, writes: w, request: func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(detached, requestTimeout)
	}}}
}

// Name implements driver.Driver.
func (d *helmDriver) Name() string { return driver.SecretsDriverName }

// Get implements driver.Driver.
func (d *helmDriver) Get(key string) (*helmrelease.Release, error) {
	ctx, cancel := d.request()
	defer cancel()
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := d.find(ctx, key)
	if err != nil {
		return nil, err
	}
	return s.decode(r)
}

// find returns the revision with the key and its payload, or driver.ErrReleaseNotFound.
func (d *helmDriver) find(ctx context.Context, key string) (*revision, error) {
	number, err := d.number(key)
	if err != nil {
		return nil, err
	}
	r, err := d.session.find(ctx, number)
	if err == nil && r == nil {
		err = driver.ErrReleaseNotFound
	}
	return r, err
}

// number returns the revision with the key. A session serves one release.
func (d *helmDriver) number(key string) (int, error) {
	name, number, ok := identify(&metav1.ObjectMeta{Name: key})
	if !ok || name != d.session.target.Release {
		return 0, fmt.Errorf("%w: %q", driver.ErrInvalidKey, key)
	}
	return number, nil
}

// Query implements driver.Driver. Of revisions that Helm only counts or sorts, it gets what the metadata tells; the newest one, and all
// when it asks for a status, are complete.
func (d *helmDriver) Query(wanted map[string]string) ([]*helmrelease.Release, error) {
	ctx, cancel := d.request()
	defer cancel()
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	newest, err := s.newest(ctx)
	if err != nil {
		return nil, err
	}
	_, byStatus := wanted[statusLabel]
	var found []*helmrelease.Release
	for _, number := range slices.Sorted(maps.Keys(s.revisions)) {
		r := s.revisions[number]
		if !matches(r.labels, wanted) {
			continue
		}
		if r != newest && !byStatus {
			found = append(found, s.stub(r))
			continue
		}
		if r, err = s.find(ctx, number); err != nil {
			return nil, err
		}
		if r == nil { // gone since the list
			continue
		}
		rls, err := s.decode(r)
		if err != nil {
			return nil, err
		}
		found = append(found, rls)
	}
	if len(found) == 0 {
		return nil, driver.ErrReleaseNotFound
	}
	return found, nil
}

func matches(labels, wanted map[string]string) bool {
	for key, value := range wanted {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// List implements driver.Driver. Unlike the rest it reads the payloads of all releases in the namespace; no action asks for that.
func (d *helmDriver) List(filter func(*helmrelease.Release) bool) ([]*helmrelease.Release, error) {
	ctx, cancel := d.request()
	defer cancel()
	secrets := &corev1.SecretList{}
	in := client.InNamespace(d.session.target.Namespace)
	if err := d.session.target.Client.List(ctx, secrets, in, client.MatchingLabels{ownerLabel: ownerHelm}); err != nil {
		return nil, fmt.Errorf("list: failed to list: %w", err)
	}
	var found []*helmrelease.Release
	for i := range secrets.Items {
		document, err := unpack(secrets.Items[i].Data[payloadKey])
		if err != nil {
			return nil, fmt.Errorf("read %q: %w", secrets.Items[i].Name, err)
		}
		rls, err := document.release()
		if err != nil {
			return nil, fmt.Errorf("read %q: %w", secrets.Items[i].Name, err)
		}
		rls.Labels = customLabels(secrets.Items[i].Labels)
		if filter(rls) {
			found = append(found, rls)
		}
	}
	return found, nil
}

// Create implements driver.Driver.
func (d *helmDriver) Create(key string, rls *helmrelease.Release) error {
	ctx, cancel := d.request()
	defer cancel()
	if _, err := d.number(key); err != nil {
		return err
	}
	d.session.mu.Lock()
	defer d.session.mu.Unlock()
	return d.session.create(ctx, rls, key, d.writes)
}

// Update implements driver.Driver.
func (d *helmDriver) Update(key string, rls *helmrelease.Release) error {
	ctx, cancel := d.request()
	defer cancel()
	if rls.Info != nil && rls.Info.Status == helmrelease.StatusUninstalled {
		if err := d.writes.mayEnd(); err != nil {
			return err
		}
	}
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := d.find(ctx, key)
	if err != nil {
		return err
	}
	if s.stubs[rls] {
		if rls, err = s.complete(r, rls); err != nil {
			return err
		}
	}
	return s.update(ctx, r, rls, update{intent: d.intent(r), observe: d.writes.Observe})
}

// complete returns the stored release with what Helm changed in its stub.
func (s *Session) complete(r *revision, stub *helmrelease.Release) (*helmrelease.Release, error) {
	rls, err := s.decode(r)
	if err != nil {
		return nil, err
	}
	rls.Info.Status = stub.Info.Status
	if stub.Info.Description != "" {
		rls.Info.Description = stub.Info.Description
	}
	if !stub.Info.Deleted.IsZero() {
		rls.Info.Deleted = stub.Info.Deleted
	}
	return rls, nil
}

// intent returns what a revision says of its writer once it is rewritten: who made it, if it was us, and that we were the last.
func (d *helmDriver) intent(r *revision) *release.Intent {
	owner := d.writes.Intent.Owner
	if owner == "" {
		return nil
	}
	if before := r.document.intent(); before != nil && before.Owner == owner {
		return before
	}
	return &release.Intent{Owner: owner}
}

// Delete implements driver.Driver. Of a revision that was never read, the result is what the metadata tells.
func (d *helmDriver) Delete(key string) (*helmrelease.Release, error) {
	ctx, cancel := d.request()
	defer cancel()
	number, err := d.number(key)
	if err != nil {
		return nil, err
	}
	if err := d.writes.mayEnd(); err != nil {
		return nil, err
	}
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.revisions[number]
	if r == nil {
		if r, err = d.find(ctx, key); err != nil {
			return nil, err
		}
	}
	rls, w, err := s.last(r)
	if err != nil {
		return nil, err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.target.Namespace, Name: r.name}}
	if err := s.target.Client.Delete(ctx, secret); err != nil {
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("delete: failed to delete: %w", err)
		}
		s.remove(r)
		return nil, driver.ErrReleaseNotFound
	}
	s.remove(r)
	tell(d.writes.Observe, w)
	return rls, nil
}

// last returns what is known of a revision that is about to go.
func (s *Session) last(r *revision) (*helmrelease.Release, release.Write, error) {
	if r.document == nil {
		partial := &release.Revision{Name: s.target.Release, Version: r.number, Info: release.Info{Status: r.status()}}
		return s.stub(r), release.Write{Op: release.Deleted, Revision: partial, Partial: true}, nil
	}
	rls, err := s.decode(r)
	return rls, release.Write{Op: release.Deleted, Revision: r.observed}, err
}
