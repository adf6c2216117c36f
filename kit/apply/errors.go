// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	ssaerrors "github.com/fluxcd/pkg/ssa/errors"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ObjectError says why one object could not be applied. Its text names the object.
type ObjectError struct {
	Entry

	text string
	err  error
}

// Error implements error.
func (e *ObjectError) Error() string { return e.text }

// Unwrap returns the error of the API server, redacted.
func (e *ObjectError) Unwrap() error { return e.err }

// FailuresError holds every object of a stage that could not be applied, in apply order.
type FailuresError struct{ Objects []*ObjectError }

// Error implements error: one line per object.
func (f *FailuresError) Error() string {
	lines := make([]string, 0, len(f.Objects))
	for _, o := range f.Objects {
		lines = append(lines, o.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap implements the errors package's tree.
func (f *FailuresError) Unwrap() []error {
	errs := make([]error, 0, len(f.Objects))
	for _, o := range f.Objects {
		errs = append(errs, o)
	}
	return errs
}

// StagePending says that a stage was written and its objects have to become usable before the next one. The caller comes
// back when woken, or after After.
type StagePending struct { //nolint:errname // not a failure
	// Waiting holds "<subject> status: '<status>'" of each object.
	Waiting []string
	After   time.Duration
}

// Error implements error.
func (p *StagePending) Error() string { return "waiting for: [" + strings.Join(p.Waiting, ", ") + "]" }

// PruneError says which objects could not be deleted. They have to stay in the inventory.
type PruneError struct {
	Survivors []Entry
	texts     []string
}

// Error implements error.
func (e *PruneError) Error() string {
	// The separator is that of the compatibility target, including the trailing one.
	return "delete failed, errors: " + strings.Join(e.texts, ";") + ";"
}

// bare is the object as far as error texts need it.
func (it *item) bare() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(it.gvk())
	u.SetNamespace(it.id.Namespace)
	u.SetName(it.id.Name)
	return u
}

func (it *item) dryRunError(err error) error {
	if err := unanswered(err); err != nil {
		return err
	}
	err = it.redact(err)
	return &ObjectError{Entry: it.entry(), text: ssaerrors.NewDryRunErr(err, it.bare()).Error(), err: err}
}

// fail wraps an error of the given act, for example "apply failed".
func (it *item) fail(act string, err error) error {
	if err := unanswered(err); err != nil {
		return err
	}
	err = it.redact(err)
	return &ObjectError{Entry: it.entry(), text: fmt.Sprintf("%s %s: %s", it.subject(), act, err), err: err}
}

// unanswered returns an error of the connection, which is not about any object: the request is left out, because which of many
// meets the error first is chance. It is nil for an answer of the API server.
func unanswered(err error) error {
	request, ok := errors.AsType[*url.Error](err)
	if !ok {
		return nil
	}
	return fmt.Errorf("the API server did not answer: %w", request.Err)
}

// cutsShort tells an error that concerns all objects from one of a single object.
func cutsShort(err error) bool {
	if err == nil {
		return false
	}
	_, object := errors.AsType[*ObjectError](err)
	_, pending := errors.AsType[*StagePending](err)
	return !object && !pending
}

// withoutNamespace is the answer of the API server to a request for a namespaced object without namespace, which we do not
// have to send to know it.
func withoutNamespace() error {
	err := apierrors.NewNotFound(schema.GroupResource{}, "")
	err.ErrStatus.Message = "the server could not find the requested resource"
	return err
}

// asFailures turns the outcome of several objects into one error, nil if there is none.
func asFailures(errs []error) error {
	f := &FailuresError{}
	for _, err := range errs {
		if cutsShort(err) {
			return err
		}
		if o, ok := errors.AsType[*ObjectError](err); ok {
			f.Objects = append(f.Objects, o)
		}
	}
	if len(f.Objects) == 0 {
		return nil
	}
	return f
}
