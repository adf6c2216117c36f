// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// TestRefusedByServer holds the rows of section 19 that the API server itself answers.
func TestRefusedByServer(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		edit   func(*helmv2.HelmRelease)
		text   string
	}{
		"NoChart": {reason: "Neither of chart and chartRef.", edit: func(hr *helmv2.HelmRelease) { hr.Spec.ChartRef = nil }, text: "either chart or chartRef must be set"},
		"BothCharts": {reason: "Both of chart and chartRef.", edit: func(hr *helmv2.HelmRelease) {
			hr.Spec.Chart = templateSpec()
		}, text: "either chart or chartRef must be set"},
		"RetryIntervalInstall": {reason: "retryInterval with RemediateOnFailure.", edit: func(hr *helmv2.HelmRelease) {
			hr.Spec.Install = &helmv2.Install{Strategy: &helmv2.InstallStrategy{Name: helmv2.RemediateOnFailure, RetryInterval: &metav1.Duration{Duration: time.Minute}}}
		}, text: ".retryInterval cannot be set when .name is 'RemediateOnFailure'"},
		"RetryIntervalUpgrade": {reason: "retryInterval with RemediateOnFailure.", edit: func(hr *helmv2.HelmRelease) {
			hr.Spec.Upgrade = &helmv2.Upgrade{Strategy: &helmv2.UpgradeStrategy{Name: helmv2.RemediateOnFailure, RetryInterval: &metav1.Duration{Duration: time.Minute}}}
		}, text: ".retryInterval can only be set when .name is 'RetryOnFailure'"},
	}
	f := newIdleFixture(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			hr := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "app"}}
			hr.Spec.Interval.Duration = time.Hour
			hr.Spec.ChartRef = &helmv2.CrossNamespaceSourceReference{Kind: sourcev1.HelmChartKind, Name: "demo"}
			tc.edit(hr)
			if err := f.cluster.Client.Create(t.Context(), hr); err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s\ngot %v, want %q", tc.reason, err, tc.text)
			}
		})
	}
}

func templateSpec() *helmv2.HelmChartTemplate {
	return &helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{
		Chart: "demo", SourceRef: helmv2.CrossNamespaceObjectReference{Kind: sourcev1.HelmRepositoryKind, Name: "charts"},
	}}
}

// badChart is one row of section 19 about charts and values.
type badChart struct {
	reason  string
	files   map[string]string // of the chart
	edit    func(*helmv2.HelmRelease)
	objects func(namespace string) []client.Object
	status  string // reason of Ready
	text    string // in its message
	counted bool   // a revision is stored, and the failure counted
}

