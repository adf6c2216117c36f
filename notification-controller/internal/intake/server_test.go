// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
)

// shelf keeps what it is given, or fails.
type shelf struct {
	mu     sync.Mutex
	bodies [][]byte
	keys   []string
	err    error
}

func (s *shelf) Append(key string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.keys = append(s.keys, key)
	s.bodies = append(s.bodies, body)
	return nil
}

func serve(t *testing.T, window time.Duration) (*shelf, *httptest.Server) {
	t.Helper()
	kept := &shelf{}
	s, err := New(Options{Outbox: kept, Window: window, Clock: time.Now, Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return kept, server
}

// answer is what the endpoint said.
type answer struct {
	status int
	header http.Header
	text   string
}

func post(t *testing.T, url string, body io.Reader) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
}

// sized is an event of exactly that many bytes.
func sized(n int) string {
	const head, tail = `{"message":"`, `"}`
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}

// TestBadInput walks the rows of the contract's section 13, "Event server", that are decided before an event is taken.
func TestBadInput(t *testing.T) {
	cases := map[string]struct {
		reason   string
		body     io.Reader
		method   string
		want     int
		wantKept int
	}{
		"Empty":          {reason: "An empty body is no event.", body: strings.NewReader(""), want: http.StatusBadRequest},
		"BrokenJSON":     {reason: "Broken JSON is no event.", body: strings.NewReader(`{"message":`), want: http.StatusBadRequest},
		"TwoDocuments":   {reason: "Neither are two documents.", body: strings.NewReader(`{}{}`), want: http.StatusBadRequest},
		"Array":          {reason: "Neither is an array.", body: strings.NewReader(`[]`), want: http.StatusBadRequest},
		"WrongFieldType": {reason: "A field of another type is refused.", body: strings.NewReader(`{"message":1}`), want: http.StatusBadRequest},
		"WrongTime":      {reason: "So is a time that is none.", body: strings.NewReader(`{"timestamp":"yesterday"}`), want: http.StatusBadRequest},
		"WrongMetadata":  {reason: "So is metadata that is no text.", body: strings.NewReader(`{"metadata":{"a":1}}`), want: http.StatusBadRequest},
		"Null":           {reason: "null is an event about nothing.", body: strings.NewReader(`null`), want: http.StatusAccepted, wantKept: 1},
		"EmptyObject":    {reason: "So is an empty object.", body: strings.NewReader(`{}`), want: http.StatusAccepted, wantKept: 1},
		"Unknown":        {reason: "Unknown fields are ignored.", body: strings.NewReader(`{"new":{}}`), want: http.StatusAccepted, wantKept: 1},
		"Get":            {reason: "The method does not matter.", method: http.MethodPut, body: strings.NewReader(`{}`), want: http.StatusAccepted, wantKept: 1},
		"Largest":        {reason: "The bound is inclusive.", body: strings.NewReader(sized(3145728)), want: http.StatusAccepted, wantKept: 1},
		"TooLarge":       {reason: "One byte more is refused, and not decoded.", body: strings.NewReader(sized(3145729)), want: http.StatusRequestEntityTooLarge},
		"TooLargeStream": {reason: "Also when the size is not known before.", body: io.MultiReader(strings.NewReader(sized(3145729))), want: http.StatusRequestEntityTooLarge},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			kept, server := serve(t, time.Minute)
			method := http.MethodPost
			if tc.method != "" {
				method = tc.method
			}
			// Not over a connection: one on which a refused body is still being sent may be cut before its answer is read.
			got := httptest.NewRecorder()
			server.Config.Handler.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), method, "/any/path", tc.body))
			if got.Code != tc.want || got.Body.Len() > 0 || len(kept.bodies) != tc.wantKept {
				t.Errorf("%s\nstatus %d, body %q, %d kept, want %d and %d", tc.reason, got.Code, got.Body, len(kept.bodies), tc.want, tc.wantKept)
			}
			limited := got.Header().Get("X-Ratelimit-Limit") != ""
			if limited != (tc.want == http.StatusAccepted) {
				t.Errorf("%s\nheaders %v", tc.reason, got.Header())
			}
		})
	}
}

func TestDuplicateAnswer(t *testing.T) {
	kept, server := serve(t, time.Hour)
	const body = `{"message":"same"}`
	first := post(t, server.URL, strings.NewReader(body))
	second := post(t, server.URL, strings.NewReader(body))
	if first.status != http.StatusAccepted || second.status != http.StatusTooManyRequests || len(kept.bodies) != 1 {
		t.Fatalf("answers %d and %d, %d kept", first.status, second.status, len(kept.bodies))
	}
	if strings.TrimSpace(second.text) != "Too Many Requests" {
		t.Errorf("body %q", second.text)
	}
	for i, got := range []answer{first, second} {
		reset, err := http.ParseTime(got.header.Get("X-RateLimit-Reset"))
		if err != nil || time.Until(reset) > time.Hour || time.Until(reset) < 50*time.Minute ||
			got.header.Get("X-RateLimit-Limit") != "1" || got.header.Get("X-RateLimit-Remaining") != "0" {
			t.Errorf("answer %d: %v, error %v", i, got.header, err)
		}
	}
	if first.header.Get("Retry-After") != "" || second.header.Get("Retry-After") != second.header.Get("X-RateLimit-Reset") {
		t.Errorf("Retry-After %q and %q, want none and the end of the window", first.header.Get("Retry-After"), second.header.Get("Retry-After"))
	}
}

