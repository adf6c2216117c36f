// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // the checksum of the pack format
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// errPack says that what the server sent is not a pack.
var errPack = errors.New("malformed pack")

// errTooLarge says that an object does not fit the memory we are willing to spend on it.
var errTooLarge = errors.New("object is too large")

const (
	// maxPackBytes and maxPackObjects limit a pack; the objects of a pack cost about 100 bytes of memory
	// each. The whole history of Linux has 6 GB and 11 million objects.
	maxPackBytes   = 8 << 30
	maxPackObjects = 20_000_000
	// maxMetadataBytes limits commits, trees and tags, which are read in one piece. A tree of 400,000
	// entries fits.
	maxMetadataBytes = 16 << 20
	// maxDeltaBytes limits files that are stored as differences, which have to be built in memory. Whole
	// files are streamed.
	maxDeltaBytes = 64 << 20
	// contextInterval is how many objects are read between two looks at the context.
	contextInterval = 256
	// packTrailerBytes is the checksum at the end of a pack.
	packTrailerBytes = 20
	// packCountOffset is where the number of objects stands.
	packCountOffset = 8
)

// baseFunc returns an object that is not in the pack.
type baseFunc func(Hash) (plumbing.ObjectType, []byte, error)

// packObject is an object of a pack.
type packObject struct {
	offset int64
	// length is that of the content, or of the difference.
	length int64
	// baseOffset or baseHash name what a difference is to.
	baseOffset int64
	baseHash   Hash
	hash       Hash
	crc        uint32
	kind       plumbing.ObjectType
}

