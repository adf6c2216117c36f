// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/events"
)

// testOptions are options of a controller with one flag of its own.
type testOptions struct {
	CommonOptions
	Path string
}

// BindFlags implements Options.
func (o *testOptions) BindFlags(fs *pflag.FlagSet) {
	o.CommonOptions.BindFlags(fs)
	fs.StringVar(&o.Path, "path", "/data", "Folder of the store.")
}

// Validate implements Options.
func (o *testOptions) Validate() error {
	if o.Path == "" {
		return errors.Join(o.CommonOptions.Validate(), errors.New("--path: is empty"))
	}
	return o.CommonOptions.Validate()
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		env    map[string]string
		set    testOptions
		check  func(o *testOptions) bool
	}{
		"Defaults": {
			reason: "Without arguments the defaults of the contracts hold.",
			check: func(o *testOptions) bool {
				return o.MetricsAddr == ":8080" && o.HealthAddr == ":9440" && o.EventsAddr == "" && o.Concurrent == 4 &&
					o.DependencyRetry == 30*time.Second && !o.Access.NoCrossNamespaceRefs && o.Client.QPS == 50 && o.Client.Burst == 300 &&
					o.Jitter.Percentage == 5 && !o.LeaderElection.Enable && o.LeaderElection.ReleaseOnCancel &&
					o.LeaderElection.LeaseDuration == 35*time.Second && o.LeaderElection.RenewDeadline == 30*time.Second &&
					o.LeaderElection.RetryPeriod == 5*time.Second && o.Log.LogLevel == "info" && o.Log.LogEncoding == "json" &&
					o.RateLimit.MinRetryDelay == 750*time.Millisecond && o.RateLimit.MaxRetryDelay == 15*time.Minute &&
					o.Watch.AllNamespaces && o.Watch.LabelSelector == "" && o.Watch.ConfigsLabelSelector == "reconcile.fluxcd.io/watch=Enabled" &&
					o.ShutdownTimeout == 30*time.Second && !o.Gates.Enabled("A") && o.Gates.Enabled("B")
			},
		},
		"ControllerDefaults": {
			reason: "A controller sets defaults of its own.",
			set:    testOptions{CommonOptions: CommonOptions{Concurrent: 2, ShutdownTimeout: time.Minute}},
			check:  func(o *testOptions) bool { return o.Concurrent == 2 && o.ShutdownTimeout == time.Minute },
		},
		"BothForms": {
			reason: "Flags are accepted as --a=b and as --a b, in any order; the last of a name wins.",
			args:   []string{"--path", "/var", "--concurrent=7", "--log-level", "debug", "--log-level=trace"},
			check:  func(o *testOptions) bool { return o.Path == "/var" && o.Concurrent == 7 && o.Log.LogLevel == "trace" },
		},
		"Environment": {
			reason: "Two defaults and the namespace come from the environment.",
			env:    map[string]string{"METRICS_ADDR": ":1", "EVENTS_ADDR": "http://events", "RUNTIME_NAMESPACE": "flux-system"},
			args:   []string{"--watch-all-namespaces=false"},
			check: func(o *testOptions) bool {
				return o.MetricsAddr == ":1" && o.EventsAddr == "http://events" && o.Namespace == "flux-system" && !o.Watch.AllNamespaces
			},
		},
		"FlagOverEnvironment": {
			reason: "An argument wins over the environment.",
			env:    map[string]string{"EVENTS_ADDR": "http://events"},
			args:   []string{"--events-addr="},
			check:  func(o *testOptions) bool { return o.EventsAddr == "" },
		},
		"Gates": {
			reason: "Gates keep their defaults unless they are named.",
			args:   []string{"--feature-gates=A=true", "--feature-gates", "C=true"},
			check: func(o *testOptions) bool {
				return o.Gates.Enabled("A") && o.Gates.Enabled("B") && o.Gates.Enabled("C") && !o.Gates.Enabled("Unknown")
			},
		},
		"Off": {
			reason: "Metrics and probes can be turned off.",
			args:   []string{"--metrics-addr=0", "--health-addr=0"},
			check:  func(o *testOptions) bool { return o.MetricsAddr == "0" && o.HealthAddr == "0" },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{"METRICS_ADDR", "EVENTS_ADDR", "RUNTIME_NAMESPACE"} {
				t.Setenv(key, tc.env[key])
			}
			p := program(&tc.set)
			if done, err := p.Parse(tc.args, io.Discard); err != nil || done {
				t.Fatalf("%s\nParse() = %t, %v", tc.reason, done, err)
			}
			if !tc.check(&tc.set) {
				t.Errorf("%s\noptions: %+v", tc.reason, tc.set)
			}
		})
	}
}

