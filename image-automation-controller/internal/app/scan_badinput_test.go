// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
)

// verdict checks that an object is not ready for a reason, as a stall or as something that is tried again.
func verdict[T any, O reconciled[T]](t *testing.T, f *fixture, o O, reason string, stalled bool, mentions string) {
	t.Helper()
	blamed(f, o, reason)
	message := conditions.GetMessage(o, meta.ReadyCondition)
	if !strings.Contains(message, mentions) || conditions.IsStalled(o) != stalled || conditions.IsReconciling(o) == stalled {
		t.Errorf("message %q, want %q in it; stalled %v", message, mentions, conditions.IsStalled(o))
	}
	if stalled && conditions.GetMessage(o, meta.StalledCondition) != message {
		t.Errorf("Stalled says %q", conditions.GetMessage(o, meta.StalledCondition))
	}
	if strings.Contains(message, "hunter2") {
		t.Errorf("a secret in %q", message)
	}
}

// The rows of the contract's table of bad input for ImageRepository that concern what is delivered.
// Flux: image-automation-controller contract, "Bad input → observable result".
func TestBadInputImageRepository(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0")
	private := testkit.NewRegistry(t, testkit.RegistryOptions{Username: "user", Password: "secret"})
	private.PushTags(t, "app", "1.0.0")
	certificates := testkit.NewCertificates(t)
	secure := testkit.NewRegistry(t, testkit.RegistryOptions{Certificates: &certificates})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(slow.Close)
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/list") {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(busy.Close)
	host := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	f.cluster.Create(t,
		testkit.DockerSecret(f.namespace, "wrong", testkit.DockerConfig(private.Host, "user", "hunter2")),
		testkit.DockerSecret(f.namespace, "malformed", `{"auths": "hunter2"}`),
		testkit.Secret(f.namespace, "opaque", map[string]string{"x": "hunter2"}),
		testkit.Secret(f.namespace, "half", map[string]string{"tls.crt": string(certificates.Cert)}),
		testkit.Secret(f.namespace, "ftp", map[string]string{"address": "ftp://proxy.example"}),
		&corev1.ServiceAccount{
			ObjectMeta:       metav1.ObjectMeta{Namespace: f.namespace, Name: "bad-puller"},
			ImagePullSecrets: []corev1.LocalObjectReference{{Name: "none"}},
		},
	)
	named := func(name string) *meta.LocalObjectReference { return &meta.LocalObjectReference{Name: name} }
	image := registry.Host + "/app"
	digest := image + "@sha256:" + strings.Repeat("a", 64)
	const invalid, failed, refused = "ImageURLInvalid", "ReadOperationFailed", "AuthenticationFailed"
	cases := map[string]struct {
		reason   string
		image    string
		edit     func(*imageRepository)
		want     string
		stalled  bool
		mentions string
	}{
		"Scheme":             {"An image has no scheme.", "https://" + image, nil, invalid, true, "image 'https://" + image + "' should not include URL scheme; remove 'https://'"},
		"Tag":                {"Nor a tag.", image + ":1.0", nil, invalid, true, "image '" + image + ":1.0' should not include a tag; remove ':1.0'"},
		"Digest":             {"Nor a digest.", digest, nil, invalid, true, strings.Repeat("a", 64) + "'"},
		"UpperCase":          {"Paths are in lower case.", "ghcr.io/Org/App", nil, invalid, true, "Org/App"},
		"EmptyImage":         {"There has to be something.", "", nil, invalid, true, ""},
		"Exclusion":          {"A pattern that does not compile.", image, func(o *imageRepository) { o.Spec.ExclusionList = []string{"("} }, failed, false, "scan failed: failed to compile regex (: "},
		"UnknownRepository":  {"A repository that is not there.", registry.Host + "/none", nil, failed, false, "404"},
		"NoCredentials":      {"Credentials are missing.", private.Host + "/app", nil, failed, false, "401"},
		"WrongCredentials":   {"Or wrong.", private.Host + "/app", func(o *imageRepository) { o.Spec.SecretRef = named("wrong") }, failed, false, "UNAUTHORIZED"},
		"Opaque":             {"A Secret of another type counts for nothing.", private.Host + "/app", func(o *imageRepository) { o.Spec.SecretRef = named("opaque") }, failed, false, "UNAUTHORIZED"},
		"Down":               {"Nobody listens.", "127.0.0.1:1/app", nil, failed, false, "connection refused"},
		"UnknownAuthority":   {"A certificate that nobody vouches for; insecure does not change that.", secure.Host + "/app", func(o *imageRepository) { o.Spec.Insecure = true }, failed, false, "scan failed: "},
		"Slow":               {"A registry that does not answer; a millisecond counts as a second.", host(slow) + "/app", func(o *imageRepository) { o.Spec.Timeout.Duration = time.Millisecond }, failed, false, "context deadline exceeded"},
		"Limited":            {"A registry that has enough.", host(busy) + "/app", nil, failed, false, "429"},
		"SecretMissing":      {"A Secret that is not there.", image, func(o *imageRepository) { o.Spec.SecretRef = named("none") }, refused, false, "failed to configure authentication options: "},
		"AccountMissing":     {"An account that is not there.", image, func(o *imageRepository) { o.Spec.ServiceAccountName = "none" }, refused, false, "none"},
		"PullSecretMissing":  {"Or whose Secret is not there.", image, func(o *imageRepository) { o.Spec.ServiceAccountName = "bad-puller" }, refused, false, "none"},
		"MalformedConfig":    {"What is no docker config.", image, func(o *imageRepository) { o.Spec.SecretRef = named("malformed") }, refused, false, "malformed"},
		"CertWithoutKeys":    {"A certificate Secret without certificates.", image, func(o *imageRepository) { o.Spec.CertSecretRef = named("opaque") }, refused, false, "must contain either 'ca.crt' or both"},
		"CertHalf":           {"Or with half a pair.", image, func(o *imageRepository) { o.Spec.CertSecretRef = named("half") }, refused, false, "half"},
		"ProxyNoAddress":     {"A proxy without address.", image, func(o *imageRepository) { o.Spec.ProxySecretRef = named("opaque") }, refused, false, "address"},
		"ProxyScheme":        {"Or with one that is none.", image, func(o *imageRepository) { o.Spec.ProxySecretRef = named("ftp") }, refused, false, "ftp"},
		"CloudUnsupported":   {"What this version does not do is refused.", image, func(o *imageRepository) { o.Spec.Provider = "aws" }, "Unsupported", true, "spec.provider 'aws'"},
		"CloudAccountNoGate": {"The account of an object needs a gate.", image, func(o *imageRepository) { o.Spec.Provider, o.Spec.ServiceAccountName = "gcp", "x" }, "FeatureGateDisabled", true, "to use spec.serviceAccountName for provider authentication please enable the ObjectLevelWorkloadIdentity feature gate"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := f.scans(strings.ToLower(name), tc.image, func(o *imageRepository) {
				if tc.edit != nil {
					tc.edit(o)
				}
			})
			verdict(t, f, o, tc.want, tc.stalled, tc.mentions)
			f.drop(o)
		})
	}
	t.Run("Port", func(t *testing.T) { settled(f, f.scans("port", image)) })
	t.Run("NoTags", func(t *testing.T) {
		registry.PushTags(t, "empty", "a.sig")
		o := settled(f, f.scans("empty", registry.Host+"/empty"))
		if got := conditions.GetMessage(o, meta.ReadyCondition); !strings.HasPrefix(got, "successful scan: found 0 tags") {
			t.Errorf("message %q", got)
		}
		p := f.chooses("empty", semver("1.x"), func(p *imagePolicy) { p.Spec.ImageRepositoryRef.Name = "empty" })
		verdict(t, f, p, "DependencyNotReady", false, "retrying in 30s error: no tags in database")
		registry.Take()
		amend(f, o, func(o *imageRepository) { o.Spec.Timeout.Duration = 30 * time.Second })
		testkit.Eventually(t, "a scan by every run", func() bool { return len(registry.Take()) > 0 })
	})
	t.Run("StatusWiped", func(t *testing.T) {
		o := settled(f, f.scans("wiped", image))
		o.Status = imagev1.ImageRepositoryStatus{ObservedGeneration: -1}
		if err := f.cluster.Client.Status().Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		requestRun(f, o, handledRepository)
		await(f, o, "the scan", func(o *imageRepository) bool { return o.Status.LastScanResult != nil && conditions.IsReady(o) })
	})
}

