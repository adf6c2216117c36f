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
	"sync"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"
	helmstorage "helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/helmchart"
)

// The format of Helm's Secrets.
const (
	secretPrefix = helmstorage.HelmStorageType + "."
	secretType   = corev1.SecretType("helm.sh/release.v1")
	payloadKey   = "release"

	nameLabel     = "name"
	ownerLabel    = "owner"
	ownerHelm     = "helm"
	statusLabel   = "status"
	versionLabel  = "version"
	createdLabel  = "createdAt"
	modifiedLabel = "modifiedAt"
)

const (
	// requestTimeout bounds each request of the driver: Helm's interface has no context of its own.
	requestTimeout = 30 * time.Second
	// attempts bounds how often something is tried that others change at the same time.
	attempts = 3
	// fieldManager is who the API server says wrote a Secret.
	fieldManager = "helm-controller"
)

// Target says which release, and as whom.
type Target struct {
	// Client of the account of the release, past any cache.
	Client client.Client
	// Account tells what different accounts have read apart; zero is the controller itself.
	Account types.NamespacedName
	// Namespace of the storage.
	Namespace string
	// Release name, shortened.
	Release string
}

// Session is what one run sees of one release. It remembers what it read and wrote, so that nothing is read twice. Safe for concurrent use.
type Session struct {
	ledger *Ledger
	target Target

	mu        sync.Mutex
	listed    bool
	revisions map[int]*revision
	stubs     map[*helmrelease.Release]bool
	charts    map[*chart.Chart]json.RawMessage
	closed    bool
}

// revision is what is known of one revision.
type revision struct {
	name    string // of the Secret
	number  int
	version string // resourceVersion, empty if not known
	labels  map[string]string

	// The payload, nil until it is read.
	document *document
	release  *helmrelease.Release // never handed out: clone it
	observed *release.Revision
}

func (r *revision) status() helmrelease.Status { return helmrelease.Status(r.labels[statusLabel]) }

// Open returns a session. It sends no request. Close it when the run ends.
func (l *Ledger) Open(t Target) *Session {
	s := &Session{ledger: l, target: t}
	s.reset()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[s.key()]++
	return s
}

// Close ends the session. The ledger from now on tells when others change the release.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[s.key()]--; l.open[s.key()] == 0 {
		delete(l.open, s.key())
		l.tell(s.key())
	}
}

func (s *Session) key() Key { return Key{Namespace: s.target.Namespace, Release: s.target.Release} }

func (s *Session) reset() {
	s.listed = false
	s.revisions = map[int]*revision{}
	s.stubs = map[*helmrelease.Release]bool{}
	s.charts = map[*chart.Chart]json.RawMessage{}
}

// Forget makes the next reads ask the server again.
func (s *Session) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset()
	s.ledger.forget(s.key())
}

// Newest returns the newest stored revision, nil if there is none. It asks nothing if the ledger knows it.
func (s *Session) Newest(ctx context.Context) (*release.Revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.listed {
		if known := s.ledger.lookup(s.key(), s.target.Account); known != nil {
			return known, nil
		}
	}
	r, err := s.newest(ctx)
	if err != nil || r == nil {
		return nil, err
	}
	return r.observed, nil
}

// Revision returns a stored revision, nil if it is not there.
func (s *Session) Revision(ctx context.Context, version int) (*release.Revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(ctx, version)
	if err != nil || r == nil {
		return nil, err
	}
	return r.observed, nil
}

// newest returns the newest revision with its payload, nil if there is none.
func (s *Session) newest(ctx context.Context) (*revision, error) {
	for range attempts {
		if err := s.list(ctx); err != nil {
			return nil, err
		}
		if len(s.revisions) == 0 {
			s.ledger.forget(s.key())
			return nil, nil
		}
		r := s.revisions[slices.Max(slices.Collect(maps.Keys(s.revisions)))]
		err := s.load(ctx, r)
		if apierrors.IsNotFound(err) { // gone since the list
			s.reset()
			continue
		}
		if err != nil {
			return nil, err
		}
		s.note(r)
		return r, nil
	}
	return nil, fmt.Errorf("read newest revision of %q: it changes all the time", s.target.Release)
}

