// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package scenario holds the pieces of work whose figures are to be reached.
package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/observe"
	"github.com/weir-gitops/weir/hack/local/gitserver"
)

const (
	// requestedAt asks a controller to look at an object now.
	requestedAt = "reconcile.fluxcd.io/requestedAt"
	// writers is how many requests of the bench are under way at once.
	writers = 8
	// interval is long enough that nothing comes round by itself.
	interval = "60m"
)

func gitRepositories() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}
}

func kustomizations() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
}

func configMaps() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
}

// system reaches the controllers' objects.
func system(e *env.Env, resource schema.GroupVersionResource) dynamic.ResourceInterface {
	return e.Client.Resource(resource).Namespace(env.SystemNamespace)
}

// gitRepository is a GitRepository for the branch of a repository.
func gitRepository(name, url string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": gitRepositories().GroupVersion().String(), "kind": "GitRepository",
		"metadata": map[string]any{"name": name, "namespace": env.SystemNamespace},
		"spec": map[string]any{
			"url": url, "interval": interval, "timeout": "5m",
			"ref": map[string]any{"branch": gitserver.Branch},
		},
	}}
}

// kustomization is what scenarios vary of a Kustomization.
type kustomization struct {
	name, path, source string
	wait               bool
	timeout            string
	dependsOn          string // the name of another, empty for none
}

func (k kustomization) object() *unstructured.Unstructured {
	spec := map[string]any{
		"interval": interval, "path": k.path, "prune": true, "wait": k.wait, "timeout": k.timeout,
		"sourceRef": map[string]any{"kind": "GitRepository", "name": k.source},
	}
	if k.dependsOn != "" {
		spec["dependsOn"] = []any{map[string]any{"name": k.dependsOn}}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": kustomizations().GroupVersion().String(), "kind": "Kustomization",
		"metadata": map[string]any{"name": k.name, "namespace": env.SystemNamespace},
		"spec":     spec,
	}}
}

// createAll creates Kustomizations, some at a time.
func createAll(ctx context.Context, e *env.Env, objects []kustomization) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, k := range objects {
		group.Go(func() error {
			if _, err := system(e, kustomizations()).Create(ctx, k.object(), metav1.CreateOptions{}); err != nil {
				return fmt.Errorf("create Kustomization %s: %w", k.name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// request asks the controller of a kind to look at objects now and returns the
// token that their status will show.
func request(ctx context.Context, e *env.Env, resource schema.GroupVersionResource, names ...string) (string, error) {
	token := time.Now().Format(time.RFC3339Nano)
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{requestedAt: token}}})
	if err != nil {
		return "", fmt.Errorf("make request: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, name := range names {
		group.Go(func() error {
			_, err := system(e, resource).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
			if err != nil {
				return fmt.Errorf("ask for %s %s: %w", resource.Resource, name, err)
			}
			return nil
		})
	}
	return token, group.Wait()
}

// revision is how a commit of the branch shows in status.
func revision(commit string) string { return gitserver.Branch + "@sha1:" + commit }

// applied is the goal that Kustomizations are ready and have applied a commit.
func applied(commit string, names []string) observe.Goal {
	want := revision(commit)
	return observe.Goal{
		What: "Kustomizations to be ready at " + want, Names: names,
		Reached: func(o *unstructured.Unstructured) bool {
			return observe.Field(o, "status", "lastAppliedRevision") == want && observe.Ready(o)
		},
	}
}

// stored is the goal that a GitRepository has an artifact of a commit.
func stored(commit, name string) observe.Goal {
	want := revision(commit)
	return observe.Goal{
		What: "an artifact of " + want, Names: []string{name},
		Reached: func(o *unstructured.Unstructured) bool {
			return observe.Field(o, "status", "artifact", "revision") == want && observe.Ready(o)
		},
	}
}
