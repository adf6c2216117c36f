// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		helmv2.AddToScheme, imagev1.AddToScheme, kustomizev1.AddToScheme,
		notificationv1.AddToScheme, notificationv1beta3.AddToScheme, sourcev1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}

// kinds lists what the scheme holds of our groups, without the types that Kubernetes adds to each group.
func kinds(scheme *runtime.Scheme) []schema.GroupVersionKind {
	ours := slices.Collect(maps.Keys(scheme.AllKnownTypes()))
	ours = slices.DeleteFunc(ours, func(gvk schema.GroupVersionKind) bool {
		return !strings.HasSuffix(gvk.Group, ".toolkit.fluxcd.io") || gvk.Kind == metav1.WatchEventKind ||
			strings.HasSuffix(gvk.Kind, "Options")
	})
	slices.SortFunc(ours, func(a, b schema.GroupVersionKind) int { return strings.Compare(a.String(), b.String()) })
	return ours
}

// TestSchemeKinds holds the constants of the kinds against the scheme.
func TestSchemeKinds(t *testing.T) {
	scheme := newScheme(t)
	want := []schema.GroupVersionKind{
		helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind),
		imagev1.GroupVersion.WithKind(imagev1.ImagePolicyKind),
		imagev1.GroupVersion.WithKind(imagev1.ImageRepositoryKind),
		imagev1.GroupVersion.WithKind(imagev1.ImageUpdateAutomationKind),
		kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind),
		notificationv1.GroupVersion.WithKind(notificationv1.ReceiverKind),
		notificationv1beta3.GroupVersion.WithKind(notificationv1beta3.AlertKind),
		notificationv1beta3.GroupVersion.WithKind(notificationv1beta3.ProviderKind),
		sourcev1.GroupVersion.WithKind(sourcev1.BucketKind),
		sourcev1.GroupVersion.WithKind(sourcev1.ExternalArtifactKind),
		sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind),
		sourcev1.GroupVersion.WithKind(sourcev1.HelmChartKind),
		sourcev1.GroupVersion.WithKind(sourcev1.HelmRepositoryKind),
		sourcev1.GroupVersion.WithKind(sourcev1.OCIRepositoryKind),
	}
	var got []schema.GroupVersionKind
	for _, gvk := range kinds(scheme) {
		if !strings.HasSuffix(gvk.Kind, "List") {
			got = append(got, gvk)
		}
	}
	slices.SortFunc(want, func(a, b schema.GroupVersionKind) int { return strings.Compare(a.String(), b.String()) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-constants +scheme):\n%s", diff)
	}
}

// TestRoundTrip fills objects of every kind with random values and checks that a copy is equal and independent, that JSON keeps all of
// it, and that no value is written under a name the type does not read.
func TestRoundTrip(t *testing.T) {
	scheme := newScheme(t)
	fill := randfill.NewWithSeed(1).NilChance(0).NumElements(1, 2).
		Funcs(metafuzzer.Funcs(serializer.NewCodecFactory(scheme))...).
		Funcs(func(j *apiextensionsv1.JSON, _ randfill.Continue) { j.Raw = []byte(`{"replicas":2}`) })

	for _, gvk := range kinds(scheme) {
		t.Run(gvk.Group+"_"+gvk.Version+"_"+gvk.Kind, func(t *testing.T) {
			for range 20 {
				obj := newObject(t, scheme, gvk)
				fill.Fill(obj)
				first := marshal(t, obj)

				dup := obj.DeepCopyObject()
				if diff := cmp.Diff(obj, dup); diff != "" {
					t.Fatalf("copy differs (-original +copy):\n%s", diff)
				}
				fill.Fill(dup)
				if again := marshal(t, obj); !bytes.Equal(first, again) {
					t.Fatal("a change of the copy changed the original")
				}

				back := newObject(t, scheme, gvk)
				dec := json.NewDecoder(bytes.NewReader(first))
				dec.DisallowUnknownFields()
				if err := dec.Decode(back); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(first), string(marshal(t, back))); diff != "" {
					t.Fatalf("JSON changed on the way (-first +second):\n%s", diff)
				}
			}
		})
	}
}

// TestConditions checks the accessors that condition helpers of github.com/fluxcd/pkg go through.
func TestConditions(t *testing.T) {
	scheme := newScheme(t)
	withoutStatus := []string{notificationv1beta3.AlertKind, notificationv1beta3.ProviderKind}
	for _, gvk := range kinds(scheme) {
		if strings.HasSuffix(gvk.Kind, "List") || slices.Contains(withoutStatus, gvk.Kind) {
			continue
		}
		t.Run(gvk.Kind, func(t *testing.T) {
			obj := newObject(t, scheme, gvk)
			setter, ok := obj.(meta.ObjectWithConditionsSetter)
			if !ok {
				t.Fatal("conditions cannot be set")
			}
			want := []metav1.Condition{{Type: meta.ReadyCondition, Status: metav1.ConditionTrue}}
			setter.SetConditions(want)
			getter, ok := obj.(meta.ObjectWithConditions)
			if !ok {
				t.Fatal("conditions cannot be read")
			}
			if diff := cmp.Diff(want, getter.GetConditions()); diff != "" {
				t.Errorf("conditions (-set +read):\n%s", diff)
			}
		})
	}
}

func newObject(t *testing.T, scheme *runtime.Scheme, gvk schema.GroupVersionKind) runtime.Object {
	t.Helper()
	obj, err := scheme.New(gvk)
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
