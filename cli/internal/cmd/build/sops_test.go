// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// FuzzConceal masks objects of any shape: no encrypted value may be left, and live values come back for masks only.
func FuzzConceal(f *testing.F) {
	f.Add(`{"apiVersion":"v1","kind":"Secret","data":{"a":"RU5DWw==","b":1},"stringData":{"c":"ENC[x]","d":null},"sops":{"mac":"x"}}`)
	f.Add(`{"apiVersion":"v1","kind":"Secret","data":["ENC["],"stringData":"ENC[","sops":{}}`)
	f.Add(`{"apiVersion":"v1","kind":"ConfigMap","data":{"a":["ENC[x]",{"b":"ENC["}]},"sops":{"mac":"x"}}`)
	f.Add(`{"apiVersion":"v1","kind":"Secret","data":{"a":"c29wczogbWFjOiBFTkNbeF0="}}`)
	f.Fuzz(func(t *testing.T, text string) {
		u := new(unstructured.Unstructured)
		if json.Unmarshal([]byte(text), &u.Object) != nil || u.Object == nil {
			return // no object
		}
		_, encrypted := u.Object["sops"].(map[string]any)
		if !conceal(u) {
			return
		}
		for _, field := range []string{"data", "stringData"} {
			values, _ := u.Object[field].(map[string]any)
			for key, value := range values {
				if text, ok := value.(string); ok && encrypted && (strings.HasPrefix(text, ciphertext) || isSecret(u) && !isMask(text)) {
					t.Errorf("%s.%s is %q", field, key, text)
				}
			}
		}
		revealed(u, &unstructured.Unstructured{Object: map[string]any{"data": "x", "spec": 1}})
	})
}

func TestRevealed(t *testing.T) {
	cases := map[string]struct {
		reason           string
		built, live, out map[string]any
	}{
		"Secret": {
			reason: "Values that are there stay as they are; new ones keep the mask.",
			built:  map[string]any{"apiVersion": "v1", "kind": "Secret", "stringData": map[string]any{"a": sopsMask, "b": sopsMask}},
			live:   map[string]any{"data": map[string]any{"a": "bGl2ZQ=="}},
			out:    map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"a": "bGl2ZQ==", "b": "KipTT1BTKio="}},
		},
		"Plain": {
			reason: "What was not encrypted is compared.",
			built:  map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"a": "KipTT1BTKio=", "b": "bmV3"}},
			live:   map[string]any{"data": map[string]any{"a": "bGl2ZQ==", "b": "b2xk"}},
			out:    map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"a": "bGl2ZQ==", "b": "bmV3"}},
		},
		"List": {
			reason: "Other kinds are encrypted anywhere.",
			built:  map[string]any{"kind": "X", "spec": []any{map[string]any{"a": sopsMask}, sopsMask}},
			live:   map[string]any{"spec": []any{map[string]any{"a": int64(1)}}},
			out:    map[string]any{"kind": "X", "spec": []any{map[string]any{"a": int64(1)}, sopsMask}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u := &unstructured.Unstructured{Object: tc.built}
			revealed(u, &unstructured.Unstructured{Object: tc.live})
			if diff := cmp.Diff(tc.out, u.Object); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestMaskSecret(t *testing.T) {
	live := map[string]any{"data": map[string]any{"same": "x", "other": "x", "gone": "x"}}
	after := map[string]any{"data": map[string]any{"same": "x", "other": "z", "new": "x"}}
	maskSecret(live, after)
	want := map[string]any{"data": map[string]any{"same": "***", "other": "*** (before)", "gone": "***"}}
	if diff := cmp.Diff(want, live); diff != "" {
		t.Error(diff)
	}
	want = map[string]any{"data": map[string]any{"same": "***", "other": "*** (after)", "new": "***"}}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
}
