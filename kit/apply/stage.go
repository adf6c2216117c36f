// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"cmp"
	"slices"

	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// stage is a group of objects that has to be in place before the next one begins.
type stage int

// Flux: docs/spec/v1/kustomizations.md, "Kustomization resource ordering".
const (
	definitions stage = iota // CustomResourceDefinition, Namespace, ClusterRole
	classes                  // StorageClass, GatewayClass and every other kind whose name ends in Class
	custom                   // the kinds the operator put before the rest
	ordinary                 // everything else
)

// awaits tells whether the objects of the stage have to be Current before the next stage.
func (s stage) awaits() bool { return s == definitions || s == classes }

func stageOf(u *unstructured.Unstructured, customKinds map[schema.GroupKind]struct{}) stage {
	switch {
	case utils.IsClusterDefinition(u):
		return definitions
	case utils.IsClassDefinition(u):
		return classes
	case utils.IsCustomStage(u, customKinds):
		return custom
	default:
		return ordinary
	}
}

// sortItems puts items into apply order: stage, rank of the kind, namespace, name.
func sortItems(items []*item) {
	slices.SortStableFunc(items, func(a, b *item) int {
		return cmp.Or(
			cmp.Compare(a.stage, b.stage),
			compareKinds(a.gvk().GroupKind(), b.gvk().GroupKind()),
			cmp.Compare(a.obj.GetNamespace(), b.obj.GetNamespace()),
			cmp.Compare(a.obj.GetName(), b.obj.GetName()),
		)
	})
}

// sortForPrune puts inventory lines into the order of deletion, the reverse of the apply order.
func sortForPrune(list []known) {
	slices.SortStableFunc(list, func(a, b known) int {
		return cmp.Or(
			compareKinds(b.id.GroupKind, a.id.GroupKind),
			cmp.Compare(b.id.Namespace, a.id.Namespace),
			cmp.Compare(b.id.Name, a.id.Name),
		)
	})
}

func compareKinds(a, b schema.GroupKind) int {
	switch {
	case a == b:
		return 0
	case ssa.IsLessThan(a, b):
		return -1
	default:
		return 1
	}
}
