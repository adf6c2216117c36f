// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// TestBadInput walks the rows of the contract's table "Bad input → observable result" that end in a condition. Each row starts from a
// Kustomization that has applied a good revision: whatever the bad input is, what was applied must stay.
func TestBadInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--no-remote-bases", "--no-cross-namespace-refs", "--http-retry=0")
	cm := f.manifest("broken", "1")
	cases := map[string]struct {
		files   map[string]string
		edit    func(*kustomizev1.Kustomization)
		reason  string
		message string
		stalled bool
	}{
		"Row02SourceMissing": {
			edit:    func(ks *kustomizev1.Kustomization) { ks.Spec.SourceRef.Name = "absent" },
			reason:  kustomizev1.ArtifactFailedReason,
			message: `"absent" not found`,
		},
		"Row05CrossNamespace": {
			edit:   func(ks *kustomizev1.Kustomization) { ks.Spec.SourceRef.Namespace = "other" },
			reason: kustomizev1.AccessDeniedReason, message: "can't access 'GitRepository/other/fleet', cross-namespace references have been blocked", stalled: true,
		},
		"Row06ExternalArtifact": {
			edit:   func(ks *kustomizev1.Kustomization) { ks.Spec.SourceRef.Kind = "ExternalArtifact" },
			reason: kustomizev1.AccessDeniedReason, message: "ExternalArtifact feature gate is disabled", stalled: true,
		},
		"Row12PathMissing":    {files: map[string]string{"other/a.yaml": cm}, reason: kustomizev1.ArtifactFailedReason, message: "kustomization path not found"},
		"Row13PathEscapes":    {files: map[string]string{"a.yaml": cm}, edit: func(ks *kustomizev1.Kustomization) { ks.Spec.Path = "../../etc" }, reason: kustomizev1.ArtifactFailedReason, message: "kustomization path not found"},
		"Row14InvalidYAML":    {files: map[string]string{"app/a.yaml": "a: b: c"}, reason: kustomizev1.BuildFailedReason, message: "failed to decode Kubernetes YAML from"},
		"Row15InvalidYAMLRef": {files: map[string]string{"app/kustomization.yaml": "resources: [a.yaml]", "app/a.yaml": "a: b: c"}, reason: kustomizev1.BuildFailedReason, message: "kustomize build failed: accumulating resources"},
		"Row16Malformed":      {files: map[string]string{"app/kustomization.yaml": "resources: {a: b}"}, reason: kustomizev1.BuildFailedReason, message: "cannot unmarshal"},
		"Row17Outside":        {files: map[string]string{"app/kustomization.yaml": "resources: [../../../x]"}, reason: kustomizev1.BuildFailedReason, message: "kustomize build failed"},
		"Row18RemoteBase":     {files: map[string]string{"app/kustomization.yaml": "resources: ['https://127.0.0.1:1/base//x?ref=main']"}, reason: kustomizev1.BuildFailedReason, message: "kustomize build failed"},
		"Row19Component": {
			files:  map[string]string{"app/a.yaml": cm},
			edit:   func(ks *kustomizev1.Kustomization) { ks.Spec.Components = []string{"https://example.com/c"} },
			reason: kustomizev1.BuildFailedReason, message: "must be local and relative",
		},
		"Row20MissingComponent": {
			files:  map[string]string{"app/a.yaml": cm},
			edit:   func(ks *kustomizev1.Kustomization) { ks.Spec.Components = []string{"absent"} },
			reason: kustomizev1.BuildFailedReason, message: "accumulating components",
		},
		"Row21PatchHitsNothing": {
			files: map[string]string{"app/a.yaml": cm},
			edit: func(ks *kustomizev1.Kustomization) {
				ks.Spec.Patches = []kustomize.Patch{{Patch: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nobody}\ndata: {a: b}"}}
			},
			reason: kustomizev1.BuildFailedReason, message: "no matches for Id",
		},
		"Row22GenerateName": {files: map[string]string{"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}"}, reason: kustomizev1.BuildFailedReason, message: "failed to decode Kubernetes"},
		"Row23Twice":        {files: map[string]string{"app/a.yaml": cm, "app/b.yaml": cm}, reason: kustomizev1.BuildFailedReason, message: "may not add resource with an already registered id"},
		"Row25NoVariables": {
			files: map[string]string{"app/a.yaml": cm},
			edit: func(ks *kustomizev1.Kustomization) {
				ks.Spec.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{Kind: "ConfigMap", Name: "absent"}}}
			},
			reason: kustomizev1.BuildFailedReason, message: "substitute from 'ConfigMap/absent' error",
		},
		"Row26Unset": {
			files:  map[string]string{"app/a.yaml": strings.ReplaceAll(cm, `"1"`, "${nobody}")},
			edit:   withVariable("a", "b"),
			reason: kustomizev1.BuildFailedReason, message: `variable not set (strict mode): "nobody"`,
		},
		"Row27VariableName": {files: map[string]string{"app/a.yaml": cm}, edit: withVariable("a-b", "c"), reason: kustomizev1.BuildFailedReason, message: "var name is invalid, must match"},
		"Row28Expression": {
			files:  map[string]string{"app/a.yaml": strings.ReplaceAll(cm, `"1"`, `"${x"`)},
			edit:   withVariable("x", "y"),
			reason: kustomizev1.BuildFailedReason, message: "missing closing brace",
		},
		"Row29Encrypted": {
			files:   map[string]string{"app/a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: " + f.namespace + "}\nstringData: {a: 'ENC[x]'}\nsops: {mac: 'ENC[y]'}"},
			reason:  kustomizev1.ReconciliationFailedReason,
			message: "is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
		},
		"Row33DecryptionAccount": {
			edit: func(ks *kustomizev1.Kustomization) {
				ks.Spec.Decryption = &kustomizev1.Decryption{Provider: "sops", ServiceAccountName: "kms"}
			},
			reason: kustomizev1.FeatureGateDisabledReason, message: "ObjectLevelWorkloadIdentity", stalled: true,
		},
		"Row35NoCRD":       {files: map[string]string{"app/a.yaml": "apiVersion: example.com/v1\nkind: Nothing\nmetadata: {name: x, namespace: " + f.namespace + "}"}, reason: kustomizev1.ReconciliationFailedReason, message: `no matches for kind "Nothing" in version "example.com/v1"`},
		"Row36NoNamespace": {files: map[string]string{"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: not-there}"}, reason: kustomizev1.ReconciliationFailedReason, message: `not found: namespaces "not-there" not found`},
		"Row37Unspecified": {files: map[string]string{"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}"}, reason: kustomizev1.ReconciliationFailedReason, message: "namespace not specified"},
		"Row38Schema":      {files: map[string]string{"app/a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: " + f.namespace + "}\nspec: {ports: [{port: 99999999}]}"}, reason: kustomizev1.ReconciliationFailedReason, message: "dry-run failed (Invalid)"},
		"Row42Forbidden": {
			files:  map[string]string{"app/a.yaml": cm},
			edit:   func(ks *kustomizev1.Kustomization) { ks.Spec.ServiceAccountName = "nobody" },
			reason: kustomizev1.ReconciliationFailedReason, message: "dry-run failed (Forbidden)",
		},
		"Row51NoDependency": {
			edit: func(ks *kustomizev1.Kustomization) {
				ks.Spec.DependsOn = []meta.DependencyReference{{Name: "absent"}}
			},
			reason: kustomizev1.DependencyNotReadyReason, message: "dependency '" + f.namespace + "/absent' not found",
		},
		"Row53Self": {
			edit: func(ks *kustomizev1.Kustomization) {
				ks.Spec.DependsOn = []meta.DependencyReference{{Name: ks.Name}}
			},
			reason: kustomizev1.DependencyNotReadyReason, message: "dependsOn leads back to itself",
		},
		"Row55Expression": {
			edit: func(ks *kustomizev1.Kustomization) {
				ks.Spec.DependsOn = []meta.DependencyReference{{Name: "x", ReadyExpr: "'text'"}}
			},
			reason: kustomizev1.InvalidCELExpressionReason, message: "Reconciliation failed terminally due to configuration error: ", stalled: true,
		},
		"Row57HealthExpression": {
			edit: func(ks *kustomizev1.Kustomization) {
				ks.Spec.HealthCheckExprs = []kustomize.CustomHealthCheck{{APIVersion: "v1", Kind: "ConfigMap", HealthCheckExpressions: kustomize.HealthCheckExpressions{Current: "a ="}}}
			},
			reason: kustomizev1.InvalidCELExpressionReason, message: "Reconciliation failed terminally due to configuration error: ", stalled: true,
		},
		"NoDecryption": {
			edit:   func(ks *kustomizev1.Kustomization) { ks.Spec.Decryption = &kustomizev1.Decryption{Provider: "sops"} },
			reason: kustomizev1.UnsupportedReason, message: "spec.decryption is not supported yet by this version", stalled: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			good := f.push(map[string]string{"app/a.yaml": f.manifest("good", "1")})
			f.create("app", "app", nil)
			f.awaitReady("app", good)
			if tc.edit != nil {
				f.change(tc.edit)
			}
			if tc.files != nil {
				f.push(tc.files)
			}
			ks := f.await("app", "the fault shows", func(ks *kustomizev1.Kustomization) bool {
				return conditions.GetReason(ks, meta.ReadyCondition) == tc.reason &&
					strings.Contains(conditions.GetMessage(ks, meta.ReadyCondition), tc.message)
			})
			if conditions.IsStalled(ks) != tc.stalled {
				t.Errorf("Stalled = %v, want %v", conditions.IsStalled(ks), tc.stalled)
			}
			if f.configMap("good") == nil || !slices.Contains(ids(ks), f.namespace+"_good__ConfigMap") {
				t.Errorf("what was applied must stay, inventory %v", ids(ks))
			}
			f.remove("app")
		})
	}
}

