// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	kubefake "helm.sh/helm/v3/pkg/kube/fake"
	helmrelease "helm.sh/helm/v3/pkg/release"
	helmstorage "helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	helmtime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/testkit"
)

var suite testkit.Suite //nolint:gochecknoglobals // the only way from TestMain to the tests

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

// fixture is a namespace, a ledger and a client whose requests are counted.
type fixture struct {
	t         *testing.T
	namespace string
	ledger    *storage.Ledger
	client    client.Client
	requests  *testkit.Requests
	helm      *driver.Secrets // Helm's own driver
	secrets   client.Client
	changed   chan storage.Key
}

// newFixture returns one whose ledger watches or not.
func newFixture(t *testing.T, watch bool) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	f := &fixture{t: t, requests: &testkit.Requests{}, secrets: cluster.Client, changed: make(chan storage.Key, 16)}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "storage-"}}
	if err := cluster.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	f.namespace = namespace.Name
	var err error
	if f.client, err = client.New(f.requests.Count(cluster.Config), client.Options{Mapper: cluster.Client.RESTMapper()}); err != nil {
		t.Fatal(err)
	}
	clientset, err := kubernetes.NewForConfig(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	f.helm = driver.NewSecrets(clientset.CoreV1().Secrets(f.namespace))
	options := storage.LedgerOptions{Changed: func(k storage.Key) { f.changed <- k }}
	if options.Metadata, err = metadata.NewForConfig(cluster.Config); err != nil {
		t.Fatal(err)
	}
	f.ledger = storage.NewLedger(options)
	if watch {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.ledger.Start(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Start: %v", err)
			}
		})
	}
	return f
}

func (f *fixture) open() *storage.Session {
	s := f.ledger.Open(storage.Target{Client: f.client, Namespace: f.namespace, Release: "app"})
	f.t.Cleanup(s.Close)
	return s
}

// cost fails the test unless as many requests were sent since the last call.
func (f *fixture) cost(what string, want int) {
	f.t.Helper()
	counts := f.requests.Take()
	if got := testkit.Total(counts); got != want {
		testkit.Log(f.t, counts)
		f.t.Errorf("%s: %d requests, want %d", what, got, want)
	}
}

func (f *fixture) secret(version string) *corev1.Secret {
	f.t.Helper()
	secret := &corev1.Secret{}
	name := types.NamespacedName{Namespace: f.namespace, Name: "sh.helm.release.v1.app." + version}
	if err := f.secrets.Get(f.t.Context(), name, secret); err != nil {
		f.t.Fatal(err)
	}
	return secret
}

// eventually waits for what the watch has to deliver.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	testkit.Eventually(t, what, ok)
}

func helmRelease(version int, status helmrelease.Status) *helmrelease.Release {
	at := helmtime.Date(2026, time.May, 1, 12, 0, 0, 5, time.UTC)
	return &helmrelease.Release{
		Name: "app", Namespace: "apps", Version: version,
		Info:     &helmrelease.Info{FirstDeployed: at, LastDeployed: at, Status: status, Description: "made", Notes: "a < b"},
		Chart:    testChart(),
		Config:   map[string]any{"replicas": float64(2)},
		Manifest: "---\n# Source: app/templates/a.yaml\n" + strings.Repeat("a: b\n", 50),
		Hooks: []*helmrelease.Hook{
			{Name: "pre", Kind: "Job", Path: "app/templates/pre.yaml", Manifest: "kind: Job", Events: []helmrelease.HookEvent{helmrelease.HookPreInstall}},
			{Name: "test", Kind: "Pod", Path: "app/templates/test.yaml", Manifest: "kind: Pod", Events: []helmrelease.HookEvent{helmrelease.HookTest}},
		},
		Labels: map[string]string{"team": "web"},
	}
}

