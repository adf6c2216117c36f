// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// The rows of the contract's table of bad input for HelmRepository.
// Flux: source-controller contract, "Bad input → observable result".
func TestHelmRepositoryBadInput(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{}, "--helm-index-max-size=2000")
	certs := testkit.NewCertificates(t)
	private := testkit.NewHelmServer(t, testkit.HelmServerOptions{Username: "user", Password: "secret"})
	secure := testkit.NewHelmServer(t, testkit.HelmServerOptions{Certificates: &certs})
	silent := silent(t)
	sideways := httptest.NewServer(http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	t.Cleanup(sideways.Close)
	for name, data := range map[string]map[string]string{
		"wrong":       {"username": "user", "password": "hunter2"},
		"no-password": {"username": "user"},
		"no-username": {"password": "hunter2"},
		"no-keys":     {"other": "x"},
		"half":        {"tls.crt": string(certs.Cert)},
		"bad-ca":      {"ca.crt": "hunter2"},
	} {
		f.cluster.Create(t, testkit.Secret(f.namespace, name, data))
	}
	type repository = sourcev1.HelmRepository
	cases := map[string]struct {
		reason   string
		index    string
		edit     func(*repository)
		want     string
		stalled  bool
		mentions string
	}{
		"NotFound":      {reason: "No index.", edit: func(o *repository) { o.Spec.URL = f.helm.URL + "/none" }, want: "Failed", mentions: "404"},
		"Unauthorized":  {reason: "A server that wants credentials.", edit: func(o *repository) { o.Spec.URL = private.URL }, want: "Failed", mentions: "401"},
		"WrongPassword": {reason: "Or other ones.", edit: func(o *repository) { o.Spec.URL, o.Spec.SecretRef = private.URL, named("wrong") }, want: "Failed", mentions: "401"},
		"Refused":       {reason: "A refused connection.", edit: func(o *repository) { o.Spec.URL = "http://127.0.0.1:1" }, want: "Failed", mentions: "refused"},
		"UnknownHost":   {reason: "An unknown host.", edit: func(o *repository) { o.Spec.URL, o.Spec.Timeout = "http://host.invalid", lookup() }, want: "Failed", mentions: "host.invalid"},
		"Timeout": {reason: "No answer in time.", edit: func(o *repository) {
			o.Spec.URL, o.Spec.Timeout = silent, &metav1.Duration{Duration: 50 * time.Millisecond}
		}, want: "Failed", mentions: "timeout of 50ms"},
		"UnknownCA":       {reason: "A certificate that nobody vouches for.", edit: func(o *repository) { o.Spec.URL = secure.URL }, want: "Failed", mentions: "certificate"},
		"Redirect":        {reason: "A redirect out of HTTP.", edit: func(o *repository) { o.Spec.URL = sideways.URL }, want: "Failed", mentions: "file"},
		"TooLarge":        {reason: "More than allowed.", index: "apiVersion: v1\n# " + strings.Repeat("x", 2000), want: "Failed", mentions: "2000 bytes"},
		"NotYAML":         {reason: "Something else than YAML.", index: "<html>: [", want: "IndexationFailed", mentions: "invalid index"},
		"HTML":            {reason: "A page.", index: "<html>", want: "IndexationFailed", mentions: "invalid index"},
		"DuplicateKeys":   {reason: "A key that is there twice.", index: "apiVersion: v1\nentries: {}\nentries: {}\n", want: "IndexationFailed", mentions: "already set"},
		"NoAPIVersion":    {reason: "No version.", index: "entries: {}\n", want: "IndexationFailed", mentions: "apiVersion"},
		"Empty":           {reason: "Nothing.", index: "\n", want: "IndexationFailed", mentions: "apiVersion"},
		"OCI":             {reason: "A registry without saying so.", edit: func(o *repository) { o.Spec.URL = "oci://registry.example/charts" }, want: "URLInvalid", stalled: true, mentions: "oci"},
		"URLDoesNotParse": {reason: "A URL that is none.", edit: func(o *repository) { o.Spec.URL = "http://user:hunter2@bad host" }, want: "URLInvalid", stalled: true, mentions: "host"},
		"NoSecret":        {reason: "A Secret that is not there.", edit: func(o *repository) { o.Spec.SecretRef = named("none") }, want: "AuthenticationFailed", mentions: "none"},
		"NoPassword":      {reason: "A user without a password.", edit: func(o *repository) { o.Spec.SecretRef = named("no-password") }, want: "AuthenticationFailed", mentions: "password"},
		"NoUsername":      {reason: "A password without a user.", edit: func(o *repository) { o.Spec.SecretRef = named("no-username") }, want: "AuthenticationFailed", mentions: "username"},
		"NoCertificate":   {reason: "A certificate Secret without certificates.", edit: func(o *repository) { o.Spec.CertSecretRef = named("no-keys") }, want: "AuthenticationFailed", mentions: "ca.crt"},
		"HalfPair":        {reason: "Half a pair.", edit: func(o *repository) { o.Spec.CertSecretRef = named("half") }, want: "AuthenticationFailed", mentions: "tls.key"},
		"BadCA":           {reason: "An authority that is none.", edit: func(o *repository) { o.Spec.CertSecretRef = named("bad-ca") }, want: "AuthenticationFailed", mentions: "bad-ca"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			if tc.index != "" {
				f.helm.SetFile("/index.yaml", []byte(tc.index))
			}
			object := strings.ToLower(name)
			f.repository(func(o *repository) {
				o.Name = object
				if tc.edit != nil {
					tc.edit(o)
				}
			})
			o := await(f, object, tc.want, func(o *repository) bool {
				return conditions.GetReason(o, sourcev1.FetchFailedCondition) == tc.want && !conditions.IsUnknown(o, meta.ReadyCondition)
			})
			f.checkFault(o, o.Status.ObservedGeneration, fault{tc.reason, tc.want, tc.stalled, tc.mentions})
			remove[repository](f, object)
		})
	}
}

