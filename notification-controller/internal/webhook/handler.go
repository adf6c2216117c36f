// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/fluxcd/pkg/runtime/acl"
	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/notification-controller/internal/apifault"
	"github.com/weir-gitops/weir/notification-controller/internal/bodies"
)

const (
	// wakeTimeout bounds the work on the objects of one request, which goes on when the client does not wait for it.
	wakeTimeout = 30 * time.Second
	// maxPatches is how many requests to the API server about objects are under way at once, of all webhooks together.
	maxPatches = 32
)

// Options are what a handler works with. All fields without a remark are required.
type Options struct {
	// Receivers reads Receivers from the cache; Index has to be called on its indexes.
	Receivers client.Reader
	// Live reads metadata of objects past the cache, and Receivers that the cache does not have yet.
	Live client.Reader
	// Namespace is the only one whose Receivers are served, empty for all. It is that of the cache.
	Namespace string
	// Client patches objects.
	Client client.Client
	// Secrets reads tokens.
	Secrets *auth.Reader
	// Access blocks objects in other namespaces where it says so.
	Access acl.Options
	// Clock tells the time.
	Clock func() time.Time
	// Log takes what senders get no answer about.
	Log logr.Logger
}

// handler answers webhooks.
type handler struct {
	Options

	filters *Filters
	bodies  *bodies.Reader
	latest  *latest
	slots   chan struct{}
}

// New returns the handler of webhooks. Flux: notification-controller contract, "HTTP behaviour".
func New(o Options) (http.Handler, error) {
	if o.Receivers == nil || o.Live == nil || o.Client == nil || o.Secrets == nil || o.Clock == nil {
		return nil, errors.New("webhook handler needs Receivers, Live, Client, Secrets and Clock")
	}
	filters, err := NewFilters()
	if err != nil {
		return nil, err
	}
	return &handler{
		Options: o, filters: filters, bodies: bodies.New(), latest: newLatest(o.Live, o.Namespace), slots: make(chan struct{}, maxPatches),
	}, nil
}

// refusal is a request that is not served.
type refusal struct {
	status int
	err    error
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, err: fmt.Errorf(format, args...)}
}

// Error implements error.
func (r *refusal) Error() string { return r.err.Error() }

// Unwrap returns the cause.
func (r *refusal) Unwrap() error { return r.err }

// ServeHTTP implements http.Handler. All answers have empty bodies.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	log := h.Log
	receiver, err := h.find(r)
	if receiver != nil {
		log = log.WithValues("receiver", client.ObjectKeyFromObject(receiver))
	}
	body, release, unread := h.read(w, r, err == nil)
	defer release()
	switch {
	case unread != nil:
		err = unread
	case err == nil:
		err = h.serve(r.Context(), log, receiver, request{header: r.Header, body: body})
	}
	w.WriteHeader(answer(log, err))
}

// answer is the status for err, which it logs. A path that does not exist is what the internet tries all day.
func answer(log logr.Logger, err error) int {
	if err == nil {
		return http.StatusOK
	}
	status := http.StatusInternalServerError
	if refused, ok := errors.AsType[*refusal](err); ok {
		status = refused.status
	}
	switch {
	case status == http.StatusNotFound:
		log.V(1).Info("webhook for no receiver")
	case status < http.StatusInternalServerError:
		log.Info("webhook refused", "status", status, "reason", err.Error())
	default:
		log.Error(err, "webhook failed", "status", status)
	}
	return status
}

// read returns the body of a request, which is kept until release. One that nobody is going to look at is held against the limit, but not kept:
// strangers get no memory.
func (h *handler) read(w http.ResponseWriter, r *http.Request, keep bool) (body []byte, release func(), err error) {
	release = func() {}
	switch {
	case !strings.HasPrefix(r.URL.Path, notificationv1.WebhookPathPrefix):
		return nil, release, nil
	case keep:
		body, release, err = h.bodies.Read(w, r)
	case r.ContentLength > bodies.Max:
		err = bodies.ErrTooLarge
	default:
		_, err = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, bodies.Max))
	}
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		return body, release, nil
	case large, errors.Is(err, bodies.ErrTooLarge):
		return nil, release, refuse(http.StatusRequestEntityTooLarge, "body of more than %d bytes", bodies.Max)
	case errors.Is(err, bodies.ErrBusy):
		return nil, release, refuse(http.StatusServiceUnavailable, "read body: %w", err)
	}
	return nil, release, refuse(http.StatusBadRequest, "read body: %w", err)
}

// serve checks a request for a receiver and wakes its objects.
func (h *handler) serve(ctx context.Context, log logr.Logger, receiver *notificationv1.Receiver, r request) error {
	if err := h.prove(ctx, receiver, r); err != nil {
		return err
	}
	targets, broken, err := h.targets(receiver, r)
	if err != nil {
		return err
	}
	// From here on the sender has done its part: objects are woken even if it goes away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wakeTimeout)
	defer cancel()
	return errors.Join(append(broken, h.wake(ctx, log, targets)...)...)
}

// token reads the token while the sender waits for it.
func (h *handler) token(ctx context.Context, receiver *notificationv1.Receiver) (token string, err error) {
	ctx, cancel := context.WithTimeout(ctx, apifault.Patience)
	defer cancel()
	err = apifault.Outlast(ctx, func() (err error) {
		token, err = Token(ctx, h.Secrets, receiver)
		return err
	})
	return token, err
}

// prove checks that the request comes from who may send it, and is about one of the wanted events.
func (h *handler) prove(ctx context.Context, receiver *notificationv1.Receiver, r request) error {
	check, ok := kinds()[receiver.Spec.Type]
	if !ok {
		return refuse(http.StatusServiceUnavailable, "type '%s' is not supported yet", receiver.Spec.Type)
	}
	token, err := h.token(ctx, receiver)
	if err != nil {
		if Missing(err) {
			return refuse(http.StatusBadRequest, "read token: %w", err)
		}
		return fmt.Errorf("read token: %w", err)
	}
	if err := check.prove(r, []byte(token)); err != nil {
		return refuse(http.StatusBadRequest, "check request: %w", err)
	}
	if check.event == "" {
		return nil
	}
	if err := wanted(receiver.Spec.Events, r.header.Get(check.event)); err != nil {
		return refuse(http.StatusBadRequest, "check event: %w", err)
	}
	return nil
}
