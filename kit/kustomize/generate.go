// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// placeholderNamespace fills a kustomization file that would be empty otherwise, which the engine
// refuses. No object sees it.
const placeholderNamespace = "_placeholder"

// generation is the kustomization file of one build.
type generation struct {
	view    *view
	dir     string   // path in the artifact
	file    string   // path of the kustomization file
	found   bool     // it is in the artifact
	scanned []string // files that were found instead
}

// generate lays the kustomization file of the build over the view: the one at dir, or one that
// lists what is below dir, amended by the options.
func (g *generation) generate(o Options) error {
	k, err := g.load()
	if err != nil {
		return err
	}
	if err := g.amend(k, o); err != nil {
		return err
	}
	content, err := yaml.Marshal(k)
	if err != nil {
		return fmt.Errorf("write kustomization file: %w", err)
	}
	g.view.overlay[g.file] = content
	return nil
}

func (g *generation) load() (*types.Kustomization, error) {
	k := &types.Kustomization{TypeMeta: types.TypeMeta{
		APIVersion: types.KustomizationVersion,
		Kind:       types.KustomizationKind,
	}}
	g.file, g.found = g.view.kustomizationFile(g.dir)
	if !g.found {
		g.file = path.Join(g.dir, konfig.DefaultKustomizationFileName())
		k.Resources = g.scan(g.dir, "./")
		if len(k.Resources) == 0 {
			k.Namespace = placeholderNamespace
		}
		return k, nil
	}
	content, err := g.view.read(outside(g.file))
	if err != nil {
		return nil, err
	}
	if _, err := checkYAML(content); err != nil {
		return nil, fmt.Errorf("kustomize build failed: %s: %w", g.file, err)
	}
	if err := unmarshal(content, k); err != nil {
		return nil, fmt.Errorf("failed to read kustomization file '%s': %w", g.file, err)
	}
	if len(k.Resources) == 0 {
		// Flux: a file without resources gets this, so that the engine does not call it empty.
		k.BuildMetadata = []string{types.OriginAnnotations}
	}
	return k, nil
}

// unmarshal reads YAML leniently. A panic of the parser becomes an error.
func unmarshal(content []byte, into any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered from panic: %v", r)
		}
	}()
	return yaml.Unmarshal(content, into)
}

// kustomizationFile returns the path of the kustomization file in a directory of the artifact.
func (v *view) kustomizationFile(dir string) (string, bool) {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(dir, name)
		if entry, there := v.seen.kind(file); there && !entry.Dir {
			return file, true
		}
	}
	return "", false
}

// scan returns the resources below a directory, in lexical order: YAML files, and directories that
// have a kustomization file. Hidden ones count.
func (g *generation) scan(dir, prefix string) []string {
	var resources []string
	g.view.seen.content(dir)
	for _, name := range g.view.tree.Files().List(dir) {
		file := path.Join(dir, name)
		entry, _ := g.view.seen.kind(file)
		switch ext := path.Ext(name); {
		case entry.Dir:
			if _, ok := g.view.kustomizationFile(file); ok {
				resources = append(resources, prefix+name)
				continue
			}
			resources = append(resources, g.scan(file, prefix+name+"/")...)
		case ext == ".yaml" || ext == ".yml":
			resources = append(resources, prefix+name)
			g.scanned = append(g.scanned, file)
		}
	}
	return resources
}

// amend applies the options. Flux: docs/spec/v1/kustomizations.md, "Kustomize patches" and following.
func (g *generation) amend(k *types.Kustomization, o Options) error {
	setNonEmpty(&k.Namespace, o.TargetNamespace)
	setNonEmpty(&k.NamePrefix, o.NamePrefix)
	setNonEmpty(&k.NameSuffix, o.NameSuffix)
	for _, patch := range o.Patches {
		k.Patches = append(k.Patches, types.Patch{Patch: patch.Patch, Target: selector(patch.Target)})
	}
	for _, component := range o.Components {
		if !fluxkustomize.IsLocalRelativePath(component) {
			return fmt.Errorf("component path '%s' must be local and relative", component)
		}
		if o.IgnoreMissingComponents && !g.view.Exists(filepath.Join(outside(g.dir), component)) {
			continue
		}
		k.Components = append(k.Components, component)
	}
	k.Images = mergeImages(k.Images, o.Images)
	if len(o.BuildMetadata) > 0 {
		k.BuildMetadata = o.BuildMetadata
	}
	return nil
}

func setNonEmpty(field *string, value string) {
	if value != "" {
		*field = value
	}
}

func selector(s *kustomize.Selector) *types.Selector {
	if s == nil {
		return nil
	}
	out := &types.Selector{AnnotationSelector: s.AnnotationSelector, LabelSelector: s.LabelSelector}
	out.Group, out.Version, out.Kind = s.Group, s.Version, s.Kind
	out.Name, out.Namespace = s.Name, s.Namespace
	return out
}

// mergeImages overrides entries of the same name. Tag and digest choose a version together.
func mergeImages(images []types.Image, overrides []kustomize.Image) []types.Image {
	for _, o := range overrides {
		i := slices.IndexFunc(images, func(image types.Image) bool { return image.Name == o.Name })
		if i < 0 {
			images = append(images, types.Image{Name: o.Name, NewName: o.NewName, NewTag: o.NewTag, Digest: o.Digest})
			continue
		}
		setNonEmpty(&images[i].NewName, o.NewName)
		if o.NewTag != "" || o.Digest != "" {
			images[i].NewTag, images[i].Digest = o.NewTag, o.Digest
		}
	}
	return images
}

// invalid returns why files that were found cannot be part of the build. What was refused is not looked at again.
func (g *generation) invalid() error {
	p := g.view.policy
	if p.stop == nil {
		return g.validate()
	}
	if slices.ContainsFunc(g.scanned, func(file string) bool { return outside(file) == p.unfit }) {
		return fmt.Errorf("%s%w", undecodable, p.stop)
	}
	return nil
}

// undecodable begins what is said of a file that was found and is not Kubernetes YAML; its path follows.
const undecodable = "failed to decode Kubernetes YAML from "

// validate returns why a file that was found cannot be part of the build. The engine parses all of
// them anyway, so that this is only asked for after a failure, to say which file it was: such files
// come first, as in the contract, and all of them are named, as far as one build may read.
func (g *generation) validate() error {
	var failures []error
	var budget policy
	for _, file := range g.scanned {
		content, err := g.view.read(outside(file))
		if g.view.ended() != nil || budget.spend(len(content), 0) != nil {
			break
		}
		if err == nil {
			err = g.parse(file, content)
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// parse reads the objects of a file the way the engine does.
func (g *generation) parse(file string, content []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered from panic while parsing YAML file %s: %v", path.Base(file), r)
		}
	}()
	_, err = checkYAML(content)
	if err == nil {
		_, err = provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes(content)
	}
	if err != nil {
		return fmt.Errorf("%s%s: %w", undecodable, file, withIdentityHint(err))
	}
	return nil
}

// withIdentityHint adds the contract's words for an object without identity.
func withIdentityHint(err error) error {
	for _, sign := range []string{"missing metadata.name in object", "missing kind in object", "missing Resource metadata"} {
		if strings.Contains(err.Error(), sign) {
			return fmt.Errorf("%s: %w", noIdentity, err)
		}
	}
	return err
}
