// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	helmkube "helm.sh/helm/v3/pkg/kube"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

const (
	// readyPoll is the interval in which Helm 3 looks at what it waits for.
	readyPoll = 2 * time.Second
	// readyRetries is how many errors in a row Helm 3 forgives an object.
	readyRetries = 30
)

// pollReady waits with the checks of Helm 3.
func (c *Client) pollReady(ctx context.Context, list helmkube.ResourceList, jobs bool) error {
	client, err := kubernetes.NewForConfig(c.Clients.Config)
	if err != nil {
		return fmt.Errorf("typed client: %w", err)
	}
	checker := helmkube.NewReadyChecker(client, c.Log, helmkube.PausedAsReady(true), helmkube.CheckJobs(jobs))
	failures := make([]int, len(list))
	c.Log("beginning wait for %d resources", len(list))
	err = wait.PollUntilContextCancel(ctx, readyPoll, true, func(ctx context.Context) (bool, error) {
		for i, info := range list {
			ready, err := checker.IsReady(ctx, info)
			if err != nil && retryable(err) {
				if failures[i]++; failures[i] > readyRetries {
					return false, err
				}
				c.Log("Error received when checking status of resource %s. Error: '%s'", info.Name, err)
				return false, nil
			}
			failures[i] = 0
			if !ready || err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if ended := c.ended(); ended != nil {
		return ended
	}
	return err
}

func retryable(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		return !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
	}
	code := status.Status().Code
	return code == 0 || code == http.StatusTooManyRequests || code >= http.StatusInternalServerError && code != http.StatusNotImplemented
}

// watchDone waits for hooks as Helm 3 does, all of them at the same time.
func (c *Client) watchDone(ctx context.Context, list helmkube.ResourceList) error {
	errs := c.batch(ctx, list, c.watchOne)
	if err := c.ended(); err != nil {
		return err
	}
	return errors.Join(errs...)
}

func (c *Client) watchOne(ctx context.Context, info *resource.Info) error {
	gvk := info.Mapping.GroupVersionKind
	if !isJob(info) && (gvk.Group != "" || gvk.Kind != "Pod") {
		return nil
	}
	client := c.Clients.Dynamic.Resource(info.Mapping.Resource).Namespace(info.Namespace)
	narrow := func(o metav1.ListOptions) metav1.ListOptions {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", info.Name).String()
		return o
	}
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return client.List(ctx, narrow(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return client.Watch(ctx, narrow(o))
		},
	}
	_, err := watchtools.UntilWithSync(ctx, source, &unstructured.Unstructured{}, nil, func(e watch.Event) (bool, error) {
		switch e.Type {
		case watch.Added, watch.Modified:
			u, ok := e.Object.(*unstructured.Unstructured)
			if !ok {
				return true, fmt.Errorf("expected %s to be a %s, got %T", info.Name, gvk.Kind, e.Object)
			}
			if isJob(info) {
				return jobDone(u)
			}
			return podDone(u)
		case watch.Deleted:
			return true, nil
		case watch.Error:
			return true, fmt.Errorf("failed to deploy %s", info.Name)
		default:
			return false, nil
		}
	})
	return err
}

func jobDone(u *unstructured.Unstructured) (bool, error) {
	var job batchv1.Job
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &job); err != nil {
		return true, err
	}
	for _, condition := range job.Status.Conditions {
		switch {
		case condition.Status != corev1.ConditionTrue:
		case condition.Type == batchv1.JobComplete:
			return true, nil
		case condition.Type == batchv1.JobFailed:
			return true, fmt.Errorf("job %s failed: %s", job.Name, condition.Reason)
		}
	}
	return false, nil
}

func podDone(u *unstructured.Unstructured) (bool, error) {
	phase, _, err := unstructured.NestedString(u.Object, "status", "phase")
	switch {
	case err != nil:
		return true, err
	case phase == string(corev1.PodSucceeded):
		return true, nil
	case phase == string(corev1.PodFailed):
		return true, fmt.Errorf("pod %s failed", u.GetName())
	default:
		return false, nil
	}
}

// WaitAndGetCompletedPodPhase implements kube.Interface. The actions of Helm do not use it any more.
func (c *Client) WaitAndGetCompletedPodPhase(name string, timeout time.Duration) (corev1.PodPhase, error) {
	pod := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name}}}
	info, err := c.info(pod)
	if err != nil {
		return corev1.PodUnknown, err
	}
	err = c.idle(c.ctx(), timeout, func(ctx context.Context) error { return c.watchOne(ctx, info) })
	if err != nil {
		return corev1.PodFailed, err
	}
	return corev1.PodSucceeded, nil
}
