// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/acl"
	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// chosen waits until a policy has chosen that reference, name:tag[@digest].
func (f *fixture) chosen(o *imagePolicy, want string) {
	f.t.Helper()
	await(f, o, want, func(o *imagePolicy) bool {
		return o.Status.LatestRef != nil && o.Status.LatestRef.String() == want && conditions.IsReady(o)
	})
}

func TestChoice(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0", "2.0.0")
	image := registry.Host + "/app"

	// Before its repository is there, and until the moment it is scanned.
	p := blamed(f, f.chooses("web", semver("1.x")), "DependencyNotReady")
	if c := conditions.Get(p, meta.ReconcilingCondition); c == nil || c.Reason != "ProgressingWithRetry" || p.Status.ObservedGeneration != -1 {
		t.Errorf("status: %+v", p.Status)
	}
	o := f.scans("web", image)
	f.chosen(p, image+":1.0.0")
	ready := "Latest image tag for " + image + " resolved to 1.0.0"
	if got := conditions.GetMessage(p, meta.ReadyCondition); got != ready || len(p.Status.Conditions) != 1 || p.Status.ObservedPreviousRef != nil || p.Status.ObservedGeneration != 1 {
		t.Errorf("message %q, status %+v", got, p.Status)
	}
	f.events.Wait(t, func(e eventv1.Event) bool {
		return e.Message == ready && e.Severity == "info" && e.Reason == "Succeeded" && e.InvolvedObject.Kind == "ImagePolicy"
	})

	// Another tag: one write.
	settled(f, o)
	f.requests.Settle(t)
	registry.PushTags(t, "app", "1.1.0")
	requestRun(f, o, handledRepository)
	f.chosen(p, image+":1.1.0")
	if previous := p.Status.ObservedPreviousRef; previous == nil || previous.String() != image+":1.0.0" {
		t.Errorf("previous: %v", previous)
	}
	if got := conditions.GetMessage(p, meta.ReadyCondition); got != "Latest image tag for "+image+" resolved to 1.1.0 (previously "+image+":1.0.0)" {
		t.Errorf("message: %q", got)
	}
	if n := f.writes(t, "imagepolicies/status"); n != 1 {
		t.Errorf("%d writes for a choice", n)
	}

	// A tag that changes nothing: none.
	settled(f, o)
	registry.PushTags(t, "app", "0.1.0")
	requestRun(f, o, handledRepository)
	await(f, o, "the tag", func(o *imageRepository) bool { return o.Status.LastScanResult.TagCount == 4 })
	requestRun(f, p, handledPolicy)
	if n := f.writes(t, "imagepolicies/status"); n != 1 {
		t.Errorf("%d writes for a confirmation", n)
	}

	// What fails keeps the choice; so does suspension.
	amend(f, p, func(p *imagePolicy) { p.Spec.Policy.SemVer.Range = "9.x" })
	blamed(f, p, "Failure")
	if got := p.Status.LatestRef.String(); got != image+":1.1.0" || p.Status.ObservedGeneration == p.Generation {
		t.Errorf("status: %+v", p.Status)
	}
	amend(f, p, func(p *imagePolicy) { p.Spec.Suspend = true; p.Spec.Policy.SemVer.Range = "2.x" })
	requestRun(f, p, handledPolicy)
	if p.Status.LatestRef.String() != image+":1.1.0" {
		t.Errorf("a suspended policy chose %v", p.Status.LatestRef)
	}
	amend(f, p, func(p *imagePolicy) { p.Spec.Suspend = false })
	f.chosen(p, image+":2.0.0")

	// Another image: nothing of the old one under the new name.
	registry.PushTags(t, "other", "2.1.0")
	amend(f, o, func(o *imageRepository) { o.Spec.Image = registry.Host + "/other" })
	f.chosen(p, registry.Host+"/other:2.1.0")
	if p.Status.ObservedPreviousRef.String() != image+":2.0.0" {
		t.Errorf("previous: %v", p.Status.ObservedPreviousRef)
	}
	// A broken image, and a mended one.
	amend(f, o, func(o *imageRepository) { o.Spec.Image = "https://" + image })
	blamed(f, p, "ImageURLInvalid")
	amend(f, o, func(o *imageRepository) { o.Spec.Image = image })
	f.chosen(p, image+":2.0.0")
	// Gone.
	f.drop(o)
	blamed(f, p, "DependencyNotReady")
	f.drop(p)
}

