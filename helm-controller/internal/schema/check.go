// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

const (
	// ownURL is what a schema of a chart is called. Helm: pkg/chartutil, ValidateAgainstSingleSchema.
	ownURL = "file:///values.schema.json"
	// maxObjects bounds the objects in one document: the time that the validator takes to prepare them grows with their square.
	maxObjects = 100_000
	// violation begins the errors about values. Flux: helm-controller contract, section 19.
	violation = "values don't meet the specifications of the schema(s) in the following chart(s):\n"
)

// Check returns an error unless the values, laid over those of the chart, are as the schemas of the chart and of its enabled dependencies want them.
// idle runs downloads of schemas that these refer to, without holding the place of a worker; nil just runs them.
func Check(ctx context.Context, c *chart.Chart, values map[string]any, idle func(func())) error {
	if !hasSchema(c) {
		return nil
	}
	all, err := chartutil.CoalesceValues(c, values)
	if err != nil {
		return err
	}
	r := newRemote(idle)
	defer r.close()
	var found strings.Builder
	check(ctx, c, all, r, &found)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if found.Len() > 0 {
		return errors.New(violation + found.String())
	}
	return nil
}

func hasSchema(c *chart.Chart) bool {
	return c.Schema != nil || slices.ContainsFunc(c.Dependencies(), hasSchema)
}

// check notes what is wrong with the values of a chart and of the charts in it. Helm: pkg/chartutil, ValidateAgainstSchema.
func check(ctx context.Context, c *chart.Chart, values map[string]any, r *remote, found *strings.Builder) {
	if ctx.Err() != nil {
		return
	}
	if c.Schema != nil {
		if err := validate(ctx, c.Schema, values, r); err != nil {
			fmt.Fprintf(found, "%s:\n%s", c.Name(), err)
		}
	}
	for _, inner := range c.Dependencies() {
		if below, ok := values[inner.Name()].(map[string]any); ok { // anything else does not come out of CoalesceValues
			check(ctx, inner, below, r, found)
		}
	}
}

// validate checks values against one schema.
func validate(ctx context.Context, schema []byte, values map[string]any, r *remote) (err error) {
	defer func() { // the validator panics about what it does not expect
		if v := recover(); v != nil {
			err = fmt.Errorf("unable to validate schema: %v", v)
		}
	}()
	document, err := parse(schema)
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(loader(func(url string) (any, error) { return r.load(ctx, url) }))
	if err := compiler.AddResource(ownURL, document); err != nil {
		return err
	}
	compiled, err := compiler.Compile(ownURL)
	if failed, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return fmt.Errorf("schema refers to %q: %w", redact(failed.URL), failed.Err)
	}
	if err != nil {
		return err
	}
	if err := compiled.Validate(values); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "jsonschema validation failed with '"+ownURL+"#'\n") + "\n")
	}
	return nil
}

// parse reads a document and bounds what is in it.
func parse(content []byte) (any, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	if count(document) > maxObjects {
		return nil, fmt.Errorf("schema of more than %d objects", maxObjects)
	}
	return document, nil
}

// count returns the number of objects in a document.
func count(value any) int {
	n := 0
	switch v := value.(type) {
	case map[string]any:
		n++
		for _, inner := range v {
			n += count(inner)
		}
	case []any:
		for _, inner := range v {
			n += count(inner)
		}
	}
	return n
}
