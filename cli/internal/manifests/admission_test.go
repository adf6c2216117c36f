// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/weir-gitops/weir/kit/testkit"
)

var suite testkit.Suite //nolint:gochecknoglobals // one API server for the package, started by the first test that needs it

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

// TestDefaults creates the smallest object of each kind and checks what the API server adds.
func TestDefaults(t *testing.T) {
	fresh := map[string]any{"observedGeneration": int64(-1)}
	cases := map[string]struct {
		reason string
		object string
		spec   string // of the stored object
		status map[string]any
	}{
		"GitRepository": {
			reason: "The timeout is filled in, the reference and the provider are not.",
			object: "source.toolkit.fluxcd.io/v1 GitRepository {url: 'https://example.com/r', interval: 1m}",
			spec:   "{url: 'https://example.com/r', interval: 1m, timeout: 60s}",
			status: fresh,
		},
		"GitRepositoryVerify": {
			reason: "The mode of verification is filled in.",
			object: "source.toolkit.fluxcd.io/v1 GitRepository {url: 'ssh://git@example.com/r', interval: 1m, timeout: 5s, verify: {secretRef: {name: keys}}}",
			spec:   "{url: 'ssh://git@example.com/r', interval: 1m, timeout: 5s, verify: {mode: HEAD, secretRef: {name: keys}}}",
			status: fresh,
		},
		"OCIRepository": {
			reason: "Provider and timeout are filled in.",
			object: "source.toolkit.fluxcd.io/v1 OCIRepository {url: 'oci://example.com/r', interval: 1m}",
			spec:   "{url: 'oci://example.com/r', interval: 1m, provider: generic, timeout: 60s}",
			status: fresh,
		},
		"HelmRepository": {
			reason: "The interval may be absent and is not filled in.",
			object: "source.toolkit.fluxcd.io/v1 HelmRepository {url: 'https://example.com/charts'}",
			spec:   "{url: 'https://example.com/charts', provider: generic}",
			status: fresh,
		},
		"HelmChart": {
			reason: "Version and strategy are filled in.",
			object: "source.toolkit.fluxcd.io/v1 HelmChart {chart: web, interval: 1m, sourceRef: {kind: HelmRepository, name: charts}}",
			spec:   "{chart: web, interval: 1m, sourceRef: {kind: HelmRepository, name: charts}, version: '*', reconcileStrategy: ChartVersion}",
			status: fresh,
		},
		"Bucket": {
			reason: "Provider and timeout are filled in.",
			object: "source.toolkit.fluxcd.io/v1 Bucket {bucketName: b, endpoint: example.com, interval: 1m}",
			spec:   "{bucketName: b, endpoint: example.com, interval: 1m, provider: generic, timeout: 60s}",
			status: fresh,
		},
		"ExternalArtifact": {
			reason: "The status belongs to the producer and starts out absent.",
			object: "source.toolkit.fluxcd.io/v1 ExternalArtifact {sourceRef: {kind: Any, name: a}}",
			spec:   "{sourceRef: {kind: Any, name: a}}",
		},
		"Kustomization": {
			reason: "Only force is filled in; unknown fields are dropped.",
			object: "kustomize.toolkit.fluxcd.io/v1 Kustomization {interval: 1m, prune: false, sourceRef: {kind: GitRepository, name: r}, validation: client}",
			spec:   "{interval: 1m, prune: false, force: false, sourceRef: {kind: GitRepository, name: r}}",
			status: fresh,
		},
		"HelmRelease": {
			reason: "Values keep what nobody knows; the chart template gets its defaults.",
			object: "helm.toolkit.fluxcd.io/v2 HelmRelease {interval: 1m, values: {a: {b: [1]}}, uninstall: {}, " +
				"chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts}}}}",
			spec: "{interval: 1m, values: {a: {b: [1]}}, uninstall: {deletionPropagation: background}, " +
				"chart: {spec: {chart: web, version: '*', reconcileStrategy: ChartVersion, sourceRef: {kind: HelmRepository, name: charts}}}}",
			status: fresh,
		},
		"ImageRepository": {
			reason: "Signatures are excluded.",
			object: "image.toolkit.fluxcd.io/v1 ImageRepository {image: alpine, interval: 1m}",
			spec:   `{image: alpine, interval: 1m, provider: generic, exclusionList: ['^.*\.sig$']}`,
			status: fresh,
		},
		"ImagePolicy": {
			reason: "Order and reflection are filled in.",
			object: "image.toolkit.fluxcd.io/v1 ImagePolicy {imageRepositoryRef: {name: a}, policy: {numerical: {}}}",
			spec:   "{imageRepositoryRef: {name: a}, policy: {numerical: {order: asc}}, digestReflectionPolicy: Never}",
			status: fresh,
		},
		"ImageUpdateAutomation": {
			reason: "The kind of the source and the strategy are filled in.",
			object: "image.toolkit.fluxcd.io/v1 ImageUpdateAutomation {interval: 1m, sourceRef: {name: r}}",
			spec:   "{interval: 1m, sourceRef: {kind: GitRepository, name: r}, update: {strategy: Setters}}",
			status: fresh,
		},
		"Receiver": {
			reason: "The interval is filled in.",
			object: "notification.toolkit.fluxcd.io/v1 Receiver {type: github, resources: [], secretRef: {name: s}}",
			spec:   "{type: github, resources: [], secretRef: {name: s}, interval: 10m}",
			status: fresh,
		},
		"Alert": {
			reason: "The severity is filled in; there is no status.",
			object: "notification.toolkit.fluxcd.io/v1beta3 Alert {providerRef: {name: p}, eventSources: [{kind: Kustomization, name: '*'}]}",
			spec:   "{providerRef: {name: p}, eventSources: [{kind: Kustomization, name: '*'}], eventSeverity: info}",
		},
		"Provider": {
			reason: "Nothing is filled in; there is no status.",
			object: "notification.toolkit.fluxcd.io/v1beta3 Provider {type: slack}",
			spec:   "{type: slack}",
		},
	}
	cluster := suite.Cluster(t)
	namespace := cluster.Namespace(t, "defaults")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			obj := parse(t, namespace, tc.object)
			if err := cluster.Client.Create(t.Context(), obj); err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			var spec any
			if err := yaml.Unmarshal([]byte(tc.spec), &spec); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(normal(t, spec), normal(t, obj.Object["spec"])); diff != "" {
				t.Errorf("%s spec (-want +got):\n%s", tc.reason, diff)
			}
			status, _, err := unstructured.NestedMap(obj.Object, "status")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.status, status); diff != "" {
				t.Errorf("%s status (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestRefusals checks that the API server refuses what the contracts say it does, and why.
func TestRefusals(t *testing.T) {
	const (
		git       = "source.toolkit.fluxcd.io/v1 GitRepository "
		bucket    = "source.toolkit.fluxcd.io/v1 Bucket "
		ks        = "kustomize.toolkit.fluxcd.io/v1 Kustomization "
		helm      = "helm.toolkit.fluxcd.io/v2 HelmRelease "
		policy    = "image.toolkit.fluxcd.io/v1 ImagePolicy "
		receiver  = "notification.toolkit.fluxcd.io/v1 Receiver "
		oneConfig = "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"
	)
	cases := map[string]struct {
		object string
		want   string // part of the message
	}{
		"GitSCPForm":          {git + "{url: 'git@example.com:o/r', interval: 1m}", "spec.url"},
		"GitIntervalNoUnit":   {git + "{url: 'https://h/r', interval: '10'}", "spec.interval"},
		"GitIntervalDays":     {git + "{url: 'https://h/r', interval: 1d}", "spec.interval"},
		"GitTimeoutHours":     {git + "{url: 'https://h/r', interval: 1m, timeout: 1h}", "spec.timeout"},
		"GitAccountGeneric":   {git + "{url: 'https://h/r', interval: 1m, serviceAccountName: a}", "serviceAccountName can only be set when provider is 'azure' or 'aws'"},
		"GitAccountGitHub":    {git + "{url: 'https://h/r', interval: 1m, provider: github, serviceAccountName: a}", "serviceAccountName can only be set"},
		"GitProvider":         {git + "{url: 'https://h/r', interval: 1m, provider: gcp}", "spec.provider"},
		"GitVerifyMode":       {git + "{url: 'https://h/r', interval: 1m, verify: {mode: Commit, secretRef: {name: k}}}", "spec.verify.mode"},
		"OCIScheme":           {"source.toolkit.fluxcd.io/v1 OCIRepository {url: 'https://h/r', interval: 1m}", "spec.url"},
		"HelmRepoScheme":      {"source.toolkit.fluxcd.io/v1 HelmRepository {url: 'ftp://h/r'}", "spec.url"},
		"HelmChartVerify":     {"source.toolkit.fluxcd.io/v1 HelmChart {chart: c, interval: 1m, sourceRef: {kind: Bucket, name: b}, verify: {}}", "spec.verify is only supported"},
		"BucketSTSGCP":        {bucket + "{bucketName: b, endpoint: e, interval: 1m, provider: gcp, sts: {provider: aws, endpoint: 'https://h'}}", "STS configuration is only supported"},
		"BucketSTSLDAPOnAWS":  {bucket + "{bucketName: b, endpoint: e, interval: 1m, provider: aws, sts: {provider: ldap, endpoint: 'https://h'}}", "is the only supported STS provider for the 'aws'"},
		"BucketSTSAWSGeneric": {bucket + "{bucketName: b, endpoint: e, interval: 1m, sts: {provider: aws, endpoint: 'https://h'}}", "is the only supported STS provider for the 'generic'"},
		"BucketSTSSecret":     {bucket + "{bucketName: b, endpoint: e, interval: 1m, provider: aws, sts: {provider: aws, endpoint: 'https://h', secretRef: {name: s}}}", "spec.sts.secretRef is not required"},
		"BucketAccount":       {bucket + "{bucketName: b, endpoint: e, interval: 1m, serviceAccountName: a}", "ServiceAccountName is not supported"},
		"BucketBoth":          {bucket + "{bucketName: b, endpoint: e, interval: 1m, provider: aws, serviceAccountName: a, secretRef: {name: s}}", "cannot set both"},
		"KsWithoutPrune":      {ks + "{interval: 1m, sourceRef: {kind: Bucket, name: b}}", "spec.prune: Required"},
		"KsSourceKind":        {ks + "{interval: 1m, prune: true, sourceRef: {kind: HelmRepository, name: b}}", "spec.sourceRef.kind"},
		"KsKubeConfigNone":    {ks + "{interval: 1m, prune: true, sourceRef: {kind: Bucket, name: b}, kubeConfig: {}}", oneConfig},
		"KsKubeConfigBoth":    {ks + "{interval: 1m, prune: true, sourceRef: {kind: Bucket, name: b}, kubeConfig: {configMapRef: {name: a}, secretRef: {name: b}}}", oneConfig},
		"KsNamePrefix":        {ks + "{interval: 1m, prune: true, sourceRef: {kind: Bucket, name: b}, namePrefix: '" + strings.Repeat("p", 201) + "'}", "spec.namePrefix"},
		"KsDeletionPolicy":    {ks + "{interval: 1m, prune: true, sourceRef: {kind: Bucket, name: b}, deletionPolicy: Keep}", "spec.deletionPolicy"},
		"KsBuildMetadata":     {ks + "{interval: 1m, prune: true, sourceRef: {kind: Bucket, name: b}, buildMetadata: [managedByLabel]}", "spec.buildMetadata"},
		"HelmBothCharts":      {helm + "{interval: 1m, chartRef: {kind: HelmChart, name: c}, chart: {spec: {chart: c, sourceRef: {kind: Bucket, name: b}}}}", "either chart or chartRef must be set"},
		"HelmNoChart":         {helm + "{interval: 1m}", "either chart or chartRef must be set"},
		"HelmReleaseName":     {helm + "{interval: 1m, chartRef: {kind: HelmChart, name: c}, releaseName: '" + strings.Repeat("n", 54) + "'}", "spec.releaseName"},
		"HelmInstallRetry":    {helm + "{interval: 1m, chartRef: {kind: HelmChart, name: c}, install: {strategy: {name: RemediateOnFailure, retryInterval: 1m}}}", ".retryInterval cannot be set when .name is 'RemediateOnFailure'"},
		"HelmUpgradeRetry":    {helm + "{interval: 1m, chartRef: {kind: HelmChart, name: c}, upgrade: {strategy: {name: RemediateOnFailure, retryInterval: 1m}}}", ".retryInterval can only be set when .name is 'RetryOnFailure'"},
		"HelmValuesKey":       {helm + "{interval: 1m, chartRef: {kind: HelmChart, name: c}, valuesFrom: [{kind: Secret, name: s, valuesKey: 'a b'}]}", "valuesKey"},
		"PolicyInterval":      {policy + "{imageRepositoryRef: {name: a}, policy: {}, interval: 1m}", "spec.interval is only accepted"},
		"PolicyNoInterval":    {policy + "{imageRepositoryRef: {name: a}, policy: {}, digestReflectionPolicy: Always}", "spec.interval must be set"},
		"AutomationKind":      {"image.toolkit.fluxcd.io/v1 ImageUpdateAutomation {interval: 1m, sourceRef: {kind: Bucket, name: r}}", "spec.sourceRef.kind"},
		"ReceiverNoSecret":    {receiver + "{type: generic, resources: []}", "secretRef is required when type is not generic-oidc"},
		"ReceiverOIDCSecret":  {receiver + "{type: generic-oidc, resources: [], secretRef: {name: s}, oidcProviders: [{issuerURL: 'https://i', validations: [{expression: 'true', message: m}]}]}", "secretRef cannot be set when type is generic-oidc"},
		"ReceiverNoProvider":  {receiver + "{type: generic-oidc, resources: []}", "generic-oidc receivers must define at least one oidcProvider"},
		"ReceiverProvider":    {receiver + "{type: github, resources: [], secretRef: {name: s}, oidcProviders: [{issuerURL: 'https://i', validations: [{expression: 'true', message: m}]}]}", "oidcProviders can only be set when type is generic-oidc"},
		"ReceiverTwice":       {receiver + "{type: generic-oidc, resources: [], oidcProviders: [{issuerURL: 'https://i', validations: [{expression: 'true', message: m}]}, {issuerURL: 'https://i', validations: [{expression: 'true', message: m}]}]}", "Duplicate value"},
		"AlertSeverity":       {"notification.toolkit.fluxcd.io/v1beta3 Alert {providerRef: {name: p}, eventSources: [], eventSeverity: trace}", "spec.eventSeverity"},
		"ProviderType":        {"notification.toolkit.fluxcd.io/v1beta3 Provider {type: fax}", "spec.type"},
		"ProviderExpression":  {"notification.toolkit.fluxcd.io/v1beta3 Provider {type: slack, commitStatusExpr: 'a'}", "spec.commitStatusExpr is only supported"},
	}
	cluster := suite.Cluster(t)
	namespace := cluster.Namespace(t, "refusals")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := cluster.Client.Create(t.Context(), parse(t, namespace, tc.object), client.DryRunAll)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("refused with %q, want it to say %q", err, tc.want)
			}
		})
	}
}

// parse reads "<apiVersion> <kind> <spec>".
func parse(t *testing.T, namespace, text string) *unstructured.Unstructured {
	t.Helper()
	fields := strings.SplitN(text, " ", 3)
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	obj.SetAPIVersion(fields[0])
	obj.SetKind(fields[1])
	obj.SetNamespace(namespace)
	obj.SetGenerateName("case-")
	var spec map[string]any
	if err := yaml.Unmarshal([]byte(fields[2]), &spec); err != nil {
		t.Fatal(err)
	}
	obj.Object["spec"] = spec
	return obj
}

// normal brings numbers of different decoders to one type.
func normal(t *testing.T, v any) any {
	t.Helper()
	data, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := yaml.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
