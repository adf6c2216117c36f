// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
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
	b := f.checkPublished(o, "helmrepository", published{
		file: "index-" + digest + ".yaml", revision: "sha256:" + digest, link: "index.yaml", url: o.Status.URL,
		stored: "True Succeeded: stored artifact: revision 'sha256:" + digest + "'",
	})
	if !json.Valid(b) {
		t.Errorf("no JSON: %s", b)
	}
	if got := f.announced(o, sourcev1.NewArtifactReason); !strings.HasPrefix(got, "stored fetched index of size ") || !strings.HasSuffix(got, "B from '"+f.helm.URL+"'") {
		t.Errorf("event %s", got)
	}

	remove[sourcev1.HelmRepository](f, "charts")
	if left, err := filepath.Glob(filepath.Join(f.storage, "*", "helmrepository*", "*", "charts")); err != nil || len(left) > 0 || len(f.kept("helmrepository", "charts")) > 0 {
		t.Errorf("files stay: %v, %v", left, err)
	}
}

// An unchanged index costs one conditional request, also after a restart.
func TestHelmRepositoryUnchanged(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	f.readyRepository()
	f.helm.Take()
	for _, when := range []string{"at once", "after a restart"} {
		f.requestRepository()
		if requests, _ := f.helm.Take(); !slices.Equal(requests, []string{"GET /index.yaml 304"}) {
			t.Errorf("%s: requests %v", when, requests)
		}
		f.stop()
		f.start()
		testkit.Eventually(t, "the first run", func() bool { requests, _ := f.helm.Take(); return len(requests) > 0 })
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

// An index that is none does not replace a good one; a server that fails is told with what it answered.
func TestHelmRepositoryFails(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	good := f.readyRepository().Status.Artifact
	f.helm.Answer(500)
	f.requestRepository()
	if e := f.waitEvent(meta.FailedReason); e.Severity != "error" || !strings.Contains(e.Message, "500") {
		t.Errorf("event %+v", e)
	}
	if e := f.waitEvent(meta.SucceededReason); !strings.HasPrefix(e.Message, "stored fetched index of size ") {
		t.Errorf("event %+v", e)
	}
	f.helm.SetFile("/index.yaml", []byte("a: ["))
	f.requestRepository()
	o := await(f, "charts", "IndexationFailed", func(o *sourcev1.HelmRepository) bool {
		return conditions.GetReason(o, sourcev1.FetchFailedCondition) == sourcev1.IndexationFailedReason
	})
	if diff := cmp.Diff(good, o.Status.Artifact); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	f.download(good)
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
	f.seen("own", f.requestRepository())
	f.chart("elsewhere")
	f.readyChart("elsewhere")
	if requests, logins := other.Take(); !slices.Equal(logins, []string{"-"}) {
		t.Errorf("the other host was told %v with %v", logins, requests)
	}
	edit(f, "charts", func(o *sourcev1.HelmRepository) { o.Spec.PassCredentials = true })
	f.readyRepository()
	f.helm.Add(t, app("0.9.0"))
	f.seen("own", f.requestRepository())
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
