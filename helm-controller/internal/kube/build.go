// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	helmkube "helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// yamlBuffer is how much of a stream is looked at to tell JSON from YAML, in bytes.
const yamlBuffer = 4096

// Build implements kube.Interface: it decodes a stream of objects and finds the resources of their kinds. All failures are reported
// together. validate makes no difference: API servers since Kubernetes 1.25 check fields themselves, and Helm's own check leaves it to
// them.
func (c *Client) Build(reader io.Reader, _ bool) (helmkube.ResourceList, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(reader, yamlBuffer)
	var list helmkube.ResourceList
	var errs []error
	for {
		var doc runtime.RawExtension
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return list, errors.Join(errs...)
		}
		if err != nil {
			return nil, errors.Join(append(errs, fmt.Errorf("error parsing: %w", err))...)
		}
		content := bytes.TrimSpace(doc.Raw)
		if len(content) == 0 || bytes.Equal(content, []byte("null")) {
			continue
		}
		if err := c.build(content, &list); err != nil {
			errs = append(errs, err)
		}
	}
}

func (c *Client) build(content []byte, list *helmkube.ResourceList) error {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(content); err != nil {
		return fmt.Errorf("unable to decode %q: %w", "", err)
	}
	if !u.IsList() {
		info, err := c.info(u)
		if err == nil {
			list.Append(info)
		}
		return err
	}
	var errs []error
	err := u.EachListItem(func(item runtime.Object) error {
		if object, ok := item.(*unstructured.Unstructured); ok {
			info, err := c.info(object)
			if err != nil {
				errs = append(errs, err)
				return nil
			}
			list.Append(info)
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// info finds the resource of an object and gives it its namespace.
func (c *Client) info(u *unstructured.Unstructured) (*resource.Info, error) {
	gvk := u.GroupVersionKind()
	mapping, err := c.Clients.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("resource mapping not found for name: %q namespace: %q from %q: %w\nensure CRDs are installed first", u.GetName(), u.GetNamespace(), "", err)
	}
	if err != nil {
		return nil, fmt.Errorf("unable to recognize %q: %w", "", err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace && u.GetNamespace() == "" {
		u.SetNamespace(c.Namespace)
	}
	info := &resource.Info{Mapping: mapping, Namespace: u.GetNamespace(), Name: u.GetName(), Object: u}
	if c.TakeOwnership {
		info.Client = vacant{gvk}
		return info, nil
	}
	info.Client, err = c.rest.real(mapping)
	return info, err
}

// vacant is the client of objects that Helm looks up to see what it has to adopt, where it makes no difference whether they exist: it
// finds nothing, and sends nothing.
type vacant struct{ gvk schema.GroupVersionKind }

func (v vacant) request() *rest.Request {
	gv := v.gvk.GroupVersion()
	content := rest.ClientContentConfig{
		ContentType: "application/json", GroupVersion: gv,
		Negotiator: runtime.NewClientNegotiator(scheme.Codecs.WithoutConversion(), gv),
	}
	return rest.NewRequestWithClient(&url.URL{Scheme: "https", Host: "vacant"}, "", content, &http.Client{Transport: nowhere{}})
}

// Get implements resource.RESTClient.
func (v vacant) Get() *rest.Request { return v.request().Verb(http.MethodGet) }

// Post implements resource.RESTClient.
func (v vacant) Post() *rest.Request { return v.request().Verb(http.MethodPost) }

// Patch implements resource.RESTClient.
func (v vacant) Patch(types.PatchType) *rest.Request { return v.request().Verb(http.MethodPatch) }

// Delete implements resource.RESTClient.
func (v vacant) Delete() *rest.Request { return v.request().Verb(http.MethodDelete) }

// Put implements resource.RESTClient.
func (v vacant) Put() *rest.Request { return v.request().Verb(http.MethodPut) }

// nowhere answers every request with "not found".
type nowhere struct{}

// RoundTrip implements http.RoundTripper.
func (nowhere) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound, Message: "not found",
	})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}
