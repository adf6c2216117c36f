// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/runtime/acl"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/excerpt"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/notification-controller/internal/intake"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
	"github.com/weir-gitops/weir/notification-controller/internal/outbox"
)

// listRetry is the wait between two looks at a cache that cannot answer.
const listRetry = time.Second

// Notifiers makes the notifier of a Provider.
type Notifiers interface {
	Notifier(ctx context.Context, provider *notificationv1beta3.Provider) (notify.Notifier, error)
}

// Options describe a Dispatcher. All fields without a remark are required.
type Options struct {
	// Cached reads Alerts and Providers; what it returns is not changed.
	Cached client.Reader
	// Live reads the metadata of event sources.
	Live      client.Reader
	Notifiers Notifiers
	StatusIDs *notify.StatusIDs
	Recorder  reconcile.Recorder
	// Access blocks events about objects in other namespaces where it says so.
	Access acl.Options
	// ObjectIdentity allows spec.serviceAccountName; it is the feature gate IdentityGate.
	ObjectIdentity bool
	// MaxAge is how long an event may wait until it is too old to be sent.
	MaxAge     time.Duration
	Registerer prometheus.Registerer
	Clock      func() time.Time
	Log        logr.Logger
}

// IdentityGate names the feature gate for cloud identities of single objects.
const IdentityGate = "ObjectLevelWorkloadIdentity"

// Dispatcher is the handler of the outbox.
type Dispatcher struct {
	Options
	expressions *expressions
	sent        *prometheus.CounterVec
}

// New returns a dispatcher.
func New(o Options) (*Dispatcher, error) {
	if o.Cached == nil || o.Live == nil || o.Notifiers == nil || o.StatusIDs == nil || o.Recorder == nil || o.Registerer == nil || o.Clock == nil || o.MaxAge <= 0 {
		return nil, errors.New("dispatcher needs Cached, Live, Notifiers, StatusIDs, Recorder, MaxAge, Registerer and Clock")
	}
	compiled, err := newExpressions()
	if err != nil {
		return nil, err
	}
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "weir_notifications_total",
		Help: "Events sent to a Provider, by its type and by result: sent, failed.",
	}, []string{"type", "result"})
	if err := o.Registerer.Register(sent); err != nil {
		return nil, fmt.Errorf("register notification metrics: %w", err)
	}
	return &Dispatcher{Options: o, expressions: compiled, sent: sent}, nil
}

// Route implements outbox.Handler: it finds the Alerts that want the event and can be served.
func (d *Dispatcher) Route(ctx context.Context, e outbox.Entry) ([]outbox.Target, error) {
	event, err := intake.Event(e.Body)
	if err != nil {
		d.Log.Error(err, "event given up")
		return nil, nil
	}
	alerts, err := d.alerts(ctx)
	if err != nil {
		return nil, err
	}
	log := d.logger(event)
	matched := d.matching(ctx, event, alerts)
	if ctx.Err() != nil {
		return nil, ctx.Err() // the labels of the object may be unknown because of that
	}
	if len(matched) == 0 {
		log.Info("no alert wants the event")
		return nil, nil
	}
	return d.targets(ctx, event, matched, log), nil
}

// alerts returns all Alerts, waiting for the cache if need be.
func (d *Dispatcher) alerts(ctx context.Context) ([]notificationv1beta3.Alert, error) {
	for {
		var list notificationv1beta3.AlertList
		err := d.Cached.List(ctx, &list, client.UnsafeDisableDeepCopy)
		if err == nil {
			return list.Items, nil
		}
		d.Log.Error(err, "alerts cannot be listed, events wait")
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(listRetry):
		}
	}
}

