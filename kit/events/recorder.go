// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/reference"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// Info is the severity of what went well.
	Info = eventv1.EventSeverityInfo
	// Error is the severity of what needs attention.
	Error = eventv1.EventSeverityError
)

const (
	// maxMessageRunes is the longest message that receivers promise to take (contract notification-controller, section 2).
	maxMessageRunes = 39000
	// objectEventsPerSecond and objectEventsBurst limit the Kubernetes Events of one object. The defaults of client-go, one in five minutes
	// after the first 25, would drop events of any object with a shorter interval.
	objectEventsPerSecond = 1
	objectEventsBurst     = 100
)

// Sink says where an event goes.
type Sink int

const (
	// Everywhere is the Kubernetes API and the notification address.
	Everywhere Sink = iota
	// Cluster is the Kubernetes API alone: traces that nobody wants to be alerted to.
	Cluster
	// Notification is the notification address alone.
	Notification
)

// Event is something that happened to an object.
type Event struct {
	// Severity is Info or Error; empty means Info.
	Severity string
	// Reason is a CamelCase word; empty means the severity.
	Reason string
	// Message is a sentence.
	Message string
	// Metadata are facts for receivers, keys with the API group of the object as prefix. Annotations of the object with the prefix
	// event.toolkit.fluxcd.io/ are added.
	Metadata map[string]string
	// To says where it goes.
	To Sink
}

// Options configure a Recorder.
type Options struct {
	// Controller is the name that events carry as their source.
	Controller string
	// Address is the URL that documents are posted to; empty turns that off.
	Address string
	// Config reaches the cluster that Kubernetes Events are written to; nil turns that off.
	Config *rest.Config
	// Scheme knows the types of the objects.
	Scheme *runtime.Scheme
	// Log takes what goes wrong with delivery.
	Log logr.Logger
	// Registerer takes the metrics of delivery to the notification address; may be nil.
	Registerer prometheus.Registerer
}

// Recorder records events. Its methods may be called from any goroutine.
type Recorder struct {
	controller  string
	instance    string
	scheme      *runtime.Scheme
	log         logr.Logger
	broadcaster record.EventBroadcaster
	cluster     record.EventRecorder
	sink        *sink
	post        *poster
}

// New returns a recorder that does nothing before Start.
func New(o Options) (*Recorder, error) {
	if o.Controller == "" || o.Scheme == nil {
		return nil, errors.New("recorder needs Controller and Scheme")
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read host name: %w", err)
	}
	r := &Recorder{controller: o.Controller, instance: host, scheme: o.Scheme, log: o.Log}
	if o.Config != nil {
		// Not the whole clientset, which would link the clients of every API group.
		api, err := typedcorev1.NewForConfig(o.Config)
		if err != nil {
			return nil, fmt.Errorf("create client: %w", err)
		}
		r.sink = newSink(api.Events(""))
		r.broadcaster = record.NewBroadcaster(record.WithCorrelatorOptions(record.CorrelatorOptions{
			QPS:       objectEventsPerSecond,
			BurstSize: objectEventsBurst,
		}))
		r.cluster = r.broadcaster.NewRecorder(o.Scheme, corev1.EventSource{Component: o.Controller, Host: host})
	}
	if o.Address != "" {
		if r.post, err = newPoster(o.Address, o.Log, o.Registerer); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// LongestEnd is how long Start takes at most once its context has ended, for a recorder with that address.
func LongestEnd(address string) time.Duration {
	if address == "" {
		return clusterDrainTimeout
	}
	return max(clusterDrainTimeout, drainTimeout)
}

// Start delivers events until ctx ends, then what is still queued, for a bounded time: everything that was recorded before ctx ended goes to both
// places. What was recorded before Start waits for it in the queue of the notification address; Kubernetes Events from before are lost.
func (r *Recorder) Start(ctx context.Context) error {
	var delivery sync.WaitGroup
	if r.post != nil {
		delivery.Go(func() { r.post.run(ctx) })
	}
	if r.broadcaster != nil {
		r.broadcaster.StartRecordingToSink(r.sink)
		defer r.broadcaster.Shutdown()
		delivery.Go(func() {
			<-ctx.Done()
			if !r.sink.drain(r.cluster) {
				r.log.Info("not all Kubernetes Events were written before the end")
			}
		})
	}
	<-ctx.Done()
	delivery.Wait()
	return nil
}

// NeedLeaderElection tells a controller-runtime manager that the recorder also runs on a replica that does not lead.
func (r *Recorder) NeedLeaderElection() bool { return false }

// Event records e about obj. It returns at once; what cannot be recorded is logged.
func (r *Recorder) Event(obj client.Object, e Event) {
	e.Severity = cmp.Or(e.Severity, Info)
	e.Reason = cmp.Or(e.Reason, e.Severity)
	e.Message = truncate(e.Message)
	e.Metadata = withAnnotations(e.Metadata, obj.GetAnnotations())
	if e.To != Notification && r.cluster != nil {
		r.cluster.AnnotatedEventf(obj, e.Metadata, eventType(e.Severity), e.Reason, "%s", e.Message)
	}
	if e.To != Cluster && r.post != nil {
		key, body, err := r.document(obj, e)
		if err != nil {
			r.log.Error(err, "event not recorded", "object", client.ObjectKeyFromObject(obj), "reason", e.Reason)
			return
		}
		r.post.add(key, body)
	}
}

// document is the JSON body for the notification address, with a key that is the same for all documents about the object.
func (r *Recorder) document(obj client.Object, e Event) (key string, body []byte, err error) {
	ref, err := reference.GetReference(r.scheme, obj)
	if err != nil {
		return "", nil, fmt.Errorf("refer to object: %w", err)
	}
	body, err = json.Marshal(eventv1.Event{
		InvolvedObject:      *ref,
		Severity:            e.Severity,
		Timestamp:           metav1.NewTime(time.Now()),
		Message:             e.Message,
		Reason:              e.Reason,
		Metadata:            e.Metadata,
		ReportingController: r.controller,
		ReportingInstance:   r.instance,
	})
	if err != nil {
		return "", nil, fmt.Errorf("encode event: %w", err)
	}
	return ref.Kind + "/" + ref.Namespace + "/" + ref.Name, body, nil
}

func eventType(severity string) string {
	if severity == Error {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}

// withAnnotations returns the metadata plus the annotations meant for events. An annotation wins over a key of the same name.
func withAnnotations(metadata, annotations map[string]string) map[string]string {
	merged := maps.Clone(metadata)
	for key, value := range annotations {
		if strings.HasPrefix(key, eventv1.Group+"/") {
			if merged == nil {
				merged = make(map[string]string)
			}
			merged[key] = value
		}
	}
	return merged
}

// truncate cuts a message to the length that receivers take, and marks the cut.
func truncate(message string) string {
	const mark = "…"
	if len(message) <= maxMessageRunes || utf8.RuneCountInString(message) <= maxMessageRunes {
		return message
	}
	runes := []rune(message)
	return string(runes[:maxMessageRunes-1]) + mark
}
