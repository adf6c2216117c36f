// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"fmt"
	"io"

	"github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/cli/internal/kinds"
)

// block is what trace prints about one object: labels and values.
type block [][2]string

// add adds a line, unless there is nothing to say.
func (b *block) add(label, value string) {
	if value != "" {
		*b = append(*b, [2]string{label + ":", value})
	}
}

// printBlocks prints blocks with the values of all of them below each other.
func printBlocks(out io.Writer, blocks []block) {
	width := 0
	for _, b := range blocks {
		for _, line := range b {
			width = max(width, len(line[0]))
		}
	}
	for i, b := range blocks {
		if i > 0 {
			fmt.Fprintln(out, "---")
		}
		for _, line := range b {
			fmt.Fprintf(out, "%-*s %s\n", width, line[0], line[1])
		}
	}
}

// lineOf is a line of a block and the field that it shows.
type lineOf struct {
	label string
	path  []string
}

// linesOf are the lines that a kind has besides those that all have.
func linesOf(kind string) []lineOf {
	revision := lineOf{"Revision", []string{"status", "artifact", "revision"}}
	url := lineOf{"URL", []string{"spec", "url"}}
	switch kind {
	case kustomizev1.KustomizationKind:
		return []lineOf{
			{"Target", []string{"spec", "targetNamespace"}},
			{"Path", []string{"spec", "path"}},
			{"Revision", []string{"status", "lastAppliedRevision"}},
		}
	case helmv2.HelmReleaseKind:
		return []lineOf{{"Target", []string{"spec", "targetNamespace"}}}
	case sourcev1.HelmChartKind:
		return []lineOf{{"Chart", []string{"spec", "chart"}}, {"Version", []string{"spec", "version"}}, revision}
	case sourcev1.GitRepositoryKind:
		return []lineOf{
			url,
			{"Branch", []string{"spec", "ref", "branch"}},
			{"Tag", []string{"spec", "ref", "tag"}},
			{"Semver", []string{"spec", "ref", "semver"}},
			{"Reference", []string{"spec", "ref", "name"}},
			{"Commit", []string{"spec", "ref", "commit"}},
			revision,
		}
	case sourcev1.OCIRepositoryKind:
		return []lineOf{
			url,
			{"Tag", []string{"spec", "ref", "tag"}},
			{"Semver", []string{"spec", "ref", "semver"}},
			{"Digest", []string{"spec", "ref", "digest"}},
			revision,
			{"Origin source", []string{"status", "artifact", "metadata", "org.opencontainers.image.source"}},
			{"Origin revision", []string{"status", "artifact", "metadata", "org.opencontainers.image.revision"}},
		}
	case sourcev1.BucketKind:
		return []lineOf{{"Endpoint", []string{"spec", "endpoint"}}, {"Bucket name", []string{"spec", "bucketName"}}, revision}
	case sourcev1.HelmRepositoryKind:
		return []lineOf{url, revision}
	default:
		return []lineOf{revision}
	}
}

// describe says what an object of the toolkit is made from and how it is.
func describe(obj *unstructured.Unstructured) block {
	var b block
	b.add(obj.GetKind(), obj.GetName())
	b.add("Namespace", obj.GetNamespace())
	for _, line := range linesOf(obj.GetKind()) {
		b.add(line.label, text(obj, line.path...))
	}
	switch obj.GetKind() {
	case helmv2.HelmReleaseKind:
		b.add("Revision", kinds.ChartVersion(obj))
	case sourcev1.ExternalArtifactKind:
		b.add("Source", kinds.Reference(obj, "spec", "sourceRef"))
	}
	c, found := kinds.ConditionOf(obj, meta.ReadyCondition)
	switch {
	case kinds.Suspended(obj):
		b.add("Status", "suspended")
	case !found:
		b.add("Status", "waiting to be reconciled")
	case c.Status == "True":
		b.add("Status", "last reconciled at "+c.LastTransitionTime)
	default:
		b.add("Status", "reconciliation failed at "+c.LastTransitionTime)
	}
	b.add("Message", oneLine(c.Message))
	return b
}
