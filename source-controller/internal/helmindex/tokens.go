// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/weir-gitops/weir/kit/helmchart"
)

// rationed is a reader that gives out no more than left bytes before it is refilled: the decoder takes in a value as a whole, however large.
type rationed struct {
	from io.Reader
	left int
}

// Read implements io.Reader.
func (r *rationed) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, fmt.Errorf("entry of more than %d bytes: %w", maxPieceBytes, errLayout)
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// tokens reads an index in JSON.
type tokens struct {
	sink    sink
	ration  *rationed
	decoder *json.Decoder
	// head has what is not a chart.
	head map[string]json.RawMessage
}

// cutJSON reads an index in JSON as encoding/json would read the whole: of repeated keys the last one counts, and the case of keys does not.
func cutJSON(ctx context.Context, r io.Reader, s sink) error {
	ration := &rationed{from: r}
	t := &tokens{sink: s, ration: ration, decoder: json.NewDecoder(ration), head: map[string]json.RawMessage{}}
	t.refill()
	err := t.object(func(key string) error {
		if strings.EqualFold(key, entriesKey) {
			return t.entries(ctx)
		}
		var value json.RawMessage
		if err := t.decoder.Decode(&value); err != nil {
			return err
		}
		// The case of keys is left to the decoder of the whole.
		t.head[key] = value
		if len(t.head) > maxHeadKeys {
			return errLayout
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := t.decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("content after the index: %w", errLayout)
	}
	return t.finish()
}

// refill lets the decoder take in another value.
func (t *tokens) refill() { t.ration.left = maxPieceBytes }

// object calls visit for each key of an object, with the decoder before the value.
func (t *tokens) object(visit func(key string) error) error {
	if err := t.expect(json.Delim('{')); err != nil {
		return err
	}
	for t.decoder.More() {
		t.refill()
		token, err := t.decoder.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return errLayout
		}
		if err := visit(key); err != nil {
			return err
		}
	}
	t.refill()
	return t.expect(json.Delim('}'))
}

func (t *tokens) expect(want json.Delim) error {
	token, err := t.decoder.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v instead of %v: %w", token, want, errLayout)
	}
	return nil
}

// entries reads the charts.
func (t *tokens) entries(ctx context.Context) error {
	return t.object(func(name string) error {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := t.sink.chart(name, false); err != nil {
			return err
		}
		token, err := t.decoder.Token()
		if err != nil || token == nil {
			return err
		}
		if token != json.Delim('[') {
			return fmt.Errorf("chart %q has no list of versions: %w", name, errLayout)
		}
		return t.versions(ctx)
	})
}

// versions reads the versions of a chart and the end of their list.
func (t *tokens) versions(ctx context.Context) error {
	for t.decoder.More() {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		t.refill()
		var version *helmchart.IndexVersion
		if err := t.decoder.Decode(&version); err != nil {
			return err
		}
		if err := addVersions(t.sink, []*helmchart.IndexVersion{version}); err != nil {
			return err
		}
	}
	t.refill()
	return t.expect(json.Delim(']'))
}

func (t *tokens) finish() error {
	content, err := json.Marshal(t.head)
	if err != nil {
		return err
	}
	index := &helmchart.Index{}
	if err := json.Unmarshal(content, index); err != nil {
		return err
	}
	return addIndex(t.sink, index)
}
