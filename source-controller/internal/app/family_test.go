// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// The suite that every kind of source passes.

// object is a source with the fields that kinds have in common.
type object struct {
	publish.Source
	suspend  *bool
	interval *metav1.Duration
	observed *int64
	handled  *string
}

// member is a kind in the suite, with one object that follows what a server has.
type member struct {
	*fixture
	// kind is the lower-case kind, name that of the object.
	kind, name string
	// create makes the object.
	create func(suspended bool)
	// read, change, request and remove do what testkit.Kind does.
	read    func() (object, bool)
	change  func(func(object))
	request func() string
	remove  func()
	// move puts something new on the server, spoil makes that be of no use, and mend puts it right.
	move, spoil, mend func()
	// spoilContent puts something new on the server that shows only once it is fetched to be of no use.
	spoilContent func()
	// asked lists the requests to the server since the last call.
	asked func() []string
}

// newMember returns a member without its server. parts points at the common fields.
func newMember[T any, O interface {
	*T
	publish.Source
}](f *fixture, kind, name string, parts func(O) object) *member {
	objects := testkit.Kind[T, O]{Cluster: f.cluster, Namespace: f.namespace}
	return &member{
		fixture: f, kind: kind, name: name,
		read: func() (object, bool) {
			o := objects.Find(f.t, name)
			if o == nil {
				return object{}, false
			}
			return parts(o), true
		},
		change:  func(edit func(object)) { objects.Change(f.t, name, func(o O) { edit(parts(o)) }) },
		request: func() string { return objects.Request(f.t, name) },
		remove:  func() { objects.Remove(f.t, name) },
	}
}

// members makes each kind with a fixture of its own.
func members() map[string]func(*testing.T) *member {
	return map[string]func(*testing.T) *member{
		"GitRepository": gitMember, "OCIRepository": ociMember, "HelmRepository": helmRepositoryMember, "HelmChart": helmChartMember,
	}
}

func gitMember(t *testing.T) *member {
	t.Helper()
	f := newFixture(t)
	m := newMember(f, "gitrepository", "fleet", func(o *sourcev1.GitRepository) object {
		return object{o, &o.Spec.Suspend, &o.Spec.Interval, &o.Status.ObservedGeneration, &o.Status.LastHandledReconcileAt}
	})
	content := "1\n"
	m.move = func() { content += "1\n"; f.commit("next", map[string]string{"a": content, "b/c": "2"}) }
	m.create = func(suspended bool) { f.create(func(o *sourcev1.GitRepository) { o.Spec.Suspend = suspended }) }
	m.spoil = func() { f.change(func(o *sourcev1.GitRepository) { o.Spec.Reference.Branch = "gone" }) }
	m.mend = func() { f.change(func(o *sourcev1.GitRepository) { o.Spec.Reference.Branch = "main" }) }
	m.spoilContent = func() {
		f.change(func(o *sourcev1.GitRepository) { o.Spec.SparseCheckout = []string{"none"} })
		m.move()
	}
	m.asked = f.gitRequests
	m.move()
	return m
}

func ociMember(t *testing.T) *member {
	t.Helper()
	f := newOCIFixture(t)
	m := newMember(f.fixture, "ocirepository", "app", func(o *sourcev1.OCIRepository) object {
		return object{o, &o.Spec.Suspend, &o.Spec.Interval, &o.Status.ObservedGeneration, &o.Status.LastHandledReconcileAt}
	})
	content := "1\n"
	push := func() { f.push("latest", map[string]string{"a": content, "b/c": "2"}) }
	m.move = func() { content += "1\n"; push() }
	m.create = func(suspended bool) { f.create(func(o *sourcev1.OCIRepository) { o.Spec.Suspend = suspended }) }
	m.spoil = func() { f.registry.Delete(t, imagePath, "latest") }
	m.mend = push
	m.spoilContent = func() {
		f.registry.Push(t, imagePath, "latest", testkit.RegistryArtifact{Layers: []testkit.RegistryLayer{{MediaType: "x", Content: []byte("no archive")}}})
	}
	m.asked = f.registry.Take
	m.move()
	return m
}