// targets applies the rules of section 3.5 of the contract that need no Secret.
func (d *Dispatcher) targets(ctx context.Context, event eventv1.Event, matched []*notificationv1beta3.Alert, log logr.Logger) []outbox.Target {
	var targets []outbox.Target
	var missing []string
	for _, alert := range matched {
		name := client.ObjectKeyFromObject(alert)
		verdict, err := d.decide(ctx, event, alert)
		switch {
		case err != nil:
			d.failed(alert, event, err)
		case verdict == skipMissing:
			missing = append(missing, name.String())
		case verdict == send:
			targets = append(targets, target(alert))
		}
	}
	if len(missing) > 0 {
		log.Info("event not sent, its metadata lacks the commit or change request that the provider needs", "alerts", missing)
	}
	return targets
}

func (d *Dispatcher) decide(ctx context.Context, event eventv1.Event, alert *notificationv1beta3.Alert) (verdict, error) {
	object := event.InvolvedObject
	if err := access.Namespaced(d.Access, alert.Namespace, access.Reference{Kind: object.Kind, Namespace: object.Namespace, Name: object.Name}); err != nil {
		return skip, err
	}
	provider, err := d.provider(ctx, types.NamespacedName{Namespace: alert.Namespace, Name: alert.Spec.ProviderRef.Name})
	if err != nil {
		return skip, err
	}
	if provider.Spec.Suspend {
		return skip, nil
	}
	return judge(provider.Spec.Type, event), nil
}

func (d *Dispatcher) provider(ctx context.Context, name types.NamespacedName) (*notificationv1beta3.Provider, error) {
	provider := &notificationv1beta3.Provider{}
	if err := d.Cached.Get(ctx, name, provider); err != nil {
		return nil, fmt.Errorf("read provider '%s': %w", name, err)
	}
	return provider, nil
}

// target names an Alert and its Provider for the outbox. Sends to one Provider share its group, wherever they come from.
func target(alert *notificationv1beta3.Alert) outbox.Target {
	return outbox.Target{
		Group: alert.Namespace + "/" + alert.Spec.ProviderRef.Name,
		ID:    alert.Name + "/" + string(alert.UID),
	}
}

// named reads what target wrote.
func named(t outbox.Target) (alert, provider types.NamespacedName, uid types.UID) {
	namespace, providerName, _ := strings.Cut(t.Group, "/")
	alertName, id, _ := strings.Cut(t.ID, "/")
	return types.NamespacedName{Namespace: namespace, Name: alertName}, types.NamespacedName{Namespace: namespace, Name: providerName}, types.UID(id)
}

// failed tells that an event could not be sent. The error holds no secret.
func (d *Dispatcher) failed(alert *notificationv1beta3.Alert, event eventv1.Event, err error) {
	d.logger(event).Error(errors.New(excerpt.Of(err.Error(), maxToldBytes)), "event not sent", "alert", client.ObjectKeyFromObject(alert).String())
	d.tell(alert, notificationv1beta3.NotificationDispatchFailedReason, fmt.Sprintf("notification about %s not sent: %s", objectName(event), err), nil)
}

// maxAnnotations bounds those of one warning. With too many Kubernetes would refuse it.
const maxAnnotations = 100

// tell records a warning on an Alert. Annotations whose key Kubernetes would refuse are left out, their text is in the message.
func (d *Dispatcher) tell(alert *notificationv1beta3.Alert, reason, message string, annotations map[string]string) {
	valid := make(map[string]string)
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if len(valid) < maxAnnotations && len(validation.IsQualifiedName(strings.ToLower(key))) == 0 {
			valid[key] = annotations[key]
		}
	}
	d.Recorder.Event(alert, events.Event{Severity: events.Error, Reason: reason, Message: excerpt.Of(message, maxToldBytes), Metadata: valid, To: events.Cluster})
}

// maxToldBytes bounds what is told of a fault, whatever the event says of itself.
const maxToldBytes = 8 << 10

func (d *Dispatcher) logger(event eventv1.Event) logr.Logger {
	object := event.InvolvedObject
	return d.Log.WithValues("kind", intake.Brief(object.Kind), "namespace", intake.Brief(object.Namespace), "name", intake.Brief(object.Name), "reason", intake.Brief(event.Reason))
}