func withVariable(name, value string) func(*kustomizev1.Kustomization) {
	return func(ks *kustomizev1.Kustomization) {
		ks.Spec.PostBuild = &kustomizev1.PostBuild{Substitute: map[string]string{name: value}}
	}
}

// remove deletes the Kustomization and waits until it is gone with its objects.
func (f *fixture) remove(name string) {
	f.t.Helper()
	if err := f.cluster.Client.Delete(f.t.Context(), f.get(name)); err != nil {
		f.t.Fatal(err)
	}
	f.awaitGone(name)
}

func TestBadArtifacts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--http-retry=0")
	good := f.push(map[string]string{"a.yaml": f.manifest("good", "1")})
	f.create("app", "", nil)
	f.awaitReady("app", good)
	expect := func(name, message string, artifact *meta.Artifact) {
		t.Helper()
		f.publish(artifact)
		f.await("app", name, func(ks *kustomizev1.Kustomization) bool {
			return conditions.GetReason(ks, meta.ReadyCondition) == kustomizev1.ArtifactFailedReason &&
				strings.Contains(conditions.GetMessage(ks, meta.ReadyCondition), message)
		})
		if f.configMap("good") == nil {
			t.Fatalf("%s: what was applied must stay", name)
		}
	}
	gone := f.artifacts.Add(t, "r1", map[string]string{"a.yaml": "gone"})
	f.artifacts.Remove(gone)
	expect("row 7: tarball is not there", "Source is not ready, artifact not found, retrying in 5s", gone)
	other := f.artifacts.Add(t, "r2", map[string]string{"a.yaml": "other"})
	other.Digest = "sha256:" + strings.Repeat("0", 64)
	expect("row 9: digest differs", "computed digest doesn't match provided", other)
	escape := f.artifacts.AddBytes(tarball(t, "../../escape.yaml"), "r4")
	expect("row 11: entry escapes", "failed to extract archive", escape)
	nobody := f.artifacts.Add(t, "r5", map[string]string{"a.yaml": "x"})
	nobody.URL = "http://127.0.0.1:1/x.tar.gz"
	nobody.Digest = "sha256:" + strings.Repeat("1", 64)
	expect("row 8: nobody serves it", "failed to download archive", nobody)
}

