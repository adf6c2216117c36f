// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package bodies

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// Max bounds the body of a request, in bytes, inclusive. Flux: contract notification-controller, "Listeners".
	Max = 3 << 20
	// small is the size up to which a body is read at once. The largest event that emitters send, 39,000 characters, is smaller, and so are
	// nearly all webhooks; the header of a request may be as large.
	small = 256 << 10
	// maxLarge is how many larger bodies are in memory at once.
	maxLarge = 8
	// patience is how long a large body waits for its turn.
	patience = 10 * time.Second
)

var (
	// ErrTooLarge says that a body has more than Max bytes.
	ErrTooLarge = fmt.Errorf("body of more than %d bytes", Max)
	// ErrBusy says that too many large bodies are being worked on.
	ErrBusy = errors.New("too many large bodies at once")
)

// Reader reads bodies. It may be used from any goroutine.
type Reader struct {
	large chan struct{}
}

// New returns a reader.
func New() *Reader { return &Reader{large: make(chan struct{}, maxLarge)} }

// Read returns the body of a request. The caller calls release when it is done with the body, also after an error. Errors are ErrTooLarge, ErrBusy
// and those of the connection.
func (r *Reader) Read(w http.ResponseWriter, req *http.Request) (body []byte, release func(), err error) {
	release = func() {}
	if req.ContentLength > Max {
		return nil, release, ErrTooLarge
	}
	in := http.MaxBytesReader(w, req.Body, Max)
	body, err = io.ReadAll(io.LimitReader(in, small+1))
	if err != nil || len(body) <= small {
		return body, release, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r.large <- struct{}{}:
		release = func() { <-r.large }
	case <-timer.C:
		return nil, release, ErrBusy
	case <-req.Context().Done():
		return nil, release, req.Context().Err()
	}
	rest, err := io.ReadAll(in)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, release, ErrTooLarge
	}
	return append(body, rest...), release, err
}