// TestBadCharts holds the rows of section 19 about an install that fails.
func TestBadCharts(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte('a' + rand.IntN(26))
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "- {name: db, version: 1.0.0, alias: db%d}\n", i)
	}
	cases := map[string]badChart{
		"TemplateError": {
			reason: "A template that fails is not stored and not counted.", files: map[string]string{"templates/bad.yaml": "{{ fail \"on purpose\" }}"},
			status: helmv2.InstallFailedReason, text: "on purpose",
		},
		"RequiredMissing": {
			reason: "Nor is a value that is required and missing.", edit: func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"value": nil}) },
			status: helmv2.InstallFailedReason, text: "a value is needed",
		},
		"Schema": {
			reason: "Nor are values that violate the schema.", files: map[string]string{"values.schema.json": `{"properties":{"value":{"type":"integer"}}}`},
			status: helmv2.InstallFailedReason, text: "values don't meet the specifications of the schema(s) in the following chart(s):",
		},
		"SchemaFile": {
			reason: "Nor is one whose schema wants files of the controller to be read.", files: map[string]string{"values.schema.json": `{"$ref":"file:///etc/hostname"}`},
			status: helmv2.InstallFailedReason, text: `schema refers to "file:///etc/hostname": files are not read`,
		},
		"ManyCharts": {
			reason: "Nor is one that would become very many.", files: map[string]string{
				"Chart.yaml":           "apiVersion: v2\nname: demo\nversion: 1.0.0\ndependencies:\n" + many.String(),
				"charts/db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 1.0.0\n",
			},
			status: helmv2.ArtifactFailedReason, text: "Could not load chart: dependencies make more than 1000 charts of it",
		},
		"KubeVersion": {
			reason: "Nor is a chart for another Kubernetes.", files: map[string]string{"Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.0.0\nkubeVersion: '>=99.0.0'\n"},
			status: helmv2.InstallFailedReason, text: "chart requires kubeVersion: >=99.0.0 which is incompatible with Kubernetes",
		},
		"PostRender": {
			reason: "Nor is what cannot be post-rendered.", edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.PostRenderers = []helmv2.PostRenderer{{Kustomize: &helmv2.Kustomize{Patches: []kustomize.Patch{{Patch: "[{op: replace, path: /nowhere/at/all, value: 1}]", Target: &kustomize.Selector{Kind: "ConfigMap"}}}}}}
			},
			status: helmv2.InstallFailedReason, text: "error while running post render on files",
		},
		"UnknownKind": {
			reason: "Nor is a kind that nobody knows.", files: map[string]string{"templates/bad.yaml": "apiVersion: example.com/v1\nkind: Nothing\nmetadata: {name: x}\n"},
			status: helmv2.InstallFailedReason, text: "unable to build kubernetes objects from release manifest",
		},
		"Owned": {
			reason: "Nor is an object of somebody else that must not be taken over.", edit: func(hr *helmv2.HelmRelease) { hr.Spec.Install = &helmv2.Install{DisableTakeOwnership: true} },
			objects: func(ns string) []client.Object { return []client.Object{testkit.ConfigMap(ns, "app-config", nil)} },
			status:  helmv2.InstallFailedReason, text: "exists and cannot be imported into the current release: invalid ownership metadata",
		},
		"TooLarge": {
			reason: "Nor is a release that is too large to store.", files: map[string]string{"files/noise.txt": string(noise)},
			status: helmv2.InstallFailedReason, text: "Too long",
		},
		"Refused": {
			reason: "What the API server refuses is stored and counted.", edit: func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"broken": true}) },
			status: helmv2.InstallFailedReason, text: "not valid!", counted: true,
		},
		"UnknownField": {
			reason: "So is an unknown field, which server-side apply checks strictly.", files: map[string]string{"templates/bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\nbogus: true\n"},
			edit:   func(hr *helmv2.HelmRelease) { hr.Spec.Install = &helmv2.Install{DisableOpenAPIValidation: true} },
			status: helmv2.InstallFailedReason, text: "bogus", counted: true,
		},
		"NoNamespace": {
			reason: "So is a target namespace that is not there, when the storage is elsewhere.", edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.TargetNamespace, hr.Spec.ReleaseName = "no-such-namespace", "app"
			},
			status: helmv2.InstallFailedReason, text: "no-such-namespace", counted: true,
		},
		"Unready": {
			reason: "So is what does not get ready in time.", files: map[string]string{"templates/web.yaml": deployment},
			edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.Install = &helmv2.Install{Timeout: &metav1.Duration{Duration: 200 * time.Millisecond}}
			},
			status: helmv2.InstallFailedReason, text: "timeout waiting for: [Deployment/", counted: true,
		},
		"Hook": {
			reason: "So is a hook that does not come to its end.", files: map[string]string{"templates/hook.yaml": hook("pre-install")},
			edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.Install = &helmv2.Install{Timeout: &metav1.Duration{Duration: 200 * time.Millisecond}}
			},
			status: helmv2.InstallFailedReason, text: "failed pre-install: ", counted: true,
		},
		"ValuesMissing": {
			reason: "Values from a ConfigMap that is not there.", edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.ValuesFrom = []meta.ValuesReference{{Kind: "ConfigMap", Name: "none"}}
			},
			status: helmv2.ValuesErrorReason, text: "could not resolve ConfigMap chart values reference",
		},
		"ValuesNoMap": {
			reason: "Values that are no map.", edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.ValuesFrom = []meta.ValuesReference{{Kind: "ConfigMap", Name: "list"}}
			},
			objects: func(ns string) []client.Object {
				return []client.Object{testkit.ConfigMap(ns, "list", map[string]string{"values.yaml": "[1, 2]"})}
			},
			status: helmv2.ValuesErrorReason, text: "could not resolve ConfigMap chart values reference",
		},
		"NoSource": {
			reason: "A source that is not there.", edit: func(hr *helmv2.HelmRelease) { hr.Spec.ChartRef.Name = "none" },
			status: helmv2.ArtifactFailedReason, text: "could not get Source object:",
		},
		"NoAccount": {
			reason: "An account that is not there may not read the storage.", edit: func(hr *helmv2.HelmRelease) { hr.Spec.ServiceAccountName = "nobody" },
			status: helmv2.StateErrorReason, text: "Could not determine release state: ",
		},
	}
	f := newFixture(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := *f
			f.t = t
			if tc.objects != nil {
				f.cluster.Create(t, tc.objects(f.namespace)...)
			}
			// A source of its own: that of another case may still be what the cache has under the same name.
			source := strings.ToLower(name)
			f.show(source, f.artifacts.AddBytes(chart("1.0.0", tc.files).Package(t), "1.0.0"))
			f.create("app", func(hr *helmv2.HelmRelease) {
				hr.Spec.ChartRef.Name = source
				if tc.edit != nil {
					tc.edit(hr)
				}
			})
			hr := f.awaitReason("app", tc.status)
			if text := conditions.GetMessage(hr, meta.ReadyCondition); !strings.Contains(text, tc.text) {
				t.Errorf("%s\ngot %q, want %q in it", tc.reason, text, tc.text)
			}
			if tc.counted {
				hr = f.awaitStalled(helmv2.RetriesExceededReason)
			} else if hr.Status.ObservedGeneration == hr.Generation || conditions.IsStalled(hr) {
				t.Errorf("%s\nit has to be tried again: %+v", tc.reason, hr.Status)
			}
			if counted := hr.Status.InstallFailures > 0; counted != tc.counted || (len(f.revisions("app")) > 0) != tc.counted {
				t.Errorf("%s\n%d failures are counted, and these revisions stored: %v", tc.reason, hr.Status.InstallFailures, f.revisions("app"))
			}
			if tc.status != helmv2.StateErrorReason && tc.text != "could not get Source object:" {
				f.events.Wait(t, func(e eventv1.Event) bool {
					return e.Reason == tc.status && strings.Contains(e.Message, tc.text) && e.Severity == "error"
				})
			}
			f.remove()
			if tc.objects != nil {
				for _, obj := range tc.objects(f.namespace) {
					if err := client.IgnoreNotFound(f.cluster.Client.Delete(t.Context(), obj)); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// deployment never becomes available without a controller manager.
const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
`

// hook is a Job that never completes without a controller manager.
func hook(when string) string {
	return `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {helm.sh/hook: ` + when + `}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: hook, image: hook}]}
