// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1beta3

import (
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ProviderKind is the kind of Provider.
const ProviderKind = "Provider"

// Values of spec.type: where events go.
const (
	// SlackProvider is Slack.
	SlackProvider = "slack"

	// DiscordProvider is Discord.
	DiscordProvider = "discord"

	// MSTeamsProvider is Microsoft Teams.
	MSTeamsProvider = "msteams"

	// RocketProvider is Rocket.Chat.
	RocketProvider = "rocket"

	// GenericProvider is any HTTP endpoint; it gets the event as JSON.
	GenericProvider = "generic"

	// GenericHMACProvider is any HTTP endpoint; it gets the event as JSON, signed.
	GenericHMACProvider = "generic-hmac"

	// GitHubProvider writes commit statuses on GitHub.
	GitHubProvider = "github"

	// GitLabProvider writes commit statuses on GitLab.
	GitLabProvider = "gitlab"

	// GiteaProvider writes commit statuses on Gitea.
	GiteaProvider = "gitea"

	// GiteaPullRequestCommentProvider comments on pull requests of Gitea.
	GiteaPullRequestCommentProvider = "giteapullrequestcomment"

	// BitbucketServerProvider writes build statuses on Bitbucket Server and Data Center.
	BitbucketServerProvider = "bitbucketserver"

	// BitbucketProvider writes build statuses on Bitbucket Cloud.
	BitbucketProvider = "bitbucket"

	// AzureDevOpsProvider writes commit statuses on Azure DevOps.
	AzureDevOpsProvider = "azuredevops"

	// GoogleChatProvider is Google Chat.
	GoogleChatProvider = "googlechat"

	// GooglePubSubProvider is Google Cloud Pub/Sub.
	GooglePubSubProvider = "googlepubsub"

	// WebexProvider is Webex.
	WebexProvider = "webex"

	// SentryProvider is Sentry.
	SentryProvider = "sentry"

	// AzureEventHubProvider is Azure Event Hubs.
	AzureEventHubProvider = "azureeventhub"

	// TelegramProvider is Telegram.
	TelegramProvider = "telegram"

	// LarkProvider is Lark.
	LarkProvider = "lark"

	// MatrixProvider is Matrix.
	MatrixProvider = "matrix"

	// OpsgenieProvider is Opsgenie.
	OpsgenieProvider = "opsgenie"

	// AlertManagerProvider is Prometheus Alertmanager.
	AlertManagerProvider = "alertmanager"

	// GrafanaProvider writes annotations to Grafana.
	GrafanaProvider = "grafana"

	// GitHubDispatchProvider sends repository dispatch events to GitHub.
	GitHubDispatchProvider = "githubdispatch"

	// GitHubPullRequestCommentProvider comments on pull requests of GitHub.
	GitHubPullRequestCommentProvider = "githubpullrequestcomment"

	// GitLabMergeRequestCommentProvider comments on merge requests of GitLab.
	GitLabMergeRequestCommentProvider = "gitlabmergerequestcomment"

	// PagerDutyProvider is PagerDuty.
	PagerDutyProvider = "pagerduty"

	// DataDogProvider is Datadog.
	DataDogProvider = "datadog"

	// NATSProvider is NATS.
	NATSProvider = "nats"

	// ZulipProvider is Zulip.
	ZulipProvider = "zulip"

	// OTELProvider is an OpenTelemetry collector.
	OTELProvider = "otel"

	// ZoomProvider is Zoom.
	ZoomProvider = "zoom"

	// IncidentIOProvider is incident.io.
	IncidentIOProvider = "incident.io"
)

// defaultSendTimeout is what an absent spec.timeout means.
const defaultSendTimeout = 15 * time.Second

// ProviderSpec says where events go.
// +kubebuilder:validation:XValidation:rule="self.type == 'github' || self.type == 'gitlab' || self.type == 'gitea' || self.type == 'bitbucketserver' || self.type == 'bitbucket' || self.type == 'azuredevops' || !has(self.commitStatusExpr)", message="spec.commitStatusExpr is only supported for the 'github', 'gitlab', 'gitea', 'bitbucketserver', 'bitbucket', 'azuredevops' provider types"
type ProviderSpec struct {
	// Type says what kind of service it is.
	// +kubebuilder:validation:Enum=slack;discord;msteams;rocket;generic;generic-hmac;github;gitlab;gitea;giteapullrequestcomment;bitbucketserver;bitbucket;azuredevops;googlechat;googlepubsub;webex;sentry;azureeventhub;telegram;lark;matrix;opsgenie;alertmanager;grafana;githubdispatch;githubpullrequestcomment;gitlabmergerequestcomment;pagerduty;datadog;nats;zulip;otel;zoom;incident.io
	// +required
	Type string `json:"type"`

	// Interval is accepted and ignored.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`

	// Channel to post to, up to 2048 characters; what it means depends on the type.
	// +kubebuilder:validation:MaxLength:=2048
	// +optional
	Channel string `json:"channel,omitempty"`

	// Username to post as, up to 2048 characters.
	// +kubebuilder:validation:MaxLength:=2048
	// +optional
	Username string `json:"username,omitempty"`

	// Address of the service, up to 2048 characters: a URL, project or hub, depending on the type. The key address of the Secret wins.
	// +kubebuilder:validation:MaxLength:=2048
	// +optional
	Address string `json:"address,omitempty"`

	// Timeout bounds the delivery of one event with all its attempts, such as 20s; hours are not accepted. Default: 15s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Proxy is the URL of a proxy, up to 2048 characters. Use proxySecretRef instead, which keeps credentials out of the object and wins.
	// +kubebuilder:validation:Pattern="^(http|https)://.*$"
	// +kubebuilder:validation:MaxLength:=2048
	// +optional
	Proxy string `json:"proxy,omitempty"`

	// ProxySecretRef names a Secret in the namespace of the object with the proxy to use: address, and username and password if the proxy
	// wants them. Default: the proxy variables of the controller's environment.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// SecretRef names a Secret in the namespace of the object with what the service wants: token, username and password, headers and
	// others, depending on the type. A missing Secret fails the delivery.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// ServiceAccountName names a ServiceAccount in the namespace of the object whose cloud identity is used instead of the controller's.
	// Types azureeventhub, azuredevops and googlepubsub only; needs the feature gate ObjectLevelWorkloadIdentity.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// CertSecretRef names a Secret in the namespace of the object with ca.crt (in place of the system roots), tls.crt and tls.key (client
	// certificate). Half a pair, or none of them, fails the delivery.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// Suspend sends nothing while it is true. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// CommitStatusExpr is a CEL expression that makes the identifier of a commit status. Types that write commit statuses only. Default:
	// an identifier made from the kind, the name and the uid of the provider.
	// +optional
	CommitStatusExpr string `json:"commitStatusExpr,omitempty"`
}

// Provider is a service that events are sent to.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:categories={all,fluxcd,fluxcd-notifications}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
type Provider struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ProviderSpec `json:"spec,omitempty"`
}

// ProviderList is a list of Provider objects.
// +kubebuilder:object:root=true
type ProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Provider `json:"items"`
}

// GetTimeout returns the bound of the delivery of one event.
func (in *Provider) GetTimeout() time.Duration {
	if in.Spec.Timeout == nil {
		return defaultSendTimeout
	}
	return in.Spec.Timeout.Duration
}
