// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

const (
	// releaseCount is how many HelmReleases a loop has, releaseMaps how many ConfigMaps each of them has.
	releaseCount, releaseMaps = 6, 4
	// hookLabel marks objects that are there while a release is installed or upgraded, and not longer.
	hookLabel = "e2e.example.com/hook"
	// chartTemplate makes them: a workload that is waited for, and what is simpler. A hook comes before them.
	chartTemplate = `{{- range until 4 }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ . }}
  annotations:
    ` + valueKey + `: {{ $.Values.value }}-{{ $.Chart.Version }}
data:
  value: {{ $.Values.value }}-{{ $.Chart.Version }}
{{- end }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  annotations:
    ` + valueKey + `: {{ $.Values.value }}-{{ $.Chart.Version }}
spec:
  selector:
    matchLabels: {app: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
      annotations:
        ` + valueKey + `: {{ $.Values.value }}-{{ $.Chart.Version }}
    spec:
      containers:
        - name: app
          image: app.example.com/app:v1
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  labels:
    ` + hookLabel + `: {{ .Release.Name }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
`
	// failsToRender and failsToApply are faults of a chart.
	failsToRender = `{{ fail "broken on purpose" }}`
	failsToApply  = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not_A_Name\n"
)

// release names a HelmRelease.
func release(n int) id { return object(helmv2.HelmReleaseKind, system, fmt.Sprintf("release-%d", n)) }

// releaseNamespace is where the objects of a release are.
func releaseNamespace(release id) string {
	return fmt.Sprintf("team-%d", release.name[len(release.name)-1]%4)
}

// releaseSpec is what a HelmRelease says. They differ in what follows a failure.
func releaseSpec(release id, value string) map[string]any {
	spec := map[string]any{
		"interval": "1h", "timeout": "1m", "releaseName": release.name, "targetNamespace": releaseNamespace(release),
		"chart": map[string]any{"spec": map[string]any{
			"chart": chartName, "version": ">=1.0.0", "interval": "1h",
			"sourceRef": map[string]any{"kind": sourcev1.HelmRepositoryKind, "name": repositoryOfCharts},
		}},
		"driftDetection": map[string]any{"mode": "enabled"},
		"values":         map[string]any{"value": value},
	}
	switch release.name[len(release.name)-1] % 3 {
	case 1:
		spec["install"] = map[string]any{"remediation": map[string]any{"retries": 2}}
		spec["upgrade"] = map[string]any{"remediation": map[string]any{"retries": 1, "remediateLastFailure": true}}
	case 2:
		strategy := map[string]any{"name": "RetryOnFailure", "retryInterval": retryInterval.String()}
		spec["install"], spec["upgrade"] = map[string]any{"strategy": strategy}, map[string]any{"strategy": strategy}
	}
	return spec
}

// released is nil when exactly the objects of the releases in the fleet are live, each of them from the newest chart, and the storage of Helm says
// the same.
func (l *loop) released(ctx context.Context) error {
	want, wantCharts := map[string]string{}, []string{}
	for release, value := range l.fleet[releases] {
		wantCharts = append(wantCharts, system+"-"+release.name)
		objects := []id{object("Deployment", releaseNamespace(release), release.name)}
		for n := range releaseMaps {
			objects = append(objects, object("ConfigMap", releaseNamespace(release), fmt.Sprintf("%s-%d", release.name, n)))
		}
		for _, object := range objects {
			want[release.name+" "+object.String()] = value + "-" + l.chart
		}
	}
	found, err := l.objects(ctx, client.MatchingLabels{helmv2.NamespaceLabel: system})
	if err != nil {
		return err
	}
	got := map[string]string{}
	for i := range found {
		if found[i].Kind != sourcev1.HelmChartKind {
			got[found[i].Labels[helmv2.NameLabel]+" "+idOf(&found[i]).String()] = found[i].Annotations[valueKey]
		}
	}
	var errs []error
	if diff := cmp.Diff(want, got); diff != "" {
		errs = append(errs, fmt.Errorf("objects of releases: -want +cluster\n%s", diff))
	}
	var charts sourcev1.HelmChartList
	if err := l.client.List(ctx, &charts); err != nil {
		return err
	}
	gotCharts := []string{}
	for i := range charts.Items {
		gotCharts = append(gotCharts, charts.Items[i].Name)
		errs = append(errs, readyCondition(&charts.Items[i]))
	}
	slices.Sort(wantCharts)
	slices.Sort(gotCharts)
	if diff := cmp.Diff(wantCharts, gotCharts); diff != "" {
		errs = append(errs, fmt.Errorf("HelmCharts: -want +cluster\n%s", diff))
	}
	return errors.Join(append(errs, l.stored(ctx), l.hooked(ctx))...)
}

// hooked is nil when no hook of a release in the fleet is left.
func (l *loop) hooked(ctx context.Context) error {
	var list corev1.ConfigMapList
	if err := l.client.List(ctx, &list, client.HasLabels{hookLabel}); err != nil {
		return err
	}
	var errs []error
	for i := range list.Items {
		// One whose release was uninstalled after a kill may stay: uninstalling does not know hooks.
		if _, there := l.fleet[releases][object(helmv2.HelmReleaseKind, system, list.Items[i].Labels[hookLabel])]; there {
			errs = append(errs, fmt.Errorf("%s is left", list.Items[i].Name))
		}
	}
	return errors.Join(errs...)
}

// stored is nil when each release is deployed in its newest revision only, at the newest chart, and nothing else is stored.
func (l *loop) stored(ctx context.Context) error {
	var secrets corev1.SecretList
	if err := l.client.List(ctx, &secrets, client.MatchingLabels{"owner": "helm"}); err != nil {
		return err
	}
	newest, statuses := map[string]int{}, map[string]map[int]string{}
	for _, secret := range secrets.Items {
		name, status := secret.Labels["name"], secret.Labels["status"]
		version, err := strconv.Atoi(secret.Labels["version"])
		if err != nil {
			return fmt.Errorf("version of %s: %w", secret.Name, err)
		}
		if statuses[name] == nil {
			statuses[name] = map[int]string{}
		}
		statuses[name][version] = status
		newest[name] = max(newest[name], version)
	}
	var errs []error
	for name, versions := range statuses {
		if _, known := l.fleet[releases][object(helmv2.HelmReleaseKind, system, name)]; !known {
			errs = append(errs, fmt.Errorf("release %s is not wanted, but stored: %v", name, versions))
		}
		for version, status := range versions {
			if strings.HasPrefix(status, "pending") || status == "uninstalling" || (status == "deployed") != (version == newest[name]) {
				errs = append(errs, fmt.Errorf("release %s is stored wrong: %v", name, versions))
				break
			}
		}
	}
	for release := range l.fleet[releases] {
		if newest[release.name] == 0 {
			errs = append(errs, fmt.Errorf("release %s is not stored", release.name))
		}
		var live helmv2.HelmRelease
		if err := l.client.Get(ctx, client.ObjectKey{Namespace: system, Name: release.name}, &live); err != nil {
			return err
		}
		latest := live.Status.History.Latest()
		if err := readyCondition(&live); err != nil {
			errs = append(errs, err)
		} else if latest == nil || latest.Version != newest[release.name] || latest.Status != "deployed" || latest.ChartVersion != l.chart {
			errs = append(errs, fmt.Errorf("release %s is at %+v, want revision %d of chart %s", release.name, latest, newest[release.name], l.chart))
		}
	}
	return errors.Join(errs...)
}
