// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package delivery holds what the notifiers of all services share: the message, what is known of a service, one way to post JSON and to
// watch the exchanges of a client library, errors that say whether another attempt may help, pooled connections, and the masking of secrets.
package delivery
