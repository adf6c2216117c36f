// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"helm.sh/helm/v3/pkg/chart"

	"github.com/weir-gitops/weir/helm-controller/internal/render/apart"
)

// TestGuard holds that the whole work on a chart is marked, and that a chart is refused which has ended the process three times, until it is another
// one or has other values: here while its schema was checked, which happens in the controller itself.
func TestGuard(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rendering", "1.json")
	note := map[string]any{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		content, err := os.ReadFile(path)
		if err = errors.Join(err, json.Unmarshal(content, &note)); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(server.Close)
	guarded := func(version string) *chart.Chart {
		c := newChart(version, map[string]string{"templates/a.yaml": configMap("a", "", "x: z")})
		c.Schema = []byte(`{"$ref": "` + server.URL + `/"}`)
		return c
	}
	start := func() *rig {
		r := newRig(t)
		keeper, err := apart.New(apart.Options{Dir: dir, Memory: 512 << 20, Log: logr.Discard()})
		r.must(err)
		t.Cleanup(func() { _ = keeper.Close() })
		r.runner.Keeper = keeper
		return r
	}
	r := start()
	_, err := r.install(guarded("1.0.0"), nil)
	r.must(err)
	if _, err := os.Stat(path); !os.IsNotExist(err) || note["working"] != true {
		t.Errorf("note %v, %v", note, err)
	}

	note["deaths"] = 2
	content, err := json.Marshal(note)
	r.must(err)
	r.must(os.WriteFile(path, content, 0o600))
	r = start()
	o, err := r.install(guarded("1.0.0"), nil)
	wantError(t, err, "the controller has ended 3 times while it prepared this release")
	if len(o.Writes) > 0 {
		t.Errorf("stored %v", o.Writes)
	}
	_, err = r.install(guarded("1.0.1"), nil)
	r.must(err)
	r.must(os.WriteFile(path, content, 0o600))
	_, err = start().install(guarded("1.0.0"), map[string]any{"a": "b"})
	r.must(err)
	left, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(left), `"working":false`) {
		t.Errorf("left %s, %v", left, err)
	}
}