`
}

// TestStalls holds the rows of section 19 that only a change of the object can cure.
func TestStalls(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		args   []string
		edit   func(*helmv2.HelmRelease)
		status string
		text   string
	}{
		"CrossNamespaceChartRef": {
			reason: "A reference to another namespace where that is blocked.", args: []string{"--no-cross-namespace-refs=true"},
			edit:   func(hr *helmv2.HelmRelease) { hr.Spec.ChartRef.Namespace = "elsewhere" },
			status: helmv2.AccessDeniedReason, text: "cross-namespace references are not allowed: cannot access HelmChart elsewhere/demo",
		},
		"CrossNamespaceTemplate": {
			reason: "So for the source of a template (quirk Q5).", args: []string{"--no-cross-namespace-refs=true"},
			edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.ChartRef, hr.Spec.Chart = nil, templateSpec()
				hr.Spec.Chart.Spec.SourceRef.Namespace = "elsewhere"
			},
			status: helmv2.AccessDeniedReason, text: "cross-namespace references are not allowed: cannot access HelmRepository elsewhere/charts",
		},
		"ExternalArtifactGate": {
			reason: "An ExternalArtifact without the gate.", edit: func(hr *helmv2.HelmRelease) { hr.Spec.ChartRef.Kind = "ExternalArtifact" },
			status: helmv2.AccessDeniedReason, text: "ExternalArtifact feature gate is disabled",
		},
		"ExternalArtifact": {
			reason: "With the gate it is not supported yet.", args: []string{"--feature-gates=ExternalArtifact=true"},
			edit:   func(hr *helmv2.HelmRelease) { hr.Spec.ChartRef.Kind = "ExternalArtifact" },
			status: helmv2.UnsupportedReason, text: "not supported yet",
		},
		"KubeConfig": {
			reason: "Remote clusters are not supported yet.", edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.KubeConfig = &meta.KubeConfigReference{SecretRef: &meta.SecretKeyReference{Name: "kubeconfig"}}
			},
			status: helmv2.UnsupportedReason, text: "spec.kubeConfig is not supported yet",
		},
		"ReadyExpr": {
			reason: "An invalid expression about a dependency.", edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.DependsOn = []meta.DependencyReference{{Name: "other", ReadyExpr: "dep.status =="}}
			},
			status: helmv2.InvalidCELExpressionReason, text: "Reconciliation failed terminally due to configuration error: failed to evaluate dependency other: ",
		},
		"HealthCheckExprs": {
			reason: "An invalid expression about health.", edit: func(hr *helmv2.HelmRelease) {
				hr.Spec.HealthCheckExprs = []kustomize.CustomHealthCheck{{APIVersion: "example.com/v1", Kind: "A", HealthCheckExpressions: kustomize.HealthCheckExpressions{Current: "status.x =="}}}
			},
			status: helmv2.InvalidCELExpressionReason, text: "Reconciliation failed terminally due to configuration error: ",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, tc.args...)
			f.publish(chart("1.0.0", nil))
			f.create("app", tc.edit)
			hr := f.awaitStalled(tc.status)
			if c := conditions.Get(hr, meta.ReadyCondition); c == nil || c.Reason != tc.status || !strings.Contains(c.Message, tc.text) {
				t.Errorf("%s\nReady: %+v, want %q", tc.reason, c, tc.text)
			}
			f.events.Wait(t, func(e eventv1.Event) bool { return e.Reason == tc.status && e.Severity == "error" })
			f.remove()
		})
	}
}

// TestBadArtifacts holds the rows of section 19 about artifacts.
func TestBadArtifacts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--requeue-dependency=200ms")
	good := f.publish(chart("1.0.0", nil))
	f.artifacts.Remove(good)
	f.create("app", nil)
	hr := f.awaitReason("app", helmv2.ArtifactFailedReason)
	if text := conditions.GetMessage(hr, meta.ReadyCondition); text != "Source not ready: artifact not found. Retrying in 200ms" {
		t.Errorf("an artifact that is gone: %q", text)
	}
	for _, e := range f.events.Events() {
		if e.Reason == helmv2.ArtifactFailedReason {
			t.Errorf("nobody has to hear of an artifact that is gone: %+v", e)
		}
	}
	corrupt := f.artifacts.AddBytes(chart("1.0.1", nil).Package(t), "1.0.1")
	corrupt.Digest = "sha256:" + strings.Repeat("0", 64)
	f.show("demo", corrupt)
	want := "Could not load chart: integrity failure: computed digest doesn't match '" + corrupt.Digest + "'"
	f.await("app", "it refuses a corrupt artifact", func(hr *helmv2.HelmRelease) bool { return conditions.GetMessage(hr, meta.ReadyCondition) == want })
	f.events.Wait(t, func(e eventv1.Event) bool { return e.Reason == helmv2.ArtifactFailedReason && e.Message == want })
	f.show("demo", f.artifacts.AddBytes(testkit.Archive(t, map[string]string{"readme.md": "no chart"}), "1.0.2"))
	f.await("app", "it refuses what is no chart", func(hr *helmv2.HelmRelease) bool {
		return strings.Contains(conditions.GetMessage(hr, meta.ReadyCondition), "Could not load chart: the artifact has to hold one chart")
	})
	f.publish(chart("1.0.3", nil))
	f.awaitRevision("app", 1)
}

// TestOCIVersion holds the row of section 19 about a tag that is not the version of the chart, and the good case.
func TestOCIVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	digest := "sha256:" + strings.Repeat("ab", 32)
	f.showOCI(f.artifacts.AddBytes(chart("1.0.0", nil).Package(t), "2.0.0@"+digest))
	f.create("app", func(hr *helmv2.HelmRelease) {
		hr.Spec.ChartRef = &helmv2.CrossNamespaceSourceReference{Kind: sourcev1.OCIRepositoryKind, Name: "oci"}
	})
	hr := f.awaitReason("app", helmv2.ChartMutateErrorReason)
	if text := conditions.GetMessage(hr, meta.ReadyCondition); text != "artifact revision 2.0.0 does not match chart version 1.0.0" {
		t.Errorf("message: %q", text)
	}
	f.showOCI(f.artifacts.AddBytes(chart("2.0.0", nil).Package(t), "2.0.0@"+digest))
	hr = f.awaitRevision("app", 1)
	if s := hr.Status.History.Latest(); s.ChartVersion != "2.0.0+abababababab" || s.OCIDigest != digest || hr.Status.LastAttemptedRevisionDigest != digest {
		t.Errorf("snapshot: %+v", s)
	}
	e := f.events.Wait(t, func(e eventv1.Event) bool { return e.Reason == helmv2.InstallSucceededReason })
	if e.Metadata[helmv2.OCIDigestMetadataKey] != digest {
		t.Errorf("event: %+v", e.Metadata)
	}
}

func (f *fixture) showOCI(artifact *meta.Artifact) {
	f.t.Helper()
	obj := &sourcev1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Name: "oci"}}
	obj.Spec.URL, obj.Spec.Interval.Duration = "oci://example.com/demo", time.Hour
	images := testkit.Kind[sourcev1.OCIRepository, *sourcev1.OCIRepository]{Cluster: f.cluster, Namespace: f.namespace}
	images.Report(f.t, obj, func(o *sourcev1.OCIRepository) {
		o.Status.Artifact, o.Status.ObservedGeneration = artifact, o.Generation
	})
}
