// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestParseRequest(t *testing.T) {
	cases := map[string]struct {
		reason string
		method string
		path   string
		want   Request
	}{
		"Get": {
			reason: "A named object is got.",
			method: http.MethodGet,
			path:   "/api/v1/namespaces/team/configmaps/a",
			want:   Request{Verb: "get", Resource: "configmaps"},
		},
		"List": {
			reason: "A collection is listed.",
			method: http.MethodGet,
			path:   "/apis/apps/v1/deployments?limit=500",
			want:   Request{Verb: "list", Resource: "deployments"},
		},
		"Watch": {
			reason: "A watch is told from a list by its parameter.",
			method: http.MethodGet,
			path:   "/apis/apps/v1/namespaces/team/deployments?watch=true",
			want:   Request{Verb: "watch", Resource: "deployments"},
		},
		"DryRun": {
			reason: "An apply that only tries is told from one that writes.",
			method: http.MethodPatch,
			path:   "/api/v1/namespaces/team/configmaps/a?dryRun=All&fieldManager=x",
			want:   Request{Verb: "patch", Resource: "configmaps", DryRun: true},
		},
		"Status": {
			reason: "A sub-resource has a name of its own.",
			method: http.MethodPatch,
			path:   "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/team/kustomizations/app/status",
			want:   Request{Verb: "patch", Resource: "kustomizations/status"},
		},
		"Namespace": {
			reason: "A namespace is an object too.",
			method: http.MethodGet,
			path:   "/api/v1/namespaces/team",
			want:   Request{Verb: "get", Resource: "namespaces"},
		},
		"NamespaceStatus": {
			reason: "A namespace has a status.",
			method: http.MethodPut,
			path:   "/api/v1/namespaces/team/status",
			want:   Request{Verb: "update", Resource: "namespaces/status"},
		},
		"DeleteCollection": {
			reason: "Deleting without a name deletes all.",
			method: http.MethodDelete,
			path:   "/api/v1/namespaces/team/pods",
			want:   Request{Verb: "deletecollection", Resource: "pods"},
		},
		"Discovery": {
			reason: "A path without a resource is kept as it is.",
			method: http.MethodGet,
			path:   "/apis",
			want:   Request{Verb: "get", Resource: "/apis"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse("https://localhost" + tc.path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, parseRequest(tc.method, u)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestTotal(t *testing.T) {
	counts := map[Request]int{{Verb: "get", Resource: "pods"}: 2, {Verb: "list", Resource: "pods"}: 1, {Verb: "get", Resource: "secrets"}: 4}
	if got := Total(counts); got != 7 {
		t.Errorf("Total(all) = %d, want 7", got)
	}
	if got := Total(counts, "pods"); got != 3 {
		t.Errorf("Total(pods) = %d, want 3", got)
	}
}

func TestArtifactServer(t *testing.T) {
	server := NewArtifactServer(t)
	files := map[string]string{"b.yaml": "b", "a/a.yaml": "a"}
	artifact := server.Add(t, "main@sha1:0", files)
	if again := server.Add(t, "main@sha1:1", files); again.Digest != artifact.Digest {
		t.Errorf("the same files gave digests %s and %s", artifact.Digest, again.Digest)
	}
	var got bytes.Buffer
	if status := fetch(t, artifact.URL, &got); status != http.StatusOK || !bytes.Equal(got.Bytes(), Archive(t, files)) {
		t.Errorf("artifact: status %d, %d bytes of %d", status, got.Len(), *artifact.Size)
	}
	if served := server.Served(artifact); served != 1 {
		t.Errorf("Served() = %d, want 1", served)
	}
	server.Remove(artifact)
	if status := fetch(t, artifact.URL, &got); status != http.StatusNotFound {
		t.Errorf("removed artifact: status %d, want 404", status)
	}
}

func TestEventSink(t *testing.T) {
	sink := NewEventSink(t)
	sink.Answer(http.StatusServiceUnavailable)
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusAccepted} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sink.URL, bytes.NewBufferString(`{"reason":"Done"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if status := send(t, req, &bytes.Buffer{}); status != want {
			t.Errorf("status %d, want %d", status, want)
		}
	}
	sink.Wait(t, func(e eventv1.Event) bool { return e.Reason == "Done" })
	if events := sink.Events(); len(events) != 1 {
		t.Errorf("%d events kept, want 1", len(events))
	}
}

func TestObjects(t *testing.T) {
	objects := Objects(t, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n# nothing\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\n")
	if len(objects) != 2 || objects[0].GetName() != "a" || objects[1].GetKind() != "Secret" {
		t.Errorf("Objects() = %v", objects)
	}
}

func TestAPIServer(t *testing.T) {
	cluster := APIServer(t, nil)
	namespace := cluster.Namespace(t, "team")
	var requests Requests
	user := cluster.User(t, "reader", Rule("", "configmaps"))
	cluster.Create(t, ConfigMap(namespace, "a", map[string]string{"k": "v"}))
	if user.Host == "" || requests.Count(user).Host != user.Host {
		t.Error("a counted configuration reaches another server")
	}
	reader, err := client.New(user, client.Options{})
	if err == nil {
		err = reader.List(t.Context(), new(corev1.ConfigMapList))
	}
	if err != nil {
		t.Errorf("the user has no rights yet: %v", err)
	}
	maps := Kind[corev1.ConfigMap, *corev1.ConfigMap]{Cluster: cluster, Namespace: namespace}
	token := maps.Request(t, "a", "example.com/also")
	a := maps.Await(t, "a", "the request is seen", func(o *corev1.ConfigMap) bool { return o.Annotations["example.com/also"] == token })
	maps.Change(t, "a", func(o *corev1.ConfigMap) { o.Data = nil })
	if got := maps.Get(t, "a"); got.UID != a.UID || len(got.Data) != 0 || cluster.FindConfigMap(t, namespace, "a") == nil {
		t.Errorf("changed to %+v", got)
	}
	maps.Remove(t, "a")
	if maps.Find(t, "a") != nil {
		t.Error("a removed object is found")
	}
	pods := Kind[corev1.Pod, *corev1.Pod]{Cluster: cluster, Namespace: namespace}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
	for _, phase := range []corev1.PodPhase{corev1.PodRunning, corev1.PodSucceeded} {
		pods.Report(t, pod.DeepCopy(), func(o *corev1.Pod) { o.Status.Phase = phase })
		if got := pods.Get(t, "p").Status.Phase; got != phase {
			t.Errorf("phase %s, want %s", got, phase)
		}
	}
}

// roundTripper answers requests.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

// TestRequestsSpent checks that requests count which follow each other, however slow the answers are.
func TestRequestsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests Requests
		transport := &counter{requests: &requests, next: roundTripper(func(req *http.Request) (*http.Response, error) {
			time.Sleep(4 * quiet)
			if req.URL.Query().Has("watch") {
				<-req.Context().Done()
			}
			return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
		})}
		ask := func(path string) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/api/v1/"+path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := transport.RoundTrip(req); err != nil {
				t.Error(err)
			} else {
				resp.Body.Close()
			}
		}
		go ask("secrets?watch=true")
		go func() { ask("pods"); ask("pods") }()
		synctest.Wait()
		if spent := requests.Spent(t); Total(spent, "pods") != 2 || Total(spent) != 3 {
			t.Errorf("spent %v, want two and a watch", spent)
		}
		if spent := requests.Take(); len(spent) != 0 {
			t.Errorf("%v are left", spent)
		}
	})
}

// TestRequestsUnending checks that a wait which fails says what for.
func TestRequestsUnending(t *testing.T) {
	var requests Requests
	pods, secrets := Request{Verb: "list", Resource: "pods"}, Request{Verb: "get", Resource: "secrets"}
	requests.began(pods)
	requests.began(secrets)
	requests.ended(secrets)
	if got := requests.unending(t.Context(), false); got != "" {
		t.Errorf("in time: %q", got)
	}
	const what = "; unanswered:\n     1 list pods\nsince the last look:\n     1 get secrets\n     1 list pods"
	if got, want := requests.unending(t.Context(), true), "the requests never end"+what; got != want {
		t.Errorf("too late: %q, want %q", got, want)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if got, want := requests.unending(over, false), "the test is over while requests go on"+what; got != want {
		t.Errorf("after the test: %q, want %q", got, want)
	}
}

// TestAttempt checks that only what has no other cause than a slow machine is tried again.
func TestAttempt(t *testing.T) {
	late, broken := errors.New("x: "+lateNamespace+": context deadline exceeded"), errors.New("etcd has ended")
	cases := map[string]struct {
		reason   string
		answers  []error // of one attempt after the other
		attempts int
		want     error
	}{
		"Works":  {"Nothing is tried twice.", []error{nil}, 1, nil},
		"Late":   {"A late server is started again.", []error{late, nil}, 2, nil},
		"Never":  {"Not for ever.", []error{late, late, late, nil}, 3, late},
		"Broken": {"A fault is told at once.", []error{broken, nil}, 1, broken},
		"Both":   {"Also after a late one.", []error{late, broken, nil}, 2, broken},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			attempts := 0
			err := attempt(func() error {
				attempts++
				return tc.answers[attempts-1]
			})
			if !errors.Is(err, tc.want) || attempts != tc.attempts {
				t.Errorf("%s error %v after %d attempts, want %v after %d", tc.reason, err, attempts, tc.want, tc.attempts)
			}
		})
	}
}

func TestFreeAddress(t *testing.T) {
	address := FreeAddress(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if mark, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", address); err == nil {
		mark.Close()
		t.Error("others can take it although the test has not ended")
	}
}

func fetch(t *testing.T, address string, into *bytes.Buffer) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, req, into)
}

func send(t *testing.T, req *http.Request, into *bytes.Buffer) int {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := into.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}