func testChart() *chart.Chart {
	return &chart.Chart{
		Metadata:  &chart.Metadata{Name: "app", Version: "1.0.0", APIVersion: "v2"},
		Templates: []*chart.File{{Name: "templates/a.yaml", Data: []byte("a: b\n")}},
		Values:    map[string]any{"replicas": float64(1)},
	}
}

func key(version string) string { return "sh.helm.release.v1.app." + version }

// TestRoundTrip reads with Helm what we write and the other way round.
func TestRoundTrip(t *testing.T) {
	f := newFixture(t, false)
	recorder := &release.Recorder{}
	ours := f.open().Driver(t.Context(), storage.Writes{
		ApplyMethod: release.ApplyServerSide, Intent: release.Intent{Owner: "uid", Action: release.ActionInstall}, Observe: recorder.Observe,
	})
	written := helmRelease(1, helmrelease.StatusDeployed)
	if err := ours.Create(key("v1"), written); err != nil {
		t.Fatalf("Create: %v", err)
	}
	read, err := f.helm.Get(key("v1"))
	if err != nil {
		t.Fatalf("Helm's Get: %v", err)
	}
	if diff := cmp.Diff(written, read, cmp.AllowUnexported(chart.Chart{})); diff != "" {
		t.Errorf("Helm reads something else, -written +read:\n%s", diff)
	}
	if err := ours.Create(key("v1"), written); !errors.Is(err, driver.ErrReleaseExists) {
		t.Errorf("Create again: %v, want ErrReleaseExists", err)
	}

	theirs := helmRelease(2, helmrelease.StatusFailed)
	if err := f.helm.Create(key("v2"), theirs); err != nil {
		t.Fatal(err)
	}
	session := f.open()
	read, err = session.Driver(t.Context(), storage.Writes{}).Get(key("v2"))
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if diff := cmp.Diff(theirs, read, cmp.AllowUnexported(chart.Chart{})); diff != "" {
		t.Errorf("we read something else, -written +read:\n%s", diff)
	}
	newest, err := session.Newest(t.Context())
	if err != nil || newest == nil || newest.Version != 2 || newest.Intent != nil {
		t.Errorf("Newest: %+v, %v, want 2 of nobody", newest, err)
	}
	first, err := session.Revision(t.Context(), 1)
	if err != nil || first == nil || !first.IsServerSide() || first.Intent == nil || first.Intent.Owner != "uid" {
		t.Errorf("Revision 1: %+v, %v, want our own", first, err)
	}
	if diff := cmp.Diff(recorder.Newest(), first); diff != "" {
		t.Errorf("what was observed is not what is stored, -observed +stored:\n%s", diff)
	}
	if got, err := session.Revision(t.Context(), 7); got != nil || err != nil {
		t.Errorf("Revision 7: %v, %v, want none", got, err)
	}
	all, err := ours.List(func(*helmrelease.Release) bool { return true })
	if err != nil || len(all) != 2 {
		t.Errorf("List: %d releases, %v", len(all), err)
	}

	// Helm rewrites the revision: it is no longer ours.
	if err := f.helm.Update(key("v1"), written); err != nil {
		t.Fatal(err)
	}
	if first, err = f.open().Revision(t.Context(), 1); err != nil || first.Intent != nil {
		t.Errorf("after Helm rewrote it: intent %v, %v, want none", first.Intent, err)
	}
}

