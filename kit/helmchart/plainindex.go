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

// version reads one version.
func (p *plain) version() *IndexVersion {
	v, md := &IndexVersion{}, &chart.Metadata{}
	p.fields(func(key string, value []byte, indent int) {
		if p.versionField(v, key, value, indent) {
			return
		}
		v.Metadata = md
		p.metadataField(md, key, value, indent)
	})
	return v
}

// fields is mapping for the map that the present line starts, of which no key may be there twice.
func (p *plain) fields(visit func(key string, value []byte, indent int)) {
	indent := p.indent
	var seen []string
	p.mapping(indent, func(key string, value []byte) {
		p.odd = p.odd || slices.Contains(seen, key)
		seen = append(seen, key)
		visit(key, value, indent)
	})
}

// versionField reads a field of IndexVersion itself, or reports false if it has none of that name.
func (p *plain) versionField(v *IndexVersion, key string, value []byte, indent int) bool {
	switch key {
	case "urls":
		v.URLs = p.texts(value, indent)
	case "created":
		text := p.text(value, indent)
		p.odd = p.odd || v.Created.UnmarshalText([]byte(text)) != nil
	case "removed":
		v.Removed = p.boolean(value)
	case "digest":
		v.Digest = p.text(value, indent)
	case "checksum":
		v.ChecksumDeprecated = p.text(value, indent)
	case "engine":
		v.EngineDeprecated = p.text(value, indent)
	case "tillerVersion":
		v.TillerVersionDeprecated = p.text(value, indent)
	case "url":
		v.URLDeprecated = p.text(value, indent)
	default:
		return false
	}
	return true
}

// metadataField reads a field of the metadata.
func (p *plain) metadataField(md *chart.Metadata, key string, value []byte, indent int) {
	switch key {
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
		if field := metadataText(md, key); field != nil {
			*field = p.text(value, indent)
			return
		}
		p.odd = true
	}
}

// metadataText is where the text of a key goes, nil if there is no such field.
func metadataText(md *chart.Metadata, key string) *string {
	switch key {
	case "name":
		return &md.Name
	case "home":
		return &md.Home
	case "version":
		return &md.Version
	case "description":
		return &md.Description
	case "icon":
		return &md.Icon
	case "apiVersion":
		return &md.APIVersion
	case "condition":
		return &md.Condition
	case "tags":
		return &md.Tags
	case "appVersion":
		return &md.AppVersion
	case "kubeVersion":
		return &md.KubeVersion
	case "type":
		return &md.Type
	}
	return nil
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
	p.fields(func(key string, value []byte, indent int) {
		switch key {
		case "name":
			m.Name = p.text(value, indent)
		case "email":
			m.Email = p.text(value, indent)
		case "url":
			m.URL = p.text(value, indent)
		default:
			p.odd = true
		}
	})
	return m
}

func (p *plain) dependency() *chart.Dependency {
	d := &chart.Dependency{}
	p.fields(func(key string, value []byte, indent int) {
		switch key {
		case "name":
			d.Name = p.text(value, indent)
		case "version":
			d.Version = p.text(value, indent)
		case "repository":
			d.Repository = p.text(value, indent)
		case "condition":
			d.Condition = p.text(value, indent)
		case "alias":
			d.Alias = p.text(value, indent)
		case "tags":
			d.Tags = p.texts(value, indent)
		case "enabled":
			d.Enabled = p.boolean(value)
		default:
			p.odd = true
		}
	})
	return d
}
