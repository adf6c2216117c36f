// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/runtime/secrets"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var (
	// ErrSecret says that a Secret could be read, but does not hold what is needed.
	ErrSecret = errors.New("unusable Secret")
	// ErrProvider says that a Secret holds data for another provider than the object names.
	ErrProvider = errors.New("wrong provider")
)

// Error is what went wrong with a Secret: it is missing or could not be read (see apierrors.IsNotFound), or is ErrSecret or ErrProvider.
type Error struct {
	// Kind is "serviceaccount" where that is what could not be read; empty means a Secret.
	Kind string
	// Secret is the one that was asked for, or the ServiceAccount.
	Secret types.NamespacedName
	// Err is what is wrong with it.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s '%s': %s", cmp.Or(e.Kind, "secret"), e.Secret, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// problem is an error with a text for people and a sentinel for callers.
type problem struct {
	kind error
	text string
}

// Error implements error.
func (p *problem) Error() string { return p.text }

// Unwrap returns ErrSecret or ErrProvider.
func (p *problem) Unwrap() error { return p.kind }

func unusable(format string, args ...any) error {
	return &problem{kind: ErrSecret, text: fmt.Sprintf(format, args...)}
}

// Reader reads Secrets with the identity of Client.
type Reader struct {
	// Client reads Secrets, live unless the controller caches them.
	Client client.Reader
}

// Values returns all keys of a Secret.
func (r *Reader) Values(ctx context.Context, namespace, name string) (map[string]string, error) {
	secret, err := r.read(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(secret.Data))
	for key, value := range secret.Data {
		values[key] = string(value)
	}
	return values, nil
}

func (r *Reader) read(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	key := types.NamespacedName{Namespace: namespace, Name: name}
	if err := r.Client.Get(ctx, key, secret); err != nil {
		return nil, &Error{Secret: key, Err: err}
	}
	return secret, nil
}

// about names the Secret in err, which may be nil.
func about(secret *corev1.Secret, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Secret: client.ObjectKeyFromObject(secret), Err: err}
}

// withoutOther is the problem of a key that is there without the one it needs.
func withoutOther(present, missing string) error {
	return unusable("key '%s' without '%s'", present, missing)
}

// checkPair refuses half of a client certificate.
func checkPair(cert, key []byte) error {
	switch {
	case len(cert) > 0 && len(key) == 0:
		return withoutOther(secrets.KeyTLSCert, secrets.KeyTLSPrivateKey)
	case len(cert) == 0 && len(key) > 0:
		return withoutOther(secrets.KeyTLSPrivateKey, secrets.KeyTLSCert)
	default:
		return nil
	}
}
