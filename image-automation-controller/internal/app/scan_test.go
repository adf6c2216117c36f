// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/kit/testkit"
)

// listTags is the request for the tags of the repository app.
const listTags = "GET /v2/app/tags/list"

func TestScan(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{PageSize: 5})
	for i := range 12 {
		registry.PushTags(t, "app", fmt.Sprintf("1.%d.0", i))
	}
	registry.PushTags(t, "app", "sha256-abc.sig")
	o := settled(f, f.scans("web", registry.Host+"/app"))
	last := o.Status.LastScanResult
	if last.TagCount != 12 || len(last.LatestTags) != 10 || last.LatestTags[0] != "1.9.0" || last.ScanTime == nil || !strings.HasPrefix(last.Revision, "sha256:") {
		t.Errorf("what the scan found: %+v", last)
	}
	if o.Status.CanonicalImageName != registry.Host+"/app" || cmp.Diff([]string{`^.*\.sig$`}, o.Status.ObservedExclusionList) != "" || o.Status.ObservedGeneration != 1 {
		t.Errorf("status: %+v", o.Status)
	}
	ready := "successful scan: found 12 tags with checksum " + last.Revision
	if got := conditions.GetMessage(o, meta.ReadyCondition); got != ready || len(o.Status.Conditions) != 1 {
		t.Errorf("message %q, conditions %+v", got, o.Status.Conditions)
	}
	f.events.Wait(t, func(e eventv1.Event) bool {
		return e.Severity == "info" && e.Reason == "Succeeded" && e.Message == ready && len(e.Metadata) == 0 && e.InvolvedObject.Kind == "ImageRepository"
	})
	if _, err := os.Stat(filepath.Join(f.storage, "imagerepository", f.namespace, "web", "tags.txt")); err != nil {
		t.Error(err)
	}

	// The same again, as asked for: progress and result, no file, no event.
	registry.Take()
	f.requests.Settle(t)
	events := len(f.events.Events())
	requestRun(f, o, handledRepository)
	settled(f, o)
	if diff := cmp.Diff([]string{listTags, listTags, listTags}, registry.Take()); diff != "" {
		t.Errorf("requests to the registry (-want +got):\n%s", diff)
	}
	if n := f.writes(t, "imagerepositories/status"); n != 2 {
		t.Errorf("%d writes of status", n)
	}
	if n := len(f.events.Events()); n != events {
		t.Errorf("%d events of a scan that found nothing new", n-events)
	}

	// Other exclusions start a scan.
	amend(f, o, func(o *imageRepository) { o.Spec.ExclusionList = []string{`^1\.1`, "sig"} })
	await(f, o, "a scan", func(o *imageRepository) bool { return o.Status.LastScanResult.TagCount == 9 })
	f.events.Wait(t, func(e eventv1.Event) bool { return strings.HasPrefix(e.Message, "successful scan: found 9 tags") })
	// And so does another image.
	registry.PushTags(t, "other", "1.0.0")
	amend(f, o, func(o *imageRepository) { o.Spec.Image = registry.Host + "/other" })
	await(f, o, "a scan", func(o *imageRepository) bool { return o.Status.LastScanResult.TagCount == 1 })
	// Another interval does not, nor do exclusions in another order.
	settled(f, o)
	registry.Take()
	f.requests.Settle(t)
	amend(f, o, func(o *imageRepository) {
		o.Spec.Interval.Duration, o.Spec.ExclusionList = 2*time.Hour, []string{"sig", `^1\.1`}
	})
	await(f, o, "the run", func(o *imageRepository) bool { return o.Status.ObservedGeneration == o.Generation })
	if got, n := registry.Take(), f.writes(t, "imagerepositories/status"); len(got) != 0 || n != 1 {
		t.Errorf("a run without scan: %q, %d writes", got, n)
	}

	// Suspended: a request is confirmed, nothing else happens.
	amend(f, o, func(o *imageRepository) { o.Spec.Suspend = true })
	requestRun(f, o, handledRepository)
	if got := registry.Take(); len(got) != 0 {
		t.Errorf("a suspended object asks %q", got)
	}

	// Deleted: the tags go.
	f.drop(o)
	if _, err := os.Stat(filepath.Join(f.storage, "imagerepository", f.namespace)); !os.IsNotExist(err) {
		t.Errorf("tags of an object that is gone: %v", err)
	}
}