// TestFormat holds what others than Helm rely on.
func TestFormat(t *testing.T) {
	f := newFixture(t, false)
	d := f.open().Driver(t.Context(), storage.Writes{})
	rls := helmRelease(1, helmrelease.StatusPendingInstall)
	if err := d.Create(key("v1"), rls); err != nil {
		t.Fatal(err)
	}
	labels := func() map[string]string {
		secret := f.secret("v1")
		if secret.Type != "helm.sh/release.v1" || len(secret.Data) != 1 || len(secret.Data["release"]) == 0 {
			t.Errorf("Secret of type %q with keys %v", secret.Type, len(secret.Data))
		}
		for _, at := range []string{"createdAt", "modifiedAt"} {
			if secret.Labels[at] != "" {
				secret.Labels[at] = "set"
			}
		}
		return secret.Labels
	}
	want := map[string]string{"name": "app", "owner": "helm", "status": "pending-install", "version": "1", "team": "web", "createdAt": "set"}
	if diff := cmp.Diff(want, labels()); diff != "" {
		t.Errorf("labels after Create, -want +got:\n%s", diff)
	}
	rls.Info.Status = helmrelease.StatusDeployed
	if err := d.Update(key("v1"), rls); err != nil {
		t.Fatal(err)
	}
	delete(want, "createdAt")
	want["status"], want["modifiedAt"] = "deployed", "set"
	if diff := cmp.Diff(want, labels()); diff != "" {
		t.Errorf("labels after Update, -want +got:\n%s", diff)
	}
}

