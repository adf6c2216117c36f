// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"
)

const (
	// substituteKey is the label and annotation with which an object opts out.
	substituteKey = "kustomize.toolkit.fluxcd.io/substitute"
	// substituteDisabled is its value. Flux: compared case-sensitively.
	substituteDisabled = "disabled"
	// variableName is what names of variables look like. Flux: the text is part of the message.
	variableName = "^[_[:alpha:]][_[:alpha:][:digit:]]*$"
	// maxFailures keeps the message of a large build readable.
	maxFailures = 20
)

// SubstituteOptions shape a substitution.
type SubstituteOptions struct {
	// Strict makes a variable that is used without a default but not set an error, instead of empty.
	Strict bool
	// Always expands defaults even if there are no variables at all.
	Always bool
}

// Substitute returns the objects with the variables in them replaced. Objects that do not change
// are the same as before. The error names everything that is wrong, in the order of the objects.
func Substitute(objects []Object, vars map[string]string, o SubstituteOptions) ([]Object, error) {
	if len(vars) == 0 && !o.Always {
		return objects, nil
	}
	s := substitution{vars: clean(vars), strict: o.Strict, invalid: invalidName(vars)}
	out := make([]Object, 0, len(objects))
	var failures []error
	for _, object := range objects {
		replaced, err := s.apply(object)
		if err != nil {
			failures = append(failures, postBuildError(object, err))
			continue
		}
		out = append(out, replaced)
	}
	if len(failures) > maxFailures {
		failures = append(failures[:maxFailures], fmt.Errorf("and %d more objects", len(failures)-maxFailures))
	}
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	return out, nil
}

// Unsubstituted is the error of objects whose variables could not be read: that of the first which asks for them. It is nil when all opt out.
func Unsubstituted(objects []Object, cause error) error {
	for _, object := range objects {
		out, err := optsOut(object)
		if err != nil {
			return err
		}
		if !out {
			return postBuildError(object, cause)
		}
	}
	return nil
}

// postBuildError names the object. Flux: kustomize-controller contract, "Variable substitution", row wrappers.
func postBuildError(object Object, err error) error {
	gvk := object.GroupVersionKind()
	return fmt.Errorf("post build failed for '%s/%s': %w", resid.NewGvk(gvk.Group, gvk.Version, gvk.Kind), object.Name, err)
}

// optsOut tells whether an object asks to be left as it is.
func optsOut(object Object) (bool, error) {
	_, id, err := newObject(object.JSON)
	return id.Metadata.Labels[substituteKey] == substituteDisabled || id.Metadata.Annotations[substituteKey] == substituteDisabled, err
}

// clean returns the variables without newlines.
func clean(vars map[string]string) map[string]string {
	cleaned := make(map[string]string, len(vars))
	for name, value := range vars {
		cleaned[name] = strings.ReplaceAll(value, "\n", "")
	}
	return cleaned
}

// invalidName returns an error that names every variable with a name that is not allowed.
func invalidName(vars map[string]string) error {
	valid := regexp.MustCompile(variableName)
	var failures []error
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !valid.MatchString(name) {
			failures = append(failures, fmt.Errorf("'%s' var name is invalid, must match '%s'", name, variableName))
		}
	}
	return errors.Join(failures...)
}

// substitution is what all objects of one call have in common.
type substitution struct {
	vars    map[string]string
	strict  bool
	invalid error // of the names; counts for objects that are substituted
}

func (s *substitution) apply(object Object) (Object, error) {
	if out, err := optsOut(object); err != nil || out {
		return object, err
	}
	if s.invalid != nil {
		return Object{}, fmt.Errorf("envsubst error: %w", s.invalid)
	}
	if !bytes.Contains(object.JSON, []byte("$")) {
		return object, nil
	}
	content, err := s.expand(object)
	if err != nil {
		return Object{}, fmt.Errorf("envsubst error: %w", err)
	}
	return identified(content)
}

// identified returns the object, which may have got another name, but must have one. What was put in may be secret: no error of it
// holds content.
func identified(content []byte) (Object, error) {
	object, _, err := newObject(content)
	if err != nil {
		return Object{}, errors.New(noIdentity + ": the object has fields of a wrong type after substitution")
	}
	for _, field := range []struct{ name, value string }{{"apiVersion", object.APIVersion}, {"kind", object.Kind}, {"name", object.Name}} {
		if field.value == "" {
			return Object{}, fmt.Errorf("%s: the object has no %s after substitution", noIdentity, field.name)
		}
	}
	return object, nil
}

// expand replaces variables in the object's YAML and reads that again: a variable may bring a number.
func (s *substitution) expand(object Object) (content []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("variable substitution failed: recovered from panic of type %T", r)
		}
	}()
	text, err := object.YAML()
	if err != nil {
		return nil, err
	}
	expanded, err := s.eval(string(text))
	if err != nil {
		return nil, fmt.Errorf("variable substitution failed: %w", err)
	}
	if _, err := checkYAML([]byte(expanded)); err != nil {
		return nil, errUnfit // the cause may quote what was put in
	}
	content, err = yaml.YAMLToJSON([]byte(expanded))
	if err != nil {
		return nil, notYAML(err)
	}
	return content, nil
}

// errUnfit is an object that substitution has made too large or too deep, or one that contains itself.
var errUnfit = errors.New("YAMLToJSON: the object is larger, or nested deeper, than any may be after substitution, or an anchor in it contains itself")

// notYAML says where the text is no YAML. The library's own text quotes what it met, whole or in part, which may be a secret value.
func notYAML(err error) error {
	line := regexp.MustCompile(`^yaml: line \d+: `).FindString(err.Error())
	return fmt.Errorf("YAMLToJSON: %sthe object is not valid YAML after substitution", cmp.Or(line, "yaml: "))
}

// eval runs the template. The library stops at the first variable that is not set; to name them all,
// it is run again with those tolerated that are known already.
func (s *substitution) eval(text string) (string, error) {
	if err := checkExpansion(text, s.vars); err != nil {
		return "", err
	}
	template, err := envsubst.Parse(text)
	if err != nil {
		return "", err
	}
	missing := make(map[string]bool)
	var failures []error
	for {
		var last string
		expanded, err := template.Execute(func(name string) (string, bool) {
			value, ok := s.vars[name]
			if !ok && s.strict && !missing[name] {
				last = name
				return "", false
			}
			return value, true
		})
		if err == nil {
			return expanded, errors.Join(failures...)
		}
		failures = append(failures, err)
		if last == "" || missing[last] || len(failures) >= maxFailures {
			return "", errors.Join(failures...)
		}
		missing[last] = true
	}
}
