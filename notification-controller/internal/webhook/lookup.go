// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/auth"
)

// PathIndex is the name of the index of Receivers by status.webhookPath.
const PathIndex = ".status.webhookPath"

// tokenKey is the key of the Secret of a Receiver.
const tokenKey = "token"

// errNoToken says that the Secret of a Receiver has no token.
var errNoToken = errors.New("key 'token' is missing")

// Path is where requests for a Receiver go. Flux: notification-controller contract, "webhookPath".
func Path(token, name, namespace string) string {
	digest := sha256.Sum256([]byte(token + name + namespace))
	return notificationv1.WebhookPathPrefix + hex.EncodeToString(digest[:])
}

// Index lets Receivers be found by their path.
func Index(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &notificationv1.Receiver{}, PathIndex, func(obj client.Object) []string {
		receiver, ok := obj.(*notificationv1.Receiver)
		if !ok || receiver.Status.WebhookPath == "" {
			return nil
		}
		return []string{receiver.Status.WebhookPath}
	})
	if err != nil {
		return fmt.Errorf("index %s: %w", PathIndex, err)
	}
	return nil
}

// At lists the Receivers with that path, as the cache has them. They must not be changed.
func At(ctx context.Context, c client.Reader, path string) ([]notificationv1.Receiver, error) {
	var list notificationv1.ReceiverList
	if err := c.List(ctx, &list, client.MatchingFields{PathIndex: path}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list receivers of a path: %w", err)
	}
	return list.Items, nil
}

// Older orders Receivers by age, those of the same second by name: of several with the same path the oldest has it.
func Older(a, b *notificationv1.Receiver) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Namespace+"/"+a.Name < b.Namespace+"/"+b.Name
}

// find returns the receiver that a request is for, also with the error of one that takes none at the moment. The whole URI has to be its path.
func (h *handler) find(r *http.Request) (*notificationv1.Receiver, error) {
	path := r.URL.RequestURI()
	if !wellFormed(path) {
		return nil, refuse(http.StatusNotFound, "no receiver")
	}
	var all []notificationv1.Receiver
	err := filled(r.Context(), func(ctx context.Context) (err error) {
		all, err = At(ctx, h.Receivers, path)
		return err
	})
	switch {
	case err != nil && unfilled(err):
		return nil, refuse(http.StatusServiceUnavailable, "receivers are not known yet: %w", err)
	case err != nil:
		return nil, err
	}
	found := oldest(all)
	if found != nil && usable(found) {
		return found, nil
	}
	return h.findLatest(r.Context(), path, found)
}

// findLatest asks the API server: the sender may know more than the cache. What the cache has of the path, which may be nil, spares it a list.
func (h *handler) findLatest(ctx context.Context, path string, cached *notificationv1.Receiver) (*notificationv1.Receiver, error) {
	const unusable = "receiver is suspended or not ready"
	var found *notificationv1.Receiver
	var err error
	if cached != nil {
		if found, err = h.latest.reread(ctx, cached); err != nil {
			return cached, refuse(http.StatusServiceUnavailable, unusable+" as far as is known: %w", err)
		}
	}
	if found == nil {
		all, err := h.latest.at(ctx, path)
		if err != nil {
			return cached, fmt.Errorf("look for receiver: %w", err)
		}
		found = oldest(all)
	}
	switch {
	case found == nil:
		return nil, refuse(http.StatusNotFound, "no receiver")
	case !usable(found):
		return found, refuse(http.StatusServiceUnavailable, unusable)
	}
	return found, nil
}

// wellFormed reports whether a path is of the form that Path makes: nobody looks for others.
func wellFormed(path string) bool {
	digest, ok := strings.CutPrefix(path, notificationv1.WebhookPathPrefix)
	return ok && len(digest) == hex.EncodedLen(sha256.Size) && strings.Trim(digest, "0123456789abcdef") == ""
}

// oldest returns the one of the Receivers with a path that has it; nil for none.
func oldest(all []notificationv1.Receiver) (found *notificationv1.Receiver) {
	for i := range all {
		if found == nil || Older(&all[i], found) {
			found = &all[i]
		}
	}
	return found
}

// usable reports whether a receiver takes requests.
func usable(receiver *notificationv1.Receiver) bool {
	return !receiver.Spec.Suspend && conditions.IsReady(receiver) &&
		!conditions.IsTrue(receiver, meta.ReconcilingCondition) && !conditions.IsTrue(receiver, meta.StalledCondition)
}

// Token reads the token of a Receiver from its Secret.
func Token(ctx context.Context, secrets *auth.Reader, receiver *notificationv1.Receiver) (string, error) {
	if receiver.Spec.SecretRef == nil {
		return "", errNoToken
	}
	values, err := secrets.Values(ctx, receiver.Namespace, receiver.Spec.SecretRef.Name)
	if err != nil {
		return "", err
	}
	token, ok := values[tokenKey]
	if !ok {
		return "", fmt.Errorf("secret '%s/%s': %w", receiver.Namespace, receiver.Spec.SecretRef.Name, errNoToken)
	}
	return token, nil
}

// Missing reports whether an error of Token says that Secret or key is not there.
func Missing(err error) bool { return apierrors.IsNotFound(err) || errors.Is(err, errNoToken) }
