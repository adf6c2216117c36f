// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// metadataOnly asks for the metadata of what was read or written: the rest is in our hands already.
const metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

// requester sends requests for objects of any kind. Unlike the dynamic client it tells whether an apply created the object, and what
// became of a deletion.
type requester struct {
	rest   rest.Interface
	config *rest.Config
	ended  func() error
}

func newRequester(config *rest.Config, ended func() error) (*requester, error) {
	cfg := rest.CopyConfig(config)
	cfg.GroupVersion = &schema.GroupVersion{}
	cfg.APIPath = "/" // every request has an absolute path
	cfg.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	cfg.ContentType, cfg.AcceptContentTypes = "application/json", "application/json"
	client, err := rest.RESTClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("rest client: %w", err)
	}
	return &requester{rest: client, config: config, ended: ended}, nil
}

// call is one request about one object.
type call struct {
	verb    string
	mapping *meta.RESTMapping
	// namespace and name of the object; without name the request goes to the collection.
	namespace, name string
	// sub is a sub-resource.
	sub string
	// body is sent as contentType.
	body        []byte
	contentType string
	query       map[string]string
	// full asks for the whole object.
	full bool
}

// answer is what came back.
type answer struct {
	code int
	body []byte
}

func (r *requester) send(ctx context.Context, c call) (answer, error) {
	a, err := r.once(ctx, c)
	if err != nil && (strings.HasSuffix(err.Error(), "etcdserver: leader changed") || strings.HasSuffix(err.Error(), "raft proposal dropped")) {
		return r.once(ctx, c) // Flux: the control plane was electing a leader
	}
	return a, err
}

func (r *requester) once(ctx context.Context, c call) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	accept := metadataOnly
	if c.full {
		accept = "application/json, */*"
	}
	req := r.rest.Verb(c.verb).AbsPath(c.path()...).SetHeader("Accept", accept)
	for key, value := range c.query {
		req = req.Param(key, value)
	}
	if c.body != nil {
		req = req.SetHeader("Content-Type", c.contentType).Body(c.body)
	}
	var a answer
	res := req.Do(ctx)
	if err := res.StatusCode(&a.code).Error(); err != nil {
		return a, err
	}
	var err error
	a.body, err = res.Raw()
	return a, err
}

func (c call) path() []string {
	gvr := c.mapping.Resource
	path := []string{"apis", gvr.Group, gvr.Version}
	if gvr.Group == "" {
		path = []string{"api", gvr.Version}
	}
	if c.mapping.Scope.Name() == meta.RESTScopeNameNamespace && c.namespace != "" {
		path = append(path, "namespaces", c.namespace)
	}
	path = append(path, gvr.Resource)
	if c.name != "" {
		path = append(path, c.name)
	}
	if c.sub != "" {
		path = append(path, c.sub)
	}
	return path
}

// metadata decodes an answer as far as it is of interest, with the kind that was asked for.
func (a answer) metadata(gvk schema.GroupVersionKind) (*metav1.PartialObjectMetadata, error) {
	m := &metav1.PartialObjectMetadata{}
	if err := json.Unmarshal(a.body, m); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	m.SetGroupVersionKind(gvk)
	return m, nil
}

// real returns a client as Helm expects it in its lists of objects.
func (r *requester) real(mapping *meta.RESTMapping) (resource.RESTClient, error) {
	cfg := rest.CopyConfig(r.config)
	cfg.ContentConfig = resource.UnstructuredPlusDefaultContentConfig()
	gv := mapping.GroupVersionKind.GroupVersion()
	cfg.GroupVersion, cfg.APIPath = &gv, "/apis"
	if gv.Group == "" {
		cfg.APIPath = "/api"
	}
	cfg.Timeout = requestLimit
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return ending{next: next, ended: r.ended} })
	client, err := rest.RESTClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("rest client for %s: %w", gv, err)
	}
	return client, nil
}

// ending refuses requests after the action has ended: Helm sends them with a context of its own.
type ending struct {
	next  http.RoundTripper
	ended func() error
}

// RoundTrip implements http.RoundTripper.
func (e ending) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := e.ended(); err != nil {
		return nil, err
	}
	return e.next.RoundTrip(req)
}
