// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
)

const group = "kustomize.toolkit.fluxcd.io/"

func newEvent(severity string, metadata map[string]string) eventv1.Event {
	return eventv1.Event{
		InvolvedObject: corev1.ObjectReference{APIVersion: group + "v1", Kind: "Kustomization", Namespace: "apps", Name: "web"},
		Severity:       severity, Message: "health check failed", Metadata: metadata,
	}
}

func TestNames(t *testing.T) {
	cases := map[string]struct {
		reason string
		source notificationv1.CrossNamespaceObjectReference
		want   bool
	}{
		"Exact":            {reason: "Kind, name and namespace agree.", source: notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "web", Namespace: "apps"}, want: true},
		"OwnNamespace":     {reason: "Without a namespace it is that of the Alert.", source: notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "web"}, want: true},
		"AnyName":          {reason: "A star stands for all names.", source: notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "*"}, want: true},
		"APIVersion":       {reason: "The apiVersion of the entry is ignored.", source: notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "web", APIVersion: "other/v7"}, want: true},
		"StarNamespace":    {reason: "There is no wildcard for namespaces.", source: notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "web", Namespace: "*"}},
		"OtherNamespace":   {reason: "Another namespace does not match.", source: notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "web", Namespace: "team"}},
		"OtherName":        {reason: "Another name does not match.", source: notificationv1.CrossNamespaceObjectReference{Kind: "Kustomization", Name: "we"}},
		"OtherKind":        {reason: "Another kind does not match.", source: notificationv1.CrossNamespaceObjectReference{Kind: "HelmRelease", Name: "web"}},
		"UnknownKind":      {reason: "Kinds that are not in the enum of this CRD work.", source: notificationv1.CrossNamespaceObjectReference{Kind: "ResourceSet", Name: "web"}},
		"KindIsNoWildcard": {reason: "There is no wildcard for kinds.", source: notificationv1.CrossNamespaceObjectReference{Kind: "*", Name: "web"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := names(tc.source, "apps", newEvent(eventv1.SeverityInfo, nil)); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
	}
}

func TestSevere(t *testing.T) {
	for _, tc := range []struct {
		wanted, severity string
		want             bool
	}{
		{"", "info", true},
		{"", "error", true},
		{"info", "error", true},
		{"info", "trace", true},
		{"error", "error", true},
		{"error", "info", false},
	} {
		if got := severe(tc.wanted, tc.severity); got != tc.want {
			t.Errorf("severe(%q, %q) = %t", tc.wanted, tc.severity, got)
		}
	}
}

func TestWanted(t *testing.T) {
	const broken = "("
	cases := map[string]struct {
		reason       string
		in, out      []string
		want         bool
		wantProblems int
	}{
		"NoLists":            {reason: "Without lists everything is wanted.", want: true},
		"Included":           {reason: "An expression matches anywhere.", in: []string{"nothing", "check f.*d$"}, want: true},
		"NotIncluded":        {reason: "One of the expressions has to match.", in: []string{"^check"}},
		"Excluded":           {reason: "An expression of the other list discards.", out: []string{"nothing", "failed"}},
		"ExclusionWins":      {reason: "Exclusion wins over inclusion.", in: []string{"health"}, out: []string{"failed"}},
		"BrokenInclusion":    {reason: "A list of broken expressions lets nothing through.", in: []string{broken}, wantProblems: 1},
		"HalfBroken":         {reason: "A broken one is skipped.", in: []string{broken, "health"}, want: true, wantProblems: 1},
		"BrokenExclusion":    {reason: "A broken exclusion excludes nothing.", out: []string{broken}, want: true, wantProblems: 1},
		"BothBroken":         {reason: "All problems of an Alert are told that matter.", in: []string{broken, "health"}, out: []string{broken}, want: true, wantProblems: 2},
		"NothingIsInTheList": {reason: "An empty expression matches everything.", in: []string{""}, want: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e, err := newExpressions()
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time from the cache
				got, problems := e.wanted(tc.in, tc.out, "health check failed")
				if got != tc.want || len(problems) != tc.wantProblems {
					t.Errorf("%s\ngot %t, problems %q", tc.reason, got, problems)
				}
			}
		})
	}
}

// TestCostly holds that the expressions of one Alert cannot keep the events of all others waiting, nor take the memory of the process.
func TestCostly(t *testing.T) {
	message := strings.Repeat("ab", 20_000)
	cases := map[string]struct {
		reason string
		in     []string
	}{
		"Long":       {"An expression is bounded.", []string{strings.Repeat("a", maxExpressionBytes+1)}},
		"Repetition": {"So is what it compiles to.", []string{strings.Repeat("(x{1000})", 100)}},
		"Message":    {"And the work on a long message.", []string{strings.Repeat("((a|b)*){90}", 20) + "c"}},
		"Many":       {"That of all expressions together.", slices.Repeat([]string{"((a|b)*){30}c"}, 100)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e, err := newExpressions()
			if err != nil {
				t.Fatal(err)
			}
			if ok, problems := e.wanted(tc.in, nil, message); ok || len(problems) != 1 || len(problems[0]) > 200 {
				t.Errorf("%s\ngot %t, problems %.300q", tc.reason, ok, problems)
			}
		})
	}
}

