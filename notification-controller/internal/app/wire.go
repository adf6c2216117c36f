// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/notification-controller/internal/alert"
	"github.com/weir-gitops/weir/notification-controller/internal/intake"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
	"github.com/weir-gitops/weir/notification-controller/internal/outbox"
	"github.com/weir-gitops/weir/notification-controller/internal/provider"
	"github.com/weir-gitops/weir/notification-controller/internal/receiver"
	"github.com/weir-gitops/weir/notification-controller/internal/webhook"
)

// name is that of the program, of its lease and of its events.
const name = "notification-controller"

// Program describes the controller to kit/manager.
func Program() manager.Program { return program(NewOptions()) }

func program(opts *Options) manager.Program {
	return manager.Program{
		Name:    name,
		Options: opts,
		Gates:   gates(),
		Scheme:  scheme(),
		Kinds:   kinds(),
		Setup:   func(ctx context.Context, rt *manager.Runtime) error { return setup(ctx, rt, opts) },
	}
}

func scheme() *runtime.Scheme {
	return manager.Scheme(notificationv1.AddToScheme, notificationv1beta3.AddToScheme)
}

func kinds() []client.Object {
	return []client.Object{&notificationv1beta3.Alert{}, &notificationv1beta3.Provider{}, &notificationv1.Receiver{}}
}

// setup builds every dependency once and hands it down. Both endpoints and the outbox run on every replica, only the reconcilers are elected.
func setup(ctx context.Context, rt *manager.Runtime, opts *Options) error {
	for _, kind := range kinds() {
		// The endpoints read the cache also where no reconciler runs.
		if _, err := rt.Manager.GetCache().GetInformer(ctx, kind); err != nil {
			return fmt.Errorf("watch %T: %w", kind, err)
		}
	}
	secrets := &auth.Reader{Client: rt.Manager.GetClient()}
	if err := reconcilers(ctx, rt, opts, secrets); err != nil {
		return err
	}
	box, err := newOutbox(ctx, rt, opts, secrets)
	if err != nil {
		return err
	}
	taken, err := intake.New(intake.Options{Outbox: box, Window: opts.Window, Clock: time.Now, Log: rt.Log.WithName("events")})
	if err != nil {
		return err
	}
	hooks, err := webhook.New(webhook.Options{
		Receivers: rt.Manager.GetClient(), Live: rt.Manager.GetAPIReader(), Client: rt.Manager.GetClient(), Secrets: secrets,
		Namespace: opts.WatchedNamespace(), Access: opts.Access, Clock: time.Now, Log: rt.Log.WithName("receivers"),
	})
	if err != nil {
		return err
	}
	return serve(ctx, rt, []endpoint{
		{name: "events", addr: opts.EventsListen, metrics: "gotk_event", path: "/", handler: taken},
		{name: "receivers", addr: opts.ReceiverAddr, metrics: "gotk_receiver", path: notificationv1.WebhookPathPrefix, handler: hooks},
	}, opts.PathMetrics)
}

func reconcilers(ctx context.Context, rt *manager.Runtime, opts *Options, secrets *auth.Reader) error {
	mgr := rt.Manager
	alerts := &alert.Reconciler{Client: mgr.GetClient(), Recorder: rt.Events}
	providers := &provider.Reconciler{Client: mgr.GetClient(), Recorder: rt.Events}
	receivers := &receiver.Reconciler{
		Dependencies: rt.Dependencies(), Secrets: secrets, WatchSecrets: !opts.Gates.Enabled(gateNoConfigWatchers),
	}
	return errors.Join(
		alerts.Setup(mgr, rt.ControllerOptions()), providers.Setup(mgr, rt.ControllerOptions()), receivers.Setup(ctx, mgr, rt.ControllerOptions()),
	)
}

// newOutbox opens the outbox with everything that deliveries need, and adds it to the manager.
func newOutbox(ctx context.Context, rt *manager.Runtime, opts *Options, secrets *auth.Reader) (*outbox.Box, error) {
	tokens, err := newTokens(ctx, rt, opts)
	if err != nil {
		return nil, err
	}
	ids, err := notify.NewStatusIDs()
	if err != nil {
		return nil, err
	}
	transports := notify.NewTransports()
	dispatcher, err := alert.New(alert.Options{
		Cached: rt.Manager.GetClient(), Live: rt.Manager.GetAPIReader(),
		Notifiers: &notify.Loader{Secrets: secrets, Transports: transports, Tokens: tokens}, StatusIDs: ids,
		Recorder: rt.Events, Access: opts.Access, ObjectIdentity: opts.Gates.Enabled(gateObjectIdentity), MaxAge: opts.OutboxAge,
		Registerer: rt.Registry, Clock: time.Now, Log: rt.Log.WithName("alerts"),
	})
	if err != nil {
		return nil, err
	}
	box, err := outbox.Open(ctx, outbox.Options{
		Dir: opts.OutboxPath, MaxBytes: opts.OutboxSize, Drain: opts.drain, Handler: dispatcher,
		Registerer: rt.Registry, Clock: time.Now, Log: rt.Log.WithName("outbox"),
	})
	if err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	return box, rt.Manager.Add(&delivery{Box: box, transports: transports})
}

// delivery runs the outbox, and closes its connections when that has ended.
type delivery struct {
	*outbox.Box
	transports *notify.Transports
}

// Start delivers until ctx ends, and for a bounded time after.
func (d *delivery) Start(ctx context.Context) error {
	defer d.transports.Close()
	return d.Box.Start(ctx)
}
