// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// PrepareOptions shape the desired objects.
type PrepareOptions struct {
	// Labels and Annotations are set on every object and win over its own and over the owner labels.
	Labels, Annotations map[string]string
	// Ignore are the fields left out of drift detection.
	Ignore []IgnoreRule
	// Hide are values that must not appear in error texts, because they were read from Secrets. Those of less than four
	// characters are left alone: they would tear ordinary words apart.
	Hide []string
}

// Set is what an owner wants to have, in apply order. It serves one Plan at a time.
type Set struct {
	items  []*item
	crds   map[schema.GroupKind]definition
	ignore ignoreRules
}

// item is one desired object.
type item struct {
	obj   *unstructured.Unstructured
	stage stage
	flags observe.Flags
	rules []ignorePath // those of the set that select this object
	ttl   bool         // a Job that is removed when it is done
	hide  []string     // values of Secrets that may have been put into it

	// Set by Set.resolve, which knows the scope of the kind.
	target   observe.Target
	resolved bool
	id       object.ObjMetadata
	body     []byte
	hash     [sha256.Size]byte
}

func (it *item) gvk() schema.GroupVersionKind { return it.obj.GroupVersionKind() }

func (it *item) entry() Entry { return Entry{ID: it.id.String(), Version: it.gvk().Version} }

func (it *item) subject() string { return utils.FmtObjMetadata(it.id) }

// Len returns the number of objects.
func (s *Set) Len() int { return len(s.items) }

// Objects returns the objects in apply order. They belong to the set.
func (s *Set) Objects() []*unstructured.Unstructured {
	objects := make([]*unstructured.Unstructured, 0, len(s.items))
	for _, it := range s.items {
		objects = append(objects, it.obj)
	}
	return objects
}

// TTLJobs returns the ids of the Jobs that vanish once they are done; for them, being gone means success.
func (s *Set) TTLJobs() []string {
	var ids []string
	for _, it := range s.items {
		if it.ttl {
			ids = append(ids, it.entry().ID)
		}
	}
	return ids
}

// Prepare labels, normalises and sorts the desired objects, which it takes over. It fails if a Secret is still encrypted or
// an ignore rule is invalid, naming all of them.
func (e *Engine) Prepare(owner Owner, objects []*unstructured.Unstructured, o PrepareOptions) (*Set, error) {
	rules, err := compileIgnoreRules(o.Ignore)
	if err != nil {
		return nil, err
	}
	s := &Set{crds: map[schema.GroupKind]definition{}, ignore: rules}
	labels := map[string]string{e.cfg.Group + "/name": owner.Name, e.cfg.Group + "/namespace": owner.Namespace}
	maps.Copy(labels, o.Labels)
	var errs []error
	byID := make(map[object.ObjMetadata]int, len(objects))
	for _, u := range objects {
		if err := e.refuseEncrypted(u); err != nil {
			errs = append(errs, err)
			continue
		}
		it := e.prepareItem(u, labels, o.Annotations)
		it.rules, it.hide = rules.matching(u), o.Hide
		s.define(u)
		if i, twice := byID[it.id]; twice {
			// Two versions of one object; the later one would overwrite the earlier one.
			s.items[i] = it
			continue
		}
		byID[it.id] = len(s.items)
		s.items = append(s.items, it)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	sortItems(s.items)
	return s, nil
}

func (e *Engine) prepareItem(u *unstructured.Unstructured, labels, annotations map[string]string) *item {
	normalise(u)
	utils.SetCommonMetadata([]*unstructured.Unstructured{u}, labels, annotations)
	return &item{
		obj:   u,
		stage: stageOf(u, e.cfg.CustomStageKinds),
		flags: observe.ReadFlags(e.cfg.Group, u.GetLabels(), u.GetAnnotations()),
		ttl:   len(utils.ExtractJobsWithTTL([]*unstructured.Unstructured{u})) > 0,
		id:    object.UnstructuredToObjMetadata(u),
	}
}

// refuseEncrypted guards against applying a Secret whose values are still ciphertext.
func (e *Engine) refuseEncrypted(u *unstructured.Unstructured) error {
	if !utils.IsSecret(u) {
		return nil
	}
	if _, encrypted := u.Object["sops"].(map[string]any); !encrypted {
		return nil
	}
	if strings.EqualFold(u.GetAnnotations()[e.cfg.Group+"/decrypt"], "disabled") {
		return nil
	}
	return fmt.Errorf("%s is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
		utils.FmtUnstructured(u))
}

// render fixes identity, request body and content hash, once the scope of the kind is known.
func (it *item) render(t observe.Target) error {
	if it.resolved && it.target == t {
		return nil
	}
	it.target, it.resolved = t, true
	if !t.Namespaced && it.obj.GetNamespace() != "" {
		// A namespace put on a cluster-scoped object by targetNamespace; the API server drops it too.
		unstructured.RemoveNestedField(it.obj.Object, "metadata", "namespace")
		it.id.Namespace = ""
	}
	return it.encode()
}

func (it *item) encode() error {
	body, err := json.Marshal(it.obj.Object)
	if err != nil {
		return fmt.Errorf("encode %s: %w", it.subject(), err)
	}
	it.body = body
	h := sha256.New()
	h.Write(body)
	for _, r := range it.rules {
		// What is ignored decides whether a live object counts as drifted, so it is part of what was verified.
		fmt.Fprintf(h, "\x00%s", r)
	}
	h.Sum(it.hash[:0])
	return nil
}