// FuzzWanted takes any expressions: the answer is that of the regexp package, and does not change.
func FuzzWanted(f *testing.F) {
	f.Add("a+", "(", "message")
	f.Add("(?i)FAILED", "^$", "health check failed")
	f.Add("(a{500}){500}", "x{2,1}", "")
	f.Fuzz(func(t *testing.T, in, out, message string) {
		e, err := newExpressions()
		if err != nil {
			t.Fatal(err)
		}
		got, problems := e.wanted([]string{in}, []string{out}, message)
		again, _ := e.wanted([]string{in}, []string{out}, message)
		inclusion, inErr := regexp.Compile(in)
		exclusion, outErr := regexp.Compile(out)
		inErr, outErr = errors.Join(inErr, compile(in).err), errors.Join(outErr, compile(out).err)
		want := inErr == nil && inclusion.MatchString(message) && (outErr != nil || !exclusion.MatchString(message))
		if got != want || again != want {
			t.Errorf("wanted %t and then %t, want %t, problems %q", got, again, want, problems)
		}
	})
}

// TestJudge is the matrix of section 3.6 of the contract.
func TestJudge(t *testing.T) {
	update := map[string]string{group + "commit_status": "update"}
	commit := map[string]string{"event.toolkit.fluxcd.io/commit": "0123"}
	change := map[string]string{"event.toolkit.fluxcd.io/change_request": "7"}
	changeUpdate := map[string]string{"event.toolkit.fluxcd.io/change_request": "7", group + "commit_status": "update"}
	noChange := map[string]string{"event.toolkit.fluxcd.io/change_request": ""}
	otherUpdate := map[string]string{"helm.toolkit.fluxcd.io/commit_status": "update"}
	types := []string{notificationv1beta3.SlackProvider, notificationv1beta3.GenericHMACProvider, notificationv1beta3.BitbucketProvider, notificationv1beta3.GitLabMergeRequestCommentProvider}
	cases := map[string]struct {
		severity string
		metadata map[string]string
		want     [4]verdict // slack, generic-hmac, bitbucket, gitlabmergerequestcomment
	}{
		"Update":             {severity: "info", metadata: update, want: [4]verdict{skip, send, send, skip}},
		"UpdateWithChange":   {severity: "info", metadata: changeUpdate, want: [4]verdict{skip, send, send, skip}},
		"UpdateOfOtherGroup": {severity: "info", metadata: otherUpdate, want: [4]verdict{send, send, skipMissing, skipMissing}},
		"Commit":             {severity: "info", metadata: commit, want: [4]verdict{send, send, send, skipMissing}},
		"Error":              {severity: "error", want: [4]verdict{send, send, send, skipMissing}},
		"Info":               {severity: "info", want: [4]verdict{send, send, skipMissing, skipMissing}},
		"Trace":              {severity: "trace", want: [4]verdict{send, send, skipMissing, skipMissing}},
		"ChangeRequest":      {severity: "info", metadata: change, want: [4]verdict{send, send, skipMissing, send}},
		"EmptyChangeRequest": {severity: "error", metadata: noChange, want: [4]verdict{send, send, send, skipMissing}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for i, kind := range types {
				if got := judge(kind, newEvent(tc.severity, tc.metadata)); got != tc.want[i] {
					t.Errorf("%s: verdict %d, want %d", kind, got, tc.want[i])
				}
			}
		})
	}
}

func TestMerge(t *testing.T) {
	cases := map[string]struct {
		reason        string
		metadata      map[string]string
		spec          notificationv1beta3.AlertSpec
		want          map[string]string
		wantConflicts map[string]string
	}{
		"Vector": {
			reason:        "The vector of section 12: the controller wins, and the conflict names all three.",
			metadata:      map[string]string{"event.toolkit.fluxcd.io/env": "a", group + "env": "c"},
			spec:          notificationv1beta3.AlertSpec{EventMetadata: map[string]string{"env": "b"}},
			want:          map[string]string{"env": "c"},
			wantConflicts: map[string]string{"env": "involved object annotations, Alert object .spec.eventMetadata, involved object controller metadata"},
		},
		"Precedence": {
			reason:   "Each place has its rank, and only keys with more than one are a conflict.",
			metadata: map[string]string{"event.toolkit.fluxcd.io/a": "1", "event.toolkit.fluxcd.io/summary": "1", group + "d": "4"},
			spec:     notificationv1beta3.AlertSpec{EventMetadata: map[string]string{"a": "2", "b": "2", "summary": "2"}, Summary: "3"},
			want:     map[string]string{"a": "2", "b": "2", "summary": "3", "d": "4"},
			wantConflicts: map[string]string{
				"a":       "involved object annotations, Alert object .spec.eventMetadata",
				"summary": "involved object annotations, Alert object .spec.eventMetadata, Alert object .spec.summary",
			},
		},
		"AsIs": {
			reason:        "Keys of the Alert are taken as they are.",
			spec:          notificationv1beta3.AlertSpec{EventMetadata: map[string]string{group + "x": "1"}},
			want:          map[string]string{group + "x": "1"},
			wantConflicts: map[string]string{},
		},
		"Nothing": {
			reason:        "A key that is nothing but a prefix has no name.",
			metadata:      map[string]string{"event.toolkit.fluxcd.io/": "1", group: "2"},
			want:          map[string]string{},
			wantConflicts: map[string]string{},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			event := newEvent(eventv1.SeverityInfo, tc.metadata)
			got, conflicts := merge(event, tc.spec)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nmetadata (-want +got):\n%s", tc.reason, diff)
			}
			if tc.wantConflicts == nil {
				tc.wantConflicts = map[string]string{}
			}
			if diff := cmp.Diff(tc.wantConflicts, conflicts); diff != "" {
				t.Errorf("%s\nconflicts (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
	text := conflictMessage(map[string]string{"b": "x, y", "a": "y, z"})
	if !strings.HasSuffix(text, ": a (y, z); b (x, y)") {
		t.Errorf("message %q", text)
	}
}
