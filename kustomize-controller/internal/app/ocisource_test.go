// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// What an OCIRepository publishes is applied like a commit, and a tag that moves wakes the Kustomization.
func TestOCISource(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	sources := testkit.Kind[sourcev1.OCIRepository, *sourcev1.OCIRepository]{Cluster: f.cluster, Namespace: f.namespace}
	publish := func(revision, value string) {
		t.Helper()
		repo := &sourcev1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Name: "apps"}}
		repo.Spec.URL, repo.Spec.Interval.Duration = "oci://registry.example.com/apps", time.Hour
		artifact := f.artifacts.Add(t, revision, map[string]string{"deploy/app.yaml": f.manifest("oci-app", value)})
		artifact.Metadata = map[string]string{"org.opencontainers.image.revision": "main@sha1:" + value}
		sources.Report(t, repo, func(o *sourcev1.OCIRepository) { o.Status.Artifact = artifact })
	}
	const first, second = "latest@sha256:01", "latest@sha256:02"
	publish(first, "1")
	f.create("oci", "./deploy", func(ks *kustomizev1.Kustomization) {
		ks.Spec.SourceRef.Kind, ks.Spec.SourceRef.Name = sourcev1.OCIRepositoryKind, "apps"
	})
	f.awaitReady("oci", first)
	if got := f.configMap("oci-app"); got == nil || got.Labels[kustomizev1.GroupVersion.Group+"/name"] != "oci" {
		t.Errorf("applied %+v", got)
	}
	publish(second, "2")
	ks := f.awaitReady("oci", second)
	if ks.Status.LastAppliedRevision != second || ks.Status.LastAppliedOriginRevision != "main@sha1:2" {
		t.Errorf("status %+v", ks.Status)
	}
}
