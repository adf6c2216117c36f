// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package setters

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weir-gitops/weir/kit/oci"
)

const (
	// markerKey is the key of the JSON object in a comment that marks a field.
	markerKey = "$imagepolicy"
	// screeningToken is in every file with a marker. Flux: image-automation-controller contract, "Marker grammar", screening.
	screeningToken = `"` + markerKey + `"`
)

// Parts of an image that a marker may ask for.
const (
	partName   = "name"
	partTag    = "tag"
	partDigest = "digest"
)

// Image is what a policy chose.
type Image struct {
	// Name is the image without tag and digest.
	Name string
	// Tag is the chosen tag.
	Tag string
	// Digest is what the tag points to; empty when the policy does not look it up.
	Digest string
}

// String returns name:tag, followed by @digest where there is one.
func (i Image) String() string {
	if i.Digest == "" {
		return i.Name + ":" + i.Tag
	}
	return i.Name + ":" + i.Tag + "@" + i.Digest
}

// Images holds what policies chose, by <namespace>:<name> of the policy.
type Images map[string]Image

// Check refuses images that are no valid references, all at once. Flux: image-automation-controller contract, "Writing: byte-exact rule".
func (i Images) Check() error {
	var errs []error
	for _, policy := range slices.Sorted(maps.Keys(i)) {
		if err := i[policy].check(); err != nil {
			errs = append(errs, fmt.Errorf("encountered invalid image ref %q of policy '%s': %w", i[policy], policy, err))
		}
	}
	return errors.Join(errs...)
}

// check refuses an image of which any part is not what a reference may hold.
func (i Image) check() error {
	_, _, err := oci.ParseReference(i.Name + ":" + i.Tag)
	if err == nil && i.Digest != "" {
		_, _, err = oci.ParseReference(i.Name + "@" + i.Digest)
	}
	return err
}

// Screen reports whether content may hold markers: what does not is not worth parsing.
func Screen(content []byte) bool { return bytes.Contains(content, []byte(screeningToken)) }

// value returns what a field with the marker should hold, false if the marker is none or means nothing here.
func (i Images) value(marker string) (string, bool) {
	policy, part := marker, ""
	if parts := strings.Split(marker, ":"); len(parts) == 3 {
		policy, part = parts[0]+":"+parts[1], parts[2]
		if part == "" {
			return "", false
		}
	}
	image, ok := i[policy]
	if !ok {
		return "", false
	}
	switch part {
	case "":
		return image.String(), true
	case partName:
		return image.Name, true
	case partTag:
		return image.Tag, true
	case partDigest:
		return image.Digest, true
	}
	return "", false
}

// readMarker returns the value of the marker in a comment, false if the comment is another one.
func readMarker(comment string) (string, bool) {
	if !strings.Contains(comment, screeningToken) {
		return "", false
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(strings.TrimLeft(comment, "# \t")), &object); err != nil {
		return "", false
	}
	for _, value := range object {
		if _, ok := value.(string); !ok {
			return "", false
		}
	}
	marker, ok := object[markerKey].(string)
	return marker, ok
}