// find returns a revision with its payload, nil if it is not there.
func (s *Session) find(ctx context.Context, number int) (*revision, error) {
	r := s.revisions[number]
	if r == nil {
		if s.listed {
			return nil, nil
		}
		r = &revision{name: secretName(s.target.Release, number), number: number}
	}
	err := s.load(ctx, r)
	if apierrors.IsNotFound(err) {
		delete(s.revisions, number)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.revisions[number] = r
	return r, nil
}

func secretName(name string, number int) string {
	return secretPrefix + name + ".v" + strconv.Itoa(number)
}

// list reads the metadata of all revisions, once.
func (s *Session) list(ctx context.Context) error {
	if s.listed {
		return nil
	}
	secrets := &metav1.PartialObjectMetadataList{}
	secrets.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	selector := labels.SelectorFromSet(labels.Set{nameLabel: s.target.Release, ownerLabel: ownerHelm})
	if err := s.target.Client.List(ctx, secrets, client.InNamespace(s.target.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return fmt.Errorf("list revisions of %q: %w", s.target.Release, err)
	}
	found := make(map[int]*revision, len(secrets.Items))
	for i := range secrets.Items {
		m := &secrets.Items[i].ObjectMeta
		_, number, ok := identify(m)
		if !ok {
			continue
		}
		if r := s.revisions[number]; r != nil && r.version == m.ResourceVersion {
			found[number] = r
			continue
		}
		found[number] = &revision{name: m.Name, number: number, version: m.ResourceVersion, labels: m.Labels}
	}
	s.revisions, s.listed = found, true
	return nil
}

// load reads the payload of a revision, unless it is there.
func (s *Session) load(ctx context.Context, r *revision) error {
	if r.document != nil {
		return nil
	}
	secret := &corev1.Secret{}
	if err := s.target.Client.Get(ctx, types.NamespacedName{Namespace: s.target.Namespace, Name: r.name}, secret); err != nil {
		return fmt.Errorf("get %q: %w", r.name, err)
	}
	document, err := unpack(secret.Data[payloadKey])
	if err != nil {
		return fmt.Errorf("read %q: %w", r.name, err)
	}
	observed, err := release.Decode(document.json)
	if err == nil {
		err = checkManifests(observed)
	}
	if err != nil {
		return fmt.Errorf("read %q: %w", r.name, err)
	}
	r.document, r.observed, r.release = document, observed, nil
	r.version, r.labels = secret.ResourceVersion, secret.Labels
	return nil
}

// checkManifests refuses a revision whose YAML is much larger than it looks: Helm decodes it to uninstall it, and whoever may write Secrets may
// have written it.
func checkManifests(r *release.Revision) error {
	if err := helmchart.CheckExpansion([]byte(r.Manifest)); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	for _, h := range r.Hooks {
		if err := helmchart.CheckExpansion([]byte(h.Manifest)); err != nil {
			return fmt.Errorf("hook %s: %w", h.Name, err)
		}
	}
	return nil
}

// note tells the ledger about a revision with its payload, if it is the newest.
func (s *Session) note(r *revision) {
	for number := range s.revisions {
		if number > r.number {
			return
		}
	}
	s.ledger.put(s.key(), s.target.Account, r.observed, r.version)
}

// decode returns the revision as Helm wants it: a copy that Helm may change, but for the chart and the values.
func (s *Session) decode(r *revision) (*helmrelease.Release, error) {
	if r.release == nil {
		full, err := r.document.release()
		if err != nil {
			return nil, fmt.Errorf("read %q: %w", r.name, err)
		}
		r.release = full
		if full.Chart != nil && r.document.chart != nil {
			s.charts[full.Chart] = r.document.chart
		}
	}
	c := clone(r.release)
	c.Labels = customLabels(r.labels)
	return c, nil
}

// stub returns what the metadata tells of a revision.
func (s *Session) stub(r *revision) *helmrelease.Release {
	rls := &helmrelease.Release{
		Name: s.target.Release, Version: r.number, Info: &helmrelease.Info{Status: r.status()}, Labels: customLabels(r.labels),
	}
	s.stubs[rls] = true
	return rls
}

func clone(rls *helmrelease.Release) *helmrelease.Release {
	c := *rls
	c.Info = new(*rls.Info)
	c.Hooks = make([]*helmrelease.Hook, 0, len(rls.Hooks))
	for _, h := range rls.Hooks {
		if h != nil {
			c.Hooks = append(c.Hooks, new(*h))
		}
	}
	c.Labels = maps.Clone(rls.Labels)
	return &c
}

// customLabels returns the labels that are not Helm's own.
func customLabels(all map[string]string) map[string]string {
	custom := map[string]string{}
	for key, value := range all {
		if !slices.Contains(driver.GetSystemLabels(), key) {
			custom[key] = value
		}
	}
	return custom
}