func helmRepositoryMember(t *testing.T) *member {
	t.Helper()
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	m := newMember(f.fixture, "helmrepository", "charts", func(o *sourcev1.HelmRepository) object {
		return object{o, &o.Spec.Suspend, &o.Spec.Interval, &o.Status.ObservedGeneration, &o.Status.LastHandledReconcileAt}
	})
	version := 0
	m.move = func() { version++; f.helm.Add(t, app(fmt.Sprintf("1.%d.0", version))) }
	m.create = func(suspended bool) { f.repository(func(o *sourcev1.HelmRepository) { o.Spec.Suspend = suspended }) }
	var index []byte
	m.spoil = func() {
		index = f.download(&meta.Artifact{URL: f.helm.URL + "/index.yaml"})
		f.helm.SetFile("/index.yaml", nil)
	}
	m.mend = func() { f.helm.SetFile("/index.yaml", index) }
	m.spoilContent = func() { f.helm.SetFile("/index.yaml", []byte("a: [")) }
	m.asked = func() []string { requests, _ := f.helm.Take(); return requests }
	m.move()
	return m
}

// helmChartMember follows a range of versions in a registry: each run asks for its tags.
func helmChartMember(t *testing.T) *member {
	t.Helper()
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	m := newMember(f.fixture, "helmchart", "c", func(o *sourcev1.HelmChart) object {
		return object{o, &o.Spec.Suspend, &o.Spec.Interval, &o.Status.ObservedGeneration, &o.Status.LastHandledReconcileAt}
	})
	version := 0
	push := func() {
		name := fmt.Sprintf("1.%d.0", version)
		registry.PushChart(t, "charts/app", name, app(name).Package(t))
	}
	m.move = func() { version++; push() }
	m.create = func(suspended bool) {
		f.repository(func(o *sourcev1.HelmRepository) {
			o.Spec.Type, o.Spec.URL = sourcev1.HelmRepositoryTypeOCI, registry.URL+"/charts"
		})
		// The controller has seen it when it has cleared its status. A chart that comes first in its caches fails, and says so, before it is ready.
		await(f, "charts", "its way into the cache", func(o *sourcev1.HelmRepository) bool { return o.Status.ObservedGeneration != -1 })
		f.chart("c", func(o *sourcev1.HelmChart) { o.Spec.Suspend = suspended })
	}
	m.spoil = func() { registry.Delete(t, "charts/app", fmt.Sprintf("1.%d.0", version)) }
	m.mend = push
	m.spoilContent = func() {
		version++
		registry.PushChart(t, "charts/app", fmt.Sprintf("1.%d.0", version), []byte("no archive"))
	}
	m.asked = registry.Take
	m.move()
	return m
}

// await returns the object once it is as it should be.
func (m *member) await(what string, is func(object) bool) object {
	m.t.Helper()
	var o object
	testkit.Eventually(m.t, m.kind+": "+what, func() bool {
		var there bool
		o, there = m.read()
		return there && is(o)
	}, func() string { return cmp.Diff(nil, o.GetConditions()) })
	return o
}

// ready returns the object once it is ready.
func (m *member) ready() object {
	m.t.Helper()
	return m.await("Ready", func(o object) bool { return *o.observed == o.GetGeneration() && conditions.IsReady(o) })
}

// run asks for a run and returns the object after it.
func (m *member) run() object {
	m.t.Helper()
	at := m.request()
	return m.await("the requested run", func(o object) bool { return *o.handled == at })
}

// told waits until somebody was told of the published artifact.
func (m *member) told(o object) {
	m.t.Helper()
	m.events.Wait(m.t, func(e eventv1.Event) bool { return e.Metadata[sourcev1.DigestMetadataKey] == o.GetArtifact().Digest })
}

// faults counts the events about faults.
func (m *member) faults() int {
	n := 0
	for _, e := range m.events.Events() {
		if e.Severity == eventv1.EventSeverityError {
			n++
		}
	}
	return n
}

// family runs a test for each kind.
func family(t *testing.T, test func(*member)) {
	t.Helper()
	for name, start := range members() {
		t.Run(name, func(t *testing.T) { test(start(t)) })
	}
}

// published is what an object is expected to tell of its first artifact.
type published struct {
	// file, revision and link are those of the artifact; link is empty for a kind without.
	file, revision, link string
	// url is what status tells of the link.
	url string
	// stored is the condition.
	stored string
}

