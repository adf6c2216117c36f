// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1beta3

import (
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
)

// AlertKind is the kind of Alert.
const AlertKind = "Alert"

// Reasons of events about an Alert.
const (
	// NotificationDispatchFailedReason says an event could not be sent.
	NotificationDispatchFailedReason = "NotificationDispatchFailed"

	// InvalidConfigReason says an expression or a label selector of the alert cannot be used; it is skipped.
	InvalidConfigReason = "InvalidConfig"

	// SourceFetchFailedReason says the labels of the object of an event could not be read; the event is not sent.
	SourceFetchFailedReason = "SourceFetchFailed"

	// MetadataAppendFailedReason says a key of the metadata comes from more than one place; the event is sent.
	MetadataAppendFailedReason = "MetadataAppendFailed"

	// MigrationReason says a finalizer of an older version was removed.
	MigrationReason = "Migration"
)

// AlertSpec says which events go where.
type AlertSpec struct {
	// ProviderRef names the Provider to send to; it is in the namespace of the object.
	// +required
	ProviderRef meta.LocalObjectReference `json:"providerRef"`

	// EventSeverity is info, all events, or error, only those. Default: info.
	// +kubebuilder:validation:Enum=info;error
	// +kubebuilder:default:=info
	// +optional
	EventSeverity string `json:"eventSeverity,omitempty"`

	// EventSources lists the objects whose events to send; an event has to be about one of them. An empty list sends nothing.
	// +required
	EventSources []notificationv1.CrossNamespaceObjectReference `json:"eventSources"`

	// InclusionList holds regular expressions (Go syntax, matching anywhere); the message of an event has to match one. Default: all
	// match. One that does not compile is reported and skipped.
	// +optional
	InclusionList []string `json:"inclusionList,omitempty"`

	// EventMetadata is added to the metadata of events. It wins over annotations of the object and gives way to what the controller says.
	// +optional
	EventMetadata map[string]string `json:"eventMetadata,omitempty"`

	// ExclusionList holds regular expressions (Go syntax, matching anywhere); an event whose message matches one is not sent, whatever
	// the inclusion list says. One that does not compile is reported and skipped.
	// +optional
	ExclusionList []string `json:"exclusionList,omitempty"`

	// Summary is added to the metadata of events under the key summary, up to 255 characters. Use eventMetadata instead.
	// +kubebuilder:validation:MaxLength:=255
	// +optional
	Summary string `json:"summary,omitempty"`

	// Suspend sends nothing while it is true. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Alert chooses events and sends them to a Provider.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:categories={all,fluxcd,fluxcd-notifications}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
type Alert struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec AlertSpec `json:"spec,omitempty"`
}

// AlertList is a list of Alert objects.
// +kubebuilder:object:root=true
type AlertList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Alert `json:"items"`
}
