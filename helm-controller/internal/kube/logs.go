// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	// maxLogBytes bounds what is read of the log of one container.
	maxLogBytes = 64 << 10
	// maxLogPods bounds the pods of one hook whose logs are read.
	maxLogPods = 50
)

// GetPodList implements kube.InterfaceLogs.
func (c *Client) GetPodList(namespace string, o metav1.ListOptions) (*corev1.PodList, error) {
	ctx, cancel := context.WithTimeout(c.ctx(), requestLimit)
	defer cancel()
	mapping, err := c.Clients.Mapper.RESTMapping(schema.GroupKind{Kind: "Pod"}, "v1")
	if err != nil {
		return nil, err
	}
	a, err := c.rest.send(ctx, call{
		verb: http.MethodGet, mapping: mapping, namespace: namespace, full: true,
		query: map[string]string{"labelSelector": o.LabelSelector, "fieldSelector": o.FieldSelector, "limit": strconv.Itoa(maxLogPods)},
	})
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	list := &corev1.PodList{}
	if err := json.Unmarshal(a.body, list); err != nil {
		return nil, fmt.Errorf("decode pods: %w", err)
	}
	return list, nil
}

// OutputContainerLogsForPodList implements kube.InterfaceLogs.
func (c *Client) OutputContainerLogsForPodList(list *corev1.PodList, namespace string, writer func(namespace, pod, container string) io.Writer) error {
	mapping, err := c.Clients.Mapper.RESTMapping(schema.GroupKind{Kind: "Pod"}, "v1")
	if err != nil {
		return err
	}
	for i := range list.Items {
		pod := &list.Items[i]
		for j := range pod.Spec.Containers {
			name := pod.Spec.Containers[j].Name
			ctx, cancel := context.WithTimeout(c.ctx(), requestLimit)
			a, err := c.rest.send(ctx, call{
				verb: http.MethodGet, mapping: mapping, namespace: namespace, name: pod.Name, sub: "log", full: true,
				query: map[string]string{"container": name, "limitBytes": strconv.Itoa(maxLogBytes)},
			})
			cancel()
			if err != nil {
				return fmt.Errorf("read log of pod %s, container %s: %w", pod.Name, name, err)
			}
			if _, err := writer(namespace, pod.Name, name).Write(a.body); err != nil {
				return fmt.Errorf("pass on log of pod %s, container %s: %w", pod.Name, name, err)
			}
		}
	}
	return nil
}
