// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"

	helmrelease "helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
)

// plant writes a revision with the given JSON, past everything, as Helm 4 or a person would.
func (f *fixture) plant(version int, document string) {
	f.t.Helper()
	number := string(rune('0' + version))
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: f.namespace, Name: key("v" + number),
			Labels: map[string]string{"name": "app", "owner": "helm", "status": "deployed", "version": number},
		},
		Type: "helm.sh/release.v1",
		Data: map[string][]byte{"release": []byte(base64.StdEncoding.EncodeToString([]byte(document)))},
	}
	err := f.secrets.Create(f.t.Context(), secret)
	if apierrors.IsAlreadyExists(err) {
		err = f.secrets.Update(f.t.Context(), secret)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// document returns the stored JSON of a revision.
func (f *fixture) document(version int) string {
	f.t.Helper()
	data, err := base64.StdEncoding.DecodeString(string(f.secret("v" + string(rune('0'+version))).Data["release"]))
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		f.t.Fatal(err)
	}
	document, err := io.ReadAll(r)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(document)
}

// noise returns text that cannot be compressed much.
func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + r.IntN(90))
	}
	return string(b)
}

// newest reads the newest revision in a session of its own, and returns how many requests that took.
func (f *fixture) newest() (revision *release.Revision, requests int) {
	f.t.Helper()
	f.requests.Take()
	session := f.ledger.Open(storage.Target{Client: f.client, Namespace: f.namespace, Release: "app"})
	defer session.Close()
	revision, err := session.Newest(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, n := range f.requests.Take() {
		requests += n
	}
	return revision, requests
}

// known waits until the ledger answers without asking.
func (f *fixture) known() *release.Revision {
	f.t.Helper()
	var revision *release.Revision
	eventually(f.t, "the ledger knows the release", func() bool {
		r, requests := f.newest()
		revision = r
		return requests == 0
	})
	return revision
}

func TestLedger(t *testing.T) {
	f := newFixture(t, true)
	if r, requests := f.newest(); r != nil || requests != 1 {
		t.Errorf("without a release: %+v after %d requests, want none after one list", r, requests)
	}
	session := f.ledger.Open(storage.Target{Client: f.client, Namespace: f.namespace, Release: "app"})
	ours := session.Driver(t.Context(), storage.Writes{})
	rls := helmRelease(1, helmrelease.StatusPendingInstall)
	if err := ours.Create(key("v1"), rls); err != nil {
		t.Fatal(err)
	}
	rls.Info.Status = helmrelease.StatusDeployed
	if err := ours.Update(key("v1"), rls); err != nil {
		t.Fatal(err)
	}
	session.Close()
	if r := f.known(); r.Version != 1 || r.Info.Status != helmrelease.StatusDeployed {
		t.Errorf("known: %+v, want 1, deployed", r)
	}

	// Another account has to read for itself.
	f.requests.Take()
	other := f.ledger.Open(storage.Target{Client: f.client, Namespace: f.namespace, Release: "app", Account: types.NamespacedName{Namespace: "n", Name: "a"}})
	if _, err := other.Newest(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.cost("another account", 2)
	other.Close()

	// Somebody else makes a revision: it is told, and read.
	if err := f.helm.Create(key("v2"), helmRelease(2, helmrelease.StatusDeployed)); err != nil {
		t.Fatal(err)
	}
	if told := <-f.changed; told != (storage.Key{Namespace: f.namespace, Release: "app"}) {
		t.Errorf("told of %v", told)
	}
	if r, requests := f.newest(); r.Version != 2 || requests != 2 {
		t.Errorf("after a foreign revision: %d after %d requests, want 2 after 2", r.Version, requests)
	}
	f.known()

	// A rewrite and a deletion are noticed, too.
	if err := f.helm.Update(key("v2"), helmRelease(2, helmrelease.StatusFailed)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the rewrite is seen", func() bool {
		r, _ := f.newest()
		return r.Info.Status == helmrelease.StatusFailed
	})
	if _, err := f.helm.Delete(key("v2")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deletion is seen", func() bool {
		r, _ := f.newest()
		return r.Version == 1
	})
	if hits, misses, bytes := f.ledger.Stats(); hits == 0 || misses == 0 || bytes == 0 {
		t.Errorf("Stats: %d, %d, %d", hits, misses, bytes)
	}
}

// TestLedgerRestart reads in full what an earlier process left, once.
func TestLedgerRestart(t *testing.T) {
	f := newFixture(t, true)
	if err := f.helm.Create(key("v1"), helmRelease(1, helmrelease.StatusDeployed)); err != nil {
		t.Fatal(err)
	}
	if r, requests := f.newest(); r == nil || requests != 2 {
		t.Errorf("first read: %d requests, want 2", requests)
	}
	f.known()
	for range 3 {
		if _, requests := f.newest(); requests != 0 {
			t.Errorf("a known release took %d requests", requests)
		}
	}
	if _, _, bytes := f.ledger.Stats(); bytes < 4<<10 || bytes > 16<<10 {
		t.Errorf("one release takes %d bytes", bytes)
	}
}

// TestForbidden has the row of 19 about storage that the account may not read, and a controller that may not watch.
func TestForbidden(t *testing.T) {
	f := newFixture(t, false)
	if err := f.helm.Create(key("v1"), helmRelease(1, helmrelease.StatusDeployed)); err != nil {
		t.Fatal(err)
	}
	nobody := rest.CopyConfig(suite.Cluster(t).Config)
	nobody.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + f.namespace + ":nobody"}
	denied, err := client.New(nobody, client.Options{Mapper: suite.Cluster(t).Client.RESTMapper()})
	if err != nil {
		t.Fatal(err)
	}
	session := f.ledger.Open(storage.Target{Client: denied, Namespace: f.namespace, Release: "app"})
	defer session.Close()
	if _, err := session.Newest(t.Context()); !apierrors.IsForbidden(err) {
		t.Errorf("Newest: %v, want forbidden", err)
	}
	if _, err := session.Driver(t.Context(), storage.Writes{}).Query(map[string]string{"name": "app", "owner": "helm"}); !apierrors.IsForbidden(err) {
		t.Errorf("Query: %v, want forbidden", err)
	}

	var refused atomic.Int64
	nobody.Wrap(func(next http.RoundTripper) http.RoundTripper { return &refusals{next: next, count: &refused} })
	blind, err := metadata.NewForConfig(nobody)
	if err != nil {
		t.Fatal(err)
	}
	f.ledger = storage.NewLedger(storage.LedgerOptions{Metadata: blind})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.ledger.Start(ctx) }()
	eventually(t, "the watch is refused", func() bool { return refused.Load() > 0 })
	for range 2 {
		if r, requests := f.newest(); r == nil || requests != 2 {
			t.Errorf("without a watch: %+v after %d requests, want a full read each time", r, requests)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Start: %v", err)
	}
}

// refusals counts answers 403.
type refusals struct {
	next  http.RoundTripper
	count *atomic.Int64
}

func (r *refusals) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusForbidden {
		r.count.Add(1)
	}
	return resp, err
}
