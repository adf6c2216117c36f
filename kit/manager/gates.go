// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/fluxcd/pkg/runtime/controller"
)

// GateCacheSecretsAndConfigMaps names the gate that makes Secrets and ConfigMaps be read from a cache instead of the API server.
const GateCacheSecretsAndConfigMaps = controller.FeatureGateCacheSecretsAndConfigMaps

// Gates holds the state of feature gates by name.
type Gates map[string]bool

// Enabled tells whether the gate is on. A gate that the program does not know is off.
func (g Gates) Enabled(name string) bool { return g[name] }

// resolveGates lays the wanted states over the defaults of the program. Unknown names are all reported.
func resolveGates(defaults, wanted map[string]bool) (Gates, error) {
	gates := Gates(maps.Clone(defaults))
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if _, known := defaults[name]; !known {
			errs = append(errs, fmt.Errorf("--feature-gates: feature-gate '%s' not supported", name))
			continue
		}
		gates[name] = wanted[name]
	}
	return gates, errors.Join(errs...)
}
