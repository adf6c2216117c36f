// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"bytes"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
)

// emptyList and emptyMap are how lists and maps with nothing in them are written.
const emptyList, emptyMap = "[]", "{}"

// plainVersions reads a list of versions as ParseIndexVersions does, or reports false if that has to.
func plainVersions(content []byte) ([]*IndexVersion, bool) {
	// The last line of a literal block could lack its end.
	if !bytes.HasSuffix(content, []byte("\n")) || !isPlain(content) {
		return nil, false
	}
	var versions []*IndexVersion
	p := &plain{rest: content}
	p.next()
	p.list(0, func(int) { versions = append(versions, p.version()) })
	return versions, !p.odd && p.line == nil
}

// plainText is a key of a map and where its text goes.
type plainText struct {
	key   string
	field *string
}

// fields reads the map that the present line starts. visit reads the value of a key that is not among the texts, or reports false if it knows none of
// that name. No key may be there twice.
func (p *plain) fields(texts []plainText, visit func(key string, value []byte, indent int) bool) {
	indent := p.indent
	var seen []string
	p.mapping(indent, func(key string, value []byte) {
		p.odd = p.odd || slices.Contains(seen, key)
		seen = append(seen, key)
		if i := slices.IndexFunc(texts, func(t plainText) bool { return t.key == key }); i >= 0 {
			*texts[i].field = p.text(value, indent)
			return
		}
		known := visit(key, value, indent)
		p.odd = p.odd || !known
	})
}

// version reads one version.
func (p *plain) version() *IndexVersion {
	v, md := &IndexVersion{}, &chart.Metadata{}
	p.fields([]plainText{
		{"name", &md.Name},
		{"version", &md.Version},
		{"digest", &v.Digest},
		{"description", &md.Description},
		{"apiVersion", &md.APIVersion},
		{"appVersion", &md.AppVersion},
		{"home", &md.Home},
		{"icon", &md.Icon},
		{"type", &md.Type},
		{"kubeVersion", &md.KubeVersion},
		{"condition", &md.Condition},
		{"tags", &md.Tags},
		{"checksum", &v.ChecksumDeprecated},
		{"engine", &v.EngineDeprecated},
		{"tillerVersion", &v.TillerVersionDeprecated},
		{"url", &v.URLDeprecated},
	}, func(key string, value []byte, indent int) bool {
		switch key {
		case "urls":
			v.URLs = p.texts(value, indent)
		case "created":
			text := p.text(value, indent)
			p.odd = p.odd || v.Created.UnmarshalText([]byte(text)) != nil
		case "removed":
			v.Removed = p.boolean(value)
		case "sources":
			md.Sources = p.texts(value, indent)
		case "keywords":
			md.Keywords = p.texts(value, indent)
		case "deprecated":
			md.Deprecated = p.boolean(value)
		case "annotations":
			md.Annotations = p.annotations(value, indent)
		case "maintainers":
			md.Maintainers = plainList(p, value, indent, p.maintainer)
		case "dependencies":
			md.Dependencies = plainList(p, value, indent, p.dependency)
		default:
			return false
		}
		return true
	})
	// The parser makes metadata only for one of its fields. A version without a name is no good either way.
	p.odd = p.odd || md.Name == ""
	v.Metadata = md
	return v
}

// boolean reads a boolean.
func (p *plain) boolean(value []byte) bool {
	yes := string(value) == "true"
	p.odd = p.odd || !yes && string(value) != "false"
	p.next()
	return yes
}

// texts reads a list of texts.
func (p *plain) texts(value []byte, indent int) []string {
	if string(value) == emptyList {
		p.next()
		return []string{}
	}
	var all []string
	p.items(value, indent, func(dash int) { all = append(all, p.text(p.line, dash)) })
	return all
}

// annotations reads a map of texts.
func (p *plain) annotations(value []byte, indent int) map[string]string {
	p.next()
	all := map[string]string{}
	if string(value) == emptyMap {
		return all
	}
	inner := p.indent
	p.odd = p.odd || len(value) > 0 || inner <= indent
	p.mapping(inner, func(key string, value []byte) {
		_, twice := all[key]
		p.odd = p.odd || twice
		all[key] = p.text(value, inner)
	})
	return all
}

// plainList reads a list of maps.
func plainList[T any](p *plain, value []byte, indent int, read func() *T) []*T {
	if string(value) == emptyList {
		p.next()
		return []*T{}
	}
	var all []*T
	p.items(value, indent, func(int) { all = append(all, read()) })
	return all
}

func (p *plain) maintainer() *chart.Maintainer {
	m := &chart.Maintainer{}
	p.fields([]plainText{{"name", &m.Name}, {"email", &m.Email}, {"url", &m.URL}}, func(string, []byte, int) bool { return false })
	return m
}

func (p *plain) dependency() *chart.Dependency {
	d := &chart.Dependency{}
	p.fields([]plainText{
		{"name", &d.Name}, {"version", &d.Version}, {"repository", &d.Repository}, {"condition", &d.Condition}, {"alias", &d.Alias},
	}, func(key string, value []byte, indent int) bool {
		switch key {
		case "tags":
			d.Tags = p.texts(value, indent)
		case "enabled":
			d.Enabled = p.boolean(value)
		default:
			return false
		}
		return true
	})
	return d
}
