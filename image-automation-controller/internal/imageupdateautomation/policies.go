// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/setters"
	"github.com/weir-gitops/weir/kit/outcome"
)

// policies collects what the selected policies of the namespace chose. Whether they are ready or suspended does not matter: a policy that
// fails keeps steering with its last value. Flux: image-automation-controller contract, "Interpretation notes".
func (r *Reconciler) policies(ctx context.Context, s *scope) error {
	selector := labels.Everything()
	if s.obj.Spec.PolicySelector != nil {
		var err error
		if selector, err = metav1.LabelSelectorAsSelector(s.obj.Spec.PolicySelector); err != nil {
			return outcome.Stall(imagev1.InvalidPolicySelectorReason, fmt.Errorf("failed to parse policy selector: %w", err))
		}
	}
	if update := s.obj.Spec.Update; update == nil || update.Strategy != imagev1.UpdateStrategySetters {
		return outcome.Stall(imagev1.InvalidUpdateStrategyReason, errors.New("spec.update.strategy is not Setters"))
	}
	var list imagev1.ImagePolicyList
	err := r.Client.List(ctx, &list, client.InNamespace(s.obj.Namespace), client.MatchingLabelsSelector{Selector: selector}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return fmt.Errorf("list policies: %w", err)
	}
	s.refs = imagev1.ObservedPolicies{}
	for i := range list.Items {
		if ref := list.Items[i].Status.LatestRef; ref != nil {
			s.refs[list.Items[i].Name] = *ref
		}
	}
	return nil
}

// images is what the policies chose by the names that markers have for them.
func (s *scope) images() setters.Images {
	images := setters.Images{}
	for name, ref := range s.refs {
		images[s.obj.Namespace+":"+name] = setters.Image{Name: ref.Name, Tag: ref.Tag, Digest: ref.Digest}
	}
	return images
}
