// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/referrer"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestConsumers(t *testing.T) {
	consumer := func(name, kind, source string) *kustomizev1.Kustomization {
		o := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}}
		o.Spec.SourceRef.Kind, o.Spec.SourceRef.Name = kind, source
		return o
	}
	cache := &testkit.Cache{Objects: []client.Object{
		consumer("a", sourcev1.GitRepositoryKind, "fleet"), consumer("b", sourcev1.GitRepositoryKind, "other"),
		consumer("c", sourcev1.BucketKind, "fleet"), consumer("d", sourcev1.GitRepositoryKind, "fleet"),
	}}
	cases := map[string]struct {
		reason string
		edit   func(*sourcev1.GitRepository)
		news   []string
	}{
		"Artifact": {
			reason: "An artifact is news, by its digest.",
			edit:   func(o *sourcev1.GitRepository) { o.Status.Artifact = &meta.Artifact{Digest: "sha256:1"} },
			news:   []string{"GitRepository/ns/fleet sha256:1 to a", "GitRepository/ns/fleet sha256:1 to d"},
		},
		"None": {reason: "Without an artifact consumers are woken, so that they can say so, but there is no news.", edit: func(*sourcev1.GitRepository) {}},
		"Deleted": {
			reason: "What is on its way out brings nothing.",
			edit: func(o *sourcev1.GitRepository) {
				o.Status.Artifact, o.DeletionTimestamp = &meta.Artifact{Digest: "sha256:1"}, &metav1.Time{Time: time.Unix(1, 0)}
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var news []string
			c := Consumers[*kustomizev1.Kustomization]{
				Kind: &referrer.Kind[*kustomizev1.Kustomization]{
					Reader:  cache,
					New:     func() *kustomizev1.Kustomization { return &kustomizev1.Kustomization{} },
					NewList: func() client.ObjectList { return &kustomizev1.KustomizationList{} },
				},
				Ref: func(o *kustomizev1.Kustomization) access.Reference {
					return access.Reference{Kind: o.Spec.SourceRef.Kind, Namespace: o.Namespace, Name: o.Spec.SourceRef.Name}
				},
				News: func(objects []*kustomizev1.Kustomization, from access.Reference, digest string) {
					for _, o := range objects {
						news = append(news, from.String()+" "+digest+" to "+o.Name)
					}
				},
			}
			if err := c.Index(t.Context(), cache); err != nil {
				t.Fatal(err)
			}
			repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "fleet"}}
			tc.edit(repo)
			var got []string
			for _, r := range c.fedBy(sourcev1.GitRepositoryKind)(t.Context(), repo) {
				got = append(got, r.Name)
			}
			if diff := cmp.Diff([]string{"a", "d"}, got); diff != "" {
				t.Errorf("woken: -want, +got:\n%s", diff)
			}
			if diff := cmp.Diff(tc.news, news); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
	if _, err := (&Consumers[*kustomizev1.Kustomization]{}).Watch(nil, ArtifactChanged(), "HelmRepository"); err == nil {
		t.Error("a kind without artifacts cannot be watched for them")
	}
}
