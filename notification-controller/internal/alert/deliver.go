// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/excerpt"
	"github.com/weir-gitops/weir/notification-controller/internal/intake"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
	"github.com/weir-gitops/weir/notification-controller/internal/outbox"
)

// Deliver implements outbox.Handler: it sends the event to the Provider of the target. An Alert that is gone or suspended meanwhile gets nothing
// more, and neither does a suspended Provider.
func (d *Dispatcher) Deliver(ctx context.Context, e outbox.Entry, t outbox.Target) error {
	event, err := intake.Event(e.Body)
	if err != nil {
		d.Log.Error(err, "event given up")
		return nil
	}
	alert, err := d.alert(ctx, t)
	if err != nil || alert == nil {
		return err
	}
	err = d.deliver(ctx, event, alert, t, e.Accepted)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err() // the process ends; the next one tries again
	}
	d.failed(alert, event, err)
	return nil
}

// alert reads the Alert of the target, nil when it wants nothing any more.
func (d *Dispatcher) alert(ctx context.Context, t outbox.Target) (*notificationv1beta3.Alert, error) {
	name, _, uid := named(t)
	for {
		alert := &notificationv1beta3.Alert{}
		err := d.Cached.Get(ctx, name, alert)
		switch {
		case apierrors.IsNotFound(err):
			return nil, nil //nolint:nilnil // gone is an answer
		case err == nil && (alert.UID != uid || alert.Spec.Suspend):
			return nil, nil //nolint:nilnil // as above
		case err == nil:
			return alert, nil
		}
		d.Log.Error(err, "alert cannot be read, its events wait", "alert", name.String())
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(listRetry):
		}
	}
}

func (d *Dispatcher) deliver(ctx context.Context, event eventv1.Event, alert *notificationv1beta3.Alert, t outbox.Target, accepted time.Time) error {
	_, name, _ := named(t)
	provider, err := d.provider(ctx, name)
	if err != nil {
		return err
	}
	if provider.Spec.Suspend {
		return nil
	}
	if age := d.Clock().Sub(accepted); age > d.MaxAge {
		return fmt.Errorf("it waited longer than %s for its turn", d.MaxAge)
	}
	if provider.Spec.ServiceAccountName != "" && !d.ObjectIdentity {
		return fmt.Errorf("provider '%s': spec.serviceAccountName needs the feature gate %s, which is disabled", name, IdentityGate)
	}
	message, err := d.message(ctx, event, alert, provider)
	if err != nil {
		return err
	}
	err = d.send(ctx, provider, message)
	d.count(ctx, provider, err)
	if err == nil {
		d.logger(event).Info("event sent", "alert", client.ObjectKeyFromObject(alert).String(), "provider", name.String())
	}
	return err
}

// count leaves out what the end of the process cut short.
func (d *Dispatcher) count(ctx context.Context, provider *notificationv1beta3.Provider, err error) {
	switch {
	case err == nil:
		d.sent.WithLabelValues(provider.Spec.Type, "sent").Inc()
	case ctx.Err() == nil:
		d.sent.WithLabelValues(provider.Spec.Type, "failed").Inc()
	}
}

// message makes what is sent to the Provider of this Alert.
func (d *Dispatcher) message(
	ctx context.Context, event eventv1.Event, alert *notificationv1beta3.Alert, provider *notificationv1beta3.Provider,
) (notify.Message, error) {
	merged, conflicts := merge(event, alert.Spec)
	if alert.Spec.Summary != "" {
		d.Log.Info("spec.summary of an Alert is deprecated, use spec.eventMetadata", "alert", client.ObjectKeyFromObject(alert).String())
	}
	if len(conflicts) > 0 {
		text := conflictMessage(conflicts)
		d.logger(event).Info(excerpt.Of(text, maxToldBytes), "alert", client.ObjectKeyFromObject(alert).String())
		d.tell(alert, notificationv1beta3.MetadataAppendFailedReason, text, conflicts)
	}
	event.Metadata = nil
	if len(merged) > 0 {
		event.Metadata = merged
	}
	id, err := d.StatusIDs.StatusID(ctx, event, alert, provider)
	return notify.Message{Event: event, StatusID: id}, err
}

// send tries until the service has the message, will never take it, or the timeout of the Provider is over. It does not wait for an attempt that
// would come too late.
func (d *Dispatcher) send(ctx context.Context, provider *notificationv1beta3.Provider, message notify.Message) error {
	ctx, cancel := context.WithTimeout(ctx, provider.GetTimeout())
	defer cancel()
	deadline, _ := ctx.Deadline()
	var notifier notify.Notifier
	for attempt := 1; ; attempt++ {
		err := d.attempt(ctx, provider, &notifier, message)
		if err == nil {
			return nil
		}
		wait, again := notify.Backoff(attempt, err)
		if !again || ctx.Err() != nil {
			return err
		}
		if time.Until(deadline) <= wait {
			return fmt.Errorf("given up after %d attempts within %s: %w", attempt, provider.GetTimeout(), err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// attempt makes the notifier if there is none yet, and sends. An event that no code was made for must not end the process, which would meet it
// again at the next start.
func (d *Dispatcher) attempt(
	ctx context.Context, provider *notificationv1beta3.Provider, notifier *notify.Notifier, message notify.Message,
) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errors.New("the controller failed on it")
			d.logger(message.Event).Error(err, "panic while an event was sent", "stack", string(debug.Stack()))
		}
	}()
	if *notifier == nil {
		made, err := d.Notifiers.Notifier(ctx, provider)
		if err != nil {
			return err
		}
		*notifier = made
	}
	return (*notifier).Notify(ctx, message)
}
