// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/weir-gitops/weir/kit/testkit"
)

// TestObserveBadInput holds the rows of the contract's bad-input table about the commands that observe, as far as no cluster is asked.
func TestObserveBadInput(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	cases := map[string]struct {
		args []string
		err  string
	}{
		"EventsForEmpty":    {[]string{"events", "--for="}, "✗ invalid --for ''"},
		"EventsForNoName":   {[]string{"events", "--for=Kustomization/"}, "✗ invalid --for 'Kustomization/'"},
		"EventsForNoKind":   {[]string{"events", "--for=/apps"}, "✗ invalid --for '/apps'"},
		"EventsForUnknown":  {[]string{"events", "--for=Pod/x"}, "'Pod' is no kind of the toolkit"},
		"EventsTypes":       {[]string{"events", "--types=x"}, "✗ invalid --types 'x'"},
		"EventsArgument":    {[]string{"events", "x"}, "✗ "},
		"LogsArgument":      {[]string{"logs", "extra"}, "✗ "},
		"LogsSinceTwice":    {[]string{"logs", "--since=5m", "--since-time=2026-01-01T00:00:00Z"}, "✗ --since and --since-time exclude each other"},
		"LogsSinceTime":     {[]string{"logs", "--since-time=yesterday"}, "✗ invalid --since-time 'yesterday'"},
		"LogsSinceNegative": {[]string{"logs", "--since=-5m"}, "✗ invalid --since"},
		"LogsLevel":         {[]string{"logs", "--level=loud"}, "✗ invalid --level 'loud'"},
		"TraceNothing":      {[]string{"trace"}, "✗ an object is required"},
		"TraceKindAlone":    {[]string{"trace", "x", "--kind=Pod"}, "✗ --kind and --api-version"},
		"TraceVersionAlone": {[]string{"trace", "x", "--api-version=v1"}, "✗ --kind and --api-version"},
		"TraceKindTwoNames": {[]string{"trace", "x", "y", "--kind=Pod", "--api-version=v1"}, "✗ one name is required"},
		"TreeWithoutName":   {[]string{"tree", "ks"}, "✗ one kustomization name is required"},
		"TreeOutput":        {[]string{"tree", "ks", "apps", "-o", "xml"}, "✗ invalid --output 'xml'"},
		"TreeKind":          {[]string{"tree", "hr", "app"}, `✗ unknown command "hr"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			weir(t, "", tc.args...).wants(t, "It is refused.", 1, "", tc.err)
		})
	}
}

// event creates an event that was first seen some hours ago, and last seen ten hours later when it was repeated. Ages from 8 to 47 hours are shown
// without minutes, so the test may take its time.
func event(t *testing.T, cluster *testkit.Cluster, of *corev1.ObjectReference, eventType, message string, hours, count int) {
	t.Helper()
	first := metav1.NewTime(time.Now().Add(-time.Duration(hours) * time.Hour))
	last := first
	if count > 1 {
		last = metav1.NewTime(first.Add(10 * time.Hour))
	}
	cluster.Create(t, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: of.Namespace, GenerateName: "e-"}, InvolvedObject: *of, Type: eventType, Reason: "Test", Message: message,
		FirstTimestamp: first, LastTimestamp: last, Count: int32(count),
	})
}

func TestEvents(t *testing.T) {
	cluster, namespace := fleet(t)
	other := cluster.Namespace(t, "other")
	ks := &corev1.ObjectReference{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: namespace, Name: "apps"}
	git := &corev1.ObjectReference{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "GitRepository", Namespace: namespace, Name: "fleet"}
	far := &corev1.ObjectReference{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "GitRepository", Namespace: other, Name: "far"}
	cluster.Create(t, testkit.Objects(t, strings.NewReplacer("NS", namespace, "OTHER", other).Replace(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: away, namespace: NS}
spec: {interval: 1m, prune: true, sourceRef: {kind: GitRepository, name: far, namespace: OTHER}}
`))[0])
	weir(t, "", "events", "--for", "hr").wants(t, "No event is no failure.", 0, "", "✗ no events found")
	event(t, cluster, ks, corev1.EventTypeWarning, "build failed:\nno such file", 25, 1)
	event(t, cluster, git, corev1.EventTypeNormal, "stored", 40, 3)
	event(t, cluster, far, corev1.EventTypeNormal, "fetched", 12, 1)
	event(t, cluster, &corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: "web"}, corev1.EventTypeNormal, "pulled", 11, 1)
	event(t, cluster, &corev1.ObjectReference{APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization", Namespace: namespace, Name: "apps"}, corev1.EventTypeNormal, "else", 11, 1)

	const (
		repeated = "30h (x3 over 40h)\tNormal \tTest  \tGitRepository/fleet\tstored                    \t\n"
		failed   = "25h              \tWarning\tTest  \tKustomization/apps \tbuild failed: no such file\t\n"
	)
	both := "LAST SEEN        \tTYPE   \tREASON\tOBJECT             \tMESSAGE                    \n" + repeated + failed
	cases := map[string]struct {
		reason string
		args   []string
		out    string
	}{
		"All":   {"The oldest first, of kinds of the toolkit only.", nil, both},
		"Kind":  {"Of one kind, whatever the case.", []string{"--for=gitrepository"}, "30h (x3 over 40h)\tNormal\tTest  \tGitRepository/fleet\tstored \t\n"},
		"Name":  {"With a name the source comes along.", []string{"--for=Kustomization/apps"}, both},
		"Short": {"Aliases are understood.", []string{"--for=ks/apps", "--types=warning"}, "25h      \tWarning\tTest  \tKustomization/apps\tbuild failed: no such file\t\n"},
		"Away": {
			"A source elsewhere adds the namespace.",
			[]string{"--for=Kustomization/away"},
			"NAMESPACE",
		},
		"Everywhere": {"The namespace comes first.", []string{"-A", "--for=GitRepository/far"}, other + "\t12h      \tNormal\tTest  \tGitRepository/far\tfetched\t\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := weir(t, "", append([]string{"events"}, tc.args...)...)
			got.wants(t, tc.reason, 0, tc.out, "")
			if strings.Contains(got.out, "pulled") || strings.Contains(got.out, "else") {
				t.Errorf("events of other kinds: %s", got.out)
			}
		})
	}
	weir(t, "", "events", "--for=Kustomization/away").wants(t, "It is that of the source.", 0, other+"\t12h ", "")
	t.Run("Watch", func(t *testing.T) {
		done := make(chan result)
		go func() { done <- weirUntil(t, "applied", "events", "-w", "--types=Normal") }()
		// Whether it comes with the list or with the watch, it is printed once.
		event(t, cluster, ks, corev1.EventTypeNormal, "applied", 11, 1)
		got := <-done
		got.wants(t, "New events follow.", 130, "applied", "✗ interrupted\n")
		if strings.Count(got.out, "applied") != 1 || strings.Count(got.out, "LAST SEEN") != 1 {
			t.Errorf("stdout %q", got.out)
		}
	})
}

