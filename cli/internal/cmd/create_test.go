// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/kit/testkit"
)

// TestCreateBadInput holds the rows of the contract's bad-input table about create. None of them reaches a cluster.
func TestCreateBadInput(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	git := func(args ...string) []string {
		return append([]string{"create", "source", "git", "fleet", "--url=https://example.com/fleet.git", "--branch=main"}, args...)
	}
	ssh := func(args ...string) []string {
		return append([]string{"create", "source", "git", "fleet", "--url=ssh://git@example.com/fleet.git", "--branch=main"}, args...)
	}
	ks := func(args ...string) []string { return append([]string{"create", "ks", "apps"}, args...) }
	hr := func(args ...string) []string { return append([]string{"create", "hr", "app"}, args...) }
	charted := func(args ...string) []string {
		return hr(append([]string{"--chart=app", "--source=HelmRepository/apps"}, args...)...)
	}
	list := filepath.Join(t.TempDir(), "list.yaml")
	if err := os.WriteFile(list, []byte("- a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		args []string
		err  string
	}{
		"NameMissing":           {[]string{"create", "source", "git", "--url=https://example.com", "--branch=main"}, "✗ name is required"},
		"NamesSeveral":          {git("other"), "✗ one name is required"},
		"NameShort":             {[]string{"create", "ks", "a", "--source=fleet"}, "✗ name 'a' is invalid"},
		"NameBad":               {[]string{"create", "hr", "Bad_Name", "--chart-ref=HelmChart/x"}, "✗ name 'Bad_Name' is invalid"},
		"LabelWithoutValue":     {git("--label", "x"), "✗ invalid label 'x'"},
		"LabelBadKey":           {git("--label", "a b=c"), "✗ invalid label 'a b=c'"},
		"LabelBadValue":         {ks("--source=fleet", "--label", "a=b c"), "✗ invalid label 'a=b c'"},
		"Namespace":             {git("-n", "Invalid_NS"), "must be a valid DNS label"},
		"GitWithoutURL":         {[]string{"create", "source", "git", "fleet", "--branch=main"}, "✗ --url is required"},
		"GitWithoutRef":         {[]string{"create", "source", "git", "fleet", "--url=https://example.com"}, "✗ one of --branch, --tag"},
		"GitScheme":             {[]string{"create", "source", "git", "fleet", "--branch=main", "--url=ftp://example.com/x"}, "✗ --url has the scheme 'ftp', which is not supported"},
		"GitSCP":                {[]string{"create", "source", "git", "fleet", "--branch=main", "--url=git@example.com:x"}, "✗ --url cannot be parsed"},
		"GitNoHost":             {[]string{"create", "source", "git", "fleet", "--branch=main", "--url=https:///x"}, "✗ --url names no host"},
		"GitCAOverSSH":          {ssh("--ca-file=ca.pem"), "✗ --ca-file is not supported over SSH"},
		"GitCAMissing":          {git("--ca-file=none.pem"), "✗ "},
		"GitHalfLogin":          {git("--username=me"), "✗ --username and --password"},
		"GitProvider":           {git("--provider=gitlab"), "✗ invalid --provider 'gitlab'"},
		"KeyAlgorithm":          {ssh("--ssh-key-algorithm=dsa"), "✗ invalid --ssh-key-algorithm 'dsa': it is not supported"},
		"KeyCurve":              {ssh("--ssh-ecdsa-curve=p1"), "✗ invalid --ssh-ecdsa-curve 'p1': it is not supported"},
		"KeyBitsFew":            {ssh("--ssh-rsa-bits=1000"), "at least 1024"},
		"KeyBitsOdd":            {ssh("--ssh-rsa-bits=2049"), "multiple of 8"},
		"KustomizationSource":   {ks(), "✗ --source is required"},
		"KustomizationKind":     {ks("--source=HelmRepository/x"), "kind 'HelmRepository' is not supported"},
		"KustomizationRef":      {ks("--source=GitRepository/a/b"), "✗ invalid --source 'GitRepository/a/b'"},
		"KustomizationPath":     {ks("--source=fleet", "--path=/apps"), "✗ invalid --path '/apps'"},
		"HealthCheckFormat":     {ks("--source=fleet", "--health-check=x"), "✗ invalid --health-check 'x'"},
		"HealthCheckKind":       {ks("--source=fleet", "--health-check=Pod/x.default"), "kind 'Pod' is not supported"},
		"HealthCheckNamespace":  {ks("--source=fleet", "--health-check=Deployment/x"), "✗ invalid --health-check 'Deployment/x'"},
		"HealthCheckWithWait":   {ks("--source=fleet", "--wait", "--health-check=x"), "✗ invalid --health-check 'x'"},
		"DependsOn":             {ks("--source=fleet", "--depends-on=a/b/c"), "✗ invalid --depends-on 'a/b/c'"},
		"Decryption":            {ks("--source=fleet", "--decryption-provider=pgp"), "✗ invalid --decryption-provider 'pgp'"},
		"ReleaseWithoutChart":   {hr("--source=HelmRepository/apps"), "✗ one of --chart and --chart-ref is required"},
		"ReleaseBothCharts":     {charted("--chart-ref=OCIRepository/x"), "✗ one of --chart and --chart-ref is required"},
		"ReleaseChartRefKind":   {hr("--chart-ref=GitRepository/x"), "kind 'GitRepository' is not supported"},
		"ReleaseNoSource":       {hr("--chart=app"), "✗ --source is required"},
		"ReleaseSourceKind":     {hr("--chart=app", "--source=OCIRepository/x"), "kind 'OCIRepository' is not supported"},
		"ReleaseSourceNoKind":   {hr("--chart=app", "--source=apps"), "✗ invalid --source 'apps'"},
		"ReleaseStrategy":       {charted("--reconcile-strategy=X"), "✗ invalid --reconcile-strategy 'X'"},
		"ReleaseCRDs":           {charted("--crds=X"), "✗ invalid --crds 'X'"},
		"ReleaseValuesMissing":  {charted("--values=missing.yaml"), "✗ --values: "},
		"ReleaseValuesNoMap":    {charted("--values=" + list), "✗ --values "},
		"ReleaseValuesFromKind": {charted("--values-from=Pod/x"), "kind 'Pod' is not supported"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := weir(t, "", tc.args...)
			got.wants(t, "It is refused.", 1, "", tc.err)
			if got.out != "" {
				t.Errorf("stdout %q", got.out)
			}
		})
	}
	t.Run("Redacted", func(t *testing.T) {
		got := weir(t, "", "create", "source", "git", "fleet", "--branch=main", "--url=https://me:hidden@exa mple.com")
		if got.code != 1 || strings.Contains(got.err, "hidden") {
			t.Errorf("code %d, stderr %q", got.code, got.err)
		}
	})
}