// TestRewrite keeps what Helm's type does not have.
func TestRewrite(t *testing.T) {
	f := newFixture(t, false)
	f.plant(1, `{"name":"app","version":1,"namespace":"apps","info":{"status":"deployed","last_deployed":""},"apply_method":"ssa","future":{"x":1},
		"chart":{"metadata":{"name":"app","version":"1.0.0"},"templates":[{"name":"t","data":"YQ==","modtime":"2026-01-01T00:00:00Z"}]},
		"hooks":[{"name":"a","path":"p","kind":"Job"},{"name":"t","path":"q","kind":"Pod","events":["test"]}]}`)
	session := f.open()
	d := session.Driver(t.Context(), storage.Writes{Intent: release.Intent{Owner: "uid", Action: release.ActionTest}})
	rls, err := d.Get(key("v1"))
	if err != nil {
		t.Fatal(err)
	}
	rls.Hooks = rls.Hooks[1:] // as Helm's test action does while it tests
	rls.Hooks[0].LastRun.Phase = helmrelease.HookPhaseRunning
	if err := d.Update(key("v1"), rls); err != nil {
		t.Fatalf("Update: %v", err)
	}
	document := f.document(1)
	for _, kept := range []string{`"apply_method":"ssa"`, `"future":{"x":1}`, `"modtime":"2026-01-01T00:00:00Z"`, `"weir":{"owner":"uid"}`} {
		if !strings.Contains(document, kept) {
			t.Errorf("%s is gone from %s", kept, document)
		}
	}
	again, err := f.open().Revision(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, h := range again.Hooks {
		names = append(names, h.Name)
	}
	if !slices.Equal(names, []string{"a", "t"}) || again.Hooks[1].LastRun.Phase != helmrelease.HookPhaseRunning {
		t.Errorf("hooks %v, want both in order, the second running", names)
	}
}

// TestConflict merges a rewrite with what somebody else did to the revision meanwhile.
func TestConflict(t *testing.T) {
	f := newFixture(t, false)
	d := f.open().Driver(t.Context(), storage.Writes{})
	rls := helmRelease(1, helmrelease.StatusPendingInstall)
	if err := d.Create(key("v1"), rls); err != nil {
		t.Fatal(err)
	}
	f.plant(1, `{"name":"app","version":1,"info":{"status":"pending-install"},"future":true}`)
	rls.Info.Status = helmrelease.StatusDeployed
	if err := d.Update(key("v1"), rls); err != nil {
		t.Fatalf("Update: %v", err)
	}
	if document := f.document(1); !strings.Contains(document, `"future":true`) || !strings.Contains(document, `"status":"deployed"`) {
		t.Errorf("stored %s", document)
	}
	if err := f.secrets.Delete(t.Context(), f.secret("v1")); err != nil {
		t.Fatal(err)
	}
	rls.Info.Status = helmrelease.StatusFailed
	if err := d.Update(key("v1"), rls); !errors.Is(err, driver.ErrReleaseNotFound) {
		t.Errorf("Update of a deleted revision: %v, want ErrReleaseNotFound", err)
	}
	if _, err := d.Delete(key("v1")); !errors.Is(err, driver.ErrReleaseNotFound) {
		t.Errorf("Delete of a deleted revision: %v, want ErrReleaseNotFound", err)
	}
	if _, err := d.Get("sh.helm.release.v1.other.v1"); !errors.Is(err, driver.ErrInvalidKey) {
		t.Errorf("Get of another release: %v, want ErrInvalidKey", err)
	}
}

// TestTooLarge has the row of 19 about releases larger than a Secret.
func TestTooLarge(t *testing.T) {
	f := newFixture(t, false)
	recorder := &release.Recorder{}
	d := f.open().Driver(t.Context(), storage.Writes{Observe: recorder.Observe})
	rls := helmRelease(1, helmrelease.StatusPendingInstall)
	rls.Manifest = noise(2 << 20)
	err := d.Create(key("v1"), rls)
	if err == nil || !strings.HasPrefix(err.Error(), "create: failed to create: ") || recorder.Stored() {
		t.Errorf("Create: %v, stored %t", err, recorder.Stored())
	}
}

// TestUnlock has the row of 19 about revisions left pending by a crash.
func TestUnlock(t *testing.T) {
	cases := map[string]struct {
		reason string
		intent release.Intent
		want   *release.Intent
	}{
		"Ours": {
			reason: "Of our own revision it is noted what was interrupted.",
			intent: release.Intent{Owner: "uid", Action: release.ActionUpgrade},
			want:   &release.Intent{Owner: "uid", Action: release.ActionUpgrade, Interrupted: helmrelease.StatusPendingUpgrade},
		},
		"Other": {reason: "A revision of somebody else does not become ours."},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, false)
			d := f.open().Driver(t.Context(), storage.Writes{Intent: tc.intent})
			if err := d.Create(key("v3"), helmRelease(3, helmrelease.StatusPendingUpgrade)); err != nil {
				t.Fatal(err)
			}
			f.requests.Take()
			session, recorder := f.open(), &release.Recorder{}
			was, unlocked, err := session.Unlock(t.Context(), recorder.Observe)
			if err != nil || !unlocked || was.Info.Status != helmrelease.StatusPendingUpgrade {
				t.Fatalf("%s\nUnlock: %+v, %t, %v", tc.reason, was, unlocked, err)
			}
			f.cost("unlock", 3)
			now, err := session.Newest(t.Context())
			if err != nil || now.Info.Status != helmrelease.StatusFailed || now.Info.Description != "Release unlocked from stale 'pending-upgrade' state" {
				t.Errorf("%s\nafter Unlock: %+v, %v", tc.reason, now.Info, err)
			}
			if diff := cmp.Diff(tc.want, now.Intent); diff != "" {
				t.Errorf("%s\nintent, -want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(now, recorder.Newest()); diff != "" {
				t.Errorf("%s\nobserved something else:\n%s", tc.reason, diff)
			}
			if _, unlocked, err := session.Unlock(t.Context(), nil); unlocked || err != nil {
				t.Errorf("%s\nUnlock again: %t, %v", tc.reason, unlocked, err)
			}
		})
	}
}

// overtaken is a client for whom somebody does something after each read.
type overtaken struct {
	client.Client

	by func()
}

// Get implements client.Reader.
func (o overtaken) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	err := o.Client.Get(ctx, key, obj, opts...)
	o.by()
	return err
}

