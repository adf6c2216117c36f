// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// What one build may read. It takes memory and time for all of it, and nothing frees a process that has run out of memory.
const (
	maxFileBytes  = 32 << 20
	maxBuildBytes = 64 << 20
	// maxBuildReads is more than the objects that an inventory of 1.5 MiB, all that etcd stores, has room for.
	maxBuildReads = 20_000
	// maxBuildNodes is about 60 MiB of definitions of resources. What is not parsed, and what generators take for data, does not count.
	maxBuildNodes = 2_000_000
)

var (
	errFileTooLarge = fmt.Errorf("the file is larger than %d MiB", maxFileBytes>>20)
	errBuildBytes   = fmt.Errorf("the build reads more than %d MiB", maxBuildBytes>>20)
	errBuildReads   = fmt.Errorf("the build reads more than %d files, counting those that it reads again", maxBuildReads)
	errBuildNodes   = fmt.Errorf("the build reads more than %d nodes of YAML", maxBuildNodes)
)

var (
	// errNeedsSchema ends a build that has to be repeated alone.
	errNeedsSchema = errors.New("build brings its own OpenAPI schema")
	// errRemote is wrapped with the reference that is not allowed.
	errRemote = errors.New("remote bases are not allowed")
	// errLocalClone is wrapped with a reference to a repository on our own disk.
	errLocalClone = errors.New("file URLs are not allowed")
)

// policy decides on kustomization files before the engine acts on them. It notes why in stop,
// because the engine takes a file that cannot be read for one that is not there.
type policy struct {
	allowRemote bool
	allowSchema bool
	apart       *prefetched // hears what is remote; nil unless the build runs alone

	stop    error  // why the build has to end
	unfit   string // the file, by absolute path, that is no YAML for the engine
	remote  bool   // it depends on more than the artifact
	plugins bool   // it takes configuration of generators and transformers from files
	urls    bool   // some file mentions a URL

	roles map[string]role // what files are for, by absolute path

	reads, bytes, nodes int // what the build has read so far
}

// role is what kustomization files name a file for.
type role struct {
	schema bool // by "openapi"
	types  bool // by "crds"
	data   bool // for a generator
}

// reusable reports whether the same files give the same result another time.
func (p *policy) reusable() bool { return !p.remote && (!p.plugins || !p.urls) }

// check looks at the content of a file that the engine is about to get. file is its absolute path.
func (p *policy) check(file string, content []byte, kustomization bool) error {
	if p.stop != nil {
		return p.stop // the engine takes what it was refused for absent, and goes on
	}
	if err := p.judge(file, content); err != nil {
		p.refuse(fmt.Errorf("%s: %w", strings.TrimPrefix(file, root+"/"), err))
		return p.stop // nothing else gets it
	}
	p.urls = p.urls || bytes.Contains(bytes.ToLower(content), []byte("://"))
	if kustomization {
		p.inspect(path.Dir(file), content)
	} else if p.urls && isPluginConfig(content) {
		p.inspectPlugin(content)
	}
	return p.stop
}

// judge tells why the engine must not get a file.
func (p *policy) judge(file string, content []byte) error {
	nodes, err := checkYAML(content)
	if err != nil {
		p.unfit = file
		return err
	}
	as := p.roles[file]
	if as.data {
		nodes = 0 // nobody makes any of it
	}
	if err := p.spend(len(content), nodes); err != nil {
		return err
	}
	if as.schema {
		err = eachDocument(content, checkDefinitions)
	}
	if err == nil && as.types {
		err = eachDocument(content, checkTypes)
	}
	return err
}

// admit looks at the size of a file before it is read.
func (p *policy) admit(name string, size int64) error {
	if size <= maxFileBytes {
		return nil
	}
	err := fmt.Errorf("%s: %w", name, errFileTooLarge)
	p.refuse(err)
	return err
}

// spend counts what the build has read, each time that it reads it: few files that refer to each other again and again are many objects.
func (p *policy) spend(bytes, nodes int) error {
	p.reads++
	p.bytes += bytes
	p.nodes += nodes
	switch {
	case p.reads > maxBuildReads:
		return errBuildReads
	case p.bytes > maxBuildBytes:
		return errBuildBytes
	case p.nodes > maxBuildNodes:
		return errBuildNodes
	}
	return nil
}

func (p *policy) refuse(err error) {
	if p.stop == nil {
		p.stop = err
	}
}