// checkPublished makes sure of what every kind tells of its first artifact, and returns the content.
func (f *fixture) checkPublished(o publish.Source, kind string, want published) []byte {
	f.t.Helper()
	a := o.GetArtifact()
	dir := kind + "/" + f.namespace + "/" + o.GetName() + "/"
	if a == nil || a.Path != dir+want.file || a.URL != "http://"+f.addr+"/"+a.Path || a.Revision != want.revision {
		f.t.Fatalf("artifact %+v, want %+v", a, want)
	}
	content := f.download(a)
	digest, size, err := artifact.Read(artifact.SHA256, bytes.NewReader(content))
	if err != nil || digest.String() != a.Digest || size != *a.Size {
		f.t.Errorf("downloaded %s, %d bytes; status says %s, %d", digest, size, a.Digest, *a.Size)
	}
	if want.link != "" && (want.url != "http://"+f.addr+"/"+dir+want.link || !bytes.Equal(f.download(&meta.Artifact{URL: want.url}), content)) {
		f.t.Errorf("link %s", want.url)
	}
	for _, kind := range []string{meta.ReadyCondition, sourcev1.ArtifactInStorageCondition} {
		if got := testkit.Condition(o, kind); got != want.stored {
			f.t.Errorf("%s: %s, want %s", kind, got, want.stored)
		}
	}
	if len(o.GetConditions()) != 2 || !controllerutil.ContainsFinalizer(o, sourcev1.Finalizer) {
		f.t.Errorf("conditions %v, finalizers %v", o.GetConditions(), o.GetFinalizers())
	}
	return content
}

// announced waits for the event about the artifact of an object, and returns its text.
func (f *fixture) announced(o publish.Source, reason string) string {
	f.t.Helper()
	e, a := f.waitEvent(reason), o.GetArtifact()
	if e.Severity != eventv1.EventSeverityInfo || e.Metadata[sourcev1.RevisionMetadataKey] != a.Revision || e.Metadata[sourcev1.DigestMetadataKey] != a.Digest {
		f.t.Errorf("event %+v", e)
	}
	return e.Message
}

// fault is what becomes of bad input.
type fault struct {
	// why is what the row is about.
	why string
	// reason is that of Ready and of the event.
	reason  string
	stalled bool
	// mentions is part of the message.
	mentions string
}

// checkFault makes sure of what all faults have in common. observed is the generation that the object was last dealt with in.
func (f *fixture) checkFault(o publish.Source, observed int64, want fault) {
	f.t.Helper()
	message := conditions.GetMessage(o, meta.ReadyCondition)
	if !conditions.IsFalse(o, meta.ReadyCondition) || conditions.GetReason(o, meta.ReadyCondition) != want.reason || !strings.Contains(message, want.mentions) ||
		conditions.IsStalled(o) != want.stalled || conditions.IsReconciling(o) == want.stalled {
		f.t.Errorf("%s\n%+v", want.why, o.GetConditions())
	}
	if strings.Contains(message, "hunter2") || strings.Contains(message, f.storage) {
		f.t.Errorf("%s\nthe message has something private: %s", want.why, message)
	}
	if (observed == o.GetGeneration()) != want.stalled || o.GetArtifact() != nil {
		f.t.Errorf("%s\nobserved generation %d, artifact %+v", want.why, observed, o.GetArtifact())
	}
	if want.reason == sourcev1.NoSourceArtifactReason {
		return // is waited for, which is no fault
	}
	f.events.Wait(f.t, func(e eventv1.Event) bool {
		return e.InvolvedObject.Name == o.GetName() && e.Reason == want.reason && e.Severity == eventv1.EventSeverityError && strings.Contains(e.Message, want.mentions)
	})
}

