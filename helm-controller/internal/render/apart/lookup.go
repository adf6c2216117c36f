// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// question is what a child wants to know. One field is set.
type question struct {
	Kind    *kind      `json:"kind,omitempty"`    // is there such a kind?
	Objects *selection `json:"objects,omitempty"` // read an object, or all
	Request *request   `json:"request,omitempty"` // send this request
}

type kind struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// selection is one object of a kind, or without a name all of it.
type selection struct {
	Kind      kind   `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// request is one of the client that Helm makes in the child.
type request struct {
	Path   string `json:"path"`
	Accept string `json:"accept"`
}

// answer is what the parent says. What is not asked for is empty, as is all but Error and NotFound unless all went well.
type answer struct {
	Namespaced bool           `json:"namespaced"`
	Content    map[string]any `json:"content"`
	Response   response       `json:"response"`
	Error      string         `json:"error"`
	NotFound   bool           `json:"notFound"`
}

// response is that to a request.
type response struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Body   []byte `json:"body"`
}

// answerWithin answers a question of the child in that time, or with an error.
func (l Lookups) answerWithin(ctx context.Context, limit time.Duration, q question) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return l.answer(ctx, q)
}

// answer answers a question of the child.
func (l Lookups) answer(ctx context.Context, q question) (*answer, error) {
	a := &answer{}
	var err error
	switch {
	case q.Kind != nil:
		_, a.Namespaced, err = l.Provider.GetClientFor(q.Kind.APIVersion, q.Kind.Kind)
	case q.Objects != nil:
		a.Content, err = l.read(ctx, *q.Objects)
	case q.Request != nil:
		a.Response, err = l.fetch(ctx, *q.Request)
	default:
		return nil, errMalformed
	}
	if err != nil {
		return &answer{Error: err.Error(), NotFound: apierrors.IsNotFound(err)}, nil
	}
	return a, nil
}

// read returns an object, or the list of all.
func (l Lookups) read(ctx context.Context, o selection) (map[string]any, error) {
	client, _, err := l.Provider.GetClientFor(o.Kind.APIVersion, o.Kind.Kind)
	if err != nil {
		return nil, err
	}
	resource := dynamic.ResourceInterface(client)
	if o.Namespace != "" {
		resource = client.Namespace(o.Namespace)
	}
	if o.Name == "" {
		list, err := resource.List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.UnstructuredContent(), nil
	}
	object, err := resource.Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return object.UnstructuredContent(), nil
}

// fetch sends a request.
func (l Lookups) fetch(ctx context.Context, r request) (_ response, err error) {
	if l.Config == nil {
		return response{}, errMalformed
	}
	base, _, err := rest.DefaultServerUrlFor(l.Config)
	if err != nil {
		return response{}, err
	}
	client, err := rest.HTTPClientFor(l.Config)
	if err != nil {
		return response{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base.String(), "/")+r.Path, nil)
	if err != nil {
		return response{}, err
	}
	req.Header.Set("Accept", r.Accept)
	resp, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err == nil && len(body) > maxAnswerBytes {
		err = errTooLarge
	}
	return response{Status: resp.StatusCode, Type: resp.Header.Get("Content-Type"), Body: body}, err
}

// asker asks the parent. It belongs to the one goroutine that renders.
type asker struct {
	ask func(question) (*answer, error)
}

// content asks, and makes an error of an answer that says so. That an object is not there is an error that says so, as from a client.
func (a asker) content(q question) (*answer, error) {
	reply, err := a.ask(q)
	switch {
	case err != nil:
		return nil, err
	case reply.NotFound:
		return nil, &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound, Message: reply.Error}}
	case reply.Error != "":
		return nil, errors.New(reply.Error)
	}
	return reply, nil
}

// lookups are those of the child.
func (a asker) lookups() Lookups {
	return Lookups{Provider: a, Config: &rest.Config{Host: "http://parent.invalid", Transport: asking{asker: a}, QPS: -1}}
}

// GetClientFor implements engine.ClientProvider.
func (a asker) GetClientFor(apiVersion, name string) (dynamic.NamespaceableResourceInterface, bool, error) {
	of := kind{APIVersion: apiVersion, Kind: name}
	reply, err := a.content(question{Kind: &of})
	if err != nil {
		return nil, false, err
	}
	return remote{asker: a, kind: of}, reply.Namespaced, nil
}

// remote is a client of a kind that the parent acts for. The engine calls nothing else of it.
type remote struct {
	dynamic.NamespaceableResourceInterface

	asker     asker
	kind      kind
	namespace string
}

// Namespace implements dynamic.NamespaceableResourceInterface.
func (r remote) Namespace(namespace string) dynamic.ResourceInterface {
	r.namespace = namespace
	return r
}

// Get implements dynamic.ResourceInterface.
func (r remote) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*unstructured.Unstructured, error) {
	content, err := r.content(name)
	return &unstructured.Unstructured{Object: content}, err
}

// List implements dynamic.ResourceInterface.
func (r remote) List(context.Context, metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	content, err := r.content("")
	list := &unstructured.UnstructuredList{}
	list.SetUnstructuredContent(content)
	return list, err
}

func (r remote) content(name string) (map[string]any, error) {
	reply, err := r.asker.content(question{Objects: &selection{Kind: r.kind, Namespace: r.namespace, Name: name}})
	if err != nil {
		return nil, err
	}
	return reply.Content, nil
}

// asking sends the requests of a client through the parent.
type asking struct{ asker asker }

// RoundTrip implements http.RoundTripper.
func (a asking) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return nil, fmt.Errorf("%s is no lookup", r.Method)
	}
	reply, err := a.asker.content(question{Request: &request{Path: r.URL.RequestURI(), Accept: r.Header.Get("Accept")}})
	if err != nil {
		return nil, err
	}
	got := reply.Response
	return &http.Response{
		StatusCode: got.Status, Status: http.StatusText(got.Status), Header: http.Header{"Content-Type": {got.Type}}, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(bytes.NewReader(got.Body)), ContentLength: int64(len(got.Body)),
	}, nil
}
