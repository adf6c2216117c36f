// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	"github.com/weir-gitops/weir/kit/excerpt"
)

// checksumKey and eventv1.DigestKey are metadata that source-controller sends and nobody is shown.
const checksumKey = "checksum"

// maxNameBytes bounds what is repeated of a name in an event: those of Kubernetes have up to 253 characters, a sender may write anything.
const maxNameBytes = 256

// Brief returns a name as it is repeated in logs and messages.
func Brief(name string) string { return excerpt.Of(name, maxNameBytes) }

// Event decodes what a sender posted and leaves what receivers are meant to see: metadata of foreign prefixes, digests and the token are gone.
func Event(body []byte) (eventv1.Event, error) {
	event, err := decode(body)
	delete(event.Metadata, Prefix(event)+eventv1.TokenKey)
	if len(event.Metadata) == 0 {
		event.Metadata = nil
	}
	return event, err
}

// Prefix is what the keys of metadata begin with that the controller of the object sets; empty when the event does not say its API group.
func Prefix(event eventv1.Event) string {
	// Not schema.ParseGroupVersion: a sender may write anything there, and what is before the slash is what it means.
	group, _, found := strings.Cut(event.InvolvedObject.APIVersion, "/")
	if !found || group == "" {
		return ""
	}
	return group + "/"
}

// decode reads an event and drops the metadata that the contract says is dropped on receipt (section 2.2).
func decode(body []byte) (eventv1.Event, error) {
	var event eventv1.Event
	if err := json.Unmarshal(body, &event); err != nil {
		return eventv1.Event{}, fmt.Errorf("decode event: %w", err)
	}
	prefix := Prefix(event)
	maps.DeleteFunc(event.Metadata, func(key, _ string) bool { return dropped(key, prefix) })
	return event, nil
}

func dropped(key, prefix string) bool {
	if strings.HasPrefix(key, eventv1.AnnotationPrefix) {
		return false
	}
	if prefix == "" || !strings.HasPrefix(key, prefix) {
		return true
	}
	return strings.EqualFold(key, prefix+checksumKey) || strings.EqualFold(key, prefix+eventv1.DigestKey)
}

// Key names the object of an event in a few bytes; the order of events with the same key is kept.
func Key(object corev1.ObjectReference) string {
	h := sha256.New()
	for _, part := range []string{object.Kind, object.Namespace, object.Name} {
		write(h, part)
	}
	const enough = 16 // bytes: objects are not chosen to collide, and if they are, they share their order
	return string(h.Sum(nil)[:enough])
}

// identity is what two events have in common that are the same for the window.
type identity [sha256.Size]byte

// identify hashes what makes the identity of an event (section 3.3), so that its size does not depend on the sender. Severity, reason and the
// rest are not part of it.
func identify(event eventv1.Event) identity {
	h := sha256.New()
	object := event.InvolvedObject
	for _, part := range []string{object.Name, object.Namespace, object.Kind, event.Message} {
		write(h, part)
	}
	prefix := Prefix(event)
	for _, key := range []string{eventv1.OriginRevisionKey, eventv1.RevisionKey, eventv1.TokenKey} {
		value, present := event.Metadata[prefix+key]
		if !present {
			h.Write([]byte{0}) // absent is not empty
			continue
		}
		h.Write([]byte{1})
		write(h, value)
	}
	return identity(h.Sum(nil))
}

// write adds a text with its length, so that no two lists of texts look the same.
func write(h hash.Hash, text string) {
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(text)))
	h.Write(size[:])
	h.Write([]byte(text))
}
