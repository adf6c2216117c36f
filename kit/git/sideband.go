// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// errPackSize says that a pack is larger than anything a repository needs.
var errPackSize = errors.New("pack is too large")

// input is what comes from a server. It keeps the error that ended it early, which says nothing about
// the pack, and ends it itself after a number of bytes.
type input struct {
	from    io.Reader
	left    int64
	failure error
}

// Read implements io.Reader.
func (in *input) Read(b []byte) (int, error) {
	n, err := in.from.Read(b)
	in.left -= int64(n)
	if in.left < 0 {
		err = fmt.Errorf("%w: more than %d bytes", errPackSize, maxPackBytes)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		in.failure = err
	}
	return n, err
}

// demuxer reads the pack out of a response that carries messages beside it. go-git's gives the error
// message of a server as it is, and no way to tell it from a malformed response or a cut connection.
type demuxer struct {
	from    *input
	packets *pktline.Scanner
	pending []byte
	// notes takes messages that are no errors; nil drops them.
	notes io.Writer
	// begun says that some of the pack has come.
	begun bool
	// end is io.EOF or why there is no more.
	end error
}

// newDemuxer returns a demuxer for a response.
func newDemuxer(r io.Reader) *demuxer {
	in := &input{from: r, left: maxPackBytes}
	return &demuxer{from: in, packets: pktline.NewScanner(in)}
}

// Read implements io.Reader.
func (d *demuxer) Read(b []byte) (int, error) {
	for len(d.pending) == 0 && d.end == nil {
		d.pending, d.end = d.next()
	}
	if len(d.pending) == 0 {
		return 0, d.end
	}
	n := copy(b, d.pending)
	d.pending = d.pending[n:]
	return n, nil
}

// next returns what the next packet adds to the pack.
func (d *demuxer) next() ([]byte, error) {
	if !d.packets.Scan() {
		return nil, d.broken(d.packets.Err())
	}
	packet := d.packets.Bytes()
	if len(packet) == 0 {
		return nil, io.EOF
	}
	switch sideband.Channel(packet[0]) {
	case sideband.PackData:
		d.begun = true
		return packet[1:], nil
	case sideband.ProgressMessage:
		if d.notes != nil {
			_, _ = d.notes.Write(packet[1:]) // what takes them keeps a part in memory and cannot fail
		}
		return nil, nil
	case sideband.ErrorMessage:
		return nil, fmt.Errorf("remote: %s", serverText(packet[1:]))
	}
	return nil, fmt.Errorf("%w: unknown side-band channel %d", errPack, packet[0])
}

// broken is the error of a response that ends without saying so.
func (d *demuxer) broken(err error) error {
	line, refused := errors.AsType[*pktline.ErrorLine](err)
	switch {
	case d.from.failure != nil:
		return d.from.failure
	case refused:
		return fmt.Errorf("remote: %s", serverText([]byte(line.Text)))
	case err == nil && !d.begun:
		return fmt.Errorf("%w: there is none in the response", errPack)
	case err == nil || errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", errPack, err)
}
