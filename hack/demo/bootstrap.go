// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/local/gitserver"
	"github.com/weir-gitops/weir/hack/local/install"
)

const (
	// namespace is where sources and Kustomizations live.
	namespace = "flux-system"
	// ownName names the source and the Kustomization of a repository of the person's own.
	ownName = "own"
)

// clusters are the folders below clusters/ in the fleet that the demo follows.
func clusters() []string { return []string{"staging", "production"} }

// bootstrap makes the repository available and returns the objects that start the loop, and where the repository is.
func bootstrap(ctx context.Context, o options, server *gitserver.Server) (install.Manifest, string, error) {
	if o.repo != "" {
		return ownRepository(ctx, o, server)
	}
	files, err := fs.Sub(fleet, "fleet")
	if err != nil {
		return nil, "", err
	}
	repository, err := server.Create(ctx, "fleet")
	if err == nil {
		_, err = repository.Clone(ctx, o.clone(), files)
	}
	if err != nil {
		return nil, "", fmt.Errorf("make the example repository: %w", err)
	}
	objects, err := syncObjects(files, repository.URL)
	return objects, repository.URL, err
}

// syncObjects reads from the fleet what each cluster is started with: its own source, and the Kustomization of its folder.
func syncObjects(files fs.FS, url string) (install.Manifest, error) {
	var objects install.Manifest
	for _, cluster := range clusters() {
		data, err := fs.ReadFile(files, "clusters/"+cluster+"/sync.yaml")
		if err != nil {
			return nil, err
		}
		// The controller fills in the same variable once the loop runs.
		parsed, err := install.Parse(strings.ReplaceAll(string(data), "${repository}", url))
		if err != nil {
			return nil, err
		}
		objects = append(objects, parsed...)
	}
	return objects, nil
}

// ownRepository makes a source and a Kustomization for --repo and --dir. A folder on this machine is served by our own Git server.
func ownRepository(ctx context.Context, o options, server *gitserver.Server) (install.Manifest, string, error) {
	url := o.repo
	var branch string
	var err error
	if info, statErr := os.Stat(o.repo); statErr == nil && info.IsDir() {
		url = server.URL(ownName)
		branch, err = server.Mirror(ctx, ownName, o.repo)
	} else {
		branch, err = gitserver.DefaultBranch(ctx, url)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read the repository: %w", err)
	}
	meta := metav1.ObjectMeta{Name: ownName, Namespace: namespace}
	objects, err := manifest(
		&sourcev1.GitRepository{
			TypeMeta:   metav1.TypeMeta{APIVersion: sourcev1.GroupVersion.String(), Kind: "GitRepository"},
			ObjectMeta: meta,
			Spec: sourcev1.GitRepositorySpec{
				URL: url, Interval: metav1.Duration{Duration: time.Minute}, Reference: &sourcev1.GitRepositoryRef{Branch: branch},
			},
		},
		&kustomizev1.Kustomization{
			TypeMeta:   metav1.TypeMeta{APIVersion: kustomizev1.GroupVersion.String(), Kind: "Kustomization"},
			ObjectMeta: meta,
			Spec: kustomizev1.KustomizationSpec{
				Interval: metav1.Duration{Duration: 10 * time.Minute}, Path: o.dir, Prune: true,
				SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: ownName},
			},
		},
	)
	return objects, url, err
}

// manifest turns typed objects into what is applied.
func manifest(objects ...client.Object) (install.Manifest, error) {
	var m install.Manifest
	for _, object := range objects {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return nil, err
		}
		delete(content, "status")
		m = append(m, &unstructured.Unstructured{Object: content})
	}
	return m, nil
}
