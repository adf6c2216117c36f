// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/transform"
	"github.com/spf13/cobra"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// helmRelease is one run of create helmrelease.
type helmRelease struct {
	*options

	chart, chartRef, source, chartVersion, strategy string
	chartInterval                                   time.Duration
	releaseName, targetNamespace, storageNamespace  string
	serviceAccount, crds, kubeConfig                string
	createNamespace                                 bool
	dependsOn, values, valuesFrom                   []string
}

func (o *options) helmReleaseCommand() *cobra.Command {
	r := &helmRelease{options: o}
	cmd := &cobra.Command{
		Use:     "helmrelease NAME",
		Aliases: []string{"hr"},
		Short:   "Create or update a HelmRelease",
		Long:    "Creates or updates a HelmRelease and waits until the chart is released.",
		Example: "  weir create helmrelease podinfo --source=HelmRepository/podinfo --chart=podinfo --chart-version='>6.0.0' --values=./values.yaml\n\n" +
			"  # Commit it instead, with a chart from a registry\n  weir create helmrelease podinfo --chart-ref=OCIRepository/podinfo --values-from=Secret/podinfo --export > podinfo.yaml",
		Args: nameArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := r.spec()
			if err != nil {
				return err
			}
			k := kind(helmv2.HelmReleaseKind)
			obj, err := r.object(k, args[0], &helmv2.HelmRelease{Spec: spec})
			if err != nil {
				return err
			}
			return r.finish(cmd.Context(), k, obj, nil)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.chart, "chart", "", "name of the chart in --source, or its path there")
	flags.StringVar(&r.chartRef, "chart-ref", "", "chart as Kind/name[.namespace], in place of --chart; the kind is OCIRepository or HelmChart")
	flags.StringVar(&r.source, "source", "", "source of --chart as Kind/name[.namespace]; the kind is HelmRepository, GitRepository or Bucket")
	flags.StringVar(&r.chartVersion, "chart-version", "", "version of the chart, or a range")
	flags.DurationVar(&r.chartInterval, "chart-interval", 0, "time between two looks for a new chart; 0 is --interval")
	flags.StringVar(&r.strategy, "reconcile-strategy", sourcev1.ReconcileStrategyChartVersion, "what makes a new chart: ChartVersion, Revision")
	flags.StringVar(&r.releaseName, "release-name", "", "name of the release (default [target namespace-]NAME)")
	flags.StringVar(&r.targetNamespace, "target-namespace", "", "namespace to release into (default that of the object)")
	flags.StringVar(&r.storageNamespace, "storage-namespace", "", "namespace where Helm keeps the release (default --target-namespace)")
	flags.BoolVar(&r.createNamespace, "create-target-namespace", false, "create the namespace to release into")
	flags.StringSliceVar(&r.dependsOn, "depends-on", nil, "HelmRelease that has to be ready first as [namespace/]name")
	flags.StringSliceVar(&r.values, "values", nil, "file with values; later files win")
	flags.StringSliceVar(&r.valuesFrom, "values-from", nil, "object with values in its key values.yaml, as Secret/name or ConfigMap/name")
	flags.StringVar(&r.serviceAccount, "service-account", "", "service account to release as")
	flags.StringVar(&r.crds, "crds", "", "what upgrades do with definitions of kinds: Skip, Create, CreateReplace")
	flags.StringVar(&r.kubeConfig, "kubeconfig-secret-ref", "", "Secret with the kubeconfig of the cluster to release to")
	return cmd
}

func (r *helmRelease) spec() (helmv2.HelmReleaseSpec, error) {
	spec := helmv2.HelmReleaseSpec{
		Interval: metav1.Duration{Duration: r.interval}, ReleaseName: r.releaseName, TargetNamespace: r.targetNamespace,
		StorageNamespace: r.storageNamespace, ServiceAccountName: r.serviceAccount, KubeConfig: kubeConfigReference(r.kubeConfig),
	}
	if spec.StorageNamespace == "" {
		spec.StorageNamespace = r.targetNamespace
	}
	if err := r.chartOf(&spec); err != nil {
		return spec, err
	}
	if err := oneOf("crds", r.crds, string(helmv2.CRDsSkip), string(helmv2.CRDsCreate), string(helmv2.CRDsCreateReplace)); err != nil {
		return spec, err
	}
	if r.createNamespace {
		spec.Install = &helmv2.Install{CreateNamespace: true}
	}
	if r.crds != "" {
		if spec.Install == nil {
			spec.Install = &helmv2.Install{}
		}
		spec.Install.CRDs = helmv2.CRDsCreate
		spec.Upgrade = &helmv2.Upgrade{CRDs: helmv2.CRDsPolicy(r.crds)}
	}
	var err error
	if spec.DependsOn, err = parseDependencies(r.dependsOn); err != nil {
		return spec, err
	}
	if spec.ValuesFrom, err = parseValuesFrom(r.valuesFrom); err != nil {
		return spec, err
	}
	spec.Values, err = mergeValues(r.values)
	return spec, err
}

// chartOf sets where the chart comes from: a chart of a source, or an object that is the chart.
func (r *helmRelease) chartOf(spec *helmv2.HelmReleaseSpec) error {
	if (r.chart == "") == (r.chartRef == "") {
		return errors.New("one of --chart and --chart-ref is required")
	}
	if err := oneOf("reconcile-strategy", r.strategy, sourcev1.ReconcileStrategyChartVersion, sourcev1.ReconcileStrategyRevision); err != nil {
		return err
	}
	if r.chartRef != "" {
		ref, err := parseReference("chart-ref", r.chartRef, "", sourcev1.OCIRepositoryKind, sourcev1.HelmChartKind)
		if err != nil {
			return err
		}
		spec.ChartRef = &helmv2.CrossNamespaceSourceReference{Kind: ref.kind, Name: ref.name, Namespace: ref.namespace}
		return nil
	}
	if r.source == "" {
		return errors.New("--source is required with --chart")
	}
	source, err := parseReference("source", r.source, "", sourcev1.HelmRepositoryKind, sourcev1.GitRepositoryKind, sourcev1.BucketKind)
	if err != nil {
		return err
	}
	spec.Chart = &helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{
		Chart: r.chart, Version: r.chartVersion, ReconcileStrategy: r.strategy,
		SourceRef: helmv2.CrossNamespaceObjectReference{Kind: source.kind, Name: source.name, Namespace: source.namespace},
	}}
	if r.chartInterval > 0 {
		spec.Chart.Spec.Interval = &metav1.Duration{Duration: r.chartInterval}
	}
	return nil
}

func parseValuesFrom(texts []string) ([]meta.ValuesReference, error) {
	var refs []meta.ValuesReference
	for _, text := range texts {
		r, err := parseReference("values-from", text, "", "Secret", "ConfigMap")
		if err != nil {
			return nil, err
		}
		name := r.name
		if r.namespace != "" { // always the namespace of the object: the dot is part of the name
			name += "." + r.namespace
		}
		refs = append(refs, meta.ValuesReference{Kind: r.kind, Name: name})
	}
	return refs, nil
}

// mergeValues merges files of values, the last one on top; nil for no file.
func mergeValues(files []string) (*apiextensionsv1.JSON, error) {
	if len(files) == 0 {
		return nil, nil
	}
	values := map[string]any{}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--values: %w", err)
		}
		var more map[string]any
		if err := yaml.Unmarshal(content, &more); err != nil {
			return nil, fmt.Errorf("--values %s: %w", name, err)
		}
		values = transform.MergeMaps(values, more)
	}
	raw, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("--values: %w", err)
	}
	return &apiextensionsv1.JSON{Raw: raw}, nil
}
