// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestHelmRepositoryPublish(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"), app("1.1.0"))
	f.repository()
	o := f.readyRepository()

	raw := f.download(&meta.Artifact{URL: f.helm.URL + "/index.yaml"})
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:])
	a := o.Status.Artifact
	dir := "helmrepository/" + f.namespace + "/charts/"
	if a == nil || a.Path != dir+"index-"+digest+".yaml" || a.URL != "http://"+f.addr+"/"+a.Path || a.Revision != "sha256:"+digest {
		t.Fatalf("artifact %+v, want digest %s", a, digest)
	}
	b := f.download(a)
	got, size, err := artifact.Read(artifact.SHA256, bytes.NewReader(b))
	if err != nil || got.String() != a.Digest || size != *a.Size || !json.Valid(b) {
		t.Errorf("downloaded %s, %d bytes; status says %s, %d", got, size, a.Digest, *a.Size)
	}
	if o.Status.URL != "http://"+f.addr+"/"+dir+"index.yaml" || !bytes.Equal(f.download(&meta.Artifact{URL: o.Status.URL}), b) {
		t.Errorf("link %s", o.Status.URL)
	}
	stored := "True Succeeded: stored artifact: revision 'sha256:" + digest + "'"
	for _, kind := range []string{meta.ReadyCondition, sourcev1.ArtifactInStorageCondition} {
		if got := testkit.Condition(o, kind); got != stored {
			t.Errorf("%s: %s, want %s", kind, got, stored)
		}
	}
	if len(o.Status.Conditions) != 2 || !slices.Contains(o.Finalizers, sourcev1.Finalizer) {
		t.Errorf("conditions %v, finalizers %v", o.Status.Conditions, o.Finalizers)
	}
	e := f.waitEvent(sourcev1.NewArtifactReason)
	if !strings.HasPrefix(e.Message, "stored fetched index of size ") || !strings.HasSuffix(e.Message, "B from '"+f.helm.URL+"'") ||
		e.Metadata[sourcev1.RevisionMetadataKey] != a.Revision || e.Metadata[sourcev1.DigestMetadataKey] != a.Digest {
		t.Errorf("event %+v", e)
	}

	remove[sourcev1.HelmRepository](f, "charts")
	if left, err := filepath.Glob(filepath.Join(f.storage, "*", "helmrepository*", "*", "charts")); err != nil || len(left) > 0 || len(f.kept("helmrepository", "charts")) > 0 {
		t.Errorf("files stay: %v, %v", left, err)
	}
}

