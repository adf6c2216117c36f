// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestOCIPublish(t *testing.T) {
	f := newOCIFixture(t)
	annotations := map[string]string{"org.opencontainers.image.source": "https://example.com/repo", "org.opencontainers.image.revision": "main@sha1:abc", "x": "y"}
	digest := f.registry.Push(t, imagePath, "latest", testkit.RegistryArtifact{
		Layers:      []testkit.RegistryLayer{{MediaType: "a/b", Content: testkit.Archive(t, map[string]string{"deploy/app.yaml": "a: 1", "logo.png": "x"})}},
		Annotations: annotations,
	})
	f.create()
	o := f.ready()

	a := o.Status.Artifact
	revision := "latest@" + digest
	b := f.checkPublished(o, "ocirepository", published{
		file: digest + ".tar.gz", revision: revision, link: "latest.tar.gz", url: o.Status.URL,
		stored: "True Succeeded: stored artifact for digest '" + revision + "'",
	})
	if diff := cmp.Diff(annotations, a.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{".", "deploy", "deploy/app.yaml"}, entries(t, b)); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
	want := "stored artifact with revision '" + revision + "' from '" + f.url + "', origin source 'https://example.com/repo', origin revision 'main@sha1:abc'"
	if got := f.announced(o, sourcev1.NewArtifactReason); got != want {
		t.Errorf("event %s", got)
	}
	// What consumers do with it: kit/source knows the kind, kit/artifact/fetch the archive.
	cache, err := fetch.New(fetch.Options{Dir: t.TempDir(), Patience: testkit.Patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	tree, err := cache.Acquire(t.Context(), *a, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	if content, err := tree.ReadFile("deploy/app.yaml"); err != nil || string(content) != "a: 1" {
		t.Errorf("consumed %q, %v", content, err)
	}
	if left, err := filepath.Glob(filepath.Join(f.storage, ".state", "layer", "ocirepository", f.namespace, "app", "*")); err != nil || len(left) > 0 {
		t.Errorf("private files stay: %v, %v", left, err)
	}
}

// What a reference leads to, in which form of revision.
func TestOCIReferences(t *testing.T) {
	f := newOCIFixture(t)
	digests := map[string]string{}
	for _, tag := range []string{"latest", "1.0.0", "1.2.0", "v1.1.0", "1.3.0-rc.1", "2.0.0_7"} {
		digests[tag] = f.push(tag, map[string]string{"tag": tag})
	}
	type ref = sourcev1.OCIRepositoryRef
	cases := map[string]struct {
		reason   string
		ref      *ref
		selector *sourcev1.OCILayerSelector
		want     string
	}{
		"None":   {"Without a reference it is the tag latest.", nil, nil, "latest@" + digests["latest"]},
		"Empty":  {"An empty one is none.", &ref{}, nil, "latest@" + digests["latest"]},
		"Tag":    {"A tag.", &ref{Tag: "v1.1.0"}, nil, "v1.1.0@" + digests["v1.1.0"]},
		"SemVer": {"A range wins over a tag.", &ref{SemVer: "1.x", Tag: "1.0.0"}, nil, "1.2.0@" + digests["1.2.0"]},
		"Filter": {"A filter narrows it.", &ref{SemVer: ">=1.0.0-0", SemverFilter: ".*-rc.*"}, nil, "1.3.0-rc.1@" + digests["1.3.0-rc.1"]},
		"Digest": {"A digest wins over all.", &ref{Digest: digests["1.0.0"], SemVer: "1.x", Tag: "latest"}, nil, digests["1.0.0"]},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.create(func(o *sourcev1.OCIRepository) { o.Spec.Reference, o.Spec.LayerSelector = tc.ref, tc.selector })
			if a := f.ready().Status.Artifact; a.Revision != tc.want {
				t.Errorf("%s\nrevision %s, want %s", tc.reason, a.Revision, tc.want)
			}
			f.destroy()
			if files := f.files(); len(files) > 0 {
				t.Errorf("files stay: %v", files)
			}
		})
	}
}