// tarball is an archive with one entry of that name.
func tarball(t *testing.T, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	archive := tar.NewWriter(zip)
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestHealthTimeout is row 60: what is named and never comes fails the check when the timeout has passed, which is never less than 30 s.
func TestHealthTimeout(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	revision := f.push(map[string]string{"a.yaml": f.manifest("good", "1")})
	f.create("app", "", func(ks *kustomizev1.Kustomization) {
		ks.Spec.HealthChecks = []meta.NamespacedObjectKindReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "absent", Namespace: f.namespace}}
		ks.Spec.Timeout = &metav1.Duration{Duration: time.Second}
	})
	var ks *kustomizev1.Kustomization
	testkit.Within(t, 2*testkit.Patience, "the missing object fails the check", func() bool {
		ks = f.get("app")
		return conditions.GetReason(ks, meta.ReadyCondition) == kustomizev1.HealthCheckFailedReason
	})
	want := "health check failed after 30s: timeout waiting for: [ConfigMap/" + f.namespace + "/absent status: 'NotFound']"
	if got := conditions.GetMessage(ks, meta.ReadyCondition); got != want {
		t.Errorf("message %q, want %q", got, want)
	}
	if !conditions.IsFalse(ks, kustomizev1.HealthyCondition) || ks.Status.LastAttemptedRevision != revision || ks.Status.LastAppliedRevision != "" ||
		f.configMap("good") == nil || len(ids(ks)) != 1 {
		t.Errorf("what was applied stays, is on record and is not called applied: %+v", ks.Status)
	}
}

func TestEmptyBuild(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.push(map[string]string{"app/a.yaml": f.manifest("a", "1")})
	f.create("app", "app", nil)
	f.awaitReady("app", first)
	second := f.push(map[string]string{"app/README.md": "nothing to apply"})
	ks := f.awaitReady("app", second)
	if f.configMap("a") != nil || ks.Status.Inventory == nil || len(ks.Status.Inventory.Entries) != 0 {
		t.Errorf("row 24: an empty directory is a success that removes everything, inventory %v", ids(ks))
	}
}
