// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// packBuilder writes packs by hand, so that they can be as odd as the format allows.
type packBuilder struct {
	body  bytes.Buffer
	count uint32
}

// add appends an object with what stands between header and content, and returns its offset.
func (b *packBuilder) add(kind plumbing.ObjectType, extra, content []byte) int64 {
	offset := int64(b.body.Len() + 12)
	b.body.Write(objectHeader(kind, len(content)))
	b.body.Write(extra)
	z := zlib.NewWriter(&b.body)
	_, _ = z.Write(content)
	_ = z.Close()
	b.count++
	return offset
}

func (b *packBuilder) bytes() []byte {
	pack := []byte("PACK\x00\x00\x00\x02")
	pack = binary.BigEndian.AppendUint32(pack, b.count)
	pack = append(pack, b.body.Bytes()...)
	sum := sha1.Sum(pack)
	return append(pack, sum[:]...)
}

// delta appends text to all of base.
func delta(base, text string) []byte {
	d := binary.AppendUvarint(nil, uint64(len(base)))
	d = binary.AppendUvarint(d, uint64(len(base)+len(text)))
	d = append(d, 0x80|0x10|0x20, byte(len(base)), byte(len(base)>>8))
	return append(append(d, byte(len(text))), text...)
}

// offsetTo encodes the distance of an OFS delta.
func offsetTo(from, to int64) []byte {
	n := from - to
	b := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		b = append([]byte{0x80 | byte(n&0x7f)}, b...)
	}
	return b
}

func noBase(Hash) (plumbing.ObjectType, []byte, error) { return 0, nil, plumbing.ErrObjectNotFound }

// contents reads blobs out of the packs in a repository.
func contents(t *testing.T, repo string, want map[Hash]string) {
	t.Helper()
	s := openStorage(repo)
	defer s.Close()
	for h, text := range want {
		o, err := s.EncodedObject(plumbing.BlobObject, h)
		if err != nil {
			t.Errorf("%q: %v", text[:min(len(text), 20)], err)
			continue
		}
		got, err := readObject(o)
		if err != nil || string(got) != text {
			t.Errorf("%q: got %d bytes, %v", text[:min(len(text), 20)], len(got), err)
		}
	}
}

func blobHash(text string) Hash { return plumbing.ComputeHash(plumbing.BlobObject, []byte(text)) }

