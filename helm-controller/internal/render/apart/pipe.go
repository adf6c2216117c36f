// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxAnswerBytes bounds what is taken from a child in one piece, which is at most all that the templates rendered. A release is stored in 1 MiB, compressed.
const maxAnswerBytes = 64 << 20

// maxJobBytes bounds what a child takes in one piece. Its memory is bounded besides.
const maxJobBytes = 1 << 30

// errTooLarge says that the other side sent more than is taken.
var errTooLarge = errors.New("message too large")

// Kinds of messages. A message is its kind, the length of what follows in four bytes, and one value.
const (
	msgJob    = 'J' // to the child: the job
	msgFiles  = 'F' // from the child: what it rendered to
	msgFault  = 'E' // from the child: the error of the engine
	msgKind   = 'K' // from the child: is there such a kind?
	msgLookup = 'L' // from the child: read an object, or all
	msgFetch  = 'H' // from the child: send this request
	msgAnswer = 'A' // to the child: the answer to the last three
)

// headBytes is the size of kind and length.
const headBytes = 5

// pipe exchanges messages.
type pipe struct {
	in  io.Reader
	out io.Writer
	// takes and gives are the sizes of the largest messages in either direction, in bytes.
	takes, gives int64
}

func (p pipe) send(kind byte, value any) error {
	message, err := encode(make([]byte, headBytes, 512), value)
	if err != nil {
		return err
	}
	size := int64(len(message) - headBytes)
	if size > p.gives {
		return fmt.Errorf("%w: %d bytes", errTooLarge, size)
	}
	message[0] = kind
	binary.BigEndian.PutUint32(message[1:], uint32(size)) //nolint:gosec // gives is less
	_, err = p.out.Write(message)
	return err
}

func (p pipe) receive() (kind byte, value any, err error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return 0, nil, err
	}
	size := int64(binary.BigEndian.Uint32(head[1:]))
	if size > p.takes {
		return 0, nil, fmt.Errorf("%w: %d bytes", errTooLarge, size)
	}
	// Not at once: there need not be as much as the length says.
	content, err := io.ReadAll(io.LimitReader(p.in, size))
	if err == nil && int64(len(content)) < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, nil, err
	}
	value, err = decode(content)
	return head[0], value, err
}