// TestUnlockTooLate has a revision that comes to its end by itself while it is being unlocked: it stays as it is.
func TestUnlockTooLate(t *testing.T) {
	f := newFixture(t, false)
	d := f.open().Driver(t.Context(), storage.Writes{})
	if err := d.Create(key("v1"), helmRelease(1, helmrelease.StatusPendingInstall)); err != nil {
		t.Fatal(err)
	}
	slow := overtaken{Client: f.client, by: func() {
		if f.secret("v1").Labels["status"] == string(helmrelease.StatusPendingInstall) {
			f.plant(1, `{"name":"app","version":1,"info":{"status":"deployed"}}`)
		}
	}}
	session := f.ledger.Open(storage.Target{Client: slow, Namespace: f.namespace, Release: "app"})
	defer session.Close()
	was, unlocked, err := session.Unlock(t.Context(), nil)
	if err != nil || unlocked || was.Info.Status != helmrelease.StatusDeployed {
		t.Errorf("Unlock: %+v, %t, %v", was, unlocked, err)
	}
	if status := f.secret("v1").Labels["status"]; status != string(helmrelease.StatusDeployed) {
		t.Errorf("stored as %s", status)
	}
}

// configuration returns one for Helm's actions that sends nothing but what storage sends.
func configuration(d driver.Driver) *action.Configuration {
	return &action.Configuration{
		Releases: helmstorage.Init(d), KubeClient: &kubefake.PrintingKubeClient{Out: io.Discard}, Capabilities: chartutil.DefaultCapabilities,
		Log: func(string, ...any) {},
	}
}

// TestActions runs Helm's actions and counts what storage costs them.
func TestActions(t *testing.T) {
	f := newFixture(t, false)
	run := func(a release.Action, act func(*action.Configuration) error) []release.Write {
		t.Helper()
		session, recorder := f.open(), &release.Recorder{}
		if _, err := session.Newest(t.Context()); err != nil { // as every run begins
			t.Fatal(err)
		}
		w := storage.Writes{ApplyMethod: release.ApplyServerSide, Intent: release.Intent{Owner: "uid", Action: a}, Observe: recorder.Observe}
		if err := act(configuration(session.Driver(t.Context(), w))); err != nil {
			t.Fatalf("%s: %v", a, err)
		}
		return recorder.Writes()
	}
	upgrade := func(c *action.Configuration) error {
		u := action.NewUpgrade(c)
		u.Namespace, u.ResetValues, u.MaxHistory = "apps", true, 3
		_, err := u.RunWithContext(t.Context(), "app", testChart(), map[string]any{})
		return err
	}

	run(release.ActionInstall, func(c *action.Configuration) error {
		i := action.NewInstall(c)
		i.ReleaseName, i.Namespace, i.SkipCRDs = "app", "apps", true
		_, err := i.RunWithContext(t.Context(), testChart(), map[string]any{})
		return err
	})
	f.cost("install", 3)
	run(release.ActionUpgrade, upgrade)
	f.cost("upgrade", 5)
	writes := run(release.ActionUpgrade, upgrade)
	f.cost("second upgrade", 5)
	history := release.Record(nil, writes, release.Made{Action: release.ActionUpgrade})
	if len(history) != 2 || history[0].Version != 3 || history[1].Version != 2 {
		if len(history) != 1 {
			t.Errorf("history %v", history)
		}
	}
	run(release.ActionUpgrade, upgrade)
	f.cost("upgrade that drops a revision", 6)
	run(release.ActionRollback, func(c *action.Configuration) error {
		r := action.NewRollback(c)
		r.Version, r.MaxHistory = 3, 5
		return r.Run("app")
	})
	f.cost("rollback", 6)
	newest, err := f.open().Newest(t.Context())
	if err != nil || newest.Version != 5 || newest.Info.Description != "Rollback to 3" || !newest.IsServerSide() {
		t.Errorf("after the rollback: %+v, %v", newest, err)
	}
	f.requests.Take()
	writes = run(release.ActionUninstall, func(c *action.Configuration) error {
		_, err := action.NewUninstall(c).Run("app")
		return err
	})
	f.cost("uninstall of 4 revisions", 3+4)
	last := writes[len(writes)-1]
	if last.Op != release.Deleted || last.Partial || last.Revision.Version != 5 || last.Revision.Info.Status != helmrelease.StatusUninstalling {
		t.Errorf("last write %+v, want the deletion of 5, uninstalling", last)
	}
	if newest, err := f.open().Newest(t.Context()); newest != nil || err != nil {
		t.Errorf("after the uninstall: %+v, %v", newest, err)
	}
}

