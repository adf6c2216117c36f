// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

const (
	// maxDocumentBytes bounds a release when it is unpacked. A Secret holds at most 1 MiB, which text packs into at a hundredth of its size
	// at worst; real releases take a few megabytes.
	maxDocumentBytes = 64 << 20

	// maxPayloadBytes is what fits into a Secret, in base64. Kubernetes: MaxSecretSize.
	maxPayloadBytes = 1 << 20
)

// ErrTooLarge says that a stored release is larger than anything Helm writes.
var ErrTooLarge = errors.New("stored release is too large")

// Keys of the JSON that are ours or Helm 4's to keep; Helm 3's type does not have them.
const (
	applyMethodKey = "apply_method"
	chartKey       = "chart"
)

// document is a stored release, unpacked.
type document struct {
	json []byte
	// extras are the top-level keys that the type of Helm 3 does not have.
	extras map[string]json.RawMessage
	// chart as stored. It goes back unchanged when the revision is rewritten: Helm 4 knows fields in it that Helm 3 does not.
	chart json.RawMessage
	// sum of the content without extras.
	sum [sha256.Size]byte
}

// unpack reads the payload of a Secret: base64 of JSON, usually gzipped.
func unpack(payload []byte) (*document, error) {
	data := make([]byte, base64.StdEncoding.DecodedLen(len(payload)))
	n, err := base64.StdEncoding.Decode(data, payload)
	if err != nil {
		return nil, fmt.Errorf("decode base64: %w", err)
	}
	data = data[:n]
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b, 0x08}) {
		if data, err = gunzip(data); err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
	}
	return parse(data)
}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	unpacked, err := io.ReadAll(io.LimitReader(r, maxDocumentBytes+1))
	if err != nil {
		return nil, err
	}
	if len(unpacked) > maxDocumentBytes {
		return nil, ErrTooLarge
	}
	return unpacked, nil
}

// parse finds in JSON what has to survive a rewrite.
func parse(data []byte) (*document, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, fmt.Errorf("decode release: %w", err)
	}
	d := &document{json: data, chart: keys[chartKey]}
	for _, known := range []string{"name", "info", chartKey, "config", "manifest", "hooks", "version", "namespace"} {
		delete(keys, known)
	}
	d.extras = keys
	return d, nil
}

// release decodes the whole, chart included.
func (d *document) release() (*helmrelease.Release, error) {
	rls := &helmrelease.Release{}
	if err := json.Unmarshal(d.json, rls); err != nil {
		return nil, fmt.Errorf("decode release: %w", err)
	}
	if rls.Info == nil {
		rls.Info = &helmrelease.Info{Status: helmrelease.StatusUnknown}
	}
	return rls, nil
}

// intent of the revision, nil without one.
func (d *document) intent() *release.Intent { return release.DecodeIntent(d.extras[release.IntentKey]) }

// compose makes the document of a release. chartJSON saves encoding a chart again, nil if it is not at hand.
func compose(rls *helmrelease.Release, chartJSON json.RawMessage, extras map[string]json.RawMessage) (*document, error) {
	bare := *rls
	bare.Chart = nil
	head, err := json.Marshal(&bare)
	if err != nil {
		return nil, fmt.Errorf("encode release: %w", err)
	}
	if chartJSON == nil && rls.Chart != nil {
		if chartJSON, err = encodeChart(rls.Chart); err != nil {
			return nil, err
		}
	}
	d := &document{extras: extras, chart: chartJSON}
	h := sha256.New()
	h.Write(head)
	h.Write(chartJSON)
	h.Sum(d.sum[:0])

	var b bytes.Buffer
	b.Grow(len(head) + len(chartJSON) + 256)
	b.Write(head[:len(head)-1]) // without the closing brace
	if chartJSON != nil {
		appendKey(&b, chartKey, chartJSON)
	}
	for _, key := range slices.Sorted(maps.Keys(extras)) {
		appendKey(&b, key, extras[key])
	}
	b.WriteByte('}')
	d.json = b.Bytes()
	return d, nil
}

func encodeChart(c *chart.Chart) (json.RawMessage, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode chart: %w", err)
	}
	return data, nil
}

func appendKey(b *bytes.Buffer, key string, value json.RawMessage) {
	if b.Len() > 1 {
		b.WriteByte(',')
	}
	b.Write(jsonString(key))
	b.WriteByte(':')
	b.Write(value)
}

// jsonString encodes a string, which cannot fail.
func jsonString(s string) json.RawMessage {
	data, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return data
}

// packer makes payloads. Compressors are large (most of a megabyte) and are used again.
type packer struct{ writers sync.Pool }

// pack returns the payload of a document.
func (p *packer) pack(d *document) ([]byte, error) {
	w, ok := p.writers.Get().(*gzip.Writer)
	if !ok {
		w = gzip.NewWriter(io.Discard)
	}
	defer p.writers.Put(w)
	payload, err := deflate(w, d.json)
	if err != nil || len(payload) <= maxPayloadBytes {
		return payload, err
	}
	// Too large at the usual level: what Helm could store has to fit here, too, and Helm takes the best.
	best, err := gzip.NewWriterLevel(io.Discard, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	return deflate(best, d.json)
}

func deflate(w *gzip.Writer, data []byte) ([]byte, error) {
	var b bytes.Buffer
	w.Reset(&b)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	payload := make([]byte, base64.StdEncoding.EncodedLen(b.Len()))
	base64.StdEncoding.Encode(payload, b.Bytes())
	return payload, nil
}