func TestStorePack(t *testing.T) {
	base := strings.Repeat("base ", 50)
	outside := strings.Repeat("outside ", 30)
	second := outside + "+1"
	var b packBuilder
	at := b.add(plumbing.BlobObject, nil, []byte(base))
	prev, text := at, base
	want := map[Hash]string{blobHash(base): base}
	for i := range 120 { // a chain with a branch at every step
		next := text + fmt.Sprint(i, ";")
		chain := b.body.Len() + 12
		at := b.add(plumbing.OFSDeltaObject, offsetTo(int64(chain), prev), delta(text, fmt.Sprint(i, ";")))
		want[blobHash(next)] = next
		branch := b.body.Len() + 12
		b.add(plumbing.OFSDeltaObject, offsetTo(int64(branch), prev), delta(text, fmt.Sprint("b", i)))
		want[blobHash(text+fmt.Sprint("b", i))] = text + fmt.Sprint("b", i)
		prev, text = at, next
	}
	// A difference that comes before its base, which in turn builds on an object outside of the pack.
	secondHash, outsideHash := blobHash(second), blobHash(outside)
	b.add(plumbing.REFDeltaObject, secondHash[:], delta(second, "+2"))
	b.add(plumbing.REFDeltaObject, outsideHash[:], delta(outside, "+1"))
	want[secondHash], want[blobHash(second+"+2")], want[outsideHash] = second, second+"+2", outside

	repo := t.TempDir()
	err := storePack(t.Context(), packDir(repo), bytes.NewReader(b.bytes()), func(h Hash) (plumbing.ObjectType, []byte, error) {
		if h != outsideHash {
			return noBase(h)
		}
		return plumbing.BlobObject, []byte(outside), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	contents(t, repo, want)
	// Git itself agrees with the index and the checksum of the completed pack.
	found, err := filepath.Glob(filepath.Join(packDir(repo), "*.idx"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if out, err := exec.CommandContext(t.Context(), "git", "verify-pack", found[0]).CombinedOutput(); err != nil {
		t.Errorf("git verify-pack: %v\n%s", err, out)
	}
}

func TestStorePackRefuses(t *testing.T) {
	blob := func() *packBuilder {
		b := &packBuilder{}
		b.add(plumbing.BlobObject, nil, []byte("content"))
		return b
	}
	unknown := blobHash("unknown")
	cases := map[string]struct {
		reason string
		pack   func() []byte
	}{
		"Nothing":  {"No pack at all.", func() []byte { return nil }},
		"Garbage":  {"Not a pack.", func() []byte { return []byte("<html>not a pack</html>") }},
		"Cut":      {"A pack that ends early.", func() []byte { p := blob().bytes(); return p[:len(p)-25] }},
		"Checksum": {"A pack with another checksum.", func() []byte { p := blob().bytes(); p[len(p)-1] ^= 1; return p }},
		"Count":    {"A pack that promises more objects than it has.", func() []byte { b := blob(); b.count = 1 << 31; return b.bytes() }},
		"UnknownBase": {"A difference to what nobody has.", func() []byte {
			b := blob()
			b.add(plumbing.REFDeltaObject, unknown[:], delta("x", "y"))
			return b.bytes()
		}},
		"NoObjectAt": {"A difference to an offset where no object is.", func() []byte {
			b := blob()
			b.add(plumbing.OFSDeltaObject, offsetTo(100, 99), delta("content", "y"))
			return b.bytes()
		}},
		"Bomb": {"A difference that says it makes an absurd object.", func() []byte {
			b := blob()
			b.add(plumbing.OFSDeltaObject, offsetTo(int64(b.body.Len()+12), 12), binary.AppendUvarint(binary.AppendUvarint(nil, 7), 1<<40))
			return b.bytes()
		}},
		"EmptyDelta": {"A difference without sizes.", func() []byte {
			b := blob()
			b.add(plumbing.OFSDeltaObject, offsetTo(int64(b.body.Len()+12), 12), nil)
			return b.bytes()
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			repo := t.TempDir()
			if err := storePack(t.Context(), packDir(repo), bytes.NewReader(tc.pack()), noBase); err == nil {
				t.Errorf("%s\naccepted", tc.reason)
			}
			if left, err := os.ReadDir(packDir(repo)); err != nil || len(left) != 0 {
				t.Errorf("%s\nleft over: %v, %v", tc.reason, left, err)
			}
		})
	}
}

func TestStorePackCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b packBuilder
	b.add(plumbing.BlobObject, nil, []byte("content"))
	if err := storePack(ctx, packDir(t.TempDir()), bytes.NewReader(b.bytes()), noBase); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The contents of a long chain of large objects do not add up in memory.
func TestResolverBudget(t *testing.T) {
	base := strings.Repeat("0123456789abcdef", 1<<16-1) // just under the 16 bits that delta() copies, many times
	var b packBuilder
	prev := b.add(plumbing.BlobObject, nil, []byte(base))
	want := map[Hash]string{}
	text := base
	for i := range 40 {
		for _, tail := range []string{fmt.Sprint("branch", i), fmt.Sprint("chain", i)} {
			d := binary.AppendUvarint(nil, uint64(len(text)))
			d = binary.AppendUvarint(d, uint64(len(text)+len(tail)))
			for from := 0; from < len(text); from += 1 << 16 {
				n := min(1<<16, len(text)-from)
				if n == 1<<16 {
					d = append(d, 0x80|0x01|0x02|0x04|0x08, byte(from), byte(from>>8), byte(from>>16), byte(from>>24))
				} else {
					d = append(d, 0x80|0x01|0x02|0x04|0x08|0x10|0x20, byte(from), byte(from>>8), byte(from>>16), byte(from>>24), byte(n), byte(n>>8))
				}
			}
			d = append(append(d, byte(len(tail))), tail...)
			at := b.add(plumbing.OFSDeltaObject, offsetTo(int64(b.body.Len()+12), prev), d)
			if strings.HasPrefix(tail, "chain") {
				prev, text = at, text+tail
				want[blobHash(text)] = text
			}
		}
	}
	repo := t.TempDir()
	if err := storePack(t.Context(), packDir(repo), bytes.NewReader(b.bytes()), noBase); err != nil {
		t.Fatal(err)
	}
	contents(t, repo, want)
}

func TestOvergrown(t *testing.T) {
	cases := map[string]struct {
		reason string
		base   int64
		packs  int
		bytes  int64
		want   bool
	}{
		"Fresh":     {"A fresh clone is as large as it is.", 50 << 20, 1, 50 << 20, false},
		"Grown":     {"A few increments are fine.", 50 << 20, 10, 100 << 20, false},
		"TooLarge":  {"A multiple of a fresh clone is not.", 50 << 20, 10, 151 << 20, true},
		"Small":     {"A small mirror may grow by more.", 1 << 20, 10, 20 << 20, false},
		"ManyPacks": {"Many packs make every lookup slow.", 50 << 20, 101, 60 << 20, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := &Mirror{dir: t.TempDir(), state: state{BaseBytes: tc.base}}
			if err := os.MkdirAll(packDir(m.repo()), 0o700); err != nil {
				t.Fatal(err)
			}
			for i := range tc.packs {
				name := filepath.Join(packDir(m.repo()), fmt.Sprintf("pack-%d.pack", i))
				if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, tc.bytes/int64(tc.packs))); err != nil {
					t.Fatal(err)
				}
			}
			if got := m.overgrown(); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
	}
}

func FuzzStorePack(f *testing.F) {
	var b packBuilder
	at := b.add(plumbing.BlobObject, nil, []byte("content"))
	b.add(plumbing.OFSDeltaObject, offsetTo(int64(b.body.Len()+12), at), delta("content", "more"))
	h := blobHash("content")
	b.add(plumbing.REFDeltaObject, h[:], delta("content", "other"))
	f.Add(b.bytes())
	f.Add([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, pack []byte) {
		if err := storePack(t.Context(), packDir(t.TempDir()), bytes.NewReader(pack), noBase); err != nil {
			return
		}
	})
}
