// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"net/http"
	"strings"
	"testing"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// ref names GitRepositories.
func ref(name string, edit ...func(*notificationv1.ReceiverResource)) notificationv1.ReceiverResource {
	r := notificationv1.ReceiverResource{CrossNamespaceObjectReference: notificationv1.CrossNamespaceObjectReference{Kind: "GitRepository", Name: name}}
	for _, e := range edit {
		e(&r)
	}
	return r
}

// TestWake holds what requests wake, with a Receiver for each row.
func TestWake(t *testing.T) {
	f := newFixture(t)
	other := f.cluster.Namespace(t, "other")
	f.secret("token", map[string]string{"token": "t"})
	json := http.Header{"Content-Type": {"application/json"}}
	labels := func(team string) func(*notificationv1.ReceiverResource) {
		return func(r *notificationv1.ReceiverResource) { r.MatchLabels = map[string]string{"team": team} }
	}
	filter := func(text string) func(*notificationv1.ReceiverResource) {
		return func(r *notificationv1.ReceiverResource) { r.Filter = text }
	}
	elsewhere := func(r *notificationv1.ReceiverResource) { r.Namespace = other }
	kind := func(version, name string) func(*notificationv1.ReceiverResource) {
		return func(r *notificationv1.ReceiverResource) { r.APIVersion, r.Kind = version, name }
	}
	cases := map[string]struct {
		reason    string
		resources []notificationv1.ReceiverResource
		common    string // spec.resourceFilter
		header    http.Header
		body      string
		want      int
		closed    bool
		woken     []string
	}{
		"name":          {reason: "One object by name.", resources: []notificationv1.ReceiverResource{ref("a")}, want: 200, woken: []string{"a"}},
		"twice":         {reason: "Named twice, woken.", resources: []notificationv1.ReceiverResource{ref("a"), ref("a")}, want: 200, woken: []string{"a"}},
		"name-labels":   {reason: "Labels are ignored with a name.", resources: []notificationv1.ReceiverResource{ref("a", labels("none"))}, want: 200, woken: []string{"a"}},
		"missing":       {reason: "Contract, 13: the other entries go on.", resources: []notificationv1.ReceiverResource{ref("gone"), ref("a")}, want: 500, woken: []string{"a"}},
		"all-no-labels": {reason: "Contract, 13: all needs labels.", resources: []notificationv1.ReceiverResource{ref("*"), ref("a")}, want: 500, woken: []string{"a"}},
		"all":           {reason: "Those with the labels.", resources: []notificationv1.ReceiverResource{ref("*", labels("red"))}, want: 200, woken: []string{"a", "b"}},
		"all-none":      {reason: "Contract, 13: nothing matches.", resources: []notificationv1.ReceiverResource{ref("*", labels("none"))}, want: 200},
		"all-filter":    {reason: "Filters look at each.", resources: []notificationv1.ReceiverResource{ref("*", labels("red"), filter("res.metadata.name == 'b'"))}, want: 200, woken: []string{"b"}},
		"no-version":    {reason: "Contract, 13: a kind without version.", resources: []notificationv1.ReceiverResource{ref("a", kind("", "Kustomization")), ref("a")}, want: 500, woken: []string{"a"}},
		"version":       {reason: "A version that is there.", resources: []notificationv1.ReceiverResource{ref("a", kind("source.toolkit.fluxcd.io/v1", "GitRepository"))}, want: 200, woken: []string{"a"}},
		"bad-version":   {reason: "A version that is none.", resources: []notificationv1.ReceiverResource{ref("a", kind("a/b/c", "GitRepository"))}, want: 500},
		"bad-group":     {reason: "A group that is not there.", resources: []notificationv1.ReceiverResource{ref("a", kind("nope.invalid/v1", "GitRepository"))}, want: 500},
		"elsewhere":     {reason: "Another namespace.", resources: []notificationv1.ReceiverResource{ref("o", elsewhere)}, want: 200, woken: []string{other + "/o"}},
		"closed":        {reason: "Contract, 13: another namespace with the flag.", closed: true, resources: []notificationv1.ReceiverResource{ref("o", elsewhere), ref("a")}, want: 500, woken: []string{"a"}},
		"closed-own":    {reason: "The own namespace is allowed.", closed: true, resources: []notificationv1.ReceiverResource{ref("a")}, want: 200, woken: []string{"a"}},
		"both-filters":  {reason: "Both have to hold.", common: "req.tag == 'v1'", resources: []notificationv1.ReceiverResource{ref("a", filter("req.tag == 'v2'")), ref("b")}, header: json, body: `{"tag":"v1"}`, want: 200, woken: []string{"b"}},
		"filter-false":  {reason: "Skipped in silence.", common: "req.tag == 'v2'", resources: []notificationv1.ReceiverResource{ref("a")}, header: json, body: `{"tag":"v1"}`, want: 200},
		"filter-res":    {reason: "The object as it is.", common: "res.kind == 'GitRepository' && res.apiVersion == 'source.toolkit.fluxcd.io/v1' && res.metadata.labels.team == 'red' && res.metadata.namespace != ''", resources: []notificationv1.ReceiverResource{ref("a"), ref("c", filter("false"))}, want: 200, woken: []string{"a"}},
		"missing-key":   {reason: "Contract, 13: the other entries go on.", resources: []notificationv1.ReceiverResource{ref("a", filter("req.nope == 'x'")), ref("b")}, header: json, body: `{}`, want: 500, woken: []string{"b"}},
		"empty-body":    {reason: "Contract, 13: JSON that is empty.", common: "true", resources: []notificationv1.ReceiverResource{ref("a")}, header: json, want: 500},
		"array-body":    {reason: "Contract, 13: JSON that is no object.", common: "true", resources: []notificationv1.ReceiverResource{ref("a")}, header: json, body: "[]", want: 500},
		"null-body":     {reason: "Contract, 13: JSON that is no object.", common: "true", resources: []notificationv1.ReceiverResource{ref("a")}, header: json, body: "null", want: 500},
		"not-json":      {reason: "Other bodies are empty objects.", common: "size(req) == 0", resources: []notificationv1.ReceiverResource{ref("a")}, body: "x", want: 200, woken: []string{"a"}},
		"second-type":   {reason: "One of a list of types.", common: "req.tag == 'v1'", resources: []notificationv1.ReceiverResource{ref("a")}, header: http.Header{"Content-Type": {"text/plain, application/json; charset=utf-8"}}, body: `{"tag":"v1"}`, want: 200, woken: []string{"a"}},
		"unread":        {reason: "Without filters nobody reads the body.", resources: []notificationv1.ReceiverResource{ref("a")}, header: json, body: "{", want: 200, woken: []string{"a"}},
		"nothing":       {reason: "Nothing to wake.", want: 200},
	}
	objects := []string{f.namespace + "/a", f.namespace + "/b", f.namespace + "/c", other + "/o"}
	f.repository(f.namespace, "a", map[string]string{"team": "red"})
	f.repository(f.namespace, "b", map[string]string{"team": "red"})
	f.repository(f.namespace, "c", map[string]string{"team": "blue"})
	f.repository(other, "o", nil)
	for name, tc := range cases {
		f.receiver(name, func(r *notificationv1.Receiver) {
			r.Spec.ResourceFilter = tc.common
			r.Spec.Resources = append(r.Spec.Resources, tc.resources...)
		})
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := f.ready(name).Status.WebhookPath
			before := map[string]string{}
			for _, o := range objects {
				before[o] = f.wokenAt(o)
			}
			h := f.open
			if tc.closed {
				h = f.closed
			}
			f.post(h, path, tc.header, tc.body, tc.want)
			for _, o := range objects {
				want := false
				for _, w := range tc.woken {
					want = want || o == w || o == f.namespace+"/"+w
				}
				if got := f.wokenAt(o) != before[o]; got != want {
					t.Errorf("%s %s: woken %t", tc.reason, o, got)
				}
			}
		})
	}
}

