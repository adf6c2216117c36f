// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package values composes the values of a release from ConfigMaps, Secrets and the object itself. The order of merging is part of the
// contract: the digest of the outcome decides about upgrades. Contract helm-controller, section 10.
package values

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/helmchart"
)

// The kinds that values can come from.
const (
	kindConfigMap = "ConfigMap"
	kindSecret    = "Secret"
)

var (
	// ErrNotFound says that a referenced object does not exist.
	ErrNotFound = errors.New("resource not found")
	// ErrKeyNotFound says that a referenced object has not the key.
	ErrKeyNotFound = errors.New("key not found")
	// ErrKind says that values cannot come from a kind.
	ErrKind = errors.New("unsupported values reference kind")
	// ErrData says that data is no YAML map.
	ErrData = errors.New("failed to read values data")
	// ErrMerge says that data cannot be set at its target path.
	ErrMerge = errors.New("failed to merge value")
)

// Reader reads the data of ConfigMaps and Secrets. What does not exist is an error that apierrors.IsNotFound knows.
type Reader interface {
	Read(ctx context.Context, kind string, name types.NamespacedName) (map[string][]byte, error)
}

// NewReader returns a reader with the identity of a client.
func NewReader(c client.Reader) Reader { return clusterReader{c} }

type clusterReader struct{ client client.Reader }

// Read implements Reader.
func (r clusterReader) Read(ctx context.Context, kind string, name types.NamespacedName) (map[string][]byte, error) {
	if kind == kindSecret {
		secret := &corev1.Secret{}
		if err := r.client.Get(ctx, name, secret); err != nil {
			return nil, err
		}
		return secret.Data, nil
	}
	configMap := &corev1.ConfigMap{}
	if err := r.client.Get(ctx, name, configMap); err != nil {
		return nil, err
	}
	data := make(map[string][]byte, len(configMap.Data))
	for key, value := range configMap.Data {
		data[key] = []byte(value)
	}
	return data, nil
}

// Composition is what the values of a release are made of.
type Composition struct {
	// Namespace of the object, which is that of everything it refers to.
	Namespace string
	// From is spec.valuesFrom.
	From []meta.ValuesReference
	// Inline is spec.values, nil without.
	Inline *apiextensionsv1.JSON
	Reader Reader
}

// Compose returns the values, never nil. References that are optional and missing are left out and logged.
func (c Composition) Compose(ctx context.Context) (map[string]any, error) {
	inline, err := decodeInline(c.Inline)
	if err != nil {
		return nil, err
	}
	sources := &sources{reader: c.Reader, namespace: c.Namespace, read: map[source]content{}}
	result := map[string]any{}
	for _, ref := range c.From {
		data, err := sources.data(ctx, ref)
		if err != nil {
			err := describe(c.Namespace, ref, err)
			if ref.Optional && (errors.Is(err, ErrNotFound) || errors.Is(err, ErrKeyNotFound)) {
				logr.FromContextOrDiscard(ctx).Info("values reference skipped", "reason", err.Error())
				continue
			}
			return nil, err
		}
		if result, err = add(result, inline, ref, data); err != nil {
			return nil, describe(c.Namespace, ref, err)
		}
	}
	result = helmchart.MergeValues(result, inline)
	return result, helmchart.CheckDepth(result)
}

func decodeInline(raw *apiextensionsv1.JSON) (map[string]any, error) {
	if raw == nil || len(raw.Raw) == 0 {
		return nil, nil
	}
	var inline map[string]any
	if err := json.Unmarshal(raw.Raw, &inline); err != nil {
		return nil, fmt.Errorf("read inline values: %w", err)
	}
	return inline, nil
}

// add returns result with the data of one reference. Merging the inline values before each targetPath, and setting in place in maps that
// the merge shares, is what lets a targetPath win over inline values here and lose there; digests in existing clusters depend on it.
func add(result, inline map[string]any, ref meta.ValuesReference, data []byte) (map[string]any, error) {
	if ref.TargetPath == "" {
		values, err := helmchart.ParseValues(data)
		if err != nil {
			return nil, hide(ref, ErrData, err)
		}
		return helmchart.MergeValues(result, values), nil
	}
	result = helmchart.MergeValues(result, inline)
	set := Set
	if ref.Literal {
		set = SetLiteral
	}
	if err := set(result, ref.TargetPath, string(data)); err != nil {
		return nil, hide(ref, ErrMerge, err)
	}
	return result, nil
}

// hide keeps the text of a parser, which quotes what it could not parse, away from messages when that comes from a Secret.
func hide(ref meta.ValuesReference, kind, err error) error {
	if ref.Kind == kindSecret {
		return kind
	}
	return &causeError{kind: kind, cause: err}
}

// causeError is of a kind, and says what the cause says.
type causeError struct{ kind, cause error }

// Error implements error.
func (e *causeError) Error() string { return e.cause.Error() }

// Unwrap gives kind and cause.
func (e *causeError) Unwrap() []error { return []error{e.kind, e.cause} }

// describe says which reference could not be resolved. Flux's text, which alerts match.
func describe(namespace string, ref meta.ValuesReference, err error) error {
	optional := ""
	if ref.Optional {
		optional = " optional"
	}
	return fmt.Errorf("could not resolve%s %s chart values reference '%s/%s' with key '%s': %w",
		optional, ref.Kind, namespace, ref.Name, ref.GetValuesKey(), err)
}

// sources reads each object once, so that all references to it see the same version.
type sources struct {
	reader    Reader
	namespace string
	read      map[source]content
}

type source struct{ kind, name string }

type content struct {
	data map[string][]byte
	err  error
}

func (s *sources) data(ctx context.Context, ref meta.ValuesReference) ([]byte, error) {
	if ref.Kind != kindConfigMap && ref.Kind != kindSecret {
		return nil, ErrKind
	}
	id := source{ref.Kind, ref.Name}
	found, ok := s.read[id]
	if !ok {
		found.data, found.err = s.reader.Read(ctx, ref.Kind, types.NamespacedName{Namespace: s.namespace, Name: ref.Name})
		if apierrors.IsNotFound(found.err) {
			found.err = &causeError{kind: ErrNotFound, cause: found.err}
		}
		s.read[id] = found
	}
	if found.err != nil {
		return nil, found.err
	}
	data, ok := found.data[ref.GetValuesKey()]
	if !ok {
		return nil, ErrKeyNotFound
	}
	return data, nil
}
