// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/auth"
)

// cluster answers what a handler asks of an API server when all is well: tests of how requests are checked need no more. What a real server
// makes of the requests is tested in package receiver.
type cluster struct {
	client.Client

	receivers []notificationv1.Receiver    // of the cache
	newer     []notificationv1.Receiver    // what the API server has beside them, and in place of those of the same name
	secrets   map[string]map[string]string // name to values
	patching  func()                       // called within each patch
	poison    string                       // name of an object whose patch panics
	looking   func()                       // called within each page of a look
	pages     [][]string                   // names of the objects that are listed by labels

	mu      sync.Mutex
	faults  map[string][]error // of the next requests, by verb, or verb and name; "cache" and "look" are those of the lists of Receivers, "receiver" of a read
	looks   int                // lists of Receivers that were asked of the API server
	reads   int                // single Receivers that were asked of it
	patched []string           // Kind/namespace/name
	values  []string           // the annotations' values
	ticks   int64              // of the clock
}

// errSilence is the fault of an API server that takes a connection and does not answer.
var errSilence = errors.New("silence")

// fault returns the next fault of a verb.
func (c *cluster) fault(verb string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.faults[verb]) == 0 {
		return nil
	}
	fault := c.faults[verb][0]
	c.faults[verb] = c.faults[verb][1:]
	return fault
}

// Get implements client.Reader for Receivers and Secrets, and for metadata of objects, which are all there.
func (c *cluster) Get(ctx context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	if receiver, ok := obj.(*notificationv1.Receiver); ok {
		return c.read(key, receiver)
	}
	if err := c.fault("get"); errors.Is(err, errSilence) {
		<-ctx.Done()
		return ctx.Err()
	} else if err != nil {
		return err
	}
	if found, ok := obj.(*metav1.PartialObjectMetadata); ok {
		found.Namespace, found.Name = key.Namespace, key.Name
		return nil
	}
	secret, ok := obj.(*corev1.Secret)
	values, found := c.secrets[key.Name]
	if !ok || !found {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
	}
	secret.Data = map[string][]byte{}
	for k, v := range values {
		secret.Data[k] = []byte(v)
	}
	return nil
}

// List implements client.Reader for Receivers by their path, and for pages of metadata.
func (c *cluster) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	options := (&client.ListOptions{}).ApplyOptions(opts)
	receivers, ok := list.(*notificationv1.ReceiverList)
	if !ok {
		return c.page(list, options)
	}
	if options.FieldSelector == nil {
		return c.look(receivers, options)
	}
	if err := c.fault("cache"); err != nil {
		return err
	}
	for _, r := range c.receivers {
		if r.Status.WebhookPath != "" && options.FieldSelector.String() == PathIndex+"="+r.Status.WebhookPath {
			receivers.Items = append(receivers.Items, r)
		}
	}
	return nil
}

// live returns the Receivers that the API server has.
func (c *cluster) live() []notificationv1.Receiver {
	all := slices.Clone(c.receivers)
	for _, r := range c.newer {
		all = slices.DeleteFunc(all, func(old notificationv1.Receiver) bool { return old.Name == r.Name && old.Namespace == r.Namespace })
	}
	return append(all, c.newer...)
}

// read reads a Receiver as the API server has it.
func (c *cluster) read(key client.ObjectKey, receiver *notificationv1.Receiver) error {
	if err := c.fault("receiver"); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	for _, r := range c.live() {
		if client.ObjectKeyFromObject(&r) == key {
			r.DeepCopyInto(receiver)
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: "receivers"}, key.Name)
}

// look lists Receivers as the API server has them, one to a page.
func (c *cluster) look(list *notificationv1.ReceiverList, options *client.ListOptions) error {
	if c.looking != nil {
		c.looking()
	}
	if err := c.fault("look"); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.DeleteFunc(c.live(), func(r notificationv1.Receiver) bool {
		return options.Namespace != "" && options.Namespace != r.Namespace
	})
	number := len(options.Continue)
	if number == 0 {
		c.looks++
	}
	if number < len(all) {
		list.Items = append(list.Items, all[number])
	}
	if number+1 < len(all) {
		list.Continue = options.Continue + "x"
	}
	return nil
}