// The transitions of the contract. Flux: image-automation-controller contract, "Digest policy transitions".
func TestDigest(t *testing.T) {
	f := newFixture(t)
	certificates := testkit.NewCertificates(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{Certificates: &certificates, Username: "user", Password: "secret"})
	push := func(tag, text string) string {
		return registry.PushFiles(t, "app", tag, map[string]string{"x": text})
	}
	a := push("1.0.0", "a")
	f.cluster.Create(t, testkit.DockerSecret(f.namespace, "docker", registry.DockerConfig()),
		testkit.Secret(f.namespace, "ca", map[string]string{"ca.crt": string(certificates.CA)}))
	image := registry.Host + "/app"
	o := settled(f, f.scans("web", image, func(o *imageRepository) {
		o.Spec.SecretRef, o.Spec.CertSecretRef = &meta.LocalObjectReference{Name: "docker"}, &meta.LocalObjectReference{Name: "ca"}
	}))
	p := f.chooses("web", semver("1.x"))
	reflect := func(policy imagev1.ReflectionPolicy) {
		amend(f, p, func(p *imagePolicy) {
			p.Spec.DigestReflectionPolicy, p.Spec.Interval = policy, nil
			if policy == imagev1.ReflectAlways {
				p.Spec.Interval = &metav1.Duration{Duration: time.Hour}
			}
		})
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, registry.Take()); diff != "" {
			t.Errorf("requests of %s (-want +got):\n%s", what, diff)
		}
	}
	head := func(tag string) string { return "HEAD /v2/app/manifests/" + tag }

	registry.Take()
	f.chosen(p, image+":1.0.0")
	expect("Never")
	reflect(imagev1.ReflectIfNotPresent)
	f.chosen(p, image+":1.0.0@"+a)
	if got := conditions.GetMessage(p, meta.ReadyCondition); got != "Latest image tag for "+image+" resolved to 1.0.0 with digest "+a+" (previously "+image+":1.0.0)" {
		t.Errorf("message: %q", got)
	}
	expect("IfNotPresent", head("1.0.0"))
	b := push("1.0.0", "b")
	requestRun(f, p, handledPolicy)
	f.chosen(p, image+":1.0.0@"+a)
	expect("IfNotPresent that is present")
	c := push("1.1.0", "c")
	requestRun(f, o, handledRepository)
	f.chosen(p, image+":1.1.0@"+c)
	settled(f, o)
	expect("IfNotPresent with another tag", listTags, head("1.1.0"))

	amend(f, p, func(p *imagePolicy) { p.Spec.Policy.SemVer.Range = "1.0.x" })
	f.chosen(p, image+":1.0.0@"+b)
	reflect(imagev1.ReflectAlways)
	d := push("1.0.0", "d")
	requestRun(f, p, handledPolicy)
	f.chosen(p, image+":1.0.0@"+d)
	if p.Status.ObservedPreviousRef.Digest != b {
		t.Errorf("previous: %v", p.Status.ObservedPreviousRef)
	}
	registry.Delete(t, "app", "1.0.0")
	requestRun(f, p, handledPolicy)
	blamed(f, p, "Failed")
	if got := conditions.GetMessage(p, meta.ReadyCondition); !strings.HasPrefix(got, "failed fetching digest of "+image+":1.0.0: ") {
		t.Errorf("message: %q", got)
	}
	if got := p.Status.LatestRef.String(); got != image+":1.0.0@"+d {
		t.Errorf("kept: %s", got)
	}
	registry.Take()
	reflect(imagev1.ReflectNever)
	f.chosen(p, image+":1.0.0")
	if p.Status.ObservedPreviousRef.Digest != d {
		t.Errorf("previous: %v", p.Status.ObservedPreviousRef)
	}
}

