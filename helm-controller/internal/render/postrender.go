// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/types"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/kustomize"
)

// sourceAnnotation names the template of an object while it goes through the post-renderers. Flux: Helm 4 uses the same key, so that
// patches that look at it find it.
const sourceAnnotation = "postrenderer.helm.sh/postrender-filename"

// PostRender is what happens to rendered objects.
type PostRender struct {
	// Strategy says what becomes of hooks; empty means combined.
	Strategy  helmv2.PostRenderStrategy
	Renderers []helmv2.PostRenderer
	Metadata  *helmv2.CommonMetadata
	// Owner is the HelmRelease that every object is labelled with.
	Owner types.NamespacedName
}

// run puts rendered documents through the post-renderers and returns the manifest and the hooks.
func (p PostRender) run(ctx context.Context, manifests []releaseutil.Manifest, hooks []*release.Hook) (string, []*release.Hook, error) {
	switch p.Strategy {
	case helmv2.PostRenderNoHooks:
		manifest, err := p.withoutHooks(ctx, manifests)
		return manifest, hooks, err
	case helmv2.PostRenderSeparate:
		files := map[string]string{}
		if err := p.regroup(ctx, hookDocuments(hooks), "hooks-", files); err != nil {
			return "", nil, err
		}
		if err := p.regroup(ctx, manifestDocuments(manifests), "manifests-", files); err != nil {
			return "", nil, err
		}
		return assemble(files)
	default:
		files := map[string]string{}
		if err := p.regroup(ctx, append(hookDocuments(hooks), manifestDocuments(manifests)...), "", files); err != nil {
			return "", nil, err
		}
		return assemble(files)
	}
}

// document is a rendered YAML document and the template it came from.
type document struct{ source, content string }

func hookDocuments(hooks []*release.Hook) []document {
	documents := make([]document, 0, len(hooks))
	for _, h := range hooks {
		documents = append(documents, document{h.Path, h.Manifest})
	}
	return documents
}

func manifestDocuments(manifests []releaseutil.Manifest) []document {
	documents := make([]document, 0, len(manifests))
	for _, m := range manifests {
		documents = append(documents, document{m.Name, m.Content})
	}
	return documents
}

// withoutHooks is what Helm 3 does: the stream of manifests goes in, and what comes out is the manifest.
func (p PostRender) withoutHooks(ctx context.Context, manifests []releaseutil.Manifest) (string, error) {
	objects, err := parseAll(manifestDocuments(manifests), false)
	if err != nil {
		return "", err
	}
	if objects, err = p.chain(ctx, objects); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, o := range objects {
		content, err := o.yaml()
		if err != nil {
			return "", err
		}
		b.WriteString("---\n" + content)
	}
	return b.String(), nil
}

// regroup puts documents through the chain and adds what comes out to files, by the template it came from. group goes into the names
// of files for objects that the chain made up.
func (p PostRender) regroup(ctx context.Context, documents []document, group string, files map[string]string) error {
	objects, err := parseAll(documents, true)
	if err != nil {
		return err
	}
	if objects, err = p.chain(ctx, objects); err != nil {
		return err
	}
	for i, o := range objects {
		name, _ := o.metadata("annotations")[sourceAnnotation].(string)
		if name == "" {
			name = fmt.Sprintf("generated-by-postrender-%s%d.yaml", group, i)
		}
		o.forget("annotations", sourceAnnotation)
		content, err := o.yaml()
		if err != nil {
			return err
		}
		if before := files[name]; before != "" {
			content = before + "---\n" + content
		}
		files[name] = content
	}
	return nil
}

// assemble splits files into the manifest and the hooks, in the order in which they are installed.
func assemble(files map[string]string) (string, []*release.Hook, error) {
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", nil, err
	}
	var b strings.Builder
	for _, m := range manifests {
		fmt.Fprintf(&b, "---\n# Source: %s\n%s\n", m.Name, m.Content)
	}
	return b.String(), hooks, nil
}

// chain changes objects: post-renderers in their order, common metadata, labels of the owner.
func (p PostRender) chain(ctx context.Context, objects []object) ([]object, error) {
	for _, r := range p.Renderers {
		if r.Kustomize == nil || len(objects) == 0 {
			continue
		}
		stream, err := join(objects)
		if err != nil {
			return nil, err
		}
		edited, err := kustomize.Edit(ctx, stream, kustomize.Edits{Patches: r.Kustomize.Patches, Images: r.Kustomize.Images})
		if err != nil {
			return nil, err
		}
		if objects, err = parseStream(edited); err != nil {
			return nil, err
		}
	}
	labels, annotations := p.common()
	for _, o := range objects {
		if err := o.merge("labels", labels); err != nil {
			return nil, err
		}
		if err := o.merge("annotations", annotations); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// common returns the metadata that every object gets.
func (p PostRender) common() (labels, annotations map[string]string) {
	labels = OriginLabels(p.Owner)
	if p.Metadata == nil {
		return labels, nil
	}
	merged := maps.Clone(p.Metadata.Labels)
	if merged == nil {
		return labels, p.Metadata.Annotations
	}
	maps.Copy(merged, labels)
	return merged, p.Metadata.Annotations
}

// OriginLabels name the HelmRelease that an object stems from.
func OriginLabels(owner types.NamespacedName) map[string]string {
	return map[string]string{helmv2.NameLabel: owner.Name, helmv2.NamespaceLabel: owner.Namespace}
}
