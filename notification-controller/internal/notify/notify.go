// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/chat"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/forge"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/incident"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/stream"
)

type (
	// Message is what a Notifier sends.
	Message = delivery.Message
	// Notifier sends a message to a service, in one attempt.
	Notifier = delivery.Notifier
	// Options are what is known of a service.
	Options = delivery.Options
	// Error is why a message could not be sent. It holds no secret.
	Error = delivery.Error
	// Class says whether another attempt may help.
	Class = delivery.Class
	// Transports share connections.
	Transports = delivery.Transports
	// Tokens keeps tokens that services gave.
	Tokens = delivery.Tokens
)

const (
	// Permanent errors come back until the Provider, its Secrets or the service change.
	Permanent = delivery.Permanent
	// Retryable errors may pass with time.
	Retryable = delivery.Retryable
)

// ErrUnsupported says that this version does not have a kind of service.
var ErrUnsupported = errors.New("not supported yet")

// UnsupportedError names the kind of service that this version does not have.
type UnsupportedError struct {
	// Type is spec.type of the Provider.
	Type string
}

// Error implements error.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("provider type '%s' is not supported yet by this version", e.Type)
}

// Unwrap returns ErrUnsupported.
func (e *UnsupportedError) Unwrap() error { return ErrUnsupported }

// NewTransports returns an empty pool of connections.
func NewTransports() *Transports { return delivery.NewTransports() }

// NewTokens returns a cache of up to size tokens, 0 meaning none, each kept for life at most.
func NewTokens(size int, life time.Duration) (*Tokens, error) { return delivery.NewTokens(size, life) }

// Classify reports whether another attempt may help after err, and the time that the service asked to wait first, 0 if it did not.
func Classify(err error) (Class, time.Duration) { return delivery.Classify(err) }

// Backoff is the common policy: how long to wait after that attempt, the first being 1, failed with err; ok is false when it is time to give up.
func Backoff(attempt int, err error) (wait time.Duration, ok bool) {
	return delivery.Backoff(attempt, err)
}

// maker makes the notifier of one kind of service. It does no I/O.
type maker func(Options) (Notifier, error)

// makers holds every kind of service that this version has.
func makers() map[string]maker {
	return map[string]maker{
		notificationv1beta3.SlackProvider:        chat.Slack,
		notificationv1beta3.DiscordProvider:      chat.Discord,
		notificationv1beta3.MSTeamsProvider:      chat.MSTeams,
		notificationv1beta3.GoogleChatProvider:   chat.GoogleChat,
		notificationv1beta3.GenericProvider:      stream.Generic,
		notificationv1beta3.GenericHMACProvider:  stream.GenericHMAC,
		notificationv1beta3.AlertManagerProvider: incident.AlertManager,
		notificationv1beta3.GrafanaProvider:      incident.Grafana,
		notificationv1beta3.GitHubProvider:       forge.GitHub,
		notificationv1beta3.GitLabProvider:       forge.GitLab,
		notificationv1beta3.GiteaProvider:        forge.Gitea,
	}
}

// Supported reports whether this version has a kind of service.
func Supported(kind string) bool {
	_, ok := makers()[kind]
	return ok
}

// New returns the notifier of a service. It does no I/O. Its errors are permanent; that of a kind of service that this version does not have is
// ErrUnsupported and an *UnsupportedError.
func New(o Options) (Notifier, error) {
	mask := maskOf(o)
	makeNotifier, ok := makers()[o.Type]
	if !ok {
		cause := &UnsupportedError{Type: o.Type}
		return nil, delivery.Unsupported(cause, "%s", cause)
	}
	notifier, err := makeNotifier(o)
	if err != nil {
		return nil, mask.Error(err)
	}
	return &masked{notifier: notifier, mask: mask}, nil
}

// maskOf knows everything that no error of the service may hold.
func maskOf(o Options) delivery.Mask {
	values := append([]string{o.Token, o.Password}, o.Secrets...)
	if o.Password != "" {
		values = append(values, o.Username+":"+o.Password) // as a service that repeats the request has it, encoded
	}
	for _, value := range o.Headers {
		// A scheme is no secret, and what follows it may be repeated alone.
		if _, credential, ok := strings.Cut(strings.TrimSpace(value), " "); ok && len(credential) >= minMaskedBytes {
			values = append(values, credential)
		}
	}
	if !WritesStatus(o.Type) {
		values = append(values, delivery.AddressParts(o.Address)...)
	}
	return delivery.NewMask(values...)
}

// masked takes secrets out of the errors of a notifier.
type masked struct {
	notifier Notifier
	mask     delivery.Mask
}

// Notify implements Notifier.
func (m *masked) Notify(ctx context.Context, message Message) error {
	return m.mask.Error(m.notifier.Notify(ctx, message))
}

// WritesStatus reports whether a kind of service holds commit statuses, whether this version has it or not.
func WritesStatus(kind string) bool {
	switch kind {
	case notificationv1beta3.GitHubProvider, notificationv1beta3.GitLabProvider, notificationv1beta3.GiteaProvider,
		notificationv1beta3.BitbucketProvider, notificationv1beta3.BitbucketServerProvider, notificationv1beta3.AzureDevOpsProvider:
		return true
	}
	return false
}

// WritesComments reports whether a kind of service holds comments on change requests, whether this version has it or not.
func WritesComments(kind string) bool {
	switch kind {
	case notificationv1beta3.GitHubPullRequestCommentProvider, notificationv1beta3.GitLabMergeRequestCommentProvider,
		notificationv1beta3.GiteaPullRequestCommentProvider:
		return true
	}
	return false
}

// Generic reports whether a kind of service takes events as they are.
func Generic(kind string) bool {
	return kind == notificationv1beta3.GenericProvider || kind == notificationv1beta3.GenericHMACProvider
}
