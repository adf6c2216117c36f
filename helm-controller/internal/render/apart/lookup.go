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

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// answer is what the parent says to a question of the child. Content is nil unless all went well.
func (l Lookups) answer(ctx context.Context, kind byte, question any) (map[string]any, error) {
	f := fields{of: question}
	var content any
	var err error
	switch kind {
	case msgKind:
		content, err = l.kind(&f)
	case msgLookup:
		content, err = l.read(ctx, &f)
	case msgFetch:
		content, err = l.fetch(ctx, &f)
	default:
		f.err = errMalformed
	}
	if f.err != nil {
		return nil, f.err
	}
	if err != nil {
		return map[string]any{"content": nil, "error": err.Error(), "notFound": apierrors.IsNotFound(err)}, nil
	}
	return map[string]any{"content": content, "error": "", "notFound": false}, nil
}

// kind tells whether the objects of a kind are in namespaces.
func (l Lookups) kind(f *fields) (any, error) {
	_, namespaced, err := l.Provider.GetClientFor(get[string](f, "apiVersion"), get[string](f, "kind"))
	return namespaced, err
}

// read returns an object, or, without a name, the list of all.
func (l Lookups) read(ctx context.Context, f *fields) (any, error) {
	client, _, err := l.Provider.GetClientFor(get[string](f, "apiVersion"), get[string](f, "kind"))
	namespace, name := get[string](f, "namespace"), get[string](f, "name")
	if err != nil || f.err != nil {
		return nil, err
	}
	objects := dynamic.ResourceInterface(client)
	if namespace != "" {
		objects = client.Namespace(namespace)
	}
	if name == "" {
		list, err := objects.List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.UnstructuredContent(), nil
	}
	object, err := objects.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return object.UnstructuredContent(), nil
}

// fetch sends a request of the client that Helm makes in the child.
func (l Lookups) fetch(ctx context.Context, f *fields) (_ any, err error) {
	if l.Config == nil {
		return nil, errMalformed
	}
	base, _, err := rest.DefaultServerUrlFor(l.Config)
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(l.Config)
	if err != nil {
		return nil, err
	}
	target := strings.TrimSuffix(base.String(), "/") + get[string](f, "path")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil || f.err != nil {
		return nil, err
	}
	req.Header.Set("Accept", get[string](f, "accept"))
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err == nil && len(body) > maxAnswerBytes {
		err = errTooLarge
	}
	return map[string]any{"status": resp.StatusCode, "type": resp.Header.Get("Content-Type"), "body": string(body)}, err
}

// asker asks the parent. It belongs to the one goroutine that renders.
type asker struct {
	ask func(kind byte, question any) (any, error)
}

// question sends a question and returns the content of the answer. An object that is not there is an error that says so, as from a client.
func (a asker) question(kind byte, q map[string]any) (any, error) {
	reply, err := a.ask(kind, q)
	if err != nil {
		return nil, err
	}
	f := fields{of: reply}
	text, notFound, content := get[string](&f, "error"), get[bool](&f, "notFound"), get[any](&f, "content")
	switch {
	case f.err != nil:
		return nil, f.err
	case notFound:
		return nil, &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound, Message: text}}
	case text != "":
		return nil, errors.New(text)
	}
	return content, nil
}

// lookups are those of the child.
func (a asker) lookups() Lookups {
	return Lookups{Provider: a, Config: &rest.Config{Host: "http://parent.invalid", Transport: asking{asker: a}, QPS: -1}}
}

// GetClientFor implements engine.ClientProvider.
func (a asker) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	content, err := a.question(msgKind, map[string]any{"apiVersion": apiVersion, "kind": kind})
	if err != nil {
		return nil, false, err
	}
	namespaced, _ := content.(bool)
	return remote{asker: a, apiVersion: apiVersion, kind: kind}, namespaced, nil
}

// remote is a client of a kind that the parent acts for. The engine calls nothing else of it.
type remote struct {
	dynamic.NamespaceableResourceInterface

	asker                       asker
	apiVersion, kind, namespace string
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
	reply, err := r.asker.question(msgLookup, map[string]any{
		"apiVersion": r.apiVersion, "kind": r.kind, "namespace": r.namespace, "name": name,
	})
	content, _ := reply.(map[string]any)
	return content, err
}

// asking sends the requests of a client through the parent.
type asking struct{ asker asker }

// RoundTrip implements http.RoundTripper.
func (a asking) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return nil, fmt.Errorf("%s is no lookup", r.Method)
	}
	reply, err := a.asker.question(msgFetch, map[string]any{"path": r.URL.RequestURI(), "accept": r.Header.Get("Accept")})
	if err != nil {
		return nil, err
	}
	f := fields{of: reply}
	status, contentType, body := get[int](&f, "status"), get[string](&f, "type"), get[string](&f, "body")
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {contentType}}, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)),
	}, f.err
}