// TestNotKept refuses an event that cannot be made durable, and takes it when its sender tries again.
func TestNotKept(t *testing.T) {
	kept, server := serve(t, time.Hour)
	kept.err = errors.New("no space left on device")
	if got := post(t, server.URL, strings.NewReader(`{}`)); got.status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", got.status)
	}
	kept.err = nil
	if got := post(t, server.URL, strings.NewReader(`{}`)); got.status != http.StatusAccepted {
		t.Errorf("status %d, want 202: the event was not taken the first time", got.status)
	}
	if got := post(t, server.URL, strings.NewReader(`{}`)); got.status != http.StatusTooManyRequests {
		t.Errorf("status %d, want 429: now it was", got.status)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("an endpoint without an outbox was made")
	}
}

func event(edit func(*eventv1.Event)) eventv1.Event {
	e := eventv1.Event{
		InvolvedObject: corev1.ObjectReference{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "apps", Name: "web"},
		Severity:       eventv1.SeverityInfo,
		Message:        "applied",
		Metadata:       map[string]string{"kustomize.toolkit.fluxcd.io/revision": "rev1"},
	}
	if edit != nil {
		edit(&e)
	}
	return e
}

func set(key, value string) func(*eventv1.Event) {
	return func(e *eventv1.Event) { e.Metadata[key] = value }
}

// TestDuplicateSequence is the sequence of the contract's section 12, and more of section 3.3.
func TestDuplicateSequence(t *testing.T) {
	const prefix = "kustomize.toolkit.fluxcd.io/"
	steps := []struct {
		reason string
		event  eventv1.Event
		want   bool
	}{
		{reason: "The first is taken.", event: event(nil), want: true},
		{reason: "The same is a duplicate.", event: event(nil), want: false},
		{reason: "Another revision is another event.", event: event(set(prefix+"revision", "rev2")), want: true},
		{reason: "So is one with an origin revision.", event: event(set(prefix+"originRevision", "main")), want: true},
		{reason: "And the same again is none.", event: event(set(prefix+"originRevision", "main")), want: false},
		{reason: "Empty is not absent.", event: event(set(prefix+"originRevision", "")), want: true},
		{reason: "A token makes another event.", event: event(set(prefix+"token", "1")), want: true},
		{reason: "So does another token.", event: event(set(prefix+"token", "2")), want: true},
		{reason: "So does a message.", event: event(func(e *eventv1.Event) { e.Message = "pruned" }), want: true},
		{reason: "A severity does not.", event: event(func(e *eventv1.Event) { e.Severity = eventv1.SeverityError }), want: false},
		{reason: "Nor does what the object's author says.", event: event(set("event.toolkit.fluxcd.io/summary", "x")), want: false},
		{reason: "Nor a reason, UID, version or controller.", event: event(func(e *eventv1.Event) {
			e.Reason, e.InvolvedObject.UID, e.InvolvedObject.APIVersion, e.ReportingController = "r", "u", "kustomize.toolkit.fluxcd.io/v2", "c"
		}), want: false},
		{reason: "Another name is another object.", event: event(func(e *eventv1.Event) { e.InvolvedObject.Name = "api" }), want: true},
		{reason: "So is another namespace.", event: event(func(e *eventv1.Event) { e.InvolvedObject.Namespace = "team" }), want: true},
		{reason: "So is another kind.", event: event(func(e *eventv1.Event) { e.InvolvedObject.Kind = "GitRepository" }), want: true},
		{reason: "Texts do not run into each other.", event: event(func(e *eventv1.Event) { e.InvolvedObject.Name, e.InvolvedObject.Namespace = "weba", "pps" }), want: true},
	}
	_, server := serve(t, time.Hour)
	for _, step := range steps {
		body, err := json.Marshal(step.event)
		if err != nil {
			t.Fatal(err)
		}
		want := http.StatusTooManyRequests
		if step.want {
			want = http.StatusAccepted
		}
		if got := post(t, server.URL, bytes.NewReader(body)); got.status != want {
			t.Errorf("%s Status %d, want %d", step.reason, got.status, want)
		}
	}
}

