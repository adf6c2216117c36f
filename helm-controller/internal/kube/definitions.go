// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	helmkube "helm.sh/helm/v3/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/cli-runtime/pkg/resource"
)

// Definitions decodes the files of the folders crds of a chart, and puts labels on the CustomResourceDefinitions in them. others names
// the objects of other kinds as "group/kind/[namespace/]name".
func Definitions(files [][]byte, labels map[string]string) (crds []*unstructured.Unstructured, others []string, err error) {
	for _, file := range files {
		objects, err := decode(file)
		if err != nil {
			return nil, nil, err
		}
		for _, u := range objects {
			gvk := u.GroupVersionKind()
			if gvk.GroupKind() != (schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}) {
				name := u.GetName()
				if u.GetNamespace() != "" {
					name = u.GetNamespace() + "/" + name
				}
				others = append(others, gvk.Group+"/"+gvk.Kind+"/"+name)
				continue
			}
			all := u.GetLabels()
			if all == nil {
				all = make(map[string]string, len(labels))
			}
			maps.Copy(all, labels)
			u.SetLabels(all)
			crds = append(crds, u)
		}
	}
	return crds, others, nil
}

func decode(file []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(file), yamlBuffer)
	var objects []*unstructured.Unstructured
	for {
		var doc runtime.RawExtension
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("error parsing: %w", err)
		}
		content := bytes.TrimSpace(doc.Raw)
		if len(content) == 0 || bytes.Equal(content, []byte("null")) {
			continue
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(content); err != nil {
			return nil, err
		}
		objects = append(objects, u)
	}
}

// ApplyDefinitions creates definitions that do not exist and, with replace, brings others to their new state. It returns those that it
// wrote.
func (c *Client) ApplyDefinitions(ctx context.Context, crds []*unstructured.Unstructured, replace bool) (helmkube.ResourceList, error) {
	var list, written helmkube.ResourceList
	for _, u := range crds {
		info, err := c.info(u)
		if err != nil {
			return nil, err
		}
		list = append(list, info)
	}
	var mu sync.Mutex
	err := c.each(ctx, list, func(ctx context.Context, info *resource.Info) error {
		changed, err := c.define(ctx, info, replace)
		if changed {
			mu.Lock()
			defer mu.Unlock()
			written = append(written, info)
		}
		return err
	}, nil)
	return written, err
}

// AwaitDefinitions waits until definitions are established.
func (c *Client) AwaitDefinitions(ctx context.Context, list helmkube.ResourceList, timeout time.Duration) error {
	return c.await(ctx, list, timeout, true)
}

// define writes one definition and tells whether that changed anything.
func (c *Client) define(ctx context.Context, info *resource.Info, replace bool) (bool, error) {
	live, err := c.get(ctx, info, false)
	if apierrors.IsNotFound(err) {
		// Never an apply: somebody may have created it meanwhile.
		if err = c.post(ctx, info); !apierrors.IsAlreadyExists(err) {
			return err == nil, err
		}
		if live, err = c.get(ctx, info, false); err == nil && !replace {
			return false, nil
		}
	}
	if err != nil || !replace {
		return false, err
	}
	before, err := live.metadata(info.Mapping.GroupVersionKind)
	if err != nil {
		return false, err
	}
	if c.ServerSide {
		_, err = c.apply(ctx, info, true)
	} else {
		err = c.replace(ctx, info)
	}
	return err == nil && info.ResourceVersion != before.GetResourceVersion(), err
}
