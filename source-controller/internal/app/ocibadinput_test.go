// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// evilArchive is a layer with one entry.
func evilArchive(t *testing.T, h tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	tw := tar.NewWriter(gz)
	if err := errors.Join(tw.WriteHeader(&h), tw.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The rows of the contract's table of bad input for OCIRepository that concern what is delivered.
// Flux: source-controller contract, "Bad input → observable result".
func TestOCIBadInput(t *testing.T) {
	f := newOCIFixture(t)
	f.push("latest", map[string]string{"a": "1"})
	f.push("1.0.0", map[string]string{"a": "1"})
	for tag, layers := range map[string][]testkit.RegistryLayer{
		"none":     nil,
		"text":     {{MediaType: "text/plain", Content: []byte("hunter2")}},
		"absolute": {{MediaType: "x", Content: evilArchive(t, tar.Header{Name: "/tmp/weir-evil"})}},
		"climbing": {{MediaType: "x", Content: evilArchive(t, tar.Header{Name: "../../weir-evil"})}},
		"link":     {{MediaType: "x", Content: evilArchive(t, tar.Header{Name: "l", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"})}},
	} {
		f.registry.Push(t, imagePath, tag, testkit.RegistryArtifact{Layers: layers})
	}
	silentURL := strings.Replace(silent(t), "http://", "oci://", 1) + "/x"
	private := testkit.NewRegistry(t, testkit.RegistryOptions{Username: "user", Password: "secret"})
	privateURL := private.URL + "/" + imagePath
	certs := testkit.NewCertificates(t)
	secure := testkit.NewRegistry(t, testkit.RegistryOptions{Certificates: &certs})
	secureURL := secure.URL + "/" + imagePath
	f.cluster.Create(t,
		testkit.DockerSecret(f.namespace, "wrong", testkit.DockerConfig(private.Host, "user", "hunter2")),
		testkit.DockerSecret(f.namespace, "broken", `{"auths":{"h":{"auth":"hunter2!"}}}`),
		testkit.Secret(f.namespace, "empty", map[string]string{"x": "hunter2"}),
		testkit.Secret(f.namespace, "proxy-scheme", map[string]string{"address": "ftp://proxy:21"}),
		testkit.Secret(f.namespace, "half", map[string]string{"tls.crt": string(certs.Cert)}),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "lost"}, ImagePullSecrets: []corev1.LocalObjectReference{{Name: "nowhere"}}},
	)

	const (
		pull  = "OCIArtifactPullFailed"
		layer = "OCIArtifactLayerOperationFailed"
		read  = "ReadOperationFailed"
		login = "AuthenticationFailed"
	)
	type repository = sourcev1.OCIRepository
	at := func(r sourcev1.OCIRepositoryRef) func(*repository) {
		return func(o *repository) { o.Spec.Reference = &r }
	}
	type ref = sourcev1.OCIRepositoryRef
	cases := map[string]struct {
		reason   string
		edit     func(*repository)
		want     string
		stalled  bool
		mentions string
	}{
		"URLWithTag":    {"A tag in the URL needs a person.", func(o *repository) { o.Spec.URL += ":v1" }, "URLInvalid", true, "':v1'"},
		"URLWithDigest": {"So does a digest.", func(o *repository) { o.Spec.URL += "@sha256:0" }, "URLInvalid", true, "'@sha256:0'"},
		"URLBad":        {"And what is no repository.", func(o *repository) { o.Spec.URL = "oci://bad host/x" }, "URLInvalid", true, "bad host"},
		"MissingTag":    {"A tag that is not there is named.", at(ref{Tag: "gone"}), pull, false, "gone"},
		"BadTag":        {"So is one that cannot be.", at(ref{Tag: "no tag"}), pull, false, "no tag"},
		"MissingRepo":   {"A repository that is not there.", func(o *repository) { o.Spec.URL = f.registry.URL + "/none" }, pull, false, "none"},
		"MissingDigest": {"A digest that is not there.", at(ref{Digest: "sha256:" + strings.Repeat("0", 64)}), pull, false, "000"},
		"BadDigest":     {"A malformed digest.", at(ref{Digest: "sha256:xyz"}), pull, false, "xyz"},
		"OtherDigest":   {"One of another hash.", at(ref{Digest: "md5:" + strings.Repeat("0", 32)}), pull, false, "md5"},
		"Unauthorized":  {"A registry that asks for credentials.", func(o *repository) { o.Spec.URL = privateURL }, pull, false, "401"},
		"WrongPassword": {"Or for better ones.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = privateURL, named("wrong") }, pull, false, "401"},
		"OtherSecret":   {"A Secret of another type counts for nothing.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = privateURL, named("empty") }, pull, false, "401"},
		"UnknownCA":     {"A certificate of an unknown authority.", func(o *repository) { o.Spec.URL = secureURL }, pull, false, "certificate"},
		"UnknownHost":   {"A host that is not there.", func(o *repository) { o.Spec.URL, o.Spec.Timeout = "oci://host.invalid/x", lookup() }, pull, false, "host.invalid"},
		"Refused":       {"A refused connection.", func(o *repository) { o.Spec.URL = "oci://127.0.0.1:1/x" }, pull, false, "refused"},
		"Timeout": {"A registry that is silent is left after the timeout.", func(o *repository) {
			o.Spec.URL, o.Spec.Timeout = silentURL, &metav1.Duration{Duration: 100 * time.Millisecond}
		}, pull, false, "timeout of 100ms"},
		"SemVerInvalid": {"A range that does not parse.", at(ref{SemVer: "x y z"}), read, false, "x y z"},
		"SemVerNoMatch": {"One that nothing matches.", at(ref{SemVer: ">=9"}), read, false, ">=9"},
		"BadFilter":     {"A filter that does not parse.", at(ref{SemVer: ">=1", SemverFilter: "("}), read, false, "filter"},
		"ListRefused": {"A list of tags that is refused.", func(o *repository) {
			o.Spec.URL, o.Spec.Reference = privateURL, &ref{SemVer: ">=1"}
		}, read, false, "401"},
		"MediaType":      {"A layer that is not there.", func(o *repository) { o.Spec.LayerSelector = &sourcev1.OCILayerSelector{MediaType: "a/b"} }, layer, false, "a/b"},
		"NoLayers":       {"Or none at all.", at(ref{Tag: "none"}), layer, false, "no layers"},
		"NotGzip":        {"A layer that is no archive.", at(ref{Tag: "text"}), layer, false, "gzip"},
		"Absolute":       {"An archive that leads elsewhere.", at(ref{Tag: "absolute"}), layer, false, "/tmp/weir-evil"},
		"Climbing":       {"Or above.", at(ref{Tag: "climbing"}), layer, false, "../../weir-evil"},
		"HardLink":       {"Or to a file of ours.", at(ref{Tag: "link"}), layer, false, "'l'"},
		"SecretMissing":  {"A Secret that is not there is named.", func(o *repository) { o.Spec.SecretRef = named("nowhere") }, login, false, "nowhere"},
		"SecretBroken":   {"One that does not parse is not repeated.", func(o *repository) { o.Spec.SecretRef = named("broken") }, login, false, "broken"},
		"AccountMissing": {"A service account that is not there.", func(o *repository) { o.Spec.ServiceAccountName = "nobody" }, login, false, "nobody"},
		"PullMissing":    {"Or whose Secret is not.", func(o *repository) { o.Spec.ServiceAccountName = "lost" }, login, false, "nowhere"},
		"CertMissing":    {"A certificate Secret that is not there.", func(o *repository) { o.Spec.CertSecretRef = named("nowhere") }, login, false, "nowhere"},
		"CertEmpty":      {"Or has no certificates.", func(o *repository) { o.Spec.CertSecretRef = named("empty") }, login, false, "empty"},
		"CertHalf":       {"Or half of one.", func(o *repository) { o.Spec.CertSecretRef = named("half") }, login, false, "tls.key"},
		"ProxyMissing":   {"A proxy Secret that is not there.", func(o *repository) { o.Spec.ProxySecretRef = named("nowhere") }, login, false, "nowhere"},
		"ProxyScheme":    {"Or is of another scheme.", func(o *repository) { o.Spec.ProxySecretRef = named("proxy-scheme") }, login, false, "proxy-scheme"},
		"Unsupported": {"Fields this version does not act on are named, all of them.", func(o *repository) {
			o.Spec.Provider, o.Spec.Verification = "aws", &sourcev1.OCIRepositoryVerification{Provider: "cosign"}
		}, "Unsupported", true, "spec.provider 'aws', spec.verify"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.create(tc.edit)
			got := f.failed(tc.want)
			f.checkFault(got, got.Status.ObservedGeneration, fault{tc.reason, tc.want, tc.stalled, tc.mentions})
			f.destroy()
		})
	}
}

func TestOCIRefusedByAPIServer(t *testing.T) {
	f := newOCIFixture(t)
	for name, edit := range map[string]func(*sourcev1.OCIRepository){
		"Scheme":         func(o *sourcev1.OCIRepository) { o.Spec.URL = "https://ghcr.io/org/app" },
		"TimeoutInHours": func(o *sourcev1.OCIRepository) { o.Spec.Timeout = &metav1.Duration{Duration: time.Hour} },
		"Provider":       func(o *sourcev1.OCIRepository) { o.Spec.Provider = "other" },
		"Operation": func(o *sourcev1.OCIRepository) {
			o.Spec.LayerSelector = &sourcev1.OCILayerSelector{Operation: "unzip"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := &sourcev1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "app"}}
			o.Spec.URL, o.Spec.Interval.Duration = f.url, time.Minute
			edit(o)
			if err := f.cluster.Client.Create(t.Context(), o); !apierrors.IsInvalid(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}