// TestWakeRequests: a push costs the Secret and one patch for each object, and nothing is read.
func TestWakeRequests(t *testing.T) {
	f := newFixture(t)
	f.secret("token", map[string]string{"token": "t"})
	names := []string{"a", "b", "c", "d", "e"}
	f.receiver("rcv", func(r *notificationv1.Receiver) {
		for _, name := range names {
			r.Spec.Resources = append(r.Spec.Resources, ref(name))
		}
	})
	for _, name := range names {
		f.repository(f.namespace, name, nil)
	}
	path := f.ready("rcv").Status.WebhookPath
	f.post(f.open, path, nil, "", http.StatusOK) // finds out how the kind is served
	f.requests.Settle(t)
	f.post(f.open, path, nil, "", http.StatusOK)
	counts := f.requests.Take()
	want := map[testkit.Request]int{{Verb: "get", Resource: "secrets"}: 1, {Verb: "patch", Resource: "gitrepositories"}: 5}
	for request, n := range want {
		if counts[request] != n {
			t.Errorf("%s: %d", request, counts[request])
		}
	}
	if testkit.Total(counts) != 6 {
		testkit.Log(t, counts)
		t.Error("nothing else is asked for")
	}
}

// wokenAt tells when the object namespace/name was last asked to run.
func (f *fixture) wokenAt(object string) string {
	f.t.Helper()
	namespace, name, _ := strings.Cut(object, "/")
	return f.woken(namespace, name)
}
