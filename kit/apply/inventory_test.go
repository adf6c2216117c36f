// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestEntry(t *testing.T) {
	cases := map[string]struct {
		reason  string
		entry   Entry
		subject string
		bad     bool
	}{
		"Namespaced":    {"group, kind and namespace are told apart", Entry{"default_app_apps_Deployment", "v1"}, "Deployment/default/app", false},
		"ClusterScoped": {"an empty namespace and group are left out", Entry{"_prod__Namespace", "v1"}, "Namespace/prod", false},
		"RBAC":          {"a colon is written as two underscores", Entry{"_system__node_rbac.authorization.k8s.io_ClusterRole", "v1"}, "ClusterRole/system:node", false},
		"TooShort":      {"a line that is no id is refused and named as it is", Entry{"nonsense", "v1"}, "nonsense", true},
		"NoKind":        {"every object has a kind", Entry{"ns_name_group_", "v1"}, "ns_name_group_", true},
		"NoName":        {"every object has a name", Entry{"ns__apps_Deployment", "v1"}, "ns__apps_Deployment", true},
		"Empty":         {"the empty line is refused", Entry{}, "", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.entry.Subject(); got != tc.subject {
				t.Errorf("%s: subject %q", tc.reason, got)
			}
			id, err := tc.entry.parse()
			if (err != nil) != tc.bad {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if err == nil && id.String() != tc.entry.ID {
				t.Errorf("%s: came back as %q", tc.reason, id)
			}
		})
	}
	if got := NewEntry(schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}, "ns", "a:b"); got.ID != "ns_a__b_rbac.authorization.k8s.io_Role" {
		t.Errorf("NewEntry: %v", got)
	}
	err := ParseEntries([]Entry{{ID: "bad"}, {ID: "_prod__Namespace"}, {ID: "worse"}})
	if err == nil || !strings.Contains(err.Error(), "bad") || !strings.Contains(err.Error(), "worse") {
		t.Errorf("not all malformed lines are named: %v", err)
	}
}

func FuzzEntry(f *testing.F) {
	for _, seed := range []string{"default_app_apps_Deployment", "_prod__Namespace", "_system__node_rbac.authorization.k8s.io_ClusterRole", "____", "_", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		e := Entry{ID: id, Version: "v1"}
		parsed, err := e.parse()
		if err != nil {
			if e.Subject() != id {
				t.Errorf("subject of a malformed id: %q", e.Subject())
			}
			return
		}
		if parsed.Name == "" || parsed.GroupKind.Kind == "" {
			t.Errorf("%q parsed to an object without name or kind", id)
		}
		// What the parser accepts names one object, whichever way it is written.
		again, err := Entry{ID: parsed.String()}.parse()
		if strings.Contains(parsed.Name, ":") || strings.Contains(parsed.Name, "_") {
			return // only RBAC names may hold a colon, and no name an underscore
		}
		if err != nil || again != parsed {
			t.Errorf("%q: %v became %v (%v)", id, parsed, again, err)
		}
	})
}

func FuzzPointer(f *testing.F) {
	for _, seed := range []string{"/spec/replicas", "/metadata/annotations/a~1b", "/a/0/b", "/~0~1", "/~2", "x", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pointer string) {
		path, err := parsePointer(pointer)
		if err != nil {
			return
		}
		if got := path.String(); got != pointer {
			t.Errorf("%q came back as %q", pointer, got)
		}
		root := map[string]any{"a": []any{map[string]any{"b": "c"}}, "spec": map[string]any{"replicas": int64(1)}}
		path.remove(root)
		if v, ok := path.lookup(root); ok {
			if _, shifted := v.(map[string]any); !shifted {
				t.Errorf("%q is still there: %v", pointer, v)
			}
		}
	})
}

func TestIgnorePath(t *testing.T) {
	root := func() map[string]any {
		return map[string]any{"l": []any{"a", "b", "c"}, "m": map[string]any{"x/y": "1"}}
	}
	cases := map[string]struct {
		reason, pointer string
		want            map[string]any
	}{
		"Key":     {"an escaped key is removed", "/m/x~1y", map[string]any{"l": []any{"a", "b", "c"}, "m": map[string]any{}}},
		"Element": {"an element is taken out of its list", "/l/1", map[string]any{"l": []any{"a", "c"}, "m": map[string]any{"x/y": "1"}}},
		"Beyond":  {"an index beyond the end is fine", "/l/7", root()},
		"Absent":  {"an absent path is fine", "/m/no/such", root()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path, err := parsePointer(tc.pointer)
			if err != nil {
				t.Fatal(err)
			}
			got := root()
			path.remove(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
