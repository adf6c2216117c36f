// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package stream sends events as they are: the JSON document that the controllers post, with the merged metadata.
package stream

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// Headers of the requests. Flux: notification-controller contract, "generic / generic-hmac".
const (
	componentHeader = "Gotk-Component"
	signatureHeader = "X-Signature"
)

// generic posts to any HTTP endpoint.
type generic struct {
	poster  *delivery.Poster
	headers http.Header
	key     []byte // of the signature; nil without
}

// Generic returns the notifier of an HTTP endpoint.
func Generic(o delivery.Options) (delivery.Notifier, error) {
	return newGeneric(o, nil)
}

// GenericHMAC returns the notifier of an HTTP endpoint that checks signatures.
func GenericHMAC(o delivery.Options) (delivery.Notifier, error) {
	if o.Token == "" {
		return nil, delivery.Invalid("generic-hmac needs a token")
	}
	return newGeneric(o, []byte(o.Token))
}

func newGeneric(o delivery.Options, key []byte) (*generic, error) {
	poster, err := delivery.NewPoster(o)
	if err != nil {
		return nil, err
	}
	headers := make(http.Header, len(o.Headers))
	for name, value := range o.Headers {
		headers.Set(name, value)
	}
	return &generic{poster: poster, headers: headers, key: key}, nil
}

// Notify implements delivery.Notifier.
func (g *generic) Notify(ctx context.Context, m delivery.Message) error {
	body, err := json.Marshal(m.Event)
	if err != nil {
		return delivery.Invalid("encode event: %s", err)
	}
	header := http.Header{componentHeader: {m.Event.ReportingController}}
	maps.Copy(header, g.headers)
	if g.key != nil {
		header[signatureHeader] = []string{sign(body, g.key)}
	}
	return g.poster.PostBytes(ctx, body, header)
}

// sign returns the value of the signature header.
func sign(body, key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
