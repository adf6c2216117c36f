// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"fmt"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"
)

// Index is the index of a chart repository. The fields are those of helm's own type, which comes with far heavier company.
type Index struct {
	// ServerInfo is what some servers add.
	ServerInfo map[string]any `json:"serverInfo,omitempty"`
	APIVersion string         `json:"apiVersion"`
	Generated  time.Time      `json:"generated"`
	// Entries has the versions of each chart.
	Entries     map[string][]*IndexVersion `json:"entries"`
	PublicKeys  []string                   `json:"publicKeys,omitempty"`
	Annotations map[string]string          `json:"annotations,omitempty"`
}

// IndexVersion is one version of a chart in an index.
type IndexVersion struct {
	*chart.Metadata

	// URLs are where the archive is, relative to the repository or absolute.
	URLs    []string  `json:"urls"`
	Created time.Time `json:"created"`
	Removed bool      `json:"removed,omitempty"`
	Digest  string    `json:"digest,omitempty"`

	// Fields of older indexes. They are read because a strict parser refuses what it does not know.
	ChecksumDeprecated      string `json:"checksum,omitempty"`
	EngineDeprecated        string `json:"engine,omitempty"`
	TillerVersionDeprecated string `json:"tillerVersion,omitempty"`
	URLDeprecated           string `json:"url,omitempty"`
}

// Check completes the version as helm does when it reads an index, and reports what makes it unusable.
func (v *IndexVersion) Check() error {
	if v.Metadata == nil {
		v.Metadata = &chart.Metadata{}
	}
	if v.APIVersion == "" {
		v.APIVersion = chart.APIVersionV1
	}
	err := v.Validate()
	if err == nil || strings.HasPrefix(err.Error(), aliasClash) {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrChart, err)
}

// aliasClash is how helm's error about two dependencies of one name starts. Some servers strip the aliases, so that it is no reason to drop a
// version; helm, whose error has no type for this case, tells it apart in the same way.
const aliasClash = "validation: more than one dependency with name or alias"

// ParseIndex reads an index in YAML. Unknown and repeated keys are errors.
func ParseIndex(content []byte) (*Index, error) {
	index := &Index{}
	if err := unmarshalStrict(content, index); err != nil {
		return nil, err
	}
	return index, nil
}

// ParseIndexVersions reads a list of versions in YAML. Unknown and repeated keys are errors. An empty item is a nil version.
func ParseIndexVersions(content []byte) ([]*IndexVersion, error) {
	if versions, ok := plainVersions(content); ok {
		return versions, nil
	}
	return parseIndexVersions(content)
}

// parseIndexVersions is ParseIndexVersions by way of the YAML parser.
func parseIndexVersions(content []byte) ([]*IndexVersion, error) {
	var versions []*IndexVersion
	if err := unmarshalStrict(content, &versions); err != nil {
		return nil, err
	}
	return versions, nil
}

// ParseIndexEntries reads charts with their versions in YAML, as they are below the key entries.
func ParseIndexEntries(content []byte) (map[string][]*IndexVersion, error) {
	var entries map[string][]*IndexVersion
	if err := unmarshalStrict(content, &entries); err != nil {
		return nil, err
	}
	return entries, nil
}

func unmarshalStrict(content []byte, into any) error {
	if err := checkExpansion(content, false); err != nil {
		return err
	}
	return yaml.UnmarshalStrict(content, into)
}
