// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"io"
	"runtime/debug"
	"time"

	helmkube "helm.sh/helm/v3/pkg/kube"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Guarded is a client as Helm gets to see it. Helm installs and upgrades in goroutines of its own, where a panic, which nobody recovers, would end
// the process and with it the work on all other releases: here it is an error of the call.
type Guarded struct{ client *Client }

var (
	_ helmkube.Interface                    = Guarded{}
	_ helmkube.InterfaceExt                 = Guarded{}
	_ helmkube.InterfaceThreeWayMerge       = Guarded{}
	_ helmkube.InterfaceDeletionPropagation = Guarded{}
	_ helmkube.InterfaceLogs                = Guarded{}
)

// Guarded returns the client for Helm.
func (c *Client) Guarded() Guarded { return Guarded{c} }

// guarded makes an error of a panic of call.
func guarded[T any](c *Client, what string, call func() (T, error)) (out T, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.cluster.logger.Error(nil, "panic in Kubernetes client", "call", what, "release", c.Owner.String(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in %s: %v", what, v)
		}
	}()
	return call()
}

// only is guarded for calls that return nothing else than an error.
func (g Guarded) only(what string, call func() error) error {
	_, err := guarded(g.client, what, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// results is guarded for calls whose outcome Helm looks at also after an error.
func (g Guarded) results(what string, call func() (*helmkube.Result, error)) (*helmkube.Result, error) {
	out, err := guarded(g.client, what, call)
	if out == nil {
		out = &helmkube.Result{}
	}
	return out, err
}

// Create implements kube.Interface.
func (g Guarded) Create(list helmkube.ResourceList) (*helmkube.Result, error) {
	return g.results("create", func() (*helmkube.Result, error) { return g.client.Create(list) })
}

// Update implements kube.Interface.
func (g Guarded) Update(original, target helmkube.ResourceList, force bool) (*helmkube.Result, error) {
	return g.results("update", func() (*helmkube.Result, error) { return g.client.Update(original, target, force) })
}

// UpdateThreeWayMerge implements kube.InterfaceThreeWayMerge.
func (g Guarded) UpdateThreeWayMerge(original, target helmkube.ResourceList, force bool) (*helmkube.Result, error) {
	return g.results("update", func() (*helmkube.Result, error) { return g.client.UpdateThreeWayMerge(original, target, force) })
}

// Delete implements kube.Interface.
func (g Guarded) Delete(list helmkube.ResourceList) (*helmkube.Result, []error) {
	return g.DeleteWithPropagationPolicy(list, metav1.DeletePropagationBackground)
}

// DeleteWithPropagationPolicy implements kube.InterfaceDeletionPropagation.
func (g Guarded) DeleteWithPropagationPolicy(list helmkube.ResourceList, policy metav1.DeletionPropagation) (out *helmkube.Result, errs []error) {
	err := g.only("delete", func() error {
		out, errs = g.client.DeleteWithPropagationPolicy(list, policy)
		return nil
	})
	if err != nil {
		errs = append(errs, err)
	}
	return out, errs
}

// Build implements kube.Interface.
func (g Guarded) Build(reader io.Reader, validate bool) (helmkube.ResourceList, error) {
	return guarded(g.client, "build", func() (helmkube.ResourceList, error) { return g.client.Build(reader, validate) })
}

// Wait implements kube.Interface.
func (g Guarded) Wait(list helmkube.ResourceList, timeout time.Duration) error {
	return g.only("wait", func() error { return g.client.Wait(list, timeout) })
}

// WaitWithJobs implements kube.Interface.
func (g Guarded) WaitWithJobs(list helmkube.ResourceList, timeout time.Duration) error {
	return g.only("wait", func() error { return g.client.WaitWithJobs(list, timeout) })
}

// WaitForDelete implements kube.InterfaceExt.
func (g Guarded) WaitForDelete(list helmkube.ResourceList, timeout time.Duration) error {
	return g.only("wait for deletion", func() error { return g.client.WaitForDelete(list, timeout) })
}

// WatchUntilReady implements kube.Interface.
func (g Guarded) WatchUntilReady(list helmkube.ResourceList, timeout time.Duration) error {
	return g.only("wait for hooks", func() error { return g.client.WatchUntilReady(list, timeout) })
}

// WaitAndGetCompletedPodPhase implements kube.Interface.
func (g Guarded) WaitAndGetCompletedPodPhase(name string, timeout time.Duration) (corev1.PodPhase, error) {
	return guarded(g.client, "wait for pod", func() (corev1.PodPhase, error) { return g.client.WaitAndGetCompletedPodPhase(name, timeout) })
}

// IsReachable implements kube.Interface.
func (g Guarded) IsReachable() error { return g.client.IsReachable() }

// GetPodList implements kube.InterfaceLogs.
func (g Guarded) GetPodList(namespace string, o metav1.ListOptions) (*corev1.PodList, error) {
	return guarded(g.client, "list pods", func() (*corev1.PodList, error) { return g.client.GetPodList(namespace, o) })
}

// OutputContainerLogsForPodList implements kube.InterfaceLogs.
func (g Guarded) OutputContainerLogsForPodList(list *corev1.PodList, namespace string, writer func(namespace, pod, container string) io.Writer) error {
	return g.only("read logs", func() error { return g.client.OutputContainerLogsForPodList(list, namespace, writer) })
}