// Digests by interval: one request each, and nothing written while nothing moves.
func TestDigestInterval(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0")
	o := settled(f, f.scans("web", registry.Host+"/app"))
	p := settled(f, f.chooses("web", semver("1.x"), func(p *imagePolicy) {
		p.Spec.DigestReflectionPolicy, p.Spec.Interval = imagev1.ReflectAlways, &metav1.Duration{Duration: time.Second}
	}))
	first := p.ResourceVersion
	told(f, o)
	told(f, p)
	f.requests.Settle(t)
	registry.Take()
	var asked []string
	testkit.Eventually(t, "two looks", func() bool { asked = append(asked, registry.Take()...); return len(asked) >= 2 })
	if counts := f.requests.Take(); testkit.Total(counts) != 0 || read(f, p).ResourceVersion != first || asked[0] != "HEAD /v2/app/manifests/1.0.0" {
		t.Errorf("requests to the API server %v, to the registry %q", counts, asked)
	}
}

// Flux: image-automation-controller contract, "Multi-tenancy and security".
func TestAcrossNamespaces(t *testing.T) {
	f := newFixture(t, "--watch-all-namespaces=true", "--watch-label-selector=suite=across")
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0")
	mine := map[string]string{"suite": "across"}
	o := f.scans("web", registry.Host+"/app", func(o *imageRepository) { o.Labels = mine })
	tenant := f.cluster.Namespace(t, "tenant")
	p := f.chooses("web", semver("1.x"), func(p *imagePolicy) {
		p.Namespace, p.Labels, p.Spec.ImageRepositoryRef.Namespace = tenant, mine, f.namespace
	})
	blamed(f, p, "AccessDenied")
	if got := conditions.GetMessage(p, meta.ReadyCondition); !strings.HasPrefix(got, "failed to get the referred ImageRepository: access denied: ") {
		t.Errorf("message: %q", got)
	}
	amend(f, o, func(o *imageRepository) {
		o.Spec.AccessFrom = &acl.AccessFrom{NamespaceSelectors: []acl.NamespaceSelector{{MatchLabels: map[string]string{"team": "b"}}}}
	})
	await(f, p, "mismatch", func(p *imagePolicy) bool {
		return strings.Contains(conditions.GetMessage(p, meta.ReadyCondition), "mismatch on namespace '"+tenant+"'")
	})
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}}
	amend(f, namespace, func(n *corev1.Namespace) { n.Labels = map[string]string{"team": "b"} })
	f.chosen(p, registry.Host+"/app:1.0.0")
	// An entry without labels admits all.
	amend(f, namespace, func(n *corev1.Namespace) { n.Labels = nil })
	amend(f, o, func(o *imageRepository) { o.Spec.AccessFrom.NamespaceSelectors[0].MatchLabels = nil })
	settled(f, requestRun(f, p, handledPolicy))

	// An object of another shard is left alone until it is ours.
	theirs := f.chooses("theirs", semver("1.x"))
	requestRun(f, p, handledPolicy)
	if read(f, theirs); len(theirs.Status.Conditions) != 0 || len(theirs.Finalizers) != 0 {
		t.Errorf("another shard's: %+v", theirs.Status)
	}
	amend(f, theirs, func(p *imagePolicy) { p.Labels = mine })
	f.chosen(theirs, registry.Host+"/app:1.0.0")
	f.stop()

	f.start("--watch-all-namespaces=true", "--watch-label-selector=suite=across", "--no-cross-namespace-refs")
	blamed(f, p, "AccessDenied")
	want := "failed to get the referred ImageRepository: cannot access 'ImageRepository/" + f.namespace + "/web', cross-namespace references have been blocked"
	if got := conditions.GetMessage(p, meta.ReadyCondition); got != want || p.Status.LatestRef == nil {
		t.Errorf("message: %q, kept %v", got, p.Status.LatestRef)
	}
	settled(f, requestRun(f, theirs, handledPolicy))
	f.drop(p, theirs, o)
}