// What the API server refuses by the schema.
func TestRefusedScanKinds(t *testing.T) {
	f := newFixture(t)
	many := make([]any, 26)
	for i := range many {
		many[i] = fmt.Sprintf("x%d", i)
	}
	repository := func(fields map[string]any) map[string]any {
		spec := map[string]any{"image": "ghcr.io/o/a", "interval": "5m"}
		for key, value := range fields {
			if spec[key] = value; value == nil {
				delete(spec, key)
			}
		}
		return spec
	}
	policy := func(fields map[string]any) map[string]any {
		spec := map[string]any{"imageRepositoryRef": map[string]any{"name": "web"}, "policy": map[string]any{}}
		for key, value := range fields {
			if spec[key] = value; value == nil {
				delete(spec, key)
			}
		}
		return spec
	}
	const needless, needed = "spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'", "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'"
	cases := map[string]struct {
		reason string
		kind   string
		spec   map[string]any
		want   string
	}{
		"ImageMissing":      {"Required.", "ImageRepository", repository(map[string]any{"image": nil}), "spec.image: Required"},
		"IntervalMissing":   {"Required.", "ImageRepository", repository(map[string]any{"interval": nil}), "spec.interval: Required"},
		"IntervalNumber":    {"No duration.", "ImageRepository", repository(map[string]any{"interval": int64(5)}), "spec.interval"},
		"IntervalUnit":      {"No unit.", "ImageRepository", repository(map[string]any{"interval": "5x"}), "spec.interval"},
		"IntervalDays":      {"No days.", "ImageRepository", repository(map[string]any{"interval": "1d"}), "spec.interval"},
		"IntervalNegative":  {"Not below zero.", "ImageRepository", repository(map[string]any{"interval": "-5m"}), "spec.interval"},
		"TimeoutHours":      {"No hours.", "ImageRepository", repository(map[string]any{"timeout": "1h"}), "spec.timeout"},
		"Provider":          {"A provider nobody knows.", "ImageRepository", repository(map[string]any{"provider": "harbor"}), "spec.provider"},
		"ManyExclusions":    {"Too many patterns.", "ImageRepository", repository(map[string]any{"exclusionList": many}), "spec.exclusionList"},
		"PolicyMissing":     {"Required.", "ImagePolicy", policy(map[string]any{"policy": nil}), "spec.policy: Required"},
		"RepositoryMissing": {"Required.", "ImagePolicy", policy(map[string]any{"imageRepositoryRef": nil}), "spec.imageRepositoryRef: Required"},
		"Order":             {"An order nobody knows.", "ImagePolicy", policy(map[string]any{"policy": map[string]any{"numerical": map[string]any{"order": "up"}}}), "order"},
		"IntervalNeedless":  {"An interval for nothing.", "ImagePolicy", policy(map[string]any{"interval": "5m"}), needless},
		"IntervalNeeded":    {"None where one is needed.", "ImagePolicy", policy(map[string]any{"digestReflectionPolicy": "Always"}), needed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := f.cluster.Client.Create(t.Context(), scanObject(f.namespace, imagev1.GroupVersion.String(), tc.kind, tc.spec))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\ngot %v, want %s", tc.reason, err, tc.want)
			}
		})
	}
	for _, version := range []string{"v1beta1", "v1beta2"} {
		err := f.cluster.Client.Create(t.Context(), scanObject(f.namespace, imagev1.GroupVersion.Group+"/"+version, "ImageRepository", repository(nil)))
		if err == nil || !strings.Contains(err.Error(), "no matches for kind") {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func scanObject(namespace, version, kind string, spec map[string]any) client.Object {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": version, "kind": kind, "metadata": map[string]any{"namespace": namespace, "name": "refused"}, "spec": spec,
	}}
}

