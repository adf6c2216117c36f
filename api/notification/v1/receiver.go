// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ReceiverKind is the kind of Receiver.
const ReceiverKind = "Receiver"

// WebhookPathPrefix is what the path of every receiver begins with.
const WebhookPathPrefix = "/hook/"

// DefaultOIDCAudience is the audience of a token when spec.oidcProviders[].audience is empty.
const DefaultOIDCAudience = "notification-controller"

// Reasons of Receiver.
const (
	// TokenNotFoundReason says the Secret or its key token is missing.
	TokenNotFoundReason = "TokenNotFound"

	// InvalidCELExpressionReason says an expression in spec is not valid; nothing is retried until the object changes.
	InvalidCELExpressionReason = meta.InvalidCELExpressionReason

	// ValidationFailedReason says fields of spec contradict each other; nothing is retried until the object changes.
	ValidationFailedReason = "ValidationFailed"

	// UnsupportedReason says a field asks for something this version does not do; nothing is retried until the object changes.
	UnsupportedReason = "Unsupported"
)

// Values of spec.type: who sends the requests.
const (
	// GenericReceiver takes any request on its path.
	GenericReceiver = "generic"

	// GenericHMACReceiver takes requests whose body is signed with the token.
	GenericHMACReceiver = "generic-hmac"

	// GenericOIDCReceiver takes requests with a token of one of spec.oidcProviders.
	GenericOIDCReceiver = "generic-oidc"

	// GitHubReceiver takes webhooks of GitHub, Gitea and Forgejo.
	GitHubReceiver = "github"

	// GitLabReceiver takes webhooks of GitLab.
	GitLabReceiver = "gitlab"

	// BitbucketReceiver takes webhooks of Bitbucket.
	BitbucketReceiver = "bitbucket"

	// HarborReceiver takes webhooks of Harbor.
	HarborReceiver = "harbor"

	// DockerHubReceiver takes webhooks of Docker Hub.
	DockerHubReceiver = "dockerhub"

	// QuayReceiver takes webhooks of Quay.
	QuayReceiver = "quay"

	// GCRReceiver takes Pub/Sub messages of Google's registries.
	GCRReceiver = "gcr"

	// NexusReceiver takes webhooks of Sonatype Nexus.
	NexusReceiver = "nexus"

	// ACRReceiver takes webhooks of Azure Container Registry.
	ACRReceiver = "acr"

	// CDEventsReceiver takes CDEvents.
	CDEventsReceiver = "cdevents"
)

// defaultReceiverInterval is what an absent spec.interval means; the CRD fills in the same value.
const defaultReceiverInterval = 10 * time.Minute

// ReceiverSpec says which requests wake which objects.
// +kubebuilder:validation:XValidation:rule="self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",message="generic-oidc receivers must define at least one oidcProvider"
// +kubebuilder:validation:XValidation:rule="self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",message="oidcProviders can only be set when type is generic-oidc"
// +kubebuilder:validation:XValidation:rule="self.type != 'generic-oidc' || !has(self.secretRef)",message="secretRef cannot be set when type is generic-oidc"
// +kubebuilder:validation:XValidation:rule="self.type == 'generic-oidc' || has(self.secretRef)",message="secretRef is required when type is not generic-oidc"
type ReceiverSpec struct {
	// Type says who sends the requests and how they prove it.
	// +kubebuilder:validation:Enum=generic;generic-hmac;generic-oidc;github;gitlab;bitbucket;harbor;dockerhub;quay;gcr;nexus;acr;cdevents
	// +required
	Type string `json:"type"`

	// Interval is the time between two looks at the Secret, such as 10m. Default: 10m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +kubebuilder:default:="10m"
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`

	// Events lists the events to act on, without regard to case. Types github, gitlab, bitbucket and cdevents only. Default: all.
	// +optional
	Events []string `json:"events,omitempty"`

	// Resources lists the objects to wake.
	// +required
	Resources []ReceiverResource `json:"resources"`

	// ResourceFilter is a CEL expression over the object (res) and the request (req) that says whether to wake it. Default: all are woken.
	// An invalid one stalls the object with InvalidCELExpression.
	// +optional
	ResourceFilter string `json:"resourceFilter,omitempty"`

	// SecretRef names a Secret in the namespace of the object with the key token. Has to be set for all types but generic-oidc. A missing
	// one fails with TokenNotFound and closes the path.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// OIDCProviders lists the issuers whose tokens open the path. Type generic-oidc only, and needed there.
	// +listType=map
	// +listMapKey=issuerURL
	// +optional
	OIDCProviders []OIDCProvider `json:"oidcProviders,omitempty"`

	// Suspend answers requests with 503 and stops reconciling the object while it is true. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// ReceiverResource names objects to wake.
type ReceiverResource struct {
	CrossNamespaceObjectReference `json:",inline"`

	// Filter is a CEL expression like spec.resourceFilter, for these objects only; both have to agree. Default: all are woken.
	// +optional
	Filter string `json:"filter,omitempty"`
}

// OIDCProvider is an issuer whose tokens are accepted.
type OIDCProvider struct {
	// IssuerURL has to equal the claim iss of the token. The keys are found through its discovery document.
	// +kubebuilder:validation:Pattern="^https?://"
	// +required
	IssuerURL string `json:"issuerURL"`

	// Audience that the token must have been made for. Default: notification-controller.
	// +optional
	Audience string `json:"audience,omitempty"`

	// Variables are evaluated in list order and at hand in later expressions as vars.<name>.
	// +optional
	Variables []OIDCVariable `json:"variables,omitempty"`

	// Validations must all be true for the request to be accepted. At least one is needed.
	// +kubebuilder:validation:MinItems=1
	// +required
	Validations []OIDCValidation `json:"validations"`
}

// OIDCVariable is a value computed from the claims of a token.
type OIDCVariable struct {
	// Name of the variable.
	// +required
	Name string `json:"name"`

	// Expression is a CEL expression over claims and vars.
	// +required
	Expression string `json:"expression"`
}

// OIDCValidation is something that must be true of a token.
type OIDCValidation struct {
	// Expression is a CEL expression over claims and vars whose value is true or false.
	// +required
	Expression string `json:"expression"`

	// Message is sent to the client when the value is false.
	// +required
	Message string `json:"message"`
}

// ReceiverStatus is what the controller last saw.
type ReceiverStatus struct {
	meta.ReconcileRequestStatus `json:",inline"`

	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// WebhookPath is the path to send requests to, made from token, name and namespace. Empty while the token cannot be read.
	// +optional
	WebhookPath string `json:"webhookPath,omitempty"`

	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that succeeded or stalled. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// Receiver wakes objects when a Git host or a registry sends a request.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories={all,fluxcd,fluxcd-notifications}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
type Receiver struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ReceiverSpec `json:"spec,omitempty"`
	// +kubebuilder:default:={"observedGeneration":-1}
	Status ReceiverStatus `json:"status,omitempty"`
}

// ReceiverList is a list of Receiver objects.
// +kubebuilder:object:root=true
type ReceiverList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Receiver `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *Receiver) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *Receiver) SetConditions(conditions []metav1.Condition) { in.Status.Conditions = conditions }

// GetRequeueAfter returns the time between two looks at the Secret.
func (in *Receiver) GetRequeueAfter() time.Duration {
	if in.Spec.Interval == nil {
		return defaultReceiverInterval
	}
	return in.Spec.Interval.Duration
}
