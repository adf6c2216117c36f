// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/notification-controller/internal/apifault"
	"github.com/weir-gitops/weir/notification-controller/internal/intake"
)

// labelTimeout bounds the look at the labels of the object of an event, attempts after faults that pass included.
const labelTimeout = 10 * time.Second

// anyName in an event source stands for all names.
const anyName = "*"

// subject is an event while it is matched: the labels of its object are read at most once.
type subject struct {
	event eventv1.Event
	live  client.Reader

	asked  bool
	labels labels.Set
	err    error
}

// objectLabels returns the labels of the live object.
func (s *subject) objectLabels(ctx context.Context) (labels.Set, error) {
	if !s.asked {
		s.asked = true
		s.labels, s.err = s.read(ctx)
	}
	return s.labels, s.err
}

func (s *subject) read(ctx context.Context) (labels.Set, error) {
	object := s.event.InvolvedObject
	kind := schema.FromAPIVersionAndKind(object.APIVersion, object.Kind)
	if kind.Version == "" || kind.Kind == "" {
		return nil, errors.New("the event names no apiVersion or kind")
	}
	ctx, cancel := context.WithTimeout(ctx, labelTimeout)
	defer cancel()
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(kind)
	err := apifault.Outlast(ctx, func() error {
		return s.live.Get(ctx, client.ObjectKey{Namespace: object.Namespace, Name: object.Name}, found)
	})
	if err != nil {
		return nil, err
	}
	return found.Labels, nil
}

// matching returns the Alerts that want the event, in the order of their names. What is wrong with one of them is told there.
func (d *Dispatcher) matching(ctx context.Context, event eventv1.Event, alerts []notificationv1beta3.Alert) []*notificationv1beta3.Alert {
	s := &subject{event: event, live: d.Live}
	var matched []*notificationv1beta3.Alert
	for i := range alerts {
		if alert := &alerts[i]; d.matches(ctx, alert, s) {
			matched = append(matched, alert)
		}
	}
	slices.SortFunc(matched, func(a, b *notificationv1beta3.Alert) int {
		return strings.Compare(client.ObjectKeyFromObject(a).String(), client.ObjectKeyFromObject(b).String())
	})
	return matched
}

func (d *Dispatcher) matches(ctx context.Context, alert *notificationv1beta3.Alert, s *subject) bool {
	spec := &alert.Spec
	if spec.Suspend || !severe(spec.EventSeverity, s.event.Severity) {
		return false
	}
	if !slices.ContainsFunc(spec.EventSources, func(source notificationv1.CrossNamespaceObjectReference) bool {
		return names(source, alert.Namespace, s.event) && d.labelled(ctx, alert, source, s)
	}) {
		return false
	}
	ok, problems := d.expressions.wanted(spec.InclusionList, spec.ExclusionList, s.event.Message)
	for _, problem := range problems {
		d.tell(alert, notificationv1beta3.InvalidConfigReason, problem, nil)
	}
	return ok
}

// severe tells whether an Alert for one severity wants another; info means all.
func severe(wanted, severity string) bool {
	return wanted == "" || wanted == eventv1.SeverityInfo || wanted == severity
}

// names tells whether an event source names the object of the event. The namespace has no wildcard, and the apiVersion does not matter.
func names(source notificationv1.CrossNamespaceObjectReference, namespace string, event eventv1.Event) bool {
	object := event.InvolvedObject
	if source.Namespace != "" {
		namespace = source.Namespace
	}
	return object.Namespace == namespace && object.Kind == source.Kind && (source.Name == anyName || source.Name == object.Name)
}

// labelled tells whether the object of the event has the labels that an event source asks for.
func (d *Dispatcher) labelled(
	ctx context.Context, alert *notificationv1beta3.Alert, source notificationv1.CrossNamespaceObjectReference, s *subject,
) bool {
	if len(source.MatchLabels) == 0 {
		return true
	}
	selector, err := labels.ValidatedSelectorFromSet(source.MatchLabels)
	if err != nil {
		d.tell(alert, notificationv1beta3.InvalidConfigReason, fmt.Sprintf("spec.eventSources: matchLabels of %s: %s", source.Kind, err), nil)
		return false
	}
	have, err := s.objectLabels(ctx)
	if err != nil {
		d.tell(alert, notificationv1beta3.SourceFetchFailedReason, fmt.Sprintf("read labels of %s: %s", objectName(s.event), err), nil)
		return false
	}
	return selector.Matches(have)
}

// objectName names the object of an event as Kind/namespace/name.
func objectName(event eventv1.Event) string {
	object := event.InvolvedObject
	return intake.Brief(object.Kind) + "/" + intake.Brief(object.Namespace) + "/" + intake.Brief(object.Name)
}
