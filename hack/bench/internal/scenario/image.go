// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/observe"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
	"github.com/weir-gitops/weir/hack/local/gitserver"
	"github.com/weir-gitops/weir/hack/local/registry"
)

const (
	// newTags is how many are measured, one after the other.
	newTags = 10
	// oldTags is how many the repository has before.
	oldTags = 50
)

func images(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "image.toolkit.fluxcd.io", Version: "v1", Resource: resource}
}

// image is new tags of an image that a file in Git names.
func image(ctx context.Context, e *env.Env) (err error) {
	server, err := registry.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	for i := range oldTags {
		if err := server.PushImage(ctx, result.Image, fmt.Sprintf("1.%d.0", i)); err != nil {
			return err
		}
	}
	repo, err := e.Git.Create(ctx, result.Image)
	if err != nil {
		return err
	}
	marker := ` # {"$imagepolicy": "` + env.SystemNamespace + ":" + result.Image + `"}`
	manifest := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\nspec:\n  containers:\n    - name: app\n      image: " +
		server.Repository(result.Image) + ":1.0.0" + marker + "\n"
	commit, err := repo.Stage(ctx, "first", slices.Values([]gitserver.File{{Path: "pod.yaml", Content: []byte(manifest)}}))
	if err != nil {
		return err
	}
	if err := repo.Push(ctx, commit); err != nil {
		return err
	}
	if err := follow(ctx, e, result.Image, repo.URL, commit); err != nil {
		return err
	}
	automations, err := automate(ctx, e, server.Repository(result.Image))
	if err != nil {
		return err
	}
	defer automations.Stop()
	hook, err := receive(ctx, e, "ImageRepository", result.Image)
	if err != nil {
		return err
	}
	return e.Step(ctx, result.NewTag, func(ctx context.Context, s *result.Step) error {
		var times []float64
		for i := range newTags {
			took, err := newTag(ctx, server, repo, hook, fmt.Sprintf("2.%d.0", i))
			if err != nil {
				return err
			}
			times = append(times, took.Seconds())
		}
		s.Values[result.LiveP95], s.Values[result.LiveMedian] = rank(times, percentile), result.Median(times)
		return nil
	})
}

// newTag pushes a tag and returns how long it took from the webhook until the
// file in Git names it.
func newTag(ctx context.Context, server *registry.Server, repo *gitserver.Repository, hook, tag string) (time.Duration, error) {
	if err := server.PushImage(ctx, result.Image, tag); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := call(ctx, hook); err != nil {
		return 0, err
	}
	want := []byte(":" + tag + " ")
	tick := time.NewTicker(lookAtGit)
	defer tick.Stop()
	for {
		content, err := repo.Read(ctx, "pod.yaml")
		if err != nil {
			return 0, err
		}
		if bytes.Contains(content, want) {
			return time.Since(start), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for the commit of tag %s: %w", tag, context.Cause(ctx))
		}
	}
}

// lookAtGit is how often the branch is looked at, which is what the times are
// exact to.
const lookAtGit = 20 * time.Millisecond

// automate makes the three objects of image automation and waits until the
// newest of the old tags is in Git.
func automate(ctx context.Context, e *env.Env, repository string) (*observe.Watch, error) {
	watch, err := observe.Start(ctx, e.Client, observe.Scope{Resource: images("imageupdateautomations"), Namespace: env.SystemNamespace})
	if err != nil {
		return nil, err
	}
	objects := map[string]map[string]any{
		"imagerepositories": {"image": repository, "interval": interval, "insecure": true},
		"imagepolicies": {
			"imageRepositoryRef": map[string]any{"name": result.Image},
			"policy":             map[string]any{"semver": map[string]any{"range": ">=1.0.0"}},
		},
		"imageupdateautomations": {
			"interval": interval, "sourceRef": map[string]any{"kind": "GitRepository", "name": result.Image},
			"git": map[string]any{
				"checkout": map[string]any{"ref": map[string]any{"branch": gitserver.Branch}},
				"commit":   map[string]any{"author": map[string]any{"name": "bench", "email": "bench@example.com"}},
				"push":     map[string]any{"branch": gitserver.Branch},
			},
			"update": map[string]any{"path": ".", "strategy": "Setters"},
		},
	}
	kinds := map[string]string{
		"imagerepositories": "ImageRepository", "imagepolicies": "ImagePolicy", "imageupdateautomations": "ImageUpdateAutomation",
	}
	for resource, spec := range objects {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": images(resource).GroupVersion().String(), "kind": kinds[resource],
			"metadata": map[string]any{"name": result.Image, "namespace": env.SystemNamespace}, "spec": spec,
		}}
		if _, err := system(e, images(resource)).Create(ctx, object, metav1.CreateOptions{}); err != nil {
			watch.Stop()
			return nil, fmt.Errorf("create %s: %w", kinds[resource], err)
		}
	}
	limited, cancel := context.WithTimeoutCause(ctx, sourceTimeout, fmt.Errorf("not there in %s", sourceTimeout))
	defer cancel()
	_, err = watch.Until(limited, observe.Goal{
		What: "the first commit", Names: []string{result.Image},
		Reached: func(o *unstructured.Unstructured) bool {
			return observe.Field(o, "status", "lastPushCommit") != "" && observe.Ready(o)
		},
	})
	if err != nil {
		watch.Stop()
		return nil, err
	}
	return watch, nil
}
