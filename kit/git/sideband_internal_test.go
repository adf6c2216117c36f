// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/go-git/go-git/v5/plumbing"
)

// packets frames texts; an empty one is the flush packet.
func packets(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		if text == "" {
			b.WriteString("0000")
			continue
		}
		fmt.Fprintf(&b, "%04x%s", len(text)+4, text)
	}
	return b.String()
}

func TestReceiveFailures(t *testing.T) {
	var whole packBuilder
	whole.add(plumbing.BlobObject, nil, []byte("content"))
	pack := string(whole.bytes())
	cut := iotest.ErrReader(syscall.ECONNRESET)
	cases := map[string]struct {
		reason   string
		response io.Reader
		// message is what the error must hold; empty for none.
		message  string
		hopeless bool
	}{
		"Whole":    {"The pack in two packets, with progress between.", strings.NewReader(packets("\x01"+pack[:9], "\x02so far", "\x01"+pack[9:], "")), "", false},
		"NoFlush":  {"A server that leaves out the end.", strings.NewReader(packets("\x01" + pack)), "", false},
		"Refused":  {"An error of the server is quoted as a clean line and does not ask for a clone.", strings.NewReader(packets("\x01"+pack[:9], "\x03no\x1b[31m\nhttps://u:p@host/x")), "remote: no [31m https://host/x", false},
		"ErrLine":  {"So is one outside of the side-band.", strings.NewReader(packets("ERR access\x07 denied")), "remote: access  denied", false},
		"Reset":    {"A cut connection says nothing about the pack.", io.MultiReader(strings.NewReader(packets("\x01"+pack[:9])), cut), "connection reset", false},
		"ResetLen": {"Nor does one that is cut within a length.", io.MultiReader(strings.NewReader(packets("\x01"+pack[:9])+"00"), cut), "connection reset", false},
		"Ended":    {"Nor one that ends between packets.", strings.NewReader(packets("\x01" + pack[:9])), "unexpected EOF", false},
		"Short":    {"A pack that is too short, says the server, is malformed.", strings.NewReader(packets("\x01"+pack[:20], "")), "malformed pack", true},
		"Channel":  {"So is an unknown channel.", strings.NewReader(packets("\x04" + pack)), "channel 4", true},
		"None":     {"So is no pack.", strings.NewReader(""), "none in the response", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := storePack(t.Context(), packDir(t.TempDir()), newDemuxer(tc.response), noBase)
			if tc.message == "" {
				if err != nil {
					t.Fatalf("%s\n%v", tc.reason, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.message) || hopeless(err) != tc.hopeless {
				t.Errorf("%s\ngot %v (hopeless: %t)", tc.reason, err, hopeless(err))
			}
		})
	}
}

// A commit, tree or tag is read in one piece, so it must not be a small pack's large surprise.
func TestStorePackBombs(t *testing.T) {
	large := make([]byte, maxMetadataBytes+1)
	cases := map[string]struct {
		reason string
		pack   func(b *packBuilder)
		want   error
	}{
		"Commit": {"A commit with a message that does not end.", func(b *packBuilder) { b.add(plumbing.CommitObject, nil, large) }, errTooLarge},
		"Delta": {"A tree that becomes large as a difference.", func(b *packBuilder) {
			at := b.add(plumbing.TreeObject, nil, []byte("x"))
			d := binary.AppendUvarint(binary.AppendUvarint(nil, 1), maxMetadataBytes+1)
			b.add(plumbing.OFSDeltaObject, offsetTo(int64(b.body.Len()+12), at), d)
		}, errTooLarge},
		"Blob":  {"A large file is streamed.", func(b *packBuilder) { b.add(plumbing.BlobObject, nil, large) }, nil},
		"Count": {"More objects than memory is for.", func(b *packBuilder) { b.count = maxPackObjects + 1 }, errPackSize},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var b packBuilder
			tc.pack(&b)
			if err := storePack(t.Context(), packDir(t.TempDir()), bytes.NewReader(b.bytes()), noBase); !errors.Is(err, tc.want) {
				t.Errorf("%s\ngot %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}