func TestNamespace(t *testing.T) {
	t.Setenv("RUNTIME_NAMESPACE", "elsewhere")
	for namespace, want := range map[string]string{"": "elsewhere", "team": "team"} {
		opts := &testOptions{}
		p := program(opts)
		p.Namespace = namespace
		if _, err := p.Parse([]string{"--watch-all-namespaces=false"}, io.Discard); err != nil {
			t.Fatal(err)
		}
		if opts.Namespace != want || opts.WatchedNamespace() != want {
			t.Errorf("%q: runs in %s and watches %s, want %s", namespace, opts.Namespace, opts.WatchedNamespace(), want)
		}
	}
	if opts := (CommonOptions{Namespace: "team", Watch: controller.WatchOptions{AllNamespaces: true}}); opts.WatchedNamespace() != "" {
		t.Errorf("watches %s, want all", opts.WatchedNamespace())
	}
}

func TestRunRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		omit   []string
		// want are texts that all have to be in the output.
		want []string
	}{
		"UnknownFlag": {
			reason: "A flag that nobody knows ends the process.",
			args:   []string{"--no-such-flag"},
			want:   []string{"test-controller: cannot start", "no-such-flag"},
		},
		"OmittedFlag": {
			reason: "A shared flag that the controller's contract lacks is unknown.",
			args:   []string{"--no-cross-namespace-refs=true"},
			omit:   []string{"no-cross-namespace-refs"},
			want:   []string{"no-cross-namespace-refs"},
		},
		"EverythingAtOnce": {
			reason: "All problems are reported together.",
			args: []string{
				"--feature-gates=Nope=true,Never=false", "--concurrent=0", "--interval-jitter-percentage=100", "--log-level=loud",
				"--log-encoding=xml", "--watch-label-selector=a in", "--watch-configs-label-selector=!!", "--min-retry-delay=1h",
				"--requeue-dependency=0s", "--metrics-addr=8080", "--events-addr=ftp://x", "--watch-all-namespaces=false", "--path=", "stray",
				"--enable-leader-election", "--leader-election-lease-duration=1s",
			},
			want: []string{
				"feature-gate 'Nope' not supported", "feature-gate 'Never' not supported", "--concurrent", "--interval-jitter-percentage",
				"--log-level", "--log-encoding", "--watch-label-selector", "--watch-configs-label-selector", "--min-retry-delay",
				"--requeue-dependency", "--metrics-addr", "--events-addr", "RUNTIME_NAMESPACE", "--path", `"stray"`, "--leader-election",
			},
		},
		"Jitter": {
			reason: "A jitter that does not even fit its type is refused by the parser.",
			args:   []string{"--interval-jitter-percentage=300"},
			want:   []string{"interval-jitter-percentage"},
		},
		"SecretInEventsAddr": {
			reason: "An address that does not parse is not repeated.",
			args:   []string{"--events-addr=http://u:hunter2@exa mple"},
			want:   []string{"--events-addr"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("RUNTIME_NAMESPACE", "")
			opts := &testOptions{CommonOptions: CommonOptions{Omit: tc.omit}}
			var stdout, stderr strings.Builder
			if code := Run(t.Context(), *program(opts), tc.args, &stdout, &stderr); code != 1 {
				t.Errorf("%s\nRun() = %d, want 1", tc.reason, code)
			}
			for _, want := range tc.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("%s\n%q is missing in:\n%s", tc.reason, want, stderr.String())
				}
			}
			if strings.Contains(stderr.String(), "hunter2") || stdout.Len() > 0 {
				t.Errorf("%s\nstdout %q, stderr %q", tc.reason, stdout.String(), stderr.String())
			}
		})
	}
}