// A layer can be chosen and taken as it is, as charts are.
func TestOCILayerSelector(t *testing.T) {
	f := newOCIFixture(t)
	chart := testkit.Archive(t, map[string]string{"app/Chart.yaml": "name: app"})
	f.registry.Push(t, imagePath, "6.0.0_build.1", testkit.RegistryArtifact{Layers: []testkit.RegistryLayer{
		{MediaType: "first", Content: testkit.Archive(t, map[string]string{"a": "1"})},
		{MediaType: oci.ChartLayer, Content: chart},
	}})
	f.create(func(o *sourcev1.OCIRepository) {
		o.Spec.Reference = &sourcev1.OCIRepositoryRef{SemVer: "6.x"}
		o.Spec.LayerSelector = &sourcev1.OCILayerSelector{MediaType: oci.ChartLayer, Operation: sourcev1.OCILayerCopy}
	})
	copied := f.ready()
	if !bytes.Equal(f.download(copied.Status.Artifact), chart) {
		t.Error("the layer is not as it was")
	}
	if !strings.HasPrefix(copied.Status.Artifact.Revision, "6.0.0_build.1@sha256:") {
		t.Errorf("revision %s", copied.Status.Artifact.Revision)
	}
	f.change(func(o *sourcev1.OCIRepository) { o.Spec.LayerSelector.Operation = sourcev1.OCILayerExtract })
	o := f.ready()
	if diff := cmp.Diff([]string{".", "app", "app/Chart.yaml"}, entries(t, f.download(o.Status.Artifact))); diff != "" {
		t.Errorf("unpacked (-want +got):\n%s", diff)
	}
	if o.Status.Artifact.Revision != copied.Status.Artifact.Revision || o.Status.Artifact.Digest == copied.Status.Artifact.Digest {
		t.Errorf("another operation is another digest of the same revision: %+v", o.Status.Artifact)
	}
	if diff := cmp.Diff(o.Spec.LayerSelector, o.Status.ObservedLayerSelector); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	f.change(func(o *sourcev1.OCIRepository) {
		o.Spec.Reference, o.Spec.LayerSelector = &sourcev1.OCIRepositoryRef{Tag: "6.0.0_build.1"}, nil
	})
	if diff := cmp.Diff([]string{".", "a"}, entries(t, f.download(f.ready().Status.Artifact))); diff != "" {
		t.Errorf("the first layer (-want +got):\n%s", diff)
	}
}

func TestOCIIgnore(t *testing.T) {
	f := newOCIFixture(t)
	f.push("latest", map[string]string{"a.yaml": "1", "b.yaml": "2", "logo.png": "x", ".sourceignore": "b.yaml\n", "c/d": "3"})
	f.create()
	first := f.ready().Status.Artifact
	if diff := cmp.Diff([]string{".", ".sourceignore", "a.yaml", "c", "c/d", "logo.png"}, entries(t, f.download(first))); diff != "" {
		t.Errorf("the ignore file of the artifact (-want +got):\n%s", diff)
	}
	f.registry.Take()
	f.change(func(o *sourcev1.OCIRepository) { o.Spec.Ignore = new("c/\n!b.yaml\n") })
	o := f.ready()
	if diff := cmp.Diff([]string{".", ".sourceignore", "a.yaml", "b.yaml", "logo.png"}, entries(t, f.download(o.Status.Artifact))); diff != "" {
		t.Errorf("that of the object wins (-want +got):\n%s", diff)
	}
	if o.Status.Artifact.Revision != first.Revision || o.Status.ObservedIgnore == nil || *o.Status.ObservedIgnore != *o.Spec.Ignore {
		t.Errorf("status %+v", o.Status)
	}
}

// A run in which nothing moved asks for no content; one of a digest, which never changes what it names, for nothing unless it was asked for.
func TestOCIUnchanged(t *testing.T) {
	f := newOCIFixture(t)
	digest := f.push("latest", map[string]string{"a": "1"})
	f.create()
	f.ready()
	f.registry.Take()
	f.request()
	if diff := cmp.Diff([]string{"HEAD /v2/" + imagePath + "/manifests/latest"}, f.registry.Take()); diff != "" {
		t.Errorf("requests to the registry (-want +got):\n%s", diff)
	}
	f.change(func(o *sourcev1.OCIRepository) { o.Spec.Reference = &sourcev1.OCIRepositoryRef{Digest: digest} })
	f.wait("the digest", func(o *sourcev1.OCIRepository) bool {
		return conditions.IsReady(o) && o.Status.Artifact.Revision == digest
	})
	f.registry.Take()
	f.request()
	if requests := f.registry.Take(); len(requests) != 1 {
		t.Errorf("requested runs of a digest ask once, runs by interval never: %v", requests)
	}
}

