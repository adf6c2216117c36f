// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/fleet"
	"github.com/weir-gitops/weir/hack/bench/internal/observe"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

const (
	// pushes is how many are measured, one after the other.
	pushes = 20
	// percentile is the part of them that has to be fast enough.
	percentile = 0.95
	// hookTimeout bounds one webhook.
	hookTimeout = 10 * time.Second
)

func receivers() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "notification.toolkit.fluxcd.io", Version: "v1", Resource: "receivers"}
}

// push is pushes to a repository of 10 applications, each of which changes one.
func push(ctx context.Context, e *env.Env) error {
	a, err := newApps(ctx, e, result.Push, fleet.Fleet{Apps: 10, ConfigMaps: 10})
	if err != nil {
		return err
	}
	defer a.watch.Stop()
	if err := a.first(ctx, result.FirstApply, a.kustomizations(func(int, *kustomization) {})); err != nil {
		return err
	}
	hook, err := receive(ctx, e, "GitRepository", result.Push)
	if err != nil {
		return err
	}
	objects, err := observe.Start(ctx, e.Client, observe.Scope{Resource: configMaps(), Namespace: fleet.Namespace})
	if err != nil {
		return err
	}
	defer objects.Stop()
	return a.verified(ctx, result.PushLive, func(ctx context.Context, s *result.Step) error {
		var times []float64
		for n := range pushes {
			took, err := a.pushOne(ctx, objects, hook, n%a.Apps)
			if err != nil {
				return err
			}
			times = append(times, took.Seconds())
		}
		s.Values[result.LiveP95], s.Values[result.LiveMedian] = rank(times, percentile), result.Median(times)
		return nil
	})
}

// pushOne pushes a change of one application and returns how long it took from
// the webhook until any of its objects had changed.
func (a *apps) pushOne(ctx context.Context, objects *observe.Watch, hook string, i int) (time.Duration, error) {
	if err := a.stageOne(ctx, i); err != nil {
		return 0, err
	}
	if err := a.repo.Push(ctx, a.commit); err != nil {
		return 0, err
	}
	// The engine applies in order of names, so the first is the first.
	wait := objects.Expect(observe.Goal{What: "a changed object", Names: []string{a.ConfigMap(i, 0)}, Reached: hasVersion(a.version)})
	start := time.Now()
	if err := call(ctx, hook); err != nil {
		return 0, err
	}
	seen, err := wait(ctx)
	if err != nil {
		return 0, err
	}
	_, err = a.watch.Until(ctx, applied(a.commit, []string{a.Name(i)}))
	return seen.Sub(start), err
}

// receive makes a Receiver that wakes one object and returns the address for its
// webhooks.
func receive(ctx context.Context, e *env.Env, kind, name string) (string, error) {
	secret := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "webhook", "namespace": env.SystemNamespace},
		"stringData": map[string]any{"token": "bench"},
	}}
	if _, err := system(e, schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		return "", fmt.Errorf("create the webhook's Secret: %w", err)
	}
	watch, err := observe.Start(ctx, e.Client, observe.Scope{Resource: receivers(), Namespace: env.SystemNamespace})
	if err != nil {
		return "", err
	}
	defer watch.Stop()
	receiver := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": receivers().GroupVersion().String(), "kind": "Receiver",
		"metadata": map[string]any{"name": name, "namespace": env.SystemNamespace},
		"spec": map[string]any{
			"type": "generic", "secretRef": map[string]any{"name": "webhook"},
			"resources": []any{map[string]any{"kind": kind, "name": name}},
		},
	}}
	if _, err := system(e, receivers()).Create(ctx, receiver, metav1.CreateOptions{}); err != nil {
		return "", fmt.Errorf("create Receiver: %w", err)
	}
	limited, cancel := context.WithTimeoutCause(ctx, sourceTimeout, fmt.Errorf("not ready in %s", sourceTimeout))
	defer cancel()
	if _, err := watch.Until(limited, observe.Goal{What: "the Receiver", Names: []string{name}, Reached: observe.Ready}); err != nil {
		return "", err
	}
	ready, err := system(e, receivers()).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read Receiver: %w", err)
	}
	return e.Webhooks + observe.Field(ready, "status", "webhookPath"), nil
}

// call sends a webhook.
func call(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBufferString("{}"))
	if err != nil {
		return fmt.Errorf("make webhook: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("send webhook: %w", err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("send webhook: %s", response.Status)
	}
	return nil
}

// rank is the smallest time that so much of the times are not above.
func rank(times []float64, part float64) float64 {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
