// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"testing"
	"testing/fstest"

	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/getter"
	"helm.sh/helm/v3/pkg/repo"
)

func TestPublish(t *testing.T) {
	s, err := Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	files := fstest.MapFS{
		"Chart.yaml":        {Data: []byte("apiVersion: v2\nname: app\nversion: 0.0.0\n")},
		"templates/map.yml": {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n")},
	}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		if err := s.Publish(files, version); err != nil {
			t.Fatal(err)
		}
	}
	r, err := repo.NewChartRepository(&repo.Entry{URL: s.URL()}, getter.All(cli.New()))
	if err != nil {
		t.Fatal(err)
	}
	r.CachePath = t.TempDir()
	path, err := r.DownloadIndexFile()
	if err != nil {
		t.Fatal(err)
	}
	index, err := repo.LoadIndexFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(index.Entries["app"]) != 2 {
		t.Errorf("index lists %v", index.Entries)
	}
}