// TestWindow is about time: windows begin at the first sighting and do not slide.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, err := newWindow(time.Minute, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		take := func(at time.Duration, want bool) {
			t.Helper()
			time.Sleep(time.Until(start.Add(at)))
			ok, reset, settle := w.take(t.Context(), identity{1})
			if ok {
				settle(true)
			}
			if end := start.Add(at.Truncate(time.Minute) + time.Minute); ok != want || !reset.Equal(end) {
				t.Errorf("after %s: %t until %s, want %t until %s", at, ok, reset, want, end)
			}
		}
		take(0, true)
		take(59*time.Second, false)
		take(60*time.Second, true)
		take(61*time.Second, false)
		take(179*time.Second, true)
		take(180*time.Second, true) // one second later, but in the next window
		take(181*time.Second, false)
		if w.seen.Len() != 1 {
			t.Errorf("%d identities", w.seen.Len())
		}
		time.Sleep(121 * time.Second)
		w.take(t.Context(), identity{2})
		if _, still := w.seen.Peek(identity{1}); still {
			t.Error("what was not seen for two intervals is still remembered")
		}
	})
}

// TestUndecided posts an event again while the first is not on disk yet, as a sender does that gave up waiting: nobody is told that it is a
// duplicate before it is.
func TestUndecided(t *testing.T) {
	for kept, want := range map[bool]bool{true: false, false: true} {
		synctest.Test(t, func(t *testing.T) {
			w, err := newWindow(time.Minute, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			_, _, settle := w.take(t.Context(), identity{1})
			answered := make(chan bool, 1)
			go func() {
				ok, _, settle := w.take(t.Context(), identity{1})
				if ok {
					settle(true)
				}
				answered <- ok
			}()
			synctest.Wait()
			if len(answered) > 0 {
				t.Error("the second was decided before the first")
			}
			settle(kept)
			if got := <-answered; got != want {
				t.Errorf("first kept %t: the second passes %t, want %t", kept, got, want)
			}
			gone, cancel := context.WithCancel(t.Context())
			w.take(t.Context(), identity{2})
			cancel()
			if ok, _, _ := w.take(gone, identity{2}); ok {
				t.Error("an event whose sender is gone passed")
			}
		})
	}
}

func TestWindowBound(t *testing.T) {
	w, err := newWindow(0, time.Now)
	if err != nil || w.interval != time.Second {
		t.Fatalf("interval %s, error %v, want one second for nothing", w.interval, err)
	}
	for i := range maxIdentities + 10 {
		w.take(t.Context(), identity{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	if w.seen.Len() > maxIdentities {
		t.Errorf("%d identities are remembered, want at most %d", w.seen.Len(), maxIdentities)
	}
}

func TestEvent(t *testing.T) {
	const group = "source.toolkit.fluxcd.io/"
	cases := map[string]struct {
		reason     string
		apiVersion string
		metadata   map[string]string
		want       map[string]string
	}{
		"Own": {
			reason:     "Keys of the controller and of the object's author stay, all others go.",
			apiVersion: group + "v1",
			metadata:   map[string]string{group + "revision": "a", "event.toolkit.fluxcd.io/env": "b", "env": "c", "helm.toolkit.fluxcd.io/revision": "d"},
			want:       map[string]string{group + "revision": "a", "event.toolkit.fluxcd.io/env": "b"},
		},
		"Digests": {
			reason:     "Checksum and digest go, however they are written.",
			apiVersion: group + "v1",
			metadata:   map[string]string{group + "checksum": "a", group + "Digest": "b", group + "oci-digest": "c"},
			want:       map[string]string{group + "oci-digest": "c"},
		},
		"Token":        {reason: "The token has done its work.", apiVersion: group + "v1", metadata: map[string]string{group + "token": "a"}},
		"NoAPIVersion": {reason: "Without a group no key can be the controller's.", metadata: map[string]string{group + "revision": "a", "/x": "b"}},
		"CoreGroup":    {reason: "The core group has no name.", apiVersion: "v1", metadata: map[string]string{"v1/revision": "a", "/x": "b"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(eventv1.Event{InvolvedObject: corev1.ObjectReference{APIVersion: tc.apiVersion}, Metadata: tc.metadata})
			if err != nil {
				t.Fatal(err)
			}
			got, err := Event(body)
			if diff := cmp.Diff(tc.want, got.Metadata); err != nil || diff != "" {
				t.Errorf("%s\nerror %v (-want +got):\n%s", tc.reason, err, diff)
			}
		})
	}
}

// FuzzEvent takes any body: what is accepted can be encoded again, says the same, and has no foreign metadata.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"involvedObject":{"kind":"GitRepository","apiVersion":"source.toolkit.fluxcd.io/v1"},"metadata":{"source.toolkit.fluxcd.io/token":"x"},"timestamp":"2022-09-30T06:40:29Z"}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"metadata":{"/":"","a/b":"c"},"involvedObject":{"apiVersion":"a/b/c"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := Event(body)
		if err != nil {
			return
		}
		identify(first)
		prefix := Prefix(first)
		for key := range first.Metadata {
			if !strings.HasPrefix(key, eventv1.AnnotationPrefix) && (prefix == "" || !strings.HasPrefix(key, prefix)) {
				t.Errorf("foreign key %q", key)
			}
		}
		again, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Event(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if Key(first.InvolvedObject) != Key(second.InvolvedObject) {
			t.Error("the key changed")
		}
	})
}
