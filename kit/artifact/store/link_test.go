// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-gitops/weir/kit/artifact/store"
)

func TestLink(t *testing.T) {
	s, dir := open(t)
	for _, text := range []string{"first", "second"} {
		f := write(t, s, text+".tar.gz", text)
		address, err := s.Link(f.Path, "latest.tar.gz")
		if err != nil || address != "http://host./gitrepository/ns/app/latest.tar.gz" {
			t.Fatalf("Link() = %s, %v", address, err)
		}
		link, err := s.Open("gitrepository/ns/app/latest.tar.gz")
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(link)
		if err = errors.Join(err, link.Close()); err != nil || string(content) != text {
			t.Errorf("the link leads to %q, %v", content, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "gitrepository/ns/app")); err != nil || len(entries) != 5 { // two files, their locks, the link
		t.Errorf("there are %v, %v", entries, err)
	}
	for _, name := range []string{"", "../x", ".hidden"} {
		if _, err := s.Link("gitrepository/ns/app/a", name); !errors.Is(err, store.ErrPath) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
