// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

var (
	link    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	fence   = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")
)

// pages lists every Markdown file of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a folder of something that runs beside this
		}
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			found = append(found, path)
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return found
}

// TestLinks checks that every link to a file of the repository finds it, and the heading in it.
func TestLinks(t *testing.T) {
	for _, file := range pages(t) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(fence.ReplaceAllString(string(content), ""), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			there := file
			if target != "" {
				there = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(there); err != nil {
				t.Errorf("%s: %s leads nowhere", file, found[0])
			} else if anchor != "" && !anchors(t, there)[anchor] {
				t.Errorf("%s: %s: there is no such heading", file, found[0])
			}
		}
	}
}

// anchors are the headings of a page as links name them.
func anchors(t *testing.T, file string) map[string]bool {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, found := range heading.FindAllStringSubmatch(fence.ReplaceAllString(string(content), ""), -1) {
		text := strings.ToLower(strings.TrimSpace(found[1]))
		text = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`).ReplaceAllString(text, "")
		all[strings.ReplaceAll(text, " ", "-")] = true
	}
	return all
}

// TestExamples decodes every object in an example of YAML: no field is misspelled, no value has another type.
func TestExamples(t *testing.T) {
	known := runtime.NewScheme()
	kinds := runtime.NewSchemeBuilder(scheme.AddToScheme, sourcev1.AddToScheme, kustomizev1.AddToScheme, helmv2.AddToScheme, imagev1.AddToScheme,
		notificationv1.AddToScheme, notificationv1beta3.AddToScheme)
	if err := kinds.AddToScheme(known); err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
	count := 0
	for _, file := range pages(t) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fence.FindAllStringSubmatch(string(content), -1) {
			if block[1] != "yaml" {
				continue
			}
			for document := range strings.SplitSeq(block[2], "---\n") {
				if !strings.HasPrefix(document, "apiVersion: ") {
					continue // a part of an object
				}
				_, kind, err := decoder.Decode([]byte(document), nil, nil)
				if err != nil && (kind == nil || !other(known, *kind)) {
					t.Errorf("%s: %v\n%s", file, err, document)
				}
				count++
			}
		}
	}
	if count == 0 {
		t.Error("there is no example")
	}
}

// other tells whether a kind belongs to somebody else.
func other(known *runtime.Scheme, kind schema.GroupVersionKind) bool {
	return !known.IsGroupRegistered(kind.Group)
}
