// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"

	"github.com/fxamacker/cbor/v2"
	"helm.sh/helm/v3/pkg/chartutil"
)

const (
	// maxOutputBytes bounds all that the templates render to, here and in a child. A release is stored in 1 MiB, compressed.
	maxOutputBytes = 64 << 20
	// maxAnswerBytes bounds what is taken from a child in one piece: all that the templates rendered, and the names of their files.
	maxAnswerBytes = maxOutputBytes + 16<<20
	// maxJobBytes bounds what a child takes in one piece. Its memory is bounded besides.
	maxJobBytes = 1 << 30
	// maxDepth bounds how deep values nest. What is read from YAML and JSON nests 10,000 deep at most.
	maxDepth = 20_000
	// tagNumber and tagValues mark types of Go that look like others in CBOR. Both ends are this program, so that any numbers will do.
	tagNumber, tagValues = 65_001, 65_002
)

var (
	// errTooLarge says that the other side sent more than is taken.
	errTooLarge = errors.New("message too large")
	// errMalformed says that a message means nothing at this place.
	errMalformed = errors.New("malformed message")
)

// message is what parent and child say to each other. One field is set.
type message struct {
	Job      *sentJob  `json:"job,omitempty"`      // to the child, first
	Question *question `json:"question,omitempty"` // from the child
	Answer   *answer   `json:"answer,omitempty"`   // to the child
	Result   *result   `json:"result,omitempty"`   // from the child, last
}

// result is what became of a job: what each template rendered to, or the error of the engine.
type result struct {
	Files map[string]string `json:"files"`
	Fault string            `json:"fault"`
}

// outcome returns either.
func (r *result) outcome() (map[string]string, error) {
	if r.Fault != "" {
		return nil, errors.New(r.Fault)
	}
	return r.Files, nil
}

// codec keeps the types that values have in Go, as templates tell them apart. Whole numbers are int64: values from YAML, JSON and flags, and objects of a
// cluster, know no other.
type codec struct {
	encode cbor.EncMode
	decode cbor.DecMode
}

func newCodec() (codec, error) {
	tags := cbor.NewTagSet()
	both := cbor.TagOptions{DecTag: cbor.DecTagRequired, EncTag: cbor.EncTagRequired}
	err := errors.Join(
		tags.Add(both, reflect.TypeFor[json.Number](), tagNumber),
		tags.Add(both, reflect.TypeFor[chartutil.Values](), tagValues),
	)
	encode, encodeErr := cbor.EncOptions{}.EncModeWithTags(tags)
	decode, decodeErr := cbor.DecOptions{
		DefaultMapType: reflect.TypeFor[map[string]any](), IntDec: cbor.IntDecConvertSignedOrFail, UTF8: cbor.UTF8DecodeInvalid,
		MaxNestedLevels: maxDepth, MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32,
	}.DecModeWithTags(tags)
	return codec{encode: encode, decode: decode}, errors.Join(err, encodeErr, decodeErr)
}

// headBytes is the size of what says how long a message is.
const headBytes = 4

// pipe exchanges messages.
type pipe struct {
	codec

	in  io.Reader
	out io.Writer
	// takes and gives are the sizes of the largest messages in either direction, in bytes.
	takes, gives int64
}

func (p pipe) send(m message) error {
	content, err := p.encode.Marshal(m)
	if err != nil {
		return err
	}
	size := int64(len(content))
	if size > p.gives {
		return fmt.Errorf("%w: %d bytes", errTooLarge, size)
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(size)) //nolint:gosec // gives is less
	_, err = p.out.Write(append(head, content...))
	return err
}

func (p pipe) receive() (message, error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return message{}, err
	}
	size := int64(binary.BigEndian.Uint32(head[:]))
	if size > p.takes {
		return message{}, fmt.Errorf("%w: %d bytes", errTooLarge, size)
	}
	// Not at once: there need not be as much as the length says.
	content, err := io.ReadAll(io.LimitReader(p.in, size))
	if err == nil && int64(len(content)) < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return message{}, err
	}
	var m message
	if err := p.decode.Unmarshal(content, &m); err != nil {
		return message{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return m, nil
}