// The rows of the contract's table of bad input for HelmChart, and of what this version does not do.
// Flux: source-controller contract, "Bad input → observable result".
func TestHelmChartBadInput(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{}, "--helm-chart-max-size=5000", "--helm-chart-file-max-size=3000", "--helm-cache-max-size=5")
	private := testkit.NewHelmServer(t, testkit.HelmServerOptions{Username: "user", Password: "secret"})
	private.Add(t, app("1.0.0"))
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushChart(t, "charts/app", "1.0.0", app("1.0.0").Package(t))
	certs := testkit.NewCertificates(t)
	unknown := testkit.NewRegistry(t, testkit.RegistryOptions{Certificates: &certs})
	noisy := make([]byte, 6000) // that do not compress
	if _, err := rand.NewChaCha8([32]byte{}).Read(noisy); err != nil {
		t.Fatal(err)
	}
	f.helm.Add(t, app("1.0.0"), testkit.Chart{Name: "gone", Version: "1.0.0"}, testkit.Chart{Name: "bad", Version: "1.0.0"},
		testkit.Chart{Name: "large", Version: "1.0.0", Files: map[string]string{"a": string(noisy)}},
		testkit.Chart{Name: "largefile", Version: "1.0.0", Files: map[string]string{"a": strings.Repeat("a", 3001)}},
		testkit.Chart{Name: "badvalues", Version: "1.0.0", Files: map[string]string{"more.yaml": "a: ["}})
	f.helm.SetFile("/gone-1.0.0.tgz", nil)
	f.helm.SetFile("/bad-1.0.0.tgz", []byte("<html>"))
	f.repository()
	tree := app("1.0.0").Tree("charts/app")
	for _, c := range []testkit.Chart{
		{Name: "none", Version: "1.0.0", Dependencies: []string{"{name: x, version: 1.0.0, repository: file://../absent}"}},
		{Name: "alias", Version: "1.0.0", Dependencies: []string{"{name: x, version: 1.0.0, repository: '@charts'}"}},
		{Name: "unmet", Version: "1.0.0", Dependencies: []string{"{name: app, version: 2.x, repository: file://../app}"}},
		{Name: "offline", Version: "1.0.0", Dependencies: []string{"{name: app, version: 2.x, repository: 'http://127.0.0.1:1'}"}},
		{Name: "unlisted", Version: "1.0.0", Dependencies: []string{"{name: app, version: 9.x, repository: '" + f.helm.URL + "'}"}},
		{Name: "large", Version: "1.0.0", Files: map[string]string{"a": strings.Repeat("a", 3001)}},
		{Name: "huge", Version: "1.0.0", Files: map[string]string{"a": string(noisy[:3000]), "b": string(noisy[3000:])}},
	} {
		maps.Copy(tree, c.Tree("charts/"+c.Name))
	}
	tree["charts/invalid/Chart.yaml"] = "name: ["
	tree["charts/packed.tgz"] = "no archive"
	tree["bad.yaml"] = "a: ["
	f.commit("first", tree)
	f.create()
	f.ready()
	for name, change := range map[string]func(*sourcev1.HelmRepository){
		"private":  func(o *sourcev1.HelmRepository) { o.Spec.URL, o.Spec.SecretRef = private.URL, named("creds") },
		"registry": func(o *sourcev1.HelmRepository) { o.Spec.Type, o.Spec.URL = "oci", registry.URL+"/charts" },
		"unknown":  func(o *sourcev1.HelmRepository) { o.Spec.Type, o.Spec.URL = "oci", unknown.URL+"/charts" },
		"http":     func(o *sourcev1.HelmRepository) { o.Spec.Type = "oci" },
		"cloud": func(o *sourcev1.HelmRepository) {
			o.Spec.Type, o.Spec.URL, o.Spec.Provider = "oci", registry.URL, "aws"
		},
		"nothing": func(o *sourcev1.HelmRepository) { o.Spec.URL = "http://127.0.0.1:1" },
	} {
		f.repository(func(o *sourcev1.HelmRepository) { o.Name = name; change(o) })
	}
	creds := testkit.Secret(f.namespace, "creds", map[string]string{"username": "user", "password": "secret"})
	f.cluster.Create(t, creds)
	await(f, "private", "Ready", func(o *sourcev1.HelmRepository) bool { return conditions.IsReady(o) })
	creds.Data = map[string][]byte{"username": []byte("user"), "password": []byte("hunter2")}
	if err := f.cluster.Client.Update(t.Context(), creds); err != nil {
		t.Fatal(err)
	}

	type chart = sourcev1.HelmChart
	from := func(name string) func(*chart) { return func(o *chart) { o.Spec.SourceRef.Name = name } }
	named := func(name, version string) func(*chart) {
		return func(o *chart) { o.Spec.Chart, o.Spec.Version = name, version }
	}
	values := func(files ...string) func(*chart) { return func(o *chart) { o.Spec.ValuesFiles = files } }
	const fetch, build = sourcev1.FetchFailedCondition, sourcev1.BuildFailedCondition
	cases := map[string]struct {
		reason   string
		edit     []func(*chart)
		on, want string
		stalled  bool
		mentions string
	}{
		"NoSource":         {"A source that is not there.", []func(*chart){from("missing")}, fetch, "SourceUnavailable", false, "missing"},
		"NoArtifact":       {"A source without an artifact.", []func(*chart){from("nothing")}, fetch, "NoSourceArtifact", false, "no artifact available for HelmRepository source 'nothing'"},
		"UpperCase":        {"A name that charts do not have.", []func(*chart){named("App", "")}, fetch, "InvalidChartReference", true, "App"},
		"DotDot":           {"A name that leads away.", []func(*chart){named("../app", "")}, fetch, "InvalidChartReference", true, "../app"},
		"NoChart":          {"A chart that is not listed.", []func(*chart){named("other", "")}, fetch, "InvalidChartReference", true, "other"},
		"NoVersion":        {"A version that is not.", []func(*chart){named("app", ">9")}, fetch, "InvalidChartReference", true, ">9"},
		"BadConstraint":    {"A version that is none.", []func(*chart){named("app", "a b c")}, fetch, "InvalidChartReference", true, "a b c"},
		"Gone":             {"An archive that is not there.", []func(*chart){named("gone", "")}, fetch, "ChartPullError", false, "404"},
		"NoArchive":        {"One that is none.", []func(*chart){named("bad", "")}, fetch, "ChartPullError", false, "archive"},
		"LargeArchive":     {"One that is too large.", []func(*chart){named("large", "")}, fetch, "ChartPullError", false, "5000 bytes"},
		"LargeFile":        {"A file in it that is.", []func(*chart){named("largefile", ""), values("a")}, build, "ChartPackageError", false, "3000"},
		"WrongPassword":    {"Credentials that are refused.", []func(*chart){from("private")}, fetch, "AuthenticationFailed", false, "401"},
		"ValuesMissing":    {"A values file that is not there.", []func(*chart){values("none.yaml")}, build, "ValuesFilesError", true, "none.yaml"},
		"ValuesInvalid":    {"One that is no YAML.", []func(*chart){named("badvalues", ""), values("more.yaml")}, build, "ValuesFilesError", true, "more.yaml"},
		"TagMissing":       {"A tag that is not there.", []func(*chart){from("registry"), named("app", "9.9.9")}, fetch, "ChartPullError", false, "9.9.9"},
		"TagRange":         {"A range without one.", []func(*chart){from("registry"), named("app", ">9")}, fetch, "ChartPullError", false, ">9"},
		"TagNonsense":      {"A range that is none.", []func(*chart){from("registry"), named("app", "a b c")}, fetch, "ChartPullError", false, "a b c"},
		"UnknownCA":        {"A registry whose certificate nobody vouches for.", []func(*chart){from("unknown")}, fetch, "AuthenticationFailed", false, "certificate"},
		"RegistryOverHTTP": {"A registry with another URL.", []func(*chart){from("http")}, fetch, "Failed", true, "oci"},
		"Cloud":            {"A registry that wants a cloud identity is not supported yet.", []func(*chart){from("cloud")}, fetch, "Unsupported", true, "spec.provider"},
		"GitMissing":       {"A path that is not there.", []func(*chart){fromGit("charts/other")}, fetch, "InvalidChartReference", true, "charts/other"},
		"GitNoChart":       {"A directory that is no chart.", []func(*chart){fromGit("charts")}, fetch, "InvalidChartReference", true, "Chart.yaml"},
		"GitInvalid":       {"A Chart.yaml that is none.", []func(*chart){fromGit("charts/invalid")}, fetch, "InvalidChartReference", true, "Chart.yaml"},
		"GitNoArchive":     {"An archive that is none.", []func(*chart){fromGit("charts/packed.tgz")}, fetch, "InvalidChartReference", true, "packed.tgz"},
		"GitLargeFile":     {"A file in a chart that is too large.", []func(*chart){fromGit("charts/large")}, build, "ChartPackageError", false, "3000"},
		"GitLarge":         {"A chart that is.", []func(*chart){fromGit("charts/huge")}, build, "ChartPackageError", false, "larger"},
		"GitValuesMissing": {"A values file that is not in the tree.", []func(*chart){fromGit("charts/app"), values("charts/app/values.yaml", "none.yaml")}, build, "ValuesFilesError", true, "none.yaml"},
		"GitValuesInvalid": {"One that is no YAML.", []func(*chart){fromGit("charts/app"), values("bad.yaml")}, build, "ValuesFilesError", true, "bad.yaml"},
		"DependencyNone":   {"A dependency that is not in the tree.", []func(*chart){fromGit("charts/none")}, build, "DependencyBuildError", false, "charts/absent"},
		"DependencyAlias":  {"One by the alias of a repository.", []func(*chart){fromGit("charts/alias")}, build, "DependencyBuildError", false, "@charts"},
		"DependencyUnmet":  {"One in another version.", []func(*chart){fromGit("charts/unmet")}, build, "DependencyBuildError", false, "2.x"},
		"DependencyDown":   {"One whose repository does not answer.", []func(*chart){fromGit("charts/offline")}, build, "DependencyBuildError", false, "refused"},
		"DependencyAbsent": {"One that its repository does not have.", []func(*chart){fromGit("charts/unlisted")}, build, "DependencyBuildError", false, "9.x"},
		"Bucket":           {"A Bucket is not supported yet.", []func(*chart){func(o *chart) { o.Spec.SourceRef.Kind = "Bucket" }}, meta.StalledCondition, "Unsupported", true, "Bucket"},
		"Verify":           {"Signatures are not supported yet.", []func(*chart){func(o *chart) { o.Spec.Verify = &sourcev1.HelmChartVerification{Provider: "cosign"} }}, meta.StalledCondition, "Unsupported", true, "spec.verify"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			object := strings.ToLower(name)
			f.chart(object, tc.edit...)
			o := await(f, object, tc.want, func(o *chart) bool {
				return conditions.GetReason(o, tc.on) == tc.want && !conditions.IsUnknown(o, meta.ReadyCondition)
			})
			f.checkFault(o, o.Status.ObservedGeneration, fault{tc.reason, tc.want, tc.stalled, tc.mentions})
			remove[chart](f, object)
		})
	}
}