// silent returns the address of a server that never answers.
func silent(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// settled makes the object, and returns it when it is ready and everybody has been told.
func (m *member) settled() object {
	m.t.Helper()
	m.create(false)
	o := m.ready()
	m.told(o)
	m.recorded(o)
	return o
}

// A run in which nothing moved sends one request to the server. Asked for, it costs one status write and an event in the cluster that says so; by
// interval nothing. Nobody else is told.
func TestUnchanged(t *testing.T) {
	family(t, func(m *member) {
		t := m.t
		before := m.settled()
		m.asked()
		m.requests.Settle(t)
		after := m.run()
		if asked := m.asked(); len(asked) != 1 {
			t.Errorf("requests to the server: %v", asked)
		}
		m.traced(m.name, func(e corev1.Event) bool {
			return e.Type == corev1.EventTypeNormal && strings.HasSuffix(e.Message, " '"+before.GetArtifact().Revision+"'") &&
				(e.Reason == sourcev1.ArtifactUpToDateReason || e.Reason == sourcev1.GitOperationSucceededReason)
		})
		counts := m.requests.Spent(t)
		if runs(counts) != 2 || writes(counts) != 1 {
			testkit.Log(t, counts)
			t.Error("a forced run without news costs one status write, and one event")
		}
		if diff := cmp.Diff(before.GetArtifact(), after.GetArtifact()); diff != "" {
			t.Errorf("the artifact changed:\n%s", diff)
		}

		m.change(func(o object) { o.interval.Duration = 100 * time.Millisecond })
		m.await("the new interval", func(o object) bool { return *o.observed == o.GetGeneration() })
		m.asked()
		m.requests.Settle(t)
		asked := 0
		testkit.Eventually(t, "some runs", func() bool { asked += len(m.asked()); return asked >= 5 })
		if counts := m.requests.Take(); runs(counts) != 0 {
			testkit.Log(t, counts)
			t.Error("runs by interval without news send no request to the API server")
		}
		if told := m.reasons(); len(told) != 1 || !strings.HasPrefix(told[0], "info ") {
			t.Errorf("events %v", told)
		}
	})
}

// What works writes twice at most: progress and result. The file of before stays for those who download it, for a while.
func TestMove(t *testing.T) {
	family(t, func(m *member) {
		t := m.t
		old := m.settled()
		m.move()
		m.requests.Settle(t)
		next := m.run()
		counts := m.requests.Take()
		if runs(counts)-testkit.Total(counts, "events") != 2 || writes(counts) != 2 {
			testkit.Log(t, counts)
			t.Error("a new revision costs two status writes")
		}
		was, is := old.GetArtifact(), next.GetArtifact()
		if !conditions.IsReady(next) || is.Revision == was.Revision || is.Digest == was.Digest || is.Path == was.Path {
			t.Errorf("was %+v, is %+v", was, is)
		}
		m.told(next)
		m.download(was)
		m.download(is)
		for range 2 {
			m.move()
			m.run()
		}
		files := slices.DeleteFunc(m.kept(m.kind, m.name), func(name string) bool { return name == "latest.tar.gz" || name == "index.yaml" })
		if len(files) > 3 {
			t.Errorf("%v stay, more than records plus the new one", files)
		}
	})
}

// While it is suspended, before anything else or later, an object is left alone; requests are confirmed all the same.
func TestSuspend(t *testing.T) {
	family(t, func(m *member) {
		t := m.t
		m.asked()
		m.create(true)
		if o := m.run(); len(m.asked()) != 0 || o.GetArtifact() != nil || len(o.GetConditions()) != 0 {
			t.Errorf("a suspended object was worked on: %+v", o.GetConditions())
		}
		m.change(func(o object) { *o.suspend = false })
		before := m.ready()
		m.change(func(o object) { *o.suspend = true })
		m.await("the suspended generation", func(o object) bool { return *o.observed == o.GetGeneration() })
		m.move()
		m.asked()
		if o := m.run(); len(m.asked()) != 0 || !conditions.IsReady(o) || cmp.Diff(before.GetArtifact(), o.GetArtifact()) != "" {
			t.Errorf("artifact and conditions of a suspended object stay: %+v", o.GetConditions())
		}
		m.change(func(o object) { *o.suspend = false })
		m.await("the next revision", func(o object) bool { return o.GetArtifact().Revision != before.GetArtifact().Revision })
	})
}

// All files of an object go with it.
func TestDelete(t *testing.T) {
	family(t, func(m *member) {
		t := m.t
		m.create(false)
		m.ready()
		m.remove()
		err := filepath.WalkDir(m.storage, func(p string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				t.Errorf("left over: %s", p)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Also while it is suspended. Who holds an object that is deleted sees that its artifact is gone.
func TestDeleteHeld(t *testing.T) {
	const theirs = "example.com/theirs"
	family(t, func(m *member) {
		t := m.t
		m.create(false)
		m.ready()
		m.change(func(o object) { controllerutil.AddFinalizer(o, theirs); *o.suspend = true })
		o, _ := m.read()
		if err := m.cluster.Client.Delete(t.Context(), o.Source); err != nil {
			t.Fatal(err)
		}
		o = m.await("its release", func(o object) bool { return !controllerutil.ContainsFinalizer(o, sourcev1.Finalizer) })
		if o.GetArtifact() != nil || conditions.Has(o, sourcev1.ArtifactInStorageCondition) || len(m.kept(m.kind, m.name)) > 0 {
			t.Errorf("artifact %+v, conditions %+v", o.GetArtifact(), o.GetConditions())
		}
		m.change(func(o object) { controllerutil.RemoveFinalizer(o, theirs) })
	})
}

// What is lost or altered is made again, the same to the byte; what is there after a restart is not.
func TestStorage(t *testing.T) {
	family(t, func(m *member) {
		t := m.t
		m.create(false)
		before := m.ready()
		a := before.GetArtifact()
		file := filepath.Join(m.storage, a.Path)
		check := func(what string, o object) {
			t.Helper()
			if again := o.GetArtifact(); again == nil || again.Digest != a.Digest || again.Path != a.Path || !conditions.IsReady(o) {
				t.Fatalf("%s: artifact %+v, conditions %+v", what, again, o.GetConditions())
			}
			m.download(a)
		}
		if err := os.RemoveAll(filepath.Dir(file)); err != nil {
			t.Fatal(err)
		}
		check("lost", m.run())
		if err := os.WriteFile(file, []byte("altered"), 0o600); err != nil {
			t.Fatal(err)
		}
		check("altered", m.run())
		if e := m.waitEvent(sourcev1.ArtifactVerificationFailedReason); e.Severity != eventv1.EventSeverityError {
			t.Errorf("event %+v", e)
		}

		stored := m.ready().GetArtifact()
		m.stop()
		m.asked()
		m.start()
		testkit.Eventually(t, "the first run", func() bool { return len(m.asked()) > 0 })
		after := m.run()
		if diff := cmp.Diff(stored, after.GetArtifact()); diff != "" {
			t.Errorf("a restart changes nothing (-before +after):\n%s", diff)
		}

		m.stop()
		for _, name := range []string{m.kind, ".state"} {
			if err := os.RemoveAll(filepath.Join(m.storage, name)); err != nil {
				t.Fatal(err)
			}
		}
		m.start()
		testkit.Eventually(t, "the artifact after a restart without storage", func() bool {
			_, err := os.Stat(file)
			return err == nil
		})
		check("all lost", m.ready())
	})
}

// A failure is told and keeps the artifact. The same failure again costs no write. Its end is told, once.
func TestFailAndRecover(t *testing.T) {
	family(t, func(m *member) {
		t := m.t
		good := m.settled()
		m.spoil()
		m.request()
		o := m.await("the failure", func(o object) bool {
			return conditions.IsTrue(o, sourcev1.FetchFailedCondition) && conditions.IsFalse(o, meta.ReadyCondition)
		})
		if !conditions.IsTrue(o, sourcev1.ArtifactInStorageCondition) || conditions.GetReason(o, meta.ReconcilingCondition) != meta.ProgressingWithRetryReason ||
			conditions.IsStalled(o) || cmp.Diff(good.GetArtifact(), o.GetArtifact()) != "" {
			t.Errorf("conditions %+v, artifact %+v", o.GetConditions(), o.GetArtifact())
		}
		m.download(good.GetArtifact())
		m.run() // a failing run follows a request as well
		m.requests.Settle(t)
		faults := m.faults()
		testkit.Eventually(t, "more attempts", func() bool { return m.faults() >= faults+2 })
		if counts := m.requests.Take(); writes(counts) > 0 {
			testkit.Log(t, counts)
			t.Error("the same failure again changes nothing")
		}
		m.mend()
		m.run()
		m.ready()
		recovered := func() (n int) {
			for _, e := range m.events.Events() {
				if e.Severity == eventv1.EventSeverityInfo && e.Metadata[sourcev1.DigestMetadataKey] == good.GetArtifact().Digest {
					n++
				}
			}
			return n
		}
		testkit.Eventually(t, "the recovery to be told", func() bool { return recovered() == 2 })
		m.run()
		if n := recovered(); n != 2 {
			t.Errorf("the recovery is told once: %v", m.reasons())
		}
	})
}

// A failure that shows only once something new is fetched costs two writes, its progress and its end; the same failure again costs none, and Ready
// does not change meanwhile.
func TestFailLate(t *testing.T) {
	family(t, func(m *member) {
		t := m.t
		good := m.settled()
		m.spoilContent()
		m.run()
		o := m.await("the failure", func(o object) bool { return conditions.IsFalse(o, meta.ReadyCondition) })
		if !conditions.IsTrue(o, sourcev1.ArtifactOutdatedCondition) || conditions.GetReason(o, meta.ReconcilingCondition) != meta.ProgressingWithRetryReason ||
			cmp.Diff(good.GetArtifact(), o.GetArtifact()) != "" {
			t.Errorf("conditions %+v, artifact %+v", o.GetConditions(), o.GetArtifact())
		}
		m.requests.Settle(t)
		faults := m.faults()
		testkit.Eventually(t, "more attempts", func() bool { return m.faults() >= faults+2 })
		if counts := m.requests.Take(); writes(counts) > 0 {
			testkit.Log(t, counts)
			t.Error("the same failure again changes nothing")
		}
		if again, _ := m.read(); cmp.Diff(o.GetConditions(), again.GetConditions()) != "" {
			t.Errorf("conditions were %+v, are %+v", o.GetConditions(), again.GetConditions())
		}
	})
}

// Storage that cannot be written to is told, without paths, and forgotten when it can.
func TestStorageNotWritable(t *testing.T) {
	family(t, func(m *member) {
		t := m.t
		blocked := filepath.Join(m.storage, m.kind)
		if err := os.WriteFile(blocked, nil, 0o600); err != nil { // does what permissions cannot, to root
			t.Fatal(err)
		}
		m.create(false)
		o := m.await("the failure", func(o object) bool { return conditions.IsTrue(o, sourcev1.StorageOperationFailedCondition) })
		reasons := []string{sourcev1.ArchiveOperationFailedReason, sourcev1.DirectoryCreationFailedReason, sourcev1.StatOperationFailedReason}
		message := conditions.GetMessage(o, sourcev1.StorageOperationFailedCondition)
		if !slices.Contains(reasons, conditions.GetReason(o, sourcev1.StorageOperationFailedCondition)) || strings.Contains(message, m.storage) {
			t.Errorf("conditions %+v", o.GetConditions())
		}
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		if o := m.ready(); conditions.Has(o, sourcev1.StorageOperationFailedCondition) {
			t.Errorf("conditions %+v", o.GetConditions())
		}
	})
}

// Durations that are none are refused by the API server.
func TestOddDurations(t *testing.T) {
	cluster := suite.Cluster(t)
	namespace := cluster.Namespace(t, "odd")
	for kind, spec := range map[string]map[string]any{
		"GitRepository": {"url": "https://host/x"}, "OCIRepository": {"url": "oci://host/x"}, "HelmRepository": {"url": "https://host"},
		"HelmChart": {"chart": "app", "sourceRef": map[string]any{"kind": "HelmRepository", "name": "charts"}},
	} {
		try := func(interval, timeout string) error {
			o := &unstructured.Unstructured{Object: map[string]any{"spec": maps.Clone(spec)}}
			o.SetGroupVersionKind(sourcev1.GroupVersion.WithKind(kind))
			o.SetNamespace(namespace)
			o.SetName("odd")
			err := errors.Join(
				unstructured.SetNestedField(o.Object, interval, "spec", "interval"), unstructured.SetNestedField(o.Object, timeout, "spec", "timeout"),
			)
			if err != nil {
				t.Fatal(err)
			}
			return cluster.Client.Create(t.Context(), o, client.DryRunAll)
		}
		if err := try("1h30m", "1m30s"); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		for _, interval := range []string{"10", "1d", "-1m", "m", ""} {
			if err := try(interval, "1m"); !apierrors.IsInvalid(err) {
				t.Errorf("%s, interval %q: %v", kind, interval, err)
			}
		}
		for _, timeout := range []string{"1h", "10", ""} {
			if err := try("1m", timeout); kind != "HelmChart" && !apierrors.IsInvalid(err) { // which has none
				t.Errorf("%s, timeout %q: %v", kind, timeout, err)
			}
		}
	}
}
