// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FuzzEntry reads lines as controllers, libraries and crashes print them.
func FuzzEntry(f *testing.F) {
	for _, seed := range []string{
		`{"level":"info","ts":"2026-01-01T00:00:00.000Z","msg":"done","controllerKind":"Kustomization","name":"apps","namespace":"flux-system"}`,
		`{"name":{"a":1},"error":[]}`, `{`, `null`, `panic: x`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if e, ok := parseEntry(line); !ok && e != (entry{}) {
			t.Errorf("%q is no entry, yet it left %+v", line, e)
		}
	})
}

// FuzzRelease reads what is stored as a release.
func FuzzRelease(f *testing.F) {
	for _, seed := range []string{
		`{"manifest":"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\nkind: List\nitems: [{kind: A}, 1]\n"}`, `{"manifest":"- a"}`, `{}`, `[]`,
	} {
		f.Add([]byte(base64.StdEncoding.EncodeToString([]byte(seed))))
		f.Add([]byte(base64.StdEncoding.EncodeToString(pack(f, []byte(seed)))))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		manifest, err := unpackManifest(payload)
		if err != nil {
			return
		}
		objects, err := parseManifest(manifest)
		if err != nil {
			return
		}
		for _, obj := range objects {
			_, _ = obj.GetName(), obj.GroupVersionKind()
		}
	})
}

func pack(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return packed.Bytes()
}

func TestReleaseTooLarge(t *testing.T) {
	const part = 1 << 20 // members of one gzip file follow each other
	bomb := bytes.Repeat(pack(t, bytes.Repeat([]byte("a"), part)), maxReleaseBytes/part+1)
	if _, err := unpackManifest([]byte(base64.StdEncoding.EncodeToString(bomb))); !errors.Is(err, errTooLarge) {
		t.Errorf("a release that unpacks to more than anybody stores is refused, got %v", err)
	}
}

// TestLineTooLong makes sure that a log does not end silently.
func TestLineTooLong(t *testing.T) {
	if err := new(logs).lines(strings.NewReader(strings.Repeat("x", maxLineBytes+1))); err == nil {
		t.Error("the end is said")
	}
}

func TestAge(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }
	micro := func(d time.Duration) metav1.MicroTime { return metav1.NewMicroTime(now.Add(-d)) }
	cases := map[string]struct {
		reason string
		event  corev1.Event
		want   string
	}{
		"Once":   {"One time.", corev1.Event{FirstTimestamp: ago(5 * time.Second), LastTimestamp: ago(5 * time.Second), Count: 1}, "5s"},
		"Count":  {"Repeated, in the old form.", corev1.Event{FirstTimestamp: ago(time.Hour), LastTimestamp: ago(5 * time.Second), Count: 3}, "5s (x3 over 60m)"},
		"New":    {"In the new form.", corev1.Event{EventTime: micro(2 * time.Minute)}, "2m"},
		"Series": {"Repeated, in the new form.", corev1.Event{EventTime: micro(time.Hour), Series: &corev1.EventSeries{Count: 7, LastObservedTime: micro(90 * time.Second)}}, "90s (x7 over 60m)"},
		"Last":   {"Only the last time is known.", corev1.Event{LastTimestamp: ago(time.Minute)}, "60s"},
		"None":   {"No time at all.", corev1.Event{}, "<unknown>"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := age(&tc.event, now); got != tc.want {
				t.Errorf("%s got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