// page lists one page of metadata.
func (c *cluster) page(list client.ObjectList, options *client.ListOptions) error {
	objects, ok := list.(*metav1.PartialObjectMetadataList)
	if !ok {
		return errors.ErrUnsupported
	}
	if err := c.fault("list"); err != nil {
		return err
	}
	number := len(options.Continue) // page 2 goes on at "xx"
	for _, name := range c.pages[number] {
		objects.Items = append(objects.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: options.Namespace, Name: name}})
	}
	if number+1 < len(c.pages) {
		objects.Continue = options.Continue + "x"
	}
	return nil
}

// now is a clock that does not tell the same time twice.
func (c *cluster) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ticks++
	return time.Unix(1_000_000, c.ticks)
}

// Patch implements client.Client.
func (c *cluster) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.PatchOption) error {
	data, err := patch.Data(obj)
	if err != nil {
		return err
	}
	if c.patching != nil {
		c.patching()
	}
	if obj.GetName() == c.poison {
		panic("poison")
	}
	if err := errors.Join(c.fault("patch"), c.fault("patch "+obj.GetName())); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.patched = append(c.patched, obj.GetObjectKind().GroupVersionKind().Kind+"/"+obj.GetNamespace()+"/"+obj.GetName())
	c.values = append(c.values, string(data))
	return nil
}

func (c *cluster) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	patched := c.patched
	c.patched = nil
	return patched
}

// token is the credential of all receivers of the tests.
const token = "s3cr3t"

// receiver is ready, and wakes the GitRepository fleet.
func receiver(kind string, edit ...func(*notificationv1.Receiver)) notificationv1.Receiver {
	r := notificationv1.Receiver{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "rcv", UID: "1", CreationTimestamp: metav1.Unix(1000, 0)}}
	r.Spec.Type, r.Spec.SecretRef = kind, &meta.LocalObjectReference{Name: "token"}
	r.Spec.Resources = []notificationv1.ReceiverResource{{CrossNamespaceObjectReference: notificationv1.CrossNamespaceObjectReference{Kind: "GitRepository", Name: "fleet"}}}
	r.Status.WebhookPath = Path(token, r.Name, r.Namespace)
	conditions.MarkTrue(&r, meta.ReadyCondition, meta.SucceededReason, "ready")
	for _, e := range edit {
		e(&r)
	}
	return r
}

// newHandler returns a handler over a cluster with these receivers.
func newHandler(tb testing.TB, receivers ...notificationv1.Receiver) (http.Handler, *cluster) {
	tb.Helper()
	return newHandlerIn(tb, "", receivers...)
}

// newHandlerIn returns one that serves Receivers of one namespace, or of all.
func newHandlerIn(tb testing.TB, namespace string, receivers ...notificationv1.Receiver) (http.Handler, *cluster) {
	tb.Helper()
	c := &cluster{receivers: receivers, secrets: map[string]map[string]string{"token": {"token": token}, "empty": {"token": ""}, "other": {"foo": token}}}
	h, err := New(Options{Receivers: c, Live: c, Namespace: namespace, Client: c, Secrets: &auth.Reader{Client: c}, Clock: c.now, Log: logr.Discard()})
	if err != nil {
		tb.Fatal(err)
	}
	return h, c
}

// post sends a request and returns the status. Answers have no bodies.
func post(tb testing.TB, h http.Handler, path string, header http.Header, body string) int {
	tb.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if header != nil {
		r.Header = header.Clone()
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Body.Len() > 0 {
		tb.Errorf("answer with body %q", w.Body)
	}
	return w.Code
}
