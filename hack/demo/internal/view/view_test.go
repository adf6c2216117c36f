// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func now() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

const fetched = "main@sha1:0123456789abcdef0123456789abcdef01234567"

// object is an object with a status, as the API server has it.
func object(kind, name string, ago time.Duration, content map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: content}
	o.SetKind(kind)
	o.SetName(name)
	o.SetNamespace("flux-system")
	o.SetGeneration(1)
	o.SetCreationTimestamp(metav1.NewTime(now().Add(-ago)))
	return o
}

// ready is a status with the condition Ready and more.
func ready(status, message string, more map[string]any) map[string]any {
	all := map[string]any{
		"observedGeneration": int64(1),
		"conditions":         []any{map[string]any{"type": readyCondition, "status": status, "message": message}},
	}
	maps.Copy(all, more)
	return all
}

func fleet() State {
	return State{Objects: []*unstructured.Unstructured{
		object("Kustomization", "apps", 5*time.Second, map[string]any{
			"spec":   map[string]any{"sourceRef": map[string]any{"kind": "GitRepository", "name": "fleet"}},
			"status": ready("True", "Applied", map[string]any{"lastAppliedRevision": fetched}),
		}),
		object("GitRepository", "fleet", 3*time.Minute, map[string]any{
			"status": ready("True", "stored artifact", map[string]any{"artifact": map[string]any{"revision": fetched}}),
		}),
	}}
}

// set changes a field of the Kustomization (0) or the GitRepository (1).
func (s State) set(i int, value any, path ...string) {
	if err := unstructured.SetNestedField(s.Objects[i].Object, value, path...); err != nil {
		panic(err)
	}
}

// TestRevisions sees what each kind shows as its revision, and what those without a status say.
func TestRevisions(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	cases := map[string]struct {
		content           map[string]any
		revision, message string
	}{
		"HelmRepository": {content: map[string]any{"status": map[string]any{"artifact": map[string]any{"revision": digest}}}, revision: "01234567"},
		"OCIRepository":  {content: map[string]any{"status": map[string]any{"artifact": map[string]any{"revision": "1.0.0@" + digest}}}, revision: "1.0.0@01234567"},
		"HelmChart":      {content: map[string]any{"status": map[string]any{"artifact": map[string]any{"revision": "1.2.3"}}}, revision: "1.2.3"},
		"HelmRelease": {content: map[string]any{"status": map[string]any{"history": []any{
			map[string]any{"chartVersion": "1.2.3", "version": int64(4)},
		}}}, revision: "1.2.3.v4"},
		"ImageRepository":       {content: map[string]any{"status": map[string]any{"lastScanResult": map[string]any{"tagCount": int64(7)}}}, revision: "7 tags"},
		"ImagePolicy":           {content: map[string]any{"status": map[string]any{"latestRef": map[string]any{"tag": "6.9.1"}}}, revision: "6.9.1"},
		"ImageUpdateAutomation": {content: map[string]any{"status": map[string]any{"observedSourceRevision": fetched}}, revision: "main@01234567"},
		"Receiver":              {content: map[string]any{"status": ready("True", "path /hook/"+strings.Repeat("0123456789abcdef", 4), nil)}, message: "path /hook/01234567"},
		"Provider":              {content: map[string]any{"spec": map[string]any{"type": "slack"}}, message: "sends as slack"},
		"Alert":                 {content: map[string]any{"spec": map[string]any{"providerRef": map[string]any{"name": "chat"}}}, message: "tells chat"},
	}
	for kind, tc := range cases {
		t.Run(kind, func(t *testing.T) {
			rows := State{Objects: []*unstructured.Unstructured{object(kind, "a", 0, tc.content)}}.Rows()
			if len(rows) != 1 {
				t.Fatalf("%d rows, want 1", len(rows))
			}
			if rows[0].Revision != tc.revision || rows[0].Message != tc.message {
				t.Errorf("revision %q, message %q; want %q, %q", rows[0].Revision, rows[0].Message, tc.revision, tc.message)
			}
		})
	}
}

func TestTable(t *testing.T) {
	state := fleet()
	state.set(0, ready("False", "apply\nfailed", nil), "status")
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

func TestPending(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(State) State
		want   []string
	}{
		"Ready": {"Everything is there, ready and up to date.", func(s State) State { return s }, nil},
		"Missing": {"What was asked for is not there yet.", func(s State) State {
			return State{Objects: s.Objects[1:]}
		}, []string{"Kustomization/apps"}},
		"Failing": {"One object is not ready.", func(s State) State {
			s.Objects[1].Object["status"] = ready("False", "no such host", map[string]any{"artifact": map[string]any{"revision": fetched}})
			return s
		}, []string{"GitRepository/fleet"}},
		"Unseen": {"The controller has not seen the newest spec.", func(s State) State {
			s.Objects[0].SetGeneration(2)
			return s
		}, []string{"Kustomization/apps"}},
		"Untouched": {"No controller has said anything.", func(s State) State {
			delete(s.Objects[0].Object, "status")
			return s
		}, []string{"Kustomization/apps"}},
		"Behind": {"The source is ahead of what is applied.", func(s State) State {
			s.set(0, "main@sha1:ffff", "status", "lastAppliedRevision")
			return s
		}, []string{"Kustomization/apps"}},
		"Suspended": {"Nobody looks after it, so nobody waits for it.", func(s State) State {
			s.set(0, true, "spec", "suspend")
			s.set(0, "main@sha1:ffff", "status", "lastAppliedRevision")
			return s
		}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := tc.change(fleet()).Pending([]string{"GitRepository/fleet", "Kustomization/apps"})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	before, after := fleet(), fleet()
	after.set(0, ready("False", "2 objects\nfailed", map[string]any{"lastAppliedRevision": fetched}), "status")
	after.set(1, ready("Unknown", "building", nil), "status")
	got := Changes(before.Rows(), after.Rows())
	if diff := cmp.Diff([]string{"Kustomization/apps ready=False main@01234567: 2 objects failed"}, got); diff != "" {
		t.Errorf("only what differs and is decided is a line\n-want +got\n%s", diff)
	}
	after = State{Objects: before.Objects[1:]}
	if diff := cmp.Diff([]string{"Kustomization/apps is gone"}, Changes(before.Rows(), after.Rows())); diff != "" {
		t.Errorf("what is gone is a line\n-want +got\n%s", diff)
	}
}