// What the API server refuses. Flux: source-controller contract, "Bad input → observable result".
func TestHelmRefusedByAPIServer(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	repository := &sourcev1.HelmRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "charts"}}
	repository.Spec.URL = "ftp://charts"
	if err := f.cluster.Client.Create(t.Context(), repository); !apierrors.IsInvalid(err) {
		t.Errorf("a URL of another scheme: %v", err)
	}
	cases := map[string]struct {
		reason string
		edit   func(*sourcev1.HelmChart)
	}{
		"VerifyFromGit": {"Only charts of a Helm repository are signed.", func(o *sourcev1.HelmChart) {
			o.Spec.SourceRef.Kind = sourcev1.GitRepositoryKind
			o.Spec.Verify = &sourcev1.HelmChartVerification{Provider: "cosign"}
		}},
		"SourceKind": {"Charts come from three kinds.", func(o *sourcev1.HelmChart) { o.Spec.SourceRef.Kind = sourcev1.OCIRepositoryKind }},
		"Strategy":   {"There are two strategies.", func(o *sourcev1.HelmChart) { o.Spec.ReconcileStrategy = "Always" }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := &sourcev1.HelmChart{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "c"}}
			o.Spec.Chart, o.Spec.Interval.Duration = "app", time.Hour
			o.Spec.SourceRef = sourcev1.LocalHelmChartSourceReference{Kind: sourcev1.HelmRepositoryKind, Name: "charts"}
			tc.edit(o)
			if err := f.cluster.Client.Create(t.Context(), o); !apierrors.IsInvalid(err) {
				t.Errorf("%s\n%v", tc.reason, err)
			}
		})
	}
}
