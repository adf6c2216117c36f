// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"testing"
	"testing/fstest"
)

func TestFiles(t *testing.T) {
	files := fstest.MapFS{
		"base/kustomization.yaml":    {Data: []byte("resources: [map.yaml]\n")},
		"base/map.yaml":              {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n")},
		"overlay/kustomization.yaml": {Data: []byte("resources: [../base]\nnamespace: there\n")},
	}
	objects, err := Files(t.Context(), files, "overlay")
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 1 || objects[0].Namespace != "there" || objects[0].Name != "map" {
		t.Errorf("got %+v", objects)
	}
	if _, err := Files(t.Context(), files, "none"); err == nil {
		t.Error("a folder that does not exist is an error")
	}
}
