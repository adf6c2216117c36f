// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/apis/meta"
	"helm.sh/helm/v3/pkg/chart"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/helm-controller/internal/values"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/outcome"
)

// digestLength is how much of the digest of a source goes into the version of the chart, in hex digits.
// Flux: helm-controller contract, section 11.3.
const digestLength = 12

// compose makes the values of the release.
func (r *Reconciler) compose(ctx context.Context, s *scope) error {
	composed, err := values.Composition{
		Namespace: s.obj.Namespace,
		From:      s.obj.Spec.ValuesFrom,
		Inline:    s.obj.Spec.Values,
		Reader:    r.Values,
	}.Compose(ctx)
	if err != nil {
		return outcome.Fail(helmv2.ValuesErrorReason, err)
	}
	s.values = composed
	return nil
}

// describe finds out name and version of the chart. The chart itself is only read when there is something to do with it.
func (r *Reconciler) describe(ctx context.Context, s *scope) error {
	if s.last.artifact != s.artifact.Digest || s.last.metadata == nil {
		tree, err := r.acquire(ctx, s)
		if err != nil {
			return err
		}
		defer tree.Release()
		metadata, err := readMetadata(tree)
		if err != nil {
			return outcome.Fail(helmv2.ArtifactFailedReason, say(loadFailedText, err))
		}
		s.last.artifact, s.last.metadata = s.artifact.Digest, metadata
	}
	metadata := *s.last.metadata
	if sourceRef(s.obj).Kind == sourcev1.OCIRepositoryKind {
		version, digest, err := completeVersion(metadata.Version, s.artifact.Revision)
		if err != nil {
			return outcome.Fail(helmv2.ChartMutateErrorReason, err)
		}
		s.digest = digest
		if !r.NoDigestTracking {
			metadata.Version = version
		}
	}
	s.metadata = &metadata
	return nil
}

// acquire takes hold of the unpacked artifact. While it is still being downloaded the run ends; the end of the download starts the next.
func (r *Reconciler) acquire(ctx context.Context, s *scope) (*fetch.Tree, error) {
	owner := key(s.obj)
	tree, err := r.Artifacts.Acquire(ctx, s.artifact, func() { r.Waker.Wake(owner) })
	switch {
	case errors.Is(err, fetch.ErrPending):
		return nil, outcome.Wait(0, meta.ProgressingReason, "%w", err)
	case errors.Is(err, fetch.ErrNotFound):
		return nil, outcome.Wait(r.RequeueDependency, helmv2.ArtifactFailedReason, "Source not ready: artifact not found. Retrying in %s", r.RequeueDependency)
	case errors.Is(err, artifact.ErrMismatch):
		err = fmt.Errorf("integrity failure: computed digest doesn't match '%s'", s.artifact.Digest)
	}
	if err != nil {
		return nil, outcome.Fail(helmv2.ArtifactFailedReason, say(loadFailedText, err))
	}
	return tree, nil
}

// load reads the chart anew: Helm changes what it is given.
func (r *Reconciler) load(ctx context.Context, s *scope) (*chart.Chart, error) {
	tree, err := r.acquire(ctx, s)
	if err != nil {
		return nil, err
	}
	defer tree.Release()
	c, err := readChart(ctx, tree)
	if err != nil {
		return nil, outcome.Fail(helmv2.ArtifactFailedReason, say(loadFailedText, err))
	}
	c.Metadata.Version = s.metadata.Version
	return c, nil
}

func readChart(ctx context.Context, tree *fetch.Tree) (*chart.Chart, error) {
	root, dir, err := openChart(tree)
	if err != nil {
		return nil, err
	}
	defer root.Close() // read only
	return helmchart.LoadDir(ctx, root, dir, helmchart.Limits{})
}

func readMetadata(tree *fetch.Tree) (*chart.Metadata, error) {
	root, dir, err := openChart(tree)
	if err != nil {
		return nil, err
	}
	defer root.Close() // read only
	metadata, err := helmchart.ReadDirMetadata(root, dir, helmchart.Limits{})
	if err != nil {
		return nil, err
	}
	if v := metadata.APIVersion; v != chart.APIVersionV1 && v != chart.APIVersionV2 {
		return nil, fmt.Errorf("chart API version %q is not supported", v)
	}
	return metadata, nil
}

// openChart finds the folder of the chart, the one at the top of the archive that has a Chart.yaml.
func openChart(tree *fetch.Tree) (*os.Root, string, error) {
	var found []string
	for _, name := range tree.Files().List(".") {
		if _, ok := tree.Files().Lookup(path.Join(name, "Chart.yaml")); ok {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		return nil, "", fmt.Errorf("the artifact has to hold one chart, in a folder of its own; it holds %d", len(found))
	}
	root, err := os.OpenRoot(tree.Dir())
	if err != nil {
		return nil, "", fmt.Errorf("open artifact: %w", err)
	}
	return root, found[0], nil
}

// revisionDigest is the digest at the end of a revision.
var revisionDigest = regexp.MustCompile(`^[a-z0-9]+:[0-9a-f]{12,}$`)

// completeVersion returns the version of a chart with the start of the digest of its source as build metadata, and that digest. A revision that
// names a version has to name that of the chart. Flux: helm-controller contract, section 11.3 and quirk Q11.
func completeVersion(version, revision string) (complete, digest string, err error) {
	own, err := semver.NewVersion(version)
	if err != nil {
		return "", "", fmt.Errorf("invalid chart version %s", version)
	}
	tag, digest, tagged := strings.Cut(revision, "@")
	if !tagged {
		tag, digest = "", revision
	}
	if !revisionDigest.MatchString(digest) {
		return "", "", fmt.Errorf("invalid artifact revision %s", revision)
	}
	// A tag cannot hold a plus sign, which stands as an underscore there.
	if named, err := semver.NewVersion(strings.ReplaceAll(tag, "_", "+")); err == nil && !named.Equal(own) {
		return "", "", fmt.Errorf("artifact revision %s does not match chart version %s", tag, version)
	}
	_, hex, _ := strings.Cut(digest, ":")
	complete, err = helmchart.WithBuildMetadata(version, hex[:digestLength])
	if err != nil {
		return "", "", fmt.Errorf("invalid chart version %s", version)
	}
	return complete, digest, nil
}