// storePack writes a pack to dir together with its index. A pack that builds on objects outside of it (a
// thin pack) is completed with them. Memory is bounded by the number of objects and the size of a few
// that are differences, not by the size of the pack. A pack without objects is dropped.
func storePack(ctx context.Context, dir string, r io.Reader, base baseFunc) (err error) {
	f, err := tempPack(dir)
	if err != nil {
		return fmt.Errorf("store pack: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if removed := os.Remove(f.Name()); !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	p := &pack{file: f, base: base}
	if err := p.scan(ctx, r); err != nil {
		return err
	}
	if len(p.objects) == 0 {
		return nil
	}
	if err := p.resolve(ctx); err != nil {
		return err
	}
	if err := p.finish(); err != nil {
		return fmt.Errorf("store pack: %w", err)
	}
	return p.place()
}

// pack is a pack while it is stored.
type pack struct {
	file     *os.File
	base     baseFunc
	objects  []packObject
	checksum Hash
	// added counts the objects appended to complete a thin pack, end is where the next goes.
	added int
	end   int64
}

// scan copies the stream to the file and notes every object in it.
func (p *pack) scan(ctx context.Context, r io.Reader) error {
	out := bufio.NewWriterSize(p.file, 256<<10)
	in := &input{from: r, left: maxPackBytes}
	err := p.scanObjects(ctx, io.TeeReader(in, out))
	// A failure to write stays with the writer, one to read with the reader; what the scanner makes of
	// them says nothing about the pack.
	written := out.Flush()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case written != nil:
		return fmt.Errorf("store pack: %w", written)
	case err == nil, errors.Is(err, errTooLarge), errors.Is(err, errPackSize):
		return err
	case in.failure != nil:
		return fmt.Errorf("receive pack: %w", in.failure)
	}
	return fmt.Errorf("%w: %w", errPack, err)
}

// scanObjects notes every object of a stream.
func (p *pack) scanObjects(ctx context.Context, in io.Reader) error {
	// Hiding what else the reader can do keeps the scanner from seeking in it.
	s := packfile.NewScanner(struct{ io.Reader }{in})
	_, count, err := s.Header()
	if err != nil {
		return err
	}
	if count > maxPackObjects {
		return fmt.Errorf("%w: %d objects", errPackSize, count)
	}
	for i := range count {
		if i%contextInterval == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		o, err := scanObject(s)
		if err != nil {
			return err
		}
		p.objects = append(p.objects, o)
	}
	if p.checksum, err = s.Checksum(); err != nil {
		return err
	}
	// What follows the pack is the end of the transport's framing, which some servers leave out.
	if _, err := io.Copy(io.Discard, in); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return nil
}

// maxBytes is how large an object of a kind may be if it has to be in memory.
func maxBytes(kind plumbing.ObjectType) int64 {
	if kind == plumbing.BlobObject {
		return maxDeltaBytes
	}
	return maxMetadataBytes
}

// badPack is the error of a pack that cannot be read, unless it is the file that cannot.
func badPack(err error) error {
	if _, local := errors.AsType[*fs.PathError](err); local {
		return fmt.Errorf("read pack: %w", err)
	}
	return fmt.Errorf("%w: %w", errPack, err)
}

// scanObject reads the next object and hashes it if it is whole.
func scanObject(s *packfile.Scanner) (packObject, error) {
	h, err := s.NextObjectHeader()
	if err != nil {
		return packObject{}, err
	}
	o := packObject{offset: h.Offset, length: h.Length, kind: h.Type, baseOffset: h.OffsetReference, baseHash: h.Reference}
	if !h.Type.IsDelta() && h.Type != plumbing.BlobObject && h.Length > maxMetadataBytes {
		return packObject{}, fmt.Errorf("%w: %s of %d bytes", errTooLarge, h.Type, h.Length)
	}
	sink := io.Discard
	hasher := plumbing.NewHasher(h.Type, h.Length)
	if !h.Type.IsDelta() {
		sink = hasher
	}
	n, crc, err := s.NextObject(sink)
	if err != nil {
		return packObject{}, err
	}
	if n != h.Length {
		return packObject{}, fmt.Errorf("object of %d bytes instead of %d", n, h.Length)
	}
	if !h.Type.IsDelta() {
		o.hash = hasher.Sum()
	}
	o.crc = crc
	return o, nil
}

// finish corrects count and checksum of a pack to which objects were added.
func (p *pack) finish() error {
	if p.added == 0 {
		return nil
	}
	var count [4]byte
	binary.BigEndian.PutUint32(count[:], uint32(len(p.objects))) //nolint:gosec // the pack format has no more
	if _, err := p.file.WriteAt(count[:], packCountOffset); err != nil {
		return err
	}
	h := sha1.New() //nolint:gosec // see the import
	if _, err := io.Copy(h, io.NewSectionReader(p.file, 0, p.end)); err != nil {
		return err
	}
	p.checksum = Hash(h.Sum(nil))
	_, err := p.file.WriteAt(p.checksum[:], p.end)
	return err
}

// place writes the index and gives both files their names.
func (p *pack) place() error {
	w := new(idxfile.Writer)
	if err := w.OnHeader(uint32(len(p.objects))); err != nil { //nolint:gosec // the pack format has no more
		return err
	}
	for _, o := range p.objects {
		w.Add(o.hash, uint64(o.offset), o.crc) //nolint:gosec // offsets are not negative
	}
	if err := w.OnFooter(p.checksum); err != nil {
		return err
	}
	index, err := w.Index()
	if err != nil {
		return err
	}
	name := p.file.Name() + ".idx"
	if err := writeIndex(name, index); err != nil {
		return errors.Join(fmt.Errorf("store pack: %w", err), os.Remove(name))
	}
	return placePack(p.file.Name(), name, p.checksum)
}

// writeIndex writes the index of a pack to a file.
func writeIndex(name string, index *idxfile.MemoryIndex) (err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	if _, err := idxfile.NewEncoder(w).Encode(index); err != nil {
		return err
	}
	return w.Flush()
}

// checksumOf is the checksum that the index holds for the bytes of an object.
func checksumOf(b []byte) uint32 { return crc32.ChecksumIEEE(b) }