// kubelet answers what API servers ask a node for logs, and makes the API server find it.
func kubelet(t *testing.T, cluster *testkit.Cluster, logs func(w http.ResponseWriter, pod, container string, r *http.Request)) (node string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // containerLogs/NAMESPACE/POD/CONTAINER
		if len(parts) != 4 || parts[0] != "containerLogs" {
			http.NotFound(w, r)
			return
		}
		logs(w, parts[2], parts[3], r)
	}))
	t.Cleanup(server.Close)
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: "node-"}}
	cluster.Create(t, n)
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: host}}
	n.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(number)
	if err := cluster.Client.Status().Update(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return n.Name
}

// controllerPods creates the Deployment of a controller with pods of these phases, each of these containers.
func controllerPods(t *testing.T, cluster *testkit.Cluster, namespace, node, name string, phases []corev1.PodPhase, containers ...string) {
	t.Helper()
	var list []string
	for _, c := range containers {
		list = append(list, "{name: "+c+", image: i}")
	}
	fill := strings.NewReplacer("NS", namespace, "NAME", name, "NODE", node, "CONTAINERS", "["+strings.Join(list, ",")+"]")
	cluster.Create(t, testkit.Objects(t, fill.Replace(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: NS, labels: {app.kubernetes.io/part-of: flux}}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec: {containers: CONTAINERS}
`))[0])
	for i, phase := range phases {
		obj := testkit.Objects(t, fill.Replace(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: NAME-%d, namespace: NS, labels: {app: NAME}}
spec: {nodeName: NODE, containers: CONTAINERS}
`, i)))[0]
		cluster.Create(t, obj)
		obj.Object["status"] = map[string]any{"phase": string(phase)}
		if err := cluster.Client.Status().Update(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogs(t *testing.T) {
	cluster, namespace := connect(t)
	weir(t, "", "logs").wants(t, "Without controllers there is nothing to read.", 1, "", "✗ no pods of controllers found")
	long := strings.Repeat("x", 1<<20)
	node := kubelet(t, cluster, func(w http.ResponseWriter, pod, container string, r *http.Request) {
		line := func(level, kind, name, ns, more string) {
			fmt.Fprintf(w, `{"level":%q,"ts":"T","msg":"%s %s","controllerKind":%q,"name":%q,"namespace":%q%s}`+"\n", level, pod, container, kind, name, ns, more)
		}
		if strings.HasPrefix(pod, "broken") {
			http.Error(w, "no such container", http.StatusNotFound)
			return
		}
		fmt.Fprintln(w, "I0101 klog line\nnull\n[]")
		fmt.Fprintln(w, `{"level":"info","ts":"T","msg":"starting manager","name":7}`)
		line("info", "Kustomization", "apps", namespace, "")
		line("error", "GitRepository", "fleet", namespace, `,"error":"no route"`)
		line("info", "Kustomization", "apps", "other", "")
		fmt.Fprintf(w, `{"level":"info","ts":"T","msg":%q,"name":"long","namespace":%q}`+"\n", long, namespace)
		fmt.Fprintf(w, `{"level":"info","ts":"T","msg":%q,"name":"query","namespace":%q}`+"\n", r.URL.RawQuery, namespace)
		if r.URL.Query().Get("follow") == "true" {
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})
	controllerPods(t, cluster, namespace, node, "kustomize-controller", []corev1.PodPhase{corev1.PodPending, corev1.PodRunning}, "manager", "proxy")
	controllerPods(t, cluster, namespace, node, "source-controller", []corev1.PodPhase{corev1.PodFailed}, "single")

	cases := map[string]struct {
		reason string
		args   []string
		want   []string
	}{
		"Namespace": {
			"One pod of each controller, the running one, and the container that matters.",
			[]string{"--kind=kustomization"},
			[]string{"T info Kustomization/apps.NS - kustomize-controller-1 manager", "T info Kustomization/apps.NS - source-controller-0 single"},
		},
		"AllPods": {
			"Or every pod.",
			[]string{"--kind=Kustomization", "--all-pods"},
			[]string{
				"T info Kustomization/apps.NS - kustomize-controller-0 manager", "T info Kustomization/apps.NS - kustomize-controller-1 manager",
				"T info Kustomization/apps.NS - source-controller-0 single",
			},
		},
		"Level": {
			"Errors come with what was wrong.",
			[]string{"--level=error", "--name=FLEET"},
			[]string{"T error GitRepository/fleet.NS - kustomize-controller-1 manager no route", "T error GitRepository/fleet.NS - source-controller-0 single no route"},
		},
		"Other": {
			"Another namespace.",
			[]string{"-n", "other", "--flux-namespace", namespace},
			[]string{"T info Kustomization/apps.other - kustomize-controller-1 manager", "T info Kustomization/apps.other - source-controller-0 single"},
		},
		"Long":  {"A line of any length.", []string{"--name=long"}, []string{"T info long.NS - " + long, "T info long.NS - " + long}},
		"Since": {"The server cuts.", []string{"--name=query", "--since=5m", "--tail=7"}, []string{"T info query.NS - sinceSeconds=300&tailLines=7", "T info query.NS - sinceSeconds=300&tailLines=7"}},
		"SinceTime": {
			"Or at a time.",
			[]string{"--name=query", "--since-time=2026-01-01T00:00:00Z"},
			[]string{"T info query.NS - sinceTime=2026-01-01T00%3A00%3A00Z", "T info query.NS - sinceTime=2026-01-01T00%3A00%3A00Z"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := weir(t, "", append([]string{"logs"}, tc.args...)...)
			want := strings.ReplaceAll(strings.Join(tc.want, "\n")+"\n", ".NS ", "."+namespace+" ")
			if got.out != want || got.code != 0 {
				t.Errorf("%s code %d, stderr %q\n%s", tc.reason, got.code, got.err, cmp.Diff(want, got.out))
			}
		})
	}
	weir(t, "", "logs", "-A").wants(t, "Everywhere is also what is about nothing.", 0, "T info - starting manager\n", "")
	t.Run("Follow", func(t *testing.T) {
		got := weirUntil(t, "kustomize-controller-1 manager\n", "logs", "-f", "--kind=Kustomization")
		got.wants(t, "Logs are followed until somebody ends it.", 130, "kustomize-controller-1 manager\n", "✗ interrupted\n")
		got = weirUntil(t, "source-controller-0 single\n", "logs", "-f", "--kind=Kustomization")
		got.wants(t, "None waits for another.", 130, "source-controller-0 single\n", "✗ interrupted\n")
	})
	controllerPods(t, cluster, namespace, node, "broken-controller", []corev1.PodPhase{corev1.PodRunning}, "manager")
	weir(t, "", "logs", "--kind=Kustomization").
		wants(t, "A pod that cannot be read is said, the others are read.", 1, "source-controller-0 single\n", "✗ log of broken-controller-0: ")
}

// storedRelease is a Secret as Helm writes it.
func storedRelease(t *testing.T, namespace, name string, version int, manifest string) *corev1.Secret {
	t.Helper()
	data, err := json.Marshal(map[string]any{"name": name, "version": version, "manifest": manifest})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	key := fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, version)
	return testkit.Secret(namespace, key, map[string]string{"release": base64.StdEncoding.EncodeToString(packed.Bytes())})
}

func inventory(ids ...string) map[string]any {
	entries := []any{}
	for _, id := range ids {
		entries = append(entries, map[string]any{"id": id, "v": "v1"})
	}
	return map[string]any{"inventory": map[string]any{"entries": entries}}
}

// forest creates a root that contains itself, an applier below it, one for another cluster, and releases.
func forest(t *testing.T) (cluster *testkit.Cluster, namespace string) {
	t.Helper()
	cluster, namespace = fleet(t)
	for _, obj := range testkit.Objects(t, strings.ReplaceAll(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: root, namespace: NS}
spec: {interval: 1m, prune: true, path: ./clusters, sourceRef: {kind: GitRepository, name: fleet}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: remote, namespace: NS}
spec: {interval: 1m, prune: true, kubeConfig: {secretRef: {name: kc}}, sourceRef: {kind: GitRepository, name: fleet}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: noted, namespace: NS}
spec: {interval: 1m, chartRef: {kind: OCIRepository, name: chart}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: stored, namespace: NS}
spec: {interval: 1m, chart: {spec: {chart: app, sourceRef: {kind: HelmRepository, name: charts}}}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: never, namespace: NS}
spec: {interval: 1m, chartRef: {kind: HelmChart, name: none}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: chart, namespace: NS}
spec: {interval: 1m, url: "oci://example.com/chart", ref: {tag: v1}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: NS}
spec: {interval: 1m, url: "https://example.com/charts"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmChart
metadata: {name: NS-stored, namespace: NS, labels: {helm.toolkit.fluxcd.io/name: stored, helm.toolkit.fluxcd.io/namespace: NS}}
spec: {interval: 1m, chart: app, version: 1.x, sourceRef: {kind: HelmRepository, name: charts}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.NS.example.com, labels: {helm.toolkit.fluxcd.io/name: stored, helm.toolkit.fluxcd.io/namespace: NS}}
spec:
  group: NS.example.com
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`, "NS", namespace)) {
		cluster.Create(t, obj)
	}
	cluster.Create(t, storedRelease(t, namespace, "app", 3, `---
# Source: app/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: web, namespace: ignored}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: web, namespace: elsewhere}}
---
apiVersion: unknown.example.com/v1
kind: Gone
metadata: {name: web}
`))
	set := func(kind, name string, status map[string]any) {
		settle(t, cluster.Client, kind, client.ObjectKey{Namespace: namespace, Name: name}, status, "True", "well")
	}
	ns := func(id string) string { return strings.ReplaceAll(id, "NS", namespace) }
	root := inventory("_"+namespace+"__Namespace", ns("NS_root_kustomize.toolkit.fluxcd.io_Kustomization"), ns("NS_apps_kustomize.toolkit.fluxcd.io_Kustomization"),
		ns("NS_remote_kustomize.toolkit.fluxcd.io_Kustomization"), ns("NS_fleet_source.toolkit.fluxcd.io_GitRepository"))
	root["lastAppliedRevision"] = "main@sha1:" + commit
	set("Kustomization", "root", root)
	set("Kustomization", "apps", inventory("_system__leader_rbac.authorization.k8s.io_ClusterRole", ns("NS_noted_helm.toolkit.fluxcd.io_HelmRelease"),
		ns("NS_stored_helm.toolkit.fluxcd.io_HelmRelease"), ns("NS_never_helm.toolkit.fluxcd.io_HelmRelease")))
	set("Kustomization", "remote", inventory("far_far_kustomize.toolkit.fluxcd.io_Kustomization"))
	settle(t, cluster.Client, "HelmRelease", client.ObjectKey{Namespace: namespace, Name: "noted"}, inventory("tn_web_apps_Deployment"), "False", "timed out\nafter 5m")
	snapshot := map[string]any{
		"name": "app", "namespace": namespace, "version": int64(3), "status": "deployed", "chartName": "app", "chartVersion": "1.2.3", "digest": "sha256:0",
		"configDigest": "sha256:0", "firstDeployed": "2026-01-01T00:00:00Z", "lastDeployed": "2026-01-01T00:00:00Z",
	}
	set("HelmRelease", "stored", map[string]any{"history": []any{snapshot}, "storageNamespace": namespace, "helmChart": namespace + "/" + namespace + "-stored"})
	set("HelmChart", namespace+"-stored", artifact("1.2.3"))
	set("HelmRepository", "charts", artifact("sha256:1"))
	oci := artifact("v1@sha256:" + strings.Repeat("1", 64))
	oci["artifact"].(map[string]any)["metadata"] = map[string]any{
		"org.opencontainers.image.source": "https://example.com/app.git", "org.opencontainers.image.revision": "main@sha1:" + commit,
	}
	set("OCIRepository", "chart", oci)
	return cluster, namespace
}

func TestTree(t *testing.T) {
	cluster, namespace := forest(t)
	whole := strings.ReplaceAll(`Kustomization/NS/root
├── Namespace/NS
├── Kustomization/NS/root
├── Kustomization/NS/apps
│   ├── ClusterRole/system:leader
│   ├── HelmRelease/NS/noted
│   │   └── Deployment/tn/web
│   ├── HelmRelease/NS/stored
│   │   ├── Deployment/NS/web
│   │   ├── ClusterRole/web
│   │   ├── ConfigMap/elsewhere/web
│   │   ├── Gone/web
│   │   └── CustomResourceDefinition/things.NS.example.com
│   └── HelmRelease/NS/never
├── Kustomization/NS/remote
│   └── Kustomization/far/far
└── GitRepository/NS/fleet
`, "NS", namespace)
	got := weir(t, "", "tree", "kustomization", "root")
	if diff := cmp.Diff(whole, got.out); diff != "" || got.code != 0 {
		t.Errorf("code %d, stderr %q (-want +got):\n%s", got.code, got.err, diff)
	}
	compact := strings.ReplaceAll(`Kustomization/NS/root
├── Kustomization/NS/root
├── Kustomization/NS/apps
│   ├── HelmRelease/NS/noted
│   ├── HelmRelease/NS/stored
│   └── HelmRelease/NS/never
├── Kustomization/NS/remote
│   └── Kustomization/far/far
└── GitRepository/NS/fleet
`, "NS", namespace)
	if diff := cmp.Diff(compact, weir(t, "", "tree", "ks", "root", "--compact").out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	asJSON, asYAML := weir(t, "", "tree", "ks", "remote", "-o", "json"), weir(t, "", "tree", "ks", "remote", "-o", "yaml")
	const group = `{"Group":"kustomize.toolkit.fluxcd.io","Kind":"Kustomization"}`
	want := fmt.Sprintf(`{"resource":{"Namespace":%q,"Name":"remote","GroupKind":%s},"resources":[{"resource":{"Namespace":"far","Name":"far","GroupKind":%s}}]}`, namespace, group, group)
	for format, got := range map[string]result{"json": asJSON, "yaml": asYAML} {
		var wanted, value any
		if err := yaml.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(got.out), &value); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, value); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	if !json.Valid([]byte(asJSON.out)) || json.Valid([]byte(asYAML.out)) {
		t.Errorf("%s\n%s", asJSON.out, asYAML.out)
	}

	weir(t, "", "tree", "ks", "none").wants(t, "It has to exist.", 1, "", "✗ Kustomization object 'none' not found in")
	secret := storedRelease(t, namespace, "app", 3, "")
	if err := cluster.Client.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	weir(t, "", "tree", "ks", "apps").wants(t, "A release that Helm has lost is said.", 1, "", "stored release: ")
	cluster.Create(t, testkit.Secret(namespace, secret.Name, map[string]string{"release": "!"}))
	weir(t, "", "tree", "ks", "apps").wants(t, "So is one that cannot be read.", 1, "", "decode base64")
	settle(t, cluster.Client, "Kustomization", client.ObjectKey{Namespace: namespace, Name: "apps"}, inventory(namespace+"_gone_helm.toolkit.fluxcd.io_HelmRelease"), "True", "")
	weir(t, "", "tree", "ks", "root").wants(t, "What the inventory names has to exist.", 1, "", "✗ HelmRelease object 'gone' not found in")
	settle(t, cluster.Client, "Kustomization", client.ObjectKey{Namespace: namespace, Name: "apps"}, inventory("bad"), "True", "")
	weir(t, "", "tree", "ks", "apps").wants(t, "And can be read.", 1, "", "inventory: ")
}

func TestTrace(t *testing.T) {
	cluster, namespace := forest(t)
	t.Setenv("HOME", t.TempDir()) // what the cluster serves is cached there
	for _, obj := range testkit.Objects(t, strings.ReplaceAll(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NS, labels: {kustomize.toolkit.fluxcd.io/name: root, kustomize.toolkit.fluxcd.io/namespace: NS}}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: released, namespace: NS, labels: {helm.toolkit.fluxcd.io/name: stored, helm.toolkit.fluxcd.io/namespace: NS}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: pulled, namespace: NS, labels: {helm.toolkit.fluxcd.io/name: noted, helm.toolkit.fluxcd.io/namespace: NS}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: lost, namespace: NS, labels: {kustomize.toolkit.fluxcd.io/name: lost, kustomize.toolkit.fluxcd.io/namespace: NS}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: free, namespace: NS}
`, "NS", namespace)) {
		cluster.Create(t, obj)
	}
	owned := testkit.ConfigMap(namespace, "owned", nil)
	deployment := new(metav1.PartialObjectMetadata)
	deployment.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "released"}, deployment); err != nil {
		t.Fatal(err)
	}
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: deployment.Name, UID: deployment.UID}}
	cluster.Create(t, owned)

	web := `Object:        Deployment/web
Namespace:     NS
Status:        managed by Kustomization/NS/root
---
Kustomization: root
Namespace:     NS
Path:          ./clusters
Revision:      main@sha1:COMMIT
Status:        last reconciled at TIME
Message:       well
---
GitRepository: fleet
Namespace:     NS
URL:           https://example.com/fleet.git
Revision:      main@sha1:COMMIT
Status:        last reconciled at TIME
Message:       stored artifact for revision 'main@sha1:COMMIT'
`
	released := func(name string) string {
		return `Object:         ConfigMap/` + name + `
Namespace:      NS
Status:         managed by HelmRelease/NS/stored
---
HelmRelease:    stored
Namespace:      NS
Revision:       1.2.3
Status:         last reconciled at TIME
Message:        well
---
HelmChart:      NS-stored
Namespace:      NS
Chart:          app
Version:        1.x
Revision:       1.2.3
Status:         last reconciled at TIME
Message:        well
---
HelmRepository: charts
Namespace:      NS
URL:            https://example.com/charts
Revision:       sha256:1
Status:         last reconciled at TIME
Message:        well
`
	}
	cases := map[string]struct {
		reason string
		args   []string
		code   int
		out    string
		err    string
	}{
		"KindName": {reason: "A kind and a name.", args: []string{"deployment", "web"}, out: web},
		"Short":    {reason: "Short names of kinds.", args: []string{"deploy/web"}, out: web},
		"Flags":    {reason: "A name and flags.", args: []string{"web", "--kind=Deployment", "--api-version=apps/v1"}, out: web},
		"Several":  {reason: "Several objects.", args: []string{"deploy/web", "cm/released"}, out: web + "\n" + released("released")},
		"Owned":    {reason: "Owners lead to who applied them.", args: []string{"cm/owned"}, out: released("owned")},
		"Origin": {reason: "An artifact of a registry tells what it was made from.", args: []string{"cm/pulled"}, out: `Object:          ConfigMap/pulled
Namespace:       NS
Status:          managed by HelmRelease/NS/noted
---
HelmRelease:     noted
Namespace:       NS
Status:          reconciliation failed at TIME
Message:         timed out after 5m
---
OCIRepository:   chart
Namespace:       NS
URL:             oci://example.com/chart
Tag:             v1
Revision:        v1@sha256:1111111111111111111111111111111111111111111111111111111111111111
Origin source:   https://example.com/app.git
Origin revision: main@sha1:COMMIT
Status:          last reconciled at TIME
Message:         well
`},
		"Lost": {reason: "An applier that is gone.", args: []string{"cm/lost"}, out: `Object:        ConfigMap/lost
Namespace:     NS
Status:        managed by Kustomization/NS/lost
---
Kustomization: lost
Namespace:     NS
Status:        not found
`},
		"Unmanaged": {reason: "Nobody applied it, which is no failure.", args: []string{"cm/free"}, err: "⚠️ ConfigMap/NS/free is not managed"},
		"Missing":   {reason: "It has to exist; the others are shown.", args: []string{"deploy/none", "deploy/web"}, code: 1, out: web, err: "✗ "},
		"NoKind":    {reason: "A kind has to exist.", args: []string{"foo/bar"}, code: 1, err: "✗ "},
		"NoVersion": {reason: "With flags as well.", args: []string{"bar", "--kind=Foo", "--api-version=example.com/v1"}, code: 1, err: "✗ "},
	}
	times := regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:]+Z`)
	fill := strings.NewReplacer("NS", namespace, "COMMIT", commit)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := weir(t, "", append([]string{"trace"}, tc.args...)...)
			got.wants(t, tc.reason, tc.code, "", fill.Replace(tc.err))
			if diff := cmp.Diff(fill.Replace(tc.out), times.ReplaceAllString(got.out, "TIME")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
