// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// Lookup answers the template function of that name.
type Lookup func(ctx context.Context, apiVersion, kind, namespace, name string) (map[string]any, error)

// Engine executes templates.
type Engine struct {
	// Lookup reads the cluster.
	Lookup Lookup
	// EnableDNS lets templates resolve host names.
	EnableDNS bool
}

// noValue is what text/template prints for what is not there. Helm takes it out.
const noValue = "<no value>"

// Render returns what the templates of a chart and the charts in it make, by path. values are as chartutil.ToRenderValues makes them.
func (e Engine) Render(ctx context.Context, c *chart.Chart, values chartutil.Values) (map[string]string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, renderLimit, fmt.Errorf("rendering took longer than %s", renderLimit))
	defer cancel()
	r := &renderer{guard: newGuard(ctx)}
	t := template.New("gotpl").Option("missingkey=zero")
	r.functions = r.all(ctx, e)
	maps.Copy(r.functions, r.nested(t))
	t.Funcs(r.functions)
	for _, name := range builtins() {
		r.functions[name] = name
	}

	pages := map[string]page{}
	collect(c, values, pages)
	names := slices.SortedFunc(maps.Keys(pages), byDepth)
	for _, name := range names {
		if err := r.parse(t.New(name), pages[name].text); err != nil {
			return nil, parseError(name, err)
		}
	}
	rendered := make(map[string]string, len(names))
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue // a partial is there for others
		}
		scope := pages[name].scope
		scope["Template"] = chartutil.Values{"Name": name, "BasePath": pages[name].base}
		text, err := r.execute(t, name, scope)
		if err != nil {
			return nil, execError(name, err)
		}
		rendered[name] = strings.ReplaceAll(text, noValue, "")
	}
	return rendered, nil
}

// renderer is one rendering.
type renderer struct {
	*guard

	functions template.FuncMap // the names that the parser is to know
}

// execute runs one of the templates that belong together.
func (r *renderer) execute(t *template.Template, name string, data any) (string, error) {
	out := output{guard: r.guard}
	err := t.ExecuteTemplate(&out, name, data)
	return out.text.String(), err
}

// nested are the functions that execute other templates. They belong to t, so that they know what it defines.
func (r *renderer) nested(t *template.Template) template.FuncMap {
	return template.FuncMap{
		"include": func(name string, data any) (string, error) {
			return r.include(name, func() (string, error) { return r.execute(t, name, data) })
		},
		templateFunction: func(name string, data any) (string, error) {
			if t.Lookup(name) == nil {
				return "", fmt.Errorf("template %q not defined", name)
			}
			return r.include(name, func() (string, error) { return r.execute(t, name, data) })
		},
		"tpl": func(text string, data any) (string, error) {
			return r.nest(func() (string, error) { return r.tpl(t, text, data) })
		},
	}
}

// include executes a template by name, which may call itself so many times as Helm lets it.
func (r *renderer) include(name string, execute func() (string, error)) (string, error) {
	if r.names[name] > maxIncludes {
		return "", fmt.Errorf("rendering template has a nested reference name: %s: unable to execute template", name)
	}
	r.names[name]++
	defer func() { r.names[name]-- }()
	return r.nest(execute)
}

// tpl executes a text as a template. What it defines is known in it only.
func (r *renderer) tpl(parent *template.Template, text string, data any) (string, error) {
	if len(text) > maxData {
		return "", tooLarge()
	}
	if err := r.work(tplCost*len(text) + callCost*r.known); err != nil {
		return "", err
	}
	t, err := parent.Clone()
	if err != nil {
		return "", fmt.Errorf("cannot clone template: %w", err)
	}
	t.Option("missingkey=zero") // which a clone forgets, golang/go#43022
	t.Funcs(r.nested(t))
	// A text of definitions alone does not become the template it is parsed into; hence a new one.
	t = t.New(parent.Name())
	if err := r.parse(t, text); err != nil {
		return "", fmt.Errorf("cannot parse template %q: %w", clip(text), err)
	}
	out := output{guard: r.guard}
	if err := t.Execute(&out, data); err != nil {
		return "", fmt.Errorf("error during tpl function execution for %q: %w", clip(text), err)
	}
	return strings.ReplaceAll(out.text.String(), noValue, ""), nil
}

// clip keeps a text that a chart made out of an error, all but its beginning: each level of nesting quotes it.
func clip(text string) string {
	const longest = 1024
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}

// page is a template with what it gets to see.
type page struct {
	text  string
	scope map[string]any
	base  string
}

// collect adds the templates of a chart and those in it to pages. It returns what the templates of the chart get to see.
func collect(c *chart.Chart, values chartutil.Values, pages map[string]page) map[string]any {
	inner := map[string]any{}
	scope := map[string]any{
		"Chart": struct {
			chart.Metadata

			IsRoot bool
		}{*c.Metadata, c.IsRoot()},
		"Files": newFiles(c.Files), "Release": values["Release"], "Capabilities": values["Capabilities"],
		"Values": chartutil.Values{}, "Subcharts": inner,
	}
	if c.IsRoot() {
		scope["Values"] = values["Values"]
	} else if own, err := values.Table("Values." + c.Name()); err == nil {
		scope["Values"] = own
	}
	for _, child := range c.Dependencies() {
		inner[child.Name()] = collect(child, scope, pages)
	}
	folder, library := c.ChartFullPath(), strings.EqualFold(c.Metadata.Type, "library")
	for _, t := range c.Templates {
		if t == nil || library && !strings.HasPrefix(path.Base(t.Name), "_") {
			continue
		}
		pages[path.Join(folder, t.Name)] = page{text: string(t.Data), scope: scope, base: path.Join(folder, "templates")}
	}
	return scope
}

// byDepth sorts paths by how deep they are, the deepest first, so that definitions of an outer chart count.
func byDepth(a, b string) int {
	return cmp.Or(strings.Count(b, "/")-strings.Count(a, "/"), strings.Compare(b, a))
}

// parseError has the words of Helm: where, and the last cause.
func parseError(name string, err error) error {
	parts := strings.Split(err.Error(), ": ")
	if len(parts) == 1 {
		return fmt.Errorf("parse error in (%s): %w", name, err)
	}
	return fmt.Errorf("parse error at (%s): %s", parts[1], parts[len(parts)-1])
}

// said marks the words of fail and required in an error of text/template, which puts where and what was executed around them.
const (
	saidBegin = "HELM_ERR_START"
	saidEnd   = "HELM_ERR_END"
)

var words = regexp.MustCompile(saidBegin + `((?s).*)` + saidEnd)

// execError has the words of Helm: where, and what fail or required had to say, if they did.
func execError(name string, err error) error {
	if _, ok := errors.AsType[template.ExecError](err); !ok {
		return err
	}
	parts := strings.SplitN(err.Error(), ": ", 3)
	if len(parts) != 3 {
		return fmt.Errorf("execution error in (%s): %w", name, err)
	}
	said := words.FindStringSubmatch(parts[2])
	if len(said) < 2 {
		return err
	}
	return fmt.Errorf("execution error at (%s): %s", parts[1], said[1])
}
