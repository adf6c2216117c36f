// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

func now() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

func ready(status metav1.ConditionStatus, message string) []metav1.Condition {
	return []metav1.Condition{{Type: readyCondition, Status: status, Message: message}}
}

func created(name string, ago time.Duration) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "flux-system", Generation: 1, CreationTimestamp: metav1.NewTime(now().Add(-ago))}
}

func fleet() State {
	const revision = "main@sha1:0123456789abcdef0123456789abcdef01234567"
	return State{
		Repositories: []sourcev1.GitRepository{{
			ObjectMeta: created("fleet", 3*time.Minute),
			Status: sourcev1.GitRepositoryStatus{
				ObservedGeneration: 1, Conditions: ready("True", "stored artifact"), Artifact: &meta.Artifact{Revision: revision},
			},
		}},
		Kustomizations: []kustomizev1.Kustomization{{
			ObjectMeta: created("apps", 5*time.Second),
			Spec:       kustomizev1.KustomizationSpec{SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "fleet"}},
			Status: kustomizev1.KustomizationStatus{
				ObservedGeneration: 1, Conditions: ready("True", "Applied"), LastAppliedRevision: revision,
			},
		}},
	}
}

func TestTable(t *testing.T) {
	state := fleet()
	state.Kustomizations[0].Status.Conditions = ready("False", "apply\nfailed")
	state.Kustomizations[0].Status.LastAppliedRevision = ""
	cases := map[string]struct {
		reason string
		style  Style
		want   string
	}{
		"Plain": {
			reason: "Columns are as wide as their widest cell and a message is one line.",
			want: "KIND            NAME    READY   REVISION        AGE   STATUS\n" +
				"GitRepository   fleet   True    main@01234567   3m    stored artifact\n" +
				"Kustomization   apps    False   -               5s    apply failed\n",
		},
		"Narrow": {
			reason: "No line is wider than the terminal.",
			style:  Style{Width: 30},
			want:   "KIND            NAME    READY…\nGitRepository   fleet   True …\nKustomization   apps    False…\n",
		},
		"Color": {
			reason: "Only the ready cell is colored.",
			style:  Style{Width: 32, Color: true},
			want: "KIND            NAME    READY  …\nGitRepository   fleet   \x1b[32mTrue\x1b[0m   …\n" +
				"Kustomization   apps    \x1b[31mFalse\x1b[0m  …\n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Table(state.Rows(), now(), tc.style)); diff != "" {
				t.Errorf("%s\n-want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestSettled(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*State)
		want   bool
	}{
		"Ready":   {"Everything is there, ready and up to date.", func(*State) {}, true},
		"Missing": {"What was asked for is not there yet.", func(s *State) { s.Kustomizations = nil }, false},
		"Failing": {"One object is not ready.", func(s *State) { s.Repositories[0].Status.Conditions = ready("False", "no such host") }, false},
		"Unseen":  {"The controller has not seen the newest spec.", func(s *State) { s.Kustomizations[0].Generation = 2 }, false},
		"Untouched": {"No controller has said anything.", func(s *State) {
			s.Kustomizations[0].Status.Conditions = nil
		}, false},
		"Behind": {"The source is ahead of what is applied.", func(s *State) { s.Kustomizations[0].Status.LastAppliedRevision = "main@sha1:ffff" }, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			state := fleet()
			tc.change(&state)
			if got := state.Settled([]string{"GitRepository/fleet", "Kustomization/apps"}); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	before, after := fleet(), fleet()
	after.Kustomizations[0].Status.Conditions = ready("False", "2 objects\nfailed")
	got := Changes(before.Rows(), after.Rows())
	if diff := cmp.Diff([]string{"Kustomization/apps ready=False main@01234567: 2 objects failed"}, got); diff != "" {
		t.Errorf("only what differs is a line\n-want +got\n%s", diff)
	}
	after.Kustomizations = nil
	if diff := cmp.Diff([]string{"Kustomization/apps is gone"}, Changes(before.Rows(), after.Rows())); diff != "" {
		t.Errorf("what is gone is a line\n-want +got\n%s", diff)
	}
}