// By interval: one request, and one write for the time of the scan.
func TestScanInterval(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0")
	o := settled(f, f.scans("web", registry.Host+"/app", func(o *imageRepository) { o.Spec.Interval.Duration = 2 * time.Second }))
	registry.PushTags(t, "app", "1.1.0")
	await(f, o, "the new tag", func(o *imageRepository) bool { return o.Status.LastScanResult.TagCount == 2 })

	// One scan whose time has come, and no other: the time of the last one is put back while nobody looks.
	amend(f, o, func(o *imageRepository) { o.Spec.Interval.Duration = time.Hour })
	await(f, o, "the interval", func(o *imageRepository) bool {
		return o.Status.ObservedGeneration == o.Generation && conditions.IsReady(o)
	})
	f.stop()
	before := metav1.NewTime(time.Now().Add(-2 * time.Hour).Truncate(time.Second))
	of(f, o).Report(t, o, func(o *imageRepository) { o.Status.LastScanResult.ScanTime = &before })
	registry.Take()
	f.requests.Take()
	f.start()
	await(f, o, "the scan", func(o *imageRepository) bool { return !o.Status.LastScanResult.ScanTime.Equal(&before) })
	f.stop() // nothing is under way any more
	if diff := cmp.Diff([]string{"GET /v2/", listTags}, registry.Take()); diff != "" {
		t.Errorf("requests to the registry (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"patch imagerepositories/status": 1}, f.written()); diff != "" {
		t.Errorf("what was written to the API server (-want +got):\n%s", diff)
	}
}

func TestScanCredentials(t *testing.T) {
	f := newFixture(t)
	certificates := testkit.NewCertificates(t)
	private := testkit.NewRegistry(t, testkit.RegistryOptions{Certificates: &certificates, Username: "user", Password: "secret", Token: true})
	basic := testkit.NewRegistry(t, testkit.RegistryOptions{Username: "user", Password: "secret"})
	private.PushTags(t, "app", "1.0.0")
	basic.PushTags(t, "app", "1.0.0")
	proxy := testkit.NewProxy(t, "", "")
	f.cluster.Create(t,
		testkit.DockerSecret(f.namespace, "docker", private.DockerConfig()),
		testkit.DockerSecret(f.namespace, "basic", basic.DockerConfig()),
		testkit.Secret(f.namespace, "ca", map[string]string{"ca.crt": string(certificates.CA)}),
		testkit.Secret(f.namespace, "proxy", map[string]string{"address": proxy.URL}),
	)
	f.pullAccount("puller", "docker")
	named := func(name string) *meta.LocalObjectReference { return &meta.LocalObjectReference{Name: name} }
	cases := map[string]struct {
		reason string
		image  string
		edit   func(*imageRepository)
	}{
		"Basic":   {"User and password.", basic.Host, func(o *imageRepository) { o.Spec.SecretRef = named("basic") }},
		"Token":   {"A token service, behind TLS of a private authority.", private.Host, func(o *imageRepository) { o.Spec.SecretRef, o.Spec.CertSecretRef = named("docker"), named("ca") }},
		"Account": {"The pull secrets of an account.", private.Host, func(o *imageRepository) { o.Spec.ServiceAccountName, o.Spec.CertSecretRef = "puller", named("ca") }},
		"Proxy": {"By a proxy.", private.Host, func(o *imageRepository) {
			o.Spec.SecretRef, o.Spec.CertSecretRef, o.Spec.ProxySecretRef = named("docker"), named("ca"), named("proxy")
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := settled(f, f.scans(strings.ToLower(name), tc.image+"/app", tc.edit))
			if o.Status.LastScanResult.TagCount != 1 {
				t.Errorf("%s\n%+v", tc.reason, o.Status)
			}
		})
	}
	if len(proxy.Take()) == 0 {
		t.Error("the proxy was not asked")
	}
}

// A failed scan is made again, also when a request, which is confirmed already, asked for it.
func TestScanRetry(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0")
	o := settled(f, f.scans("web", registry.Host+"/app"))
	registry.PushTags(t, "app", "1.1.0")
	registry.Answer(403, 403, 403, 403, 403, 403)
	requestRun(f, o, handledRepository)
	await(f, o, "the new tag", func(o *imageRepository) bool { return o.Status.LastScanResult.TagCount == 2 && conditions.IsReady(o) })
	f.events.Wait(t, func(e eventv1.Event) bool {
		return e.Severity == "error" && e.Reason == "ReadOperationFailed" && strings.HasPrefix(e.Message, "scan failed: ")
	})
}

// A restart keeps the tags and asks no registry; without the volume there is one scan, and policies choose again.
func TestScanRestart(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0")
	o := f.scans("web", registry.Host+"/app")
	settled(f, o)
	p := settled(f, f.chooses("web", semver("1.x")))
	f.stop()
	registry.Take()

	f.start()
	requestRun(f, p, handledPolicy)
	settled(f, p)
	if got := registry.Take(); len(got) != 0 {
		t.Errorf("a restart asks %q", got)
	}
	f.stop()

	if err := os.RemoveAll(filepath.Join(f.storage, "imagerepository")); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(f.storage, "imagerepository", f.namespace, "gone")
	if err := os.MkdirAll(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	f.start("--requeue-dependency=1h")
	testkit.Eventually(t, "a scan", func() bool { return len(registry.Take()) > 0 })
	requestRun(f, p, handledPolicy)
	settled(f, p)
	testkit.Eventually(t, "the tags of an object that is gone to go", func() bool { _, err := os.Stat(gone); return os.IsNotExist(err) })
	if o := settled(f, o); o.Status.LastScanResult.TagCount != 1 {
		t.Errorf("status: %+v", o.Status)
	}

	// A process that was killed between store and status scans again.
	f.stop()
	file := filepath.Join(f.storage, "imagerepository", f.namespace, "web", "tags.txt")
	if err := os.WriteFile(file, []byte("1.0.0\n0.9.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	registry.Take()
	f.start()
	testkit.Eventually(t, "a scan", func() bool { return len(registry.Take()) > 0 })
	settled(f, o)
	testkit.Eventually(t, "the right tags", func() bool { b, err := os.ReadFile(file); return err == nil && string(b) == "1.0.0\n" })
}

// From a new tag in a registry to a commit in Git, through all three kinds.
func TestTagToCommit(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0")
	image := registry.Host + "/app"
	manifest := func(tag string) string {
		return "image: " + image + ":" + tag + " # {\"$imagepolicy\": \"" + f.namespace + ":web\"}\n"
	}
	f.commit("first", map[string]string{"web.yaml": manifest("0.9.0")})
	f.source()
	f.automation("apps")
	f.chooses("web", semver("1.x"))
	o := f.scans("web", image)
	f.applied("apps", "1.0.0")
	if got := f.file("main", "web.yaml"); got != manifest("1.0.0") {
		t.Fatalf("manifest: %q", got)
	}
	registry.PushTags(t, "app", "1.1.0")
	began := time.Now()
	amend(f, o, func(o *imageRepository) { o.SetAnnotations(map[string]string{meta.ReconcileRequestAnnotation: "now"}) })
	f.applied("apps", "1.1.0")
	t.Logf("from request to status of the automation: %s", time.Since(began))
	if got := f.file("main", "web.yaml"); got != manifest("1.1.0") || len(f.messages("main")) != 3 {
		t.Errorf("manifest: %q, commits %q", got, f.messages("main"))
	}
}

// pullAccount makes a service account with an image pull secret.
func (f *fixture) pullAccount(name, secret string) {
	f.t.Helper()
	f.cluster.Create(f.t, &corev1.ServiceAccount{
		ObjectMeta:       metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: secret}},
	})
}

// An interval of 0 asks for no scan by time.
func TestScanNever(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0")
	o := settled(f, f.scans("web", registry.Host+"/app", func(o *imageRepository) { o.Spec.Interval = metav1.Duration{} }))
	registry.Take()
	amend(f, o, func(o *imageRepository) { o.Spec.Timeout.Duration = 30 * time.Second })
	await(f, o, "the run", func(o *imageRepository) bool { return o.Status.ObservedGeneration == 2 })
	if got := registry.Take(); len(got) != 0 {
		t.Errorf("asked %q", got)
	}
}