// The rows of the contract's table of bad input for ImagePolicy that concern what is delivered.
func TestBadInputImagePolicy(t *testing.T) {
	f := newFixture(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0", "2")
	settled(f, f.scans("web", registry.Host+"/app"))
	blamed(f, f.scans("scheme", "https://"+registry.Host+"/app"), "ImageURLInvalid")
	blamed(f, f.scans("never", registry.Host+"/none"), "ReadOperationFailed")
	blamed(f, f.scans("cloud", registry.Host+"/app", func(o *imageRepository) { o.Spec.Provider = "azure" }), "Unsupported")
	blamed(f, f.scans("account", registry.Host+"/app", func(o *imageRepository) { o.Spec.Provider, o.Spec.ServiceAccountName = "azure", "x" }), "FeatureGateDisabled")
	numerical := imagev1.ImagePolicyChoice{Numerical: &imagev1.NumericalPolicy{}}
	alphabetical := imagev1.ImagePolicyChoice{Alphabetical: &imagev1.AlphabeticalPolicy{}}
	of := func(name string) func(*imagePolicy) {
		return func(p *imagePolicy) { p.Spec.ImageRepositoryRef.Name = name }
	}
	filter := func(pattern, extract string) func(*imagePolicy) {
		return func(p *imagePolicy) { p.Spec.FilterTags = &imagev1.TagFilter{Pattern: pattern, Extract: extract} }
	}
	none := func(*imagePolicy) {}
	cases := map[string]struct {
		reason   string
		choice   imagev1.ImagePolicyChoice
		edit     func(*imagePolicy)
		want     string
		stalled  bool
		mentions string
	}{
		"NoChoice":         {"No way to choose.", imagev1.ImagePolicyChoice{}, none, "InvalidPolicy", true, "invalid policy: given ImagePolicyChoice object is invalid"},
		"Range":            {"A range that is none.", semver("1x"), none, "InvalidPolicy", true, "invalid policy: "},
		"RangeEmpty":       {"Nor is an empty one.", semver(""), none, "InvalidPolicy", true, "invalid policy: "},
		"Pattern":          {"A pattern that does not compile.", alphabetical, filter("(", ""), "InvalidPolicy", true, "failed to filter tags: invalid regular expression pattern '(': "},
		"ExtractUnknown":   {"A group that does not exist.", numerical, filter("^([0-9]+)$", "$9"), "Failure", false, "failed to parse invalid numeric value ''"},
		"RepositoryGone":   {"A repository that is not there.", alphabetical, of("none"), "DependencyNotReady", false, "failed to get the referred ImageRepository: referenced ImageRepository does not exist: "},
		"NeverScanned":     {"Or has no tags.", alphabetical, of("never"), "DependencyNotReady", false, "retrying in 30s error: no tags in database"},
		"RepositoryScheme": {"Or an image that is none.", alphabetical, of("scheme"), "ImageURLInvalid", true, "should not include URL scheme"},
		"RepositoryCloud":  {"Or credentials this version cannot get.", alphabetical, of("cloud"), "Unsupported", true, "spec.provider 'azure'"},
		"RepositoryGate":   {"Or an account without its gate.", alphabetical, of("account"), "FeatureGateDisabled", true, "ObjectLevelWorkloadIdentity"},
		"Foreign": {"A repository of somebody else.", alphabetical, func(p *imagePolicy) {
			p.Spec.ImageRepositoryRef.Namespace = "default"
		}, "Failure", false, "failed to get the referred ImageRepository: "},
		"NoneMatch":  {"No tag takes part.", alphabetical, filter("^x$", ""), "Failure", false, "version list argument cannot be empty"},
		"NoneInside": {"Or is in the range.", semver("9.x"), none, "Failure", false, "unable to determine latest version from provided list"},
		"NoNumber":   {"A tag that is no number.", numerical, none, "Failure", false, "failed to parse invalid numeric value '1.0.0'"},
		"DigestGone": {"A tag that is gone.", semver("1.x"), func(p *imagePolicy) {
			registry.Answer(404, 404, 404)
			p.Spec.DigestReflectionPolicy = imagev1.ReflectIfNotPresent
		}, "Failed", false, "failed fetching digest of " + registry.Host + "/app:1.0.0: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := f.chooses(strings.ToLower(name), tc.choice, tc.edit)
			if name == "DigestGone" {
				await(f, p, "recovery", func(p *imagePolicy) bool { return p.Status.LatestRef != nil && p.Status.LatestRef.Digest != "" })
				return
			}
			verdict(t, f, p, tc.want, tc.stalled, tc.mentions)
		})
	}
	t.Run("TwoSelectors", func(t *testing.T) {
		both := semver("1.x")
		both.Numerical = &imagev1.NumericalPolicy{}
		f.chosen(f.chooses("both", both), registry.Host+"/app:1.0.0")
	})
}

func TestStoragePath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	program := Program()
	program.Config = suite.Cluster(t).Config
	var out bytes.Buffer
	args := []string{"--metrics-addr=0", "--health-addr=0", "--storage-path=" + filepath.Join(file, "below"), "--git-cache-path=" + t.TempDir()}
	if code := manager.Run(t.Context(), program, args, &out, &out); code != 1 || !strings.Contains(out.String(), "--storage-path") {
		t.Errorf("code %d: %s", code, &out)
	}
}
