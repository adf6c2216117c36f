// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
)

// Message is what a notifier sends.
type Message struct {
	// Event is the event after the merge of metadata: its keys have no prefixes.
	Event eventv1.Event
	// StatusID tells the commit statuses of one commit apart; empty for services without.
	StatusID string
}

// Object returns the name of the object as services show it: kind/name.namespace.
func (m Message) Object() string {
	o := m.Event.InvolvedObject
	return strings.ToLower(o.Kind) + "/" + o.Name + "." + o.Namespace
}

// IsError reports whether the event needs attention.
func (m Message) IsError() bool { return m.Event.Severity == eventv1.SeverityError }

// Keys returns the keys of the metadata in order.
func (m Message) Keys() []string { return slices.Sorted(maps.Keys(m.Event.Metadata)) }

// Notifier sends a message to a service, in one attempt. It never sleeps, ends with ctx, and may be used from any goroutine. No error means
// that the service took the message, or that the message is not for it.
type Notifier interface {
	Notify(ctx context.Context, m Message) error
}

// Options are what is known of a service.
type Options struct {
	// Type is spec.type of the Provider.
	Type string
	// Address, Channel and Username are those of the Provider unless its Secret has others.
	Address, Channel, Username string
	// Token and Password are credentials.
	Token, Password string
	// Headers are sent along by generic services.
	Headers map[string]string
	// GitHubApp are the credentials of an app, for github alone; nil without.
	GitHubApp *GitHubApp
	// Transport carries the requests, with proxy and TLS; nil means the default of net/http.
	Transport http.RoundTripper
	// Secrets are values that no error may hold.
	Secrets []string
}

// GitHubApp are the credentials of an installation of a GitHub App.
type GitHubApp struct {
	// ID and PrivateKey (PEM) are those of the app.
	ID, PrivateKey string
	// InstallationID names the installation, or else InstallationOwner its account.
	InstallationID, InstallationOwner string
	// BaseURL is the address of the API of a GitHub Enterprise Server; empty means that of the repository's host.
	BaseURL string
	// Tokens keeps installation tokens; required.
	Tokens *Tokens
	// Provider is whose credentials these are.
	Provider types.NamespacedName
}