// An unchanged index costs one conditional request, also after a restart, and one status write if the run was asked for.
func TestHelmRepositoryUnchanged(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	before := f.readyRepository()
	f.waitEvent(sourcev1.NewArtifactReason)
	f.helm.Take()
	f.requests.Settle(t)
	for _, when := range []string{"at once", "after a restart"} {
		after := f.requestRepository()
		if requests, _ := f.helm.Take(); !slices.Equal(requests, []string{"GET /index.yaml 304"}) {
			t.Errorf("%s: requests %v", when, requests)
		}
		if counts := f.requests.Take(); when == "at once" && (testkit.Total(counts) != 1 || writes(counts) != 1) {
			testkit.Log(t, counts)
			t.Error("a forced run without news costs one status write")
		}
		if diff := cmp.Diff(before.Status.Artifact, after.Status.Artifact); diff != "" {
			t.Errorf("%s (-before +after):\n%s", when, diff)
		}
		f.stop()
		f.start()
		testkit.Eventually(t, "the first run", func() bool { requests, _ := f.helm.Take(); return len(requests) > 0 })
	}
	if diff := cmp.Diff([]string{"info NewArtifact"}, f.reasons()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// Without validators the digest tells; after a change of the spec it does, too.
func TestHelmRepositorySameBytes(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{NoValidators: true})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	before := f.readyRepository()
	f.helm.Take()
	after := f.requestRepository()
	if requests, _ := f.helm.Take(); !slices.Equal(requests, []string{"GET /index.yaml 200"}) {
		t.Errorf("requests %v", requests)
	}
	edit(f, "charts", func(o *sourcev1.HelmRepository) { o.Spec.PassCredentials = true })
	changed := f.readyRepository()
	if diff := cmp.Diff(before.Status.Artifact, after.Status.Artifact); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(before.Status.Artifact, changed.Status.Artifact); diff != "" {
		t.Errorf("(-before +changed):\n%s", diff)
	}
}

func TestHelmRepositoryFailAndRecover(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	good := f.readyRepository().Status.Artifact
	f.helm.Answer(500)
	f.requestRepository()
	if e := f.waitEvent(meta.FailedReason); e.Severity != "error" || !strings.Contains(e.Message, "500") {
		t.Errorf("event %+v", e)
	}
	e := f.waitEvent(meta.SucceededReason)
	if !strings.HasPrefix(e.Message, "stored fetched index of size ") {
		t.Errorf("event %+v", e)
	}
	o := f.readyRepository()
	if diff := cmp.Diff(good, o.Status.Artifact); diff != "" || testkit.Condition(o, sourcev1.FetchFailedCondition) != "absent" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	f.helm.SetFile("/index.yaml", []byte("a: ["))
	f.requestRepository()
	o = await(f, "charts", "IndexationFailed", func(o *sourcev1.HelmRepository) bool {
		return conditions.GetReason(o, sourcev1.FetchFailedCondition) == sourcev1.IndexationFailedReason
	})
	if diff := cmp.Diff(good, o.Status.Artifact); diff != "" {
		t.Errorf("a bad index does not replace a good one (-before +after):\n%s", diff)
	}
	f.download(good)
}

// A stored file that is lost or altered is made again from the server.
func TestHelmRepositoryStorage(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	a := f.readyRepository().Status.Artifact
	file := filepath.Join(f.storage, a.Path)
	for what, damage := range map[string]func() error{
		"lost":    func() error { return os.Remove(file) },
		"altered": func() error { return os.WriteFile(file, []byte("x"), 0o600) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		f.requestRepository()
		if again := f.readyRepository().Status.Artifact; again.Digest != a.Digest {
			t.Errorf("%s: digest %s, want %s", what, again.Digest, a.Digest)
		}
		f.download(a)
	}
	f.waitEvent(sourcev1.ArtifactVerificationFailedReason)
}

// A registry is only looked up: the object loses what another type left, once, and gets nothing.
func TestHelmRepositoryStatic(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	f.readyRepository()
	edit(f, "charts", func(o *sourcev1.HelmRepository) {
		o.Spec.Type, o.Spec.URL = sourcev1.HelmRepositoryTypeOCI, "oci://registry.example/charts"
	})
	o := await(f, "charts", "nothing to stay", func(o *sourcev1.HelmRepository) bool {
		return len(o.Finalizers) == 0 && len(o.Status.Conditions) == 0
	})
	if diff := cmp.Diff(sourcev1.HelmRepositoryStatus{}, o.Status); diff != "" || len(f.kept("helmrepository", "charts")) > 0 {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	f.requests.Settle(t)
	at := "2024-01-02T03:04:05Z"
	edit(f, "charts", func(o *sourcev1.HelmRepository) { testkit.Annotate(o, at, meta.ReconcileRequestAnnotation) })
	// Back again: proof that the request before was dealt with.
	edit(f, "charts", func(o *sourcev1.HelmRepository) { o.Spec.Type, o.Spec.URL = "", f.helm.URL })
	o = f.readyRepository()
	if o.Status.Artifact == nil || !slices.Contains(o.Finalizers, sourcev1.Finalizer) {
		t.Errorf("status %+v", o.Status)
	}
}

func TestHelmRepositorySuspend(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	before := f.readyRepository()
	edit(f, "charts", func(o *sourcev1.HelmRepository) { o.Spec.Suspend = true })
	f.helm.Add(t, app("2.0.0"))
	o := f.requestRepository()
	if diff := cmp.Diff(before.Status.Artifact, o.Status.Artifact); diff != "" || o.Status.ObservedGeneration != o.Generation {
		t.Errorf("(-before +after):\n%s", diff)
	}
	edit(f, "charts", func(o *sourcev1.HelmRepository) { o.Spec.Suspend = false })
	await(f, "charts", "the new index", func(o *sourcev1.HelmRepository) bool {
		return o.Status.Artifact.Revision != before.Status.Artifact.Revision
	})
}

// Who may read a repository, and who gets the credentials.
func TestHelmRepositoryAccess(t *testing.T) {
	certs := testkit.NewCertificates(t)
	f := newHelmFixture(t, testkit.HelmServerOptions{Certificates: &certs, Username: "user", Password: "hunter2"})
	f.helm.Add(t, app("1.0.0"))
	other := testkit.NewHelmServer(t, testkit.HelmServerOptions{})
	other.Add(t, app("1.0.0"))
	f.cluster.Create(t,
		testkit.Secret(f.namespace, "basic", map[string]string{"username": "user", "password": "hunter2"}),
		testkit.Secret(f.namespace, "ca", map[string]string{"ca.crt": string(certs.CA)}),
		testkit.Secret(f.namespace, "legacy", map[string]string{"username": "user", "password": "hunter2", "caFile": string(certs.CA)}),
	)
	f.repository(func(o *sourcev1.HelmRepository) { o.Spec.SecretRef, o.Spec.CertSecretRef = named("basic"), named("ca") })
	f.readyRepository()
	f.chart("own")
	f.readyChart("own")
	if requests, logins := f.helm.Take(); !slices.Equal(logins, []string{"user", "user"}) {
		t.Errorf("requests %v by %v", requests, logins)
	}

	edit(f, "charts", func(o *sourcev1.HelmRepository) { o.Spec.SecretRef, o.Spec.CertSecretRef = named("legacy"), nil })
	f.readyRepository()

	// Charts on another host: no credentials unless asked for.
	f.helm.SetBase(other.URL + "/")
	f.requestRepository()
	f.chart("elsewhere")
	f.readyChart("elsewhere")
	if requests, logins := other.Take(); !slices.Equal(logins, []string{"-"}) {
		t.Errorf("the other host was told %v with %v", logins, requests)
	}
	edit(f, "charts", func(o *sourcev1.HelmRepository) { o.Spec.PassCredentials = true })
	f.readyRepository()
	f.chart("passed")
	f.readyChart("passed")
	if requests, logins := other.Take(); !slices.Equal(logins, []string{"user"}) {
		t.Errorf("the other host was told %v with %v", logins, requests)
	}
	var events []string
	for _, e := range f.events.Events() {
		events = append(events, e.Message)
	}
	if strings.Contains(strings.Join(events, "\n"), "hunter2") {
		t.Error("an event repeats the password")
	}
}