// inspect looks for what a kustomization file in dir refers to. One that does not parse is none of our
// business: the engine says so better.
func (p *policy) inspect(dir string, content []byte) {
	var k types.Kustomization
	if err := yaml.Unmarshal(content, &k); err != nil {
		return
	}
	if len(k.OpenAPI) > 0 && !p.allowSchema {
		p.refuse(errNeedsSchema)
	}
	for _, name := range references(&k) {
		p.reference(name)
	}
	p.note(dir, &k)
	for _, name := range slicesOf(k.Generators, k.Transformers, k.Validators) {
		p.plugins = true
		p.reference(name)
		if isPluginConfig([]byte(name)) {
			p.urls = p.urls || strings.Contains(name, "://")
			p.inspectPlugin([]byte(name))
		}
	}
}

// note keeps in mind what a kustomization file in dir names files for.
func (p *policy) note(dir string, k *types.Kustomization) {
	if p.roles == nil {
		p.roles = make(map[string]role)
	}
	add := func(as role, names ...string) {
		for _, name := range names {
			if !path.IsAbs(name) {
				name = path.Join(dir, name)
			}
			name = path.Clean(name)
			was := p.roles[name]
			p.roles[name] = role{schema: was.schema || as.schema, types: was.types || as.types, data: was.data || as.data}
		}
	}
	add(role{types: true}, k.Crds...)
	add(role{data: true}, generated(k)...)
	if name := k.OpenAPI["path"]; name != "" {
		add(role{schema: true}, name)
		if p.apart != nil {
			p.apart.schema(name)
		}
	}
}

func (p *policy) reference(name string) {
	if strings.Contains(name, "\n") || !isRemote(name) {
		return
	}
	p.remote = true
	if p.apart != nil {
		p.apart.expect(name)
	}
	if !p.allowRemote {
		p.refuse(fmt.Errorf("%w: '%s'", errRemote, redact(name)))
	}
	if strings.Contains(strings.ToLower(name), "file://") {
		p.refuse(fmt.Errorf("%w: '%s'", errLocalClone, redact(name)))
	}
}

// pluginPaths are the fields through which built-in generators and transformers load files.
type pluginPaths struct {
	Path  string
	Paths []string
	Files []string
	Envs  []string
	Env   string
}

func isPluginConfig(content []byte) bool { return bytes.Contains(content, []byte("builtin")) }

func (p *policy) inspectPlugin(content []byte) {
	for doc := range bytes.SplitSeq(content, []byte("\n---")) {
		var paths pluginPaths
		if err := yaml.Unmarshal(doc, &paths); err != nil {
			continue
		}
		for _, name := range slicesOf(paths.Paths, paths.Files, paths.Envs, []string{paths.Path, paths.Env}) {
			p.reference(withoutKey(name))
		}
	}
}

// references returns what the engine loads because of a kustomization file.
func references(k *types.Kustomization) []string {
	//nolint:staticcheck // the engine still loads what deprecated fields name
	names := slicesOf(k.Resources, k.Bases, k.Components, k.Crds, k.Configurations)
	names = append(names, k.OpenAPI["path"])
	for _, patch := range slicesOf(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // see above
		names = append(names, patch.Path)
	}
	for _, patch := range k.PatchesStrategicMerge { //nolint:staticcheck // see above
		names = append(names, string(patch))
	}
	for _, replacement := range k.Replacements {
		names = append(names, replacement.Path)
	}
	return append(names, generated(k)...)
}

// generated returns what generators of a kustomization file take for data.
func generated(k *types.Kustomization) []string {
	var names []string
	for _, args := range k.ConfigMapGenerator {
		names = append(names, sources(args.KvPairSources)...)
	}
	for _, args := range k.SecretGenerator {
		names = append(names, sources(args.KvPairSources)...)
	}
	return names
}

func sources(s types.KvPairSources) []string {
	names := slicesOf(s.EnvSources, []string{s.EnvSource})
	for _, file := range s.FileSources {
		names = append(names, withoutKey(file))
	}
	return names
}

// withoutKey returns the path of "key=path".
func withoutKey(source string) string {
	if key, name, ok := strings.Cut(source, "="); ok && !strings.Contains(key, "/") {
		return name
	}
	return source
}

// isRemote reports whether the engine would ask the network for name. It errs on the safe side.
func isRemote(name string) bool {
	lower := strings.ToLower(strings.TrimSpace(name))
	if strings.Contains(lower, "://") {
		return true
	}
	for _, prefix := range []string{"git::", "gh:", "github.com:", "github.com/", "www.github.com", "http:", "https:"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	user, rest, ok := strings.Cut(lower, "@")
	return ok && !strings.Contains(user, "/") && strings.Contains(rest, ":")
}

// redact removes user info and query from a reference.
func redact(name string) string {
	name, _, _ = strings.Cut(name, "?")
	scheme, rest, ok := strings.Cut(name, "://")
	if !ok {
		return name
	}
	host, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndex(host, "@"); i >= 0 {
		host = host[i+1:]
	}
	return scheme + "://" + host + "/" + path
}

func slicesOf[T any](lists ...[]T) []T {
	var all []T
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