// A tag that moves costs a look, a manifest and a layer; the same content under another name is no news.
func TestOCIMove(t *testing.T) {
	f := newOCIFixture(t)
	f.push("latest", map[string]string{"a": "1"})
	f.create()
	f.ready()
	f.waitEvent(sourcev1.NewArtifactReason)
	second := f.push("latest", map[string]string{"a": "2"})
	f.registry.Take()
	o := f.request()
	if requests := f.registry.Take(); len(requests) != 3 {
		t.Errorf("a new revision costs a look, a manifest and a layer: %v", requests)
	}
	f.push("v2", map[string]string{"a": "2"})
	f.change(func(o *sourcev1.OCIRepository) { o.Spec.Reference = &sourcev1.OCIRepositoryRef{Tag: "v2"} })
	same := f.ready().Status.Artifact
	if same.Revision != "v2@"+second || same.Digest != o.Status.Artifact.Digest {
		t.Errorf("artifact %+v", same)
	}
	f.events.Wait(t, eventWith(same.Digest))
	if diff := cmp.Diff([]string{"info NewArtifact", "info NewArtifact"}, f.reasons()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// Ways to a registry that needs something.
func TestOCIAccess(t *testing.T) {
	f := newOCIFixture(t)
	certs := testkit.NewCertificates(t)
	proxy := testkit.NewProxy(t, "proxy", "hunter2")
	private := testkit.RegistryOptions{Username: "user", Password: "secret"}
	token := testkit.RegistryOptions{Username: "user", Password: "secret", Token: true}
	type repository = sourcev1.OCIRepository
	cases := map[string]struct {
		reason  string
		options testkit.RegistryOptions
		edit    func(o *repository)
	}{
		"Secret":         {"A docker config.", private, func(o *repository) { o.Spec.SecretRef = named("docker") }},
		"ServiceAccount": {"That of a service account.", private, func(o *repository) { o.Spec.ServiceAccountName = "puller" }},
		"Token":          {"Exchanged for a token.", token, func(o *repository) { o.Spec.SecretRef = named("docker") }},
		"Certificates":   {"A private authority.", testkit.RegistryOptions{Certificates: &certs}, func(o *repository) { o.Spec.CertSecretRef = named("certs") }},
		"Insecure":       {"Or no authority at all.", testkit.RegistryOptions{Certificates: &certs}, func(o *repository) { o.Spec.Insecure = true }},
		"Proxy": {"Through a proxy.", testkit.RegistryOptions{Certificates: &certs}, func(o *repository) {
			o.Spec.CertSecretRef, o.Spec.ProxySecretRef = named("certs"), named("proxy")
		}},
	}
	f.cluster.Create(t,
		testkit.Secret(f.namespace, "certs", map[string]string{"ca.crt": string(certs.CA)}),
		testkit.Secret(f.namespace, "proxy", map[string]string{"address": proxy.URL, "username": "proxy", "password": "hunter2"}),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "puller"}, ImagePullSecrets: []corev1.LocalObjectReference{{Name: "docker"}}},
	)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			registry := testkit.NewRegistry(t, tc.options)
			registry.PushFiles(t, imagePath, "latest", map[string]string{"a": "1"})
			secret := testkit.DockerSecret(f.namespace, "docker", registry.DockerConfig())
			f.cluster.Create(t, secret)
			f.create(func(o *repository) { o.Spec.URL = registry.URL + "/" + imagePath; tc.edit(o) })
			f.ready()
			f.destroy()
			if err := f.cluster.Client.Delete(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
		})
	}
	if requests := proxy.Take(); len(requests) == 0 {
		t.Error("the proxy was not used")
	}
}