func TestCreateExport(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("FLUX_SYSTEM_NAMESPACE", "")
	dir := t.TempDir()
	for name, content := range map[string]string{"a.yaml": "x: {a: 1, b: 1}\nl: [1]\n", "b.yaml": "x: {b: 2}\nl: [2]\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"Git": {
			reason: "A commit keeps its branch; labels are kept.",
			args: []string{
				"create", "source", "git", "fleet", "--url=https://example.com/fleet.git", "--branch=main", "--commit=abc", "--tag=v1", "--label=a=b,c=d", "--label=e=f",
				"--fetch-timeout=2m", "--secret-ref=login", "--proxy-secret-ref=proxy", "--provider=github", "--ignore-paths=/a,/b", "--sparse-checkout-paths=apps",
				"--recurse-submodules", "--interval=30s",
			},
			want: `---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  labels:
    a: b
    c: d
    e: f
  name: fleet
  namespace: flux-system
spec:
  ignore: |-
    /a
    /b
  interval: 30s
  provider: github
  proxySecretRef:
    name: proxy
  recurseSubmodules: true
  ref:
    branch: main
    commit: abc
  secretRef:
    name: login
  sparseCheckout:
  - apps
  timeout: 2m0s
  url: https://example.com/fleet.git
`,
		},
		"GitName": {
			reason: "A name wins over a range, a tag and a branch.",
			args:   []string{"create", "source", "git", "fleet", "--url=http://example.com", "--branch=main", "--tag=v1", "--tag-semver=1.x", "--ref-name=refs/pull/1/head"},
			want:   gitWith("name: refs/pull/1/head"),
		},
		"GitRange": {
			reason: "A range wins over a tag and a branch.",
			args:   []string{"create", "source", "git", "fleet", "--url=http://example.com", "--branch=main", "--tag=v1", "--tag-semver=1.x"},
			want:   gitWith("semver: 1.x"),
		},
		"GitTag": {
			reason: "A tag wins over a branch.",
			args:   []string{"create", "source", "git", "fleet", "--url=http://example.com", "--branch=main", "--tag=v1"},
			want:   gitWith("tag: v1"),
		},
		"Kustomization": {
			reason: "Paths cannot leave the source, health checks bring a timeout.",
			args: []string{
				"create", "kustomization", "apps", "--source=ocirepository/fleet.other", "--path=../../x", "--prune", "--health-check=deployment/web.v1.apps",
				"--health-check=HelmRelease/db.apps", "--depends-on=infra,other/base", "--service-account=sa", "--target-namespace=tn", "--decryption-secret=keys",
				"--kubeconfig-secret-ref=kc", "--retry-interval=2m", "--validation=client", "-n", "team",
			},
			want: `---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: team
spec:
  decryption:
    provider: sops
    secretRef:
      name: keys
  dependsOn:
  - name: infra
  - name: base
    namespace: other
  healthChecks:
  - apiVersion: apps/v1
    kind: Deployment
    name: web.v1
    namespace: apps
  - apiVersion: helm.toolkit.fluxcd.io/v2
    kind: HelmRelease
    name: db
    namespace: apps
  interval: 1m0s
  kubeConfig:
    secretRef:
      name: kc
  path: ./x
  prune: true
  retryInterval: 2m0s
  serviceAccountName: sa
  sourceRef:
    kind: OCIRepository
    name: fleet
    namespace: other
  targetNamespace: tn
  timeout: 2m0s
`,
		},
		"KustomizationWait": {
			reason: "Waiting for everything makes health checks needless.",
			args:   []string{"create", "ks", "apps", "--source=fleet", "--wait", "--health-check=Deployment/web.apps", "--health-check-timeout=5m"},
			want: `---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  interval: 1m0s
  path: ./
  prune: false
  sourceRef:
    kind: GitRepository
    name: fleet
  timeout: 5m0s
  wait: true
`,
		},
		"KustomizationExternal": {
			reason: "An external artifact is a source as well.",
			args:   []string{"create", "ks", "apps", "--source=ExternalArtifact/fleet", "--path=apps"},
			want: `---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  interval: 1m0s
  path: ./apps
  prune: false
  sourceRef:
    kind: ExternalArtifact
    name: fleet
`,
		},
		"HelmRelease": {
			reason: "Values are merged, lists are replaced, the release is stored where it goes.",
			args: []string{
				"create", "helmrelease", "app", "--chart=app", "--source=HelmRepository/apps.charts", "--chart-version=>1.0", "--chart-interval=10m",
				"--reconcile-strategy=Revision", "--release-name=web", "--target-namespace=tn", "--create-target-namespace", "--depends-on=db",
				"--values=" + filepath.Join(dir, "a.yaml"), "--values=" + filepath.Join(dir, "b.yaml"), "--values-from=Secret/s", "--values-from=configmap/c.v1",
				"--service-account=sa", "--crds=CreateReplace", "--kubeconfig-secret-ref=kc",
			},
			want: `---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: app
  namespace: flux-system
spec:
  chart:
    spec:
      chart: app
      interval: 10m0s
      reconcileStrategy: Revision
      sourceRef:
        kind: HelmRepository
        name: apps
        namespace: charts
      version: '>1.0'
  dependsOn:
  - name: db
  install:
    crds: Create
    createNamespace: true
  interval: 1m0s
  kubeConfig:
    secretRef:
      name: kc
  releaseName: web
  serviceAccountName: sa
  storageNamespace: tn
  targetNamespace: tn
  upgrade:
    crds: CreateReplace
  values:
    l:
    - 2
    x:
      a: 1
      b: 2
  valuesFrom:
  - kind: Secret
    name: s
  - kind: ConfigMap
    name: c.v1
`,
		},
		"HelmReleaseChartRef": {
			reason: "An object can be the chart.",
			args:   []string{"create", "hr", "app", "--chart-ref=OCIRepository/app.charts"},
			want: `---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: app
  namespace: flux-system
spec:
  chartRef:
    kind: OCIRepository
    name: app
    namespace: charts
  interval: 1m0s
`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := weir(t, "", append(tc.args, "--export")...)
			if got.code != 0 {
				t.Fatalf("code %d, stderr %q", got.code, got.err)
			}
			if diff := cmp.Diff(tc.want, got.out); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func gitWith(ref string) string {
	return "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: fleet\n  namespace: flux-system\n" +
		"spec:\n  interval: 1m0s\n  ref:\n    " + ref + "\n  url: http://example.com\n"
}

// controller makes every object of a kind in a namespace ready as soon as it changes, until the test ends.
func controller(t *testing.T, cluster *testkit.Cluster, namespace, kind string, status map[string]any) {
	t.Helper()
	watching, err := client.NewWithWatch(cluster.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k, _ := kinds.Of(kind)
	events, err := watching.Watch(t.Context(), k.List(), client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { events.Stop(); <-done })
	go func() {
		defer close(done)
		for event := range events.ResultChan() {
			obj, ok := event.Object.(*unstructured.Unstructured)
			if !ok {
				continue
			}
			if seen, _, _ := unstructured.NestedInt64(obj.Object, "status", "observedGeneration"); seen == obj.GetGeneration() {
				continue
			}
			if err := writeStatus(t.Context(), cluster.Client, obj, status, "True", "well"); err != nil && !apierrors.IsConflict(err) && t.Context().Err() == nil {
				t.Error(err)
			}
		}
	}()
}

func artifact(revision string) map[string]any {
	return map[string]any{"artifact": map[string]any{
		"revision": revision, "path": "p", "url": "http://example.com/p", "lastUpdateTime": "2026-01-01T00:00:00Z", "digest": "sha256:" + strings.Repeat("0", 64),
	}}
}

func TestCreateApply(t *testing.T) {
	cluster, namespace := connect(t)
	controller(t, cluster, namespace, "GitRepository", artifact("main@sha1:"+commit))
	controller(t, cluster, namespace, "Kustomization", map[string]any{"lastAppliedRevision": "main@sha1:" + commit})
	controller(t, cluster, namespace, "HelmRelease", map[string]any{"lastAttemptedRevision": "1.2.3"})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, testkit.NewCertificates(t).CA, 0o600); err != nil {
		t.Fatal(err)
	}
	key := client.ObjectKey{Namespace: namespace, Name: "fleet"}
	read := func(t *testing.T) *unstructured.Unstructured {
		t.Helper()
		k, _ := kinds.Of("GitRepository")
		obj := k.Object()
		if err := cluster.Client.Get(t.Context(), key, obj); err != nil {
			t.Fatal(err)
		}
		return obj
	}

	got := weir(t, "", "create", "source", "git", "fleet", "--url=https://example.com/fleet.git", "--branch=main", "--label=a=b",
		"--username=me", "--password=hidden", "--ca-file="+ca)
	want := "✚ generating GitRepository\n► applying secret with repository credentials\n✔ authentication configured\n► applying GitRepository\n" +
		"✔ GitRepository created\n◎ waiting for GitRepository reconciliation\n✔ GitRepository fleet is ready\n✔ fetched revision main@sha1:" + commit + "\n"
	if diff := cmp.Diff(want, got.err); diff != "" || got.code != 0 || got.out != "" {
		t.Errorf("code %d, stdout %q, stderr (-want +got):\n%s", got.code, got.out, diff)
	}
	var secret corev1.Secret
	if err := cluster.Client.Get(t.Context(), key, &secret); err != nil {
		t.Fatal(err)
	}
	if secret.Labels["a"] != "b" || string(secret.Data["username"]) != "me" || string(secret.Data["password"]) != "hidden" || len(secret.Data["ca.crt"]) == 0 {
		t.Errorf("labels %v, keys %v", secret.Labels, secret.Data)
	}
	if name, _, _ := unstructured.NestedString(read(t).Object, "spec", "secretRef", "name"); name != "fleet" {
		t.Errorf("the source refers to Secret %q", name)
	}

	got = weir(t, "", "create", "source", "git", "fleet", "--url=http://example.com/fleet.git", "--tag=v1")
	got.wants(t, "The second time it is updated.", 0, "", "✔ GitRepository updated")
	got.wants(t, "What is not safe is said.", 0, "", "⚠️ insecure")
	spec, _, _ := unstructured.NestedMap(read(t).Object, "spec")
	if diff := cmp.Diff(map[string]any{
		"interval": "1m0s", "ref": map[string]any{"tag": "v1"}, "timeout": "60s", "url": "http://example.com/fleet.git",
	}, spec); diff != "" {
		t.Errorf("the whole spec is replaced (-want +got):\n%s", diff)
	}
	if labels := read(t).GetLabels(); len(labels) != 0 {
		t.Errorf("labels are replaced, got %v", labels)
	}

	weir(t, "", "create", "ks", "apps", "--source=fleet", "--prune").wants(t, "The revision is shown.", 0, "", "✔ applied revision main@sha1:"+commit)
	weir(t, "", "create", "hr", "app", "--chart=app", "--source=HelmRepository/apps").wants(t, "The version is shown.", 0, "", "✔ applied revision 1.2.3")
	weir(t, "", "create", "source", "git", "other", "--url=https://example.com", "--branch=main", "-n", "none").
		wants(t, "What the API server refuses is said.", 1, "", "✗ apply GitRepository other: ")
}

func TestCreateWaits(t *testing.T) {
	connect(t)
	weirUntil(t, "waiting for Kustomization", "create", "ks", "apps", "--source=fleet").
		wants(t, "Nobody reconciles it.", 130, "", "✔ Kustomization created\n◎ waiting for Kustomization reconciliation\n✗ interrupted\n")
}

func TestCreateGitSSH(t *testing.T) {
	cluster, namespace := connect(t)
	controller(t, cluster, namespace, "GitRepository", artifact("main@sha1:"+commit))
	address, known := testkit.NewGitServer(t).SSH(t)
	own := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(own, testkit.NewIdentity(t, "secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason  string
		stdin   string
		args    []string
		keyType string
		code    int
		err     string
	}{
		"ecdsa":    {"A key is made and shown.", "y\n", nil, ssh.KeyAlgoECDSA384, 0, "✚ deploy key: ecdsa-sha2-nistp384 "},
		"curve":    {"Of another curve.", "", []string{"-s", "--ssh-ecdsa-curve=p521"}, ssh.KeyAlgoECDSA521, 0, "✔ authentication configured"},
		"rsa":      {"Of another kind.", "", []string{"-s", "--ssh-key-algorithm=rsa", "--ssh-rsa-bits=1024"}, ssh.KeyAlgoRSA, 0, ""},
		"ed25519":  {"Of another kind.", "", []string{"-s", "--ssh-key-algorithm=ed25519"}, ssh.KeyAlgoED25519, 0, ""},
		"own":      {"A key that is there is used.", "", []string{"-s", "--private-key-file=" + own, "--password=secret"}, ssh.KeyAlgoED25519, 0, ""},
		"locked":   {"A key that cannot be read is refused.", "", []string{"-s", "--private-key-file=" + own}, "", 1, "✗ --private-key-file: "},
		"missing":  {"A key that is not there as well.", "", []string{"-s", "--private-key-file=none"}, "", 1, "✗ --private-key-file: "},
		"declined": {"Nobody has added it.", "n\n", nil, "", 1, "✗ aborting"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := weir(t, tc.stdin, append([]string{"create", "source", "git", name, "--url=" + address + "/fleet.git", "--branch=main"}, tc.args...)...)
			got.wants(t, tc.reason, tc.code, "", tc.err)
			var secret corev1.Secret
			err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &secret)
			if tc.code != 0 {
				if !apierrors.IsNotFound(err) {
					t.Errorf("the cluster is left unchanged, got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			public, _, _, _, err := ssh.ParseAuthorizedKey(secret.Data["identity.pub"])
			if err != nil || public.Type() != tc.keyType {
				t.Errorf("public key %q: %v", secret.Data["identity.pub"], err)
			}
			if block, _ := pem.Decode(secret.Data["identity"]); block == nil {
				t.Error("identity is no PEM")
			}
			if !strings.HasPrefix(string(secret.Data["known_hosts"]), "[127.0.0.1]:") || len(known) == 0 {
				t.Errorf("known_hosts %q, want like %q", secret.Data["known_hosts"], known)
			}
			if _, has := secret.Data["password"]; has != (name == "own") {
				t.Errorf("keys %v", secret.Data)
			}
		})
	}
	weir(t, "", "create", "source", "git", "down", "--url=ssh://git@127.0.0.1:1/x", "--branch=main", "-s").
		wants(t, "A server that is not there has no key.", 1, "", "✗ public key of SSH server 127.0.0.1:1: ")
}