func TestRunTexts(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   []string
	}{
		"Version": {
			reason: "The version goes to stdout.",
			args:   []string{"--version"},
			want:   []string{"test-controller "},
		},
		"Help": {
			reason: "Help names every flag with its default.",
			args:   []string{"--help"},
			want:   []string{"--path", "/data", "--concurrent", "(default 4)", "--leader-election-lease-duration", "35s"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			code := Run(t.Context(), *program(&testOptions{}), tc.args, &stdout, &stderr)
			if code != 0 || stderr.Len() > 0 {
				t.Errorf("%s\nRun() = %d, stderr %q", tc.reason, code, stderr.String())
			}
			for _, want := range tc.want {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("%s\n%q is missing in:\n%s", tc.reason, want, stdout.String())
				}
			}
		})
	}
}

func TestLeaseName(t *testing.T) {
	cases := map[string]struct {
		reason   string
		selector string
		want     string
	}{
		"Whole": {
			reason: "The lease is named after the controller.",
			want:   "source-controller-leader-election",
		},
		"Shard": {
			// printf %s sharding.fluxcd.io/key=shard1 | sha256sum
			reason:   "A shard has a lease of its own, by the hash of its selector.",
			selector: "sharding.fluxcd.io/key=shard1",
			want:     "source-controller-leader-election-73fdc1be",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := &CommonOptions{}
			o.Watch.LabelSelector = tc.selector
			if got := o.leaseName("source-controller"); got != tc.want {
				t.Errorf("%s\nleaseName() = %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestLogger(t *testing.T) {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "app"}}
	var out strings.Builder
	log := newLogger(logger.Options{LogEncoding: "json", LogLevel: "debug"}, &out).WithName("controller")
	log.Info("stored artifact", "object", object, "revision", "main@sha1:0")
	log.Error(errors.New("boom"), "Reconciliation failed")
	log.V(1).Info("why")
	log.V(2).Info("not wanted")

	var lines []map[string]any
	for line := range strings.Lines(out.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if ts, _ := entry["ts"].(string); len(ts) != len("2006-01-02T15:04:05.000Z") && len(ts) != len("2006-01-02T15:04:05.000-0700") {
			t.Errorf("ts %q is not ISO 8601 with milliseconds", ts)
		}
		delete(entry, "ts")
		delete(entry, "stacktrace")
		lines = append(lines, entry)
	}
	want := []map[string]any{
		{"level": "info", "logger": "controller", "msg": "stored artifact", "revision": "main@sha1:0", "object": map[string]any{"namespace": "team", "name": "app"}},
		{"level": "error", "logger": "controller", "msg": "Reconciliation failed", "error": "boom"},
		{"level": "debug", "logger": "controller", "msg": "why"},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestLoggerKeepsEqualMessages(t *testing.T) {
	var out strings.Builder
	log := newLogger(logger.Options{LogEncoding: "console", LogLevel: "info"}, &out)
	for range 1000 {
		log.Info("same")
	}
	if got := strings.Count(out.String(), "same"); got != 1000 {
		t.Errorf("%d of 1000 lines were written", got)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := newMetrics(replacing{registry}); err != nil {
		t.Fatal(err)
	}
	m, err := newMetrics(replacing{registry})
	if err != nil {
		t.Fatalf("a second program in the process: %v", err)
	}
	m.RecordDuration("Kustomization", "team", "app", 2*time.Second)
	families := gather(t, registry)
	if diff := cmp.Diff([]string{"gotk_reconcile_duration_seconds"}, slices.Sorted(maps.Keys(families))); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	m.DeleteDuration("Kustomization", "team", "app")
	if families := gather(t, registry); len(families) > 0 {
		t.Errorf("series of a deleted object remain: %v", families)
	}
}

func gather(t *testing.T, registry *prometheus.Registry) map[string]int {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]int)
	for _, family := range families {
		found[family.GetName()] = len(family.GetMetric())
	}
	return found
}

func TestSpread(t *testing.T) {
	if got := spread(0)(time.Minute); got != time.Minute {
		t.Errorf("no jitter gave %s", got)
	}
	for range 1000 {
		if got := spread(10)(time.Minute); got < 54*time.Second || got > 66*time.Second {
			t.Fatalf("10 %% of a minute gave %s", got)
		}
	}
}

func TestCacheOptions(t *testing.T) {
	opts := &testOptions{}
	p := program(opts)
	t.Setenv("RUNTIME_NAMESPACE", "flux-system")
	args := []string{"--watch-label-selector=shard=a", "--watch-all-namespaces=false"}
	if _, err := p.Parse(args, io.Discard); err != nil {
		t.Fatal(err)
	}
	got, err := p.cacheOptions()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := got.DefaultNamespaces["flux-system"]; !ok || len(got.DefaultNamespaces) != 1 {
		t.Errorf("namespaces: %v", got.DefaultNamespaces)
	}
	if !got.ByObject[p.Kinds[0]].Label.Matches(labels.Set{"shard": "a"}) || got.ByObject[p.Kinds[0]].Label.Matches(labels.Set{"shard": "b"}) {
		t.Errorf("shard: %v", got.ByObject[p.Kinds[0]].Label)
	}
	if got.DefaultTransform == nil {
		t.Error("managedFields are kept")
	}
}

func TestRestConfig(t *testing.T) {
	cases := map[string]struct {
		reason    string
		header    string
		wantQPS   float32
		wantBurst int
	}{
		"Fair": {
			reason:    "A server that shares itself out needs no limits on our side.",
			header:    "X-Kubernetes-Pf-Flowschema-Uid",
			wantQPS:   -1,
			wantBurst: -1,
		},
		"Plain": {
			reason:    "Without priority and fairness the flags limit us.",
			header:    "X-Other",
			wantQPS:   20,
			wantBurst: 40,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(tc.header, "1") }))
			t.Cleanup(server.Close)
			p := program(&testOptions{})
			if _, err := p.Parse([]string{"--kube-api-qps=20", "--kube-api-burst=40"}, io.Discard); err != nil {
				t.Fatal(err)
			}
			base := &rest.Config{Host: server.URL}
			got, err := p.restConfig(t.Context(), base)
			if err != nil {
				t.Fatal(err)
			}
			if got.QPS != tc.wantQPS || got.Burst != tc.wantBurst || !strings.HasPrefix(got.UserAgent, "test-controller/") || base.QPS != 0 {
				t.Errorf("%s\nQPS %v, burst %d, agent %q", tc.reason, got.QPS, got.Burst, got.UserAgent)
			}
		})
	}
}

func program(opts *testOptions) *Program {
	return &Program{
		Name:    "test-controller",
		Options: opts,
		Gates:   map[string]bool{"A": false, "B": true, "C": false},
		Scheme:  clientgoscheme.Scheme,
		Kinds:   []client.Object{&corev1.ServiceAccount{}},
		Setup:   func(context.Context, *Runtime) error { return nil },
	}
}

func TestReconcilesEnd(t *testing.T) {
	cases := map[string]struct {
		reason  string
		options CommonOptions
		want    time.Duration
	}{
		"Quiet":   {"The last events of the cluster have their time.", CommonOptions{ShutdownTimeout: time.Minute}, time.Minute - restMargin - shutdownMargin - events.LongestEnd("")},
		"Posting": {"Posted events have theirs.", CommonOptions{ShutdownTimeout: time.Minute, EventsAddr: "http://x"}, time.Minute - restMargin - shutdownMargin - events.LongestEnd("http://x")},
		"Short":   {"Reconciles get some time whatever is asked for.", CommonOptions{ShutdownTimeout: time.Second}, 500 * time.Millisecond},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.options.reconcilesEnd(); got != tc.want {
				t.Errorf("%s\ngot %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		defer close(release)
		time.AfterFunc(time.Hour, cancel)
		started := time.Now()
		err := within(ctx, func(context.Context) error { <-release; return nil }, time.Minute)
		if took := time.Since(started); !errors.Is(err, errNotEnded) || took != time.Hour+time.Minute {
			t.Errorf("a manager that does not end is left after the limit, got %v after %s", err, took)
		}
		if err := within(ctx, func(context.Context) error { return nil }, time.Minute); err != nil {
			t.Errorf("one that ends is not: %v", err)
		}
	})
}