// TestHelmCommand lets Helm, with its own driver, go on with what we stored, and us after that.
func TestHelmCommand(t *testing.T) {
	f := newFixture(t, false)
	ours := f.open().Driver(t.Context(), storage.Writes{ApplyMethod: release.ApplyServerSide, Intent: release.Intent{Owner: "uid"}})
	for version, status := range map[string]helmrelease.Status{"v1": helmrelease.StatusSuperseded, "v2": helmrelease.StatusDeployed} {
		if err := ours.Create(key(version), helmRelease(int(version[1]-'0'), status)); err != nil {
			t.Fatal(err)
		}
	}
	theirs := configuration(f.helm)
	if revisions, err := action.NewHistory(theirs).Run("app"); err != nil || len(revisions) != 2 {
		t.Errorf("helm history: %d revisions, %v", len(revisions), err)
	}
	if values, err := action.NewGetValues(theirs).Run("app"); err != nil || values["replicas"] != float64(2) {
		t.Errorf("helm get values: %v, %v", values, err)
	}
	rollback := action.NewRollback(theirs)
	rollback.Version = 1
	if err := rollback.Run("app"); err != nil {
		t.Fatalf("helm rollback: %v", err)
	}
	newest, err := f.open().Newest(t.Context())
	if err != nil || newest.Version != 3 || newest.Intent != nil {
		t.Errorf("after helm rollback: %+v, %v, want 3 of somebody else", newest, err)
	}
}

// TestMarked holds that releases are found by who wrote them last, with one request.
func TestMarked(t *testing.T) {
	f := newFixture(t, false)
	write := func(name string, version int, owner types.UID) {
		t.Helper()
		s := f.ledger.Open(storage.Target{Client: f.client, Namespace: f.namespace, Release: name})
		defer s.Close()
		rls := helmRelease(version, helmrelease.StatusPendingInstall)
		rls.Name = name
		if err := s.Driver(t.Context(), storage.Writes{Intent: release.Intent{Owner: owner}}).Create(fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, version), rls); err != nil {
			t.Fatal(err)
		}
	}
	write("ours", 1, "me")
	write("theirs", 1, "you")
	write("taken", 1, "me")
	write("taken", 2, "you")
	write("back", 9, "you")
	write("back", 10, "me")
	write("edited", 1, "me")
	edited := helmRelease(1, helmrelease.StatusDeployed)
	edited.Name = "edited"
	if err := f.helm.Update("sh.helm.release.v1.edited.v1", edited); err != nil {
		t.Fatal(err)
	}
	f.requests.Take()
	names, err := f.ledger.Marked(t.Context(), storage.Target{Client: f.client, Namespace: f.namespace}, "me")
	if diff := cmp.Diff([]string{"back", "ours"}, names); err != nil || diff != "" {
		t.Errorf("Marked: %v (-want +got):\n%s", err, diff)
	}
	f.cost("a search", 1)
}

// TestBomb holds that a revision which somebody wrote to blow up whoever decodes it is not read.
func TestBomb(t *testing.T) {
	f := newFixture(t, false)
	rls := helmRelease(1, helmrelease.StatusDeployed)
	rls.Manifest = "a:\n- &x " + strings.Repeat("x", 20000) + strings.Repeat("\n- *x", 10000) + "\n"
	if err := f.helm.Create("sh.helm.release.v1.app.v1", rls); err != nil {
		t.Fatal(err)
	}
	if _, err := f.open().Newest(t.Context()); !errors.Is(err, helmchart.ErrLimit) {
		t.Errorf("Newest: %v", err)
	}
}
