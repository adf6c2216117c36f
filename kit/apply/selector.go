// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Selector selects objects of a set: anchored regular expressions for group, version, kind, namespace and name, and Kubernetes selectors for
// labels and annotations. An empty field selects all.
type Selector = jsondiff.Selector

// ParseStageKinds reads the kinds of Config.CustomStageKinds from a comma list of group/Kind.
// Flux: --custom-apply-stage-kinds.
func ParseStageKinds(list string) (map[schema.GroupKind]struct{}, error) {
	kinds, err := utils.ParseGroupKindSet(list)
	if err != nil {
		return nil, fmt.Errorf("parse kinds %q: %w", list, err)
	}
	for kind := range kinds {
		// The library takes whatever stands before and after the first slash.
		if len(validation.IsDNS1035Label(strings.ToLower(kind.Kind))) > 0 || kind.Group != "" && len(validation.IsDNS1123Subdomain(kind.Group)) > 0 {
			return nil, fmt.Errorf("parse kinds %q: %q is not group/Kind", list, kind.Group+"/"+kind.Kind)
		}
	}
	return kinds, nil
}
