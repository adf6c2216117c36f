// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/local/gitserver"
	"github.com/weir-gitops/weir/hack/local/install"
)

const (
	// namespace is where sources and Kustomizations live.
	namespace = "flux-system"
	// ownName names the source, the Kustomization and the Receiver of a repository of the person's own.
	ownName = "own"
	// fleetName is the name of the example repository.
	fleetName = "fleet"
)

// clusters are the folders below clusters/ in the fleet that the demo follows.
func clusters() []string { return []string{"staging", "production"} }

// bootstrap makes the repository available and finds the objects that start the loop.
func (d *demo) bootstrap(ctx context.Context) (err error) {
	if d.options.repo != "" {
		d.roots, d.repository, err = ownRepository(ctx, d.options, d.server)
		return err
	}
	files, err := fs.Sub(fleet, "fleet")
	if err != nil {
		return err
	}
	repository, err := d.server.Create(ctx, fleetName)
	if err == nil {
		d.clone, err = repository.Clone(ctx, d.options.clone(), files)
	}
	if err == nil {
		err = d.trust(ctx)
	}
	if err != nil {
		return fmt.Errorf("make the example repository: %w", err)
	}
	d.repository = repository.URL
	d.roots, err = syncObjects(files, d.variables())
	return err
}

// trust lets git check signatures in the clone, on machines that have ssh-keygen.
func (d *demo) trust(ctx context.Context) error {
	for key, value := range map[string]string{
		"gpg.format": "ssh", "gpg.ssh.allowedSignersFile": filepath.Join(d.options.data, signersFile), "pull.rebase": "true",
	} {
		if _, err := d.clone.Git(ctx, "config", key, value); err != nil {
			return err
		}
	}
	return nil
}

// syncObjects reads from the fleet what each cluster is started with: its own source, and the Kustomization of its folder.
func syncObjects(files fs.FS, variables map[string]string) (install.Manifest, error) {
	var objects install.Manifest
	for _, cluster := range clusters() {
		data, err := fs.ReadFile(files, "clusters/"+cluster+"/sync.yaml")
		if err != nil {
			return nil, err
		}
		// The controller fills in the same variables once the loop runs.
		parsed, err := install.Parse(fill(string(data), variables))
		if err != nil {
			return nil, err
		}
		objects = append(objects, parsed...)
	}
	return objects, nil
}

// ownRepository makes a source, a Kustomization and a Receiver of pushes for --repo and --dir. A folder on this machine is served by our own Git server.
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
		&notificationv1.Receiver{
			TypeMeta:   metav1.TypeMeta{APIVersion: notificationv1.GroupVersion.String(), Kind: "Receiver"},
			ObjectMeta: meta,
			Spec: notificationv1.ReceiverSpec{
				Type: notificationv1.GitHubReceiver, SecretRef: &fluxmeta.LocalObjectReference{Name: "webhook"},
				Resources: []notificationv1.ReceiverResource{{
					CrossNamespaceObjectReference: notificationv1.CrossNamespaceObjectReference{Kind: "GitRepository", Name: ownName},
				}},
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
