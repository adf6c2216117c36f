// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// deltaBudgetBytes bounds the contents kept on the way down a tree of differences. What does not fit is
// built again when it is needed.
const deltaBudgetBytes = 32 << 20

// resolve finds the hash of every object that is stored as a difference. It walks from each whole object
// to the differences to it, their differences, and so on.
func (p *pack) resolve(ctx context.Context) error {
	r := newResolver(p)
	for i := range p.objects {
		if p.objects[i].kind.IsDelta() {
			continue
		}
		if err := r.walk(ctx, i); err != nil {
			return err
		}
	}
	if err := r.complete(ctx); err != nil {
		return err
	}
	for i := range p.objects {
		if p.objects[i].hash.IsZero() {
			return fmt.Errorf("%w: object at %d has no base", errPack, p.objects[i].offset)
		}
	}
	return nil
}

// resolver finds the objects that build on another one.
type resolver struct {
	pack    *pack
	scanner *packfile.Scanner
	// byOffset are the differences to an object of the pack, in order of its offset.
	byOffset []int
	// byHash are those that name their base by its hash, which may be anywhere.
	byHash map[Hash][]int
	// limit is how large the objects of the walk may be.
	limit int64
	// kept is the size of the contents on the stack.
	kept int64
}

func newResolver(p *pack) *resolver {
	r := &resolver{pack: p, scanner: packfile.NewScanner(p.file), byHash: map[Hash][]int{}}
	for i, o := range p.objects {
		switch o.kind {
		case plumbing.OFSDeltaObject:
			r.byOffset = append(r.byOffset, i)
		case plumbing.REFDeltaObject:
			r.byHash[o.baseHash] = append(r.byHash[o.baseHash], i)
		default:
		}
	}
	slices.SortStableFunc(r.byOffset, func(a, b int) int {
		return cmp.Compare(p.objects[a].baseOffset, p.objects[b].baseOffset)
	})
	return r
}

// children returns the differences to object i and forgets those that name it by hash, so that an object
// which is in the pack twice has them once.
func (r *resolver) children(i int) []int {
	o := r.pack.objects[i]
	at, _ := slices.BinarySearchFunc(r.byOffset, o.offset, func(c int, offset int64) int {
		return cmp.Compare(r.pack.objects[c].baseOffset, offset)
	})
	var all []int
	for ; at < len(r.byOffset) && r.pack.objects[r.byOffset[at]].baseOffset == o.offset; at++ {
		all = append(all, r.byOffset[at])
	}
	all = append(all, r.byHash[o.hash]...)
	delete(r.byHash, o.hash)
	return all
}

// frame is an object on the way down, with the differences to it that are still to be visited.
type frame struct {
	object  int
	pending []int
	// content may be dropped and built again.
	content []byte
}

// walk resolves everything that builds on object i, which is whole.
func (r *resolver) walk(ctx context.Context, i int) error {
	pending := r.children(i)
	if len(pending) == 0 {
		return nil
	}
	kind := r.pack.objects[i].kind
	r.limit = maxBytes(kind)
	content, err := r.read(r.pack.objects[i])
	if err != nil {
		return err
	}
	r.kept = int64(len(content))
	stack := []frame{{object: i, pending: pending, content: content}}
	for steps := 0; len(stack) > 0; steps++ {
		if steps%contextInterval == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		top := &stack[len(stack)-1]
		if len(top.pending) == 0 {
			r.drop(top)
			stack = stack[:len(stack)-1]
			continue
		}
		if stack, err = r.descend(stack, kind); err != nil {
			return err
		}
	}
	return nil
}

// descend resolves the next difference to the object on top of the stack, and puts it there if others
// build on it in turn.
func (r *resolver) descend(stack []frame, kind plumbing.ObjectType) ([]frame, error) {
	top := &stack[len(stack)-1]
	if err := r.rebuild(stack); err != nil {
		return nil, err
	}
	child := top.pending[0]
	top.pending = top.pending[1:]
	content, err := r.apply(top.content, child)
	if err != nil {
		return nil, err
	}
	r.pack.objects[child].hash = plumbing.ComputeHash(kind, content)
	pending := r.children(child)
	if len(top.pending) == 0 {
		r.drop(top)
	}
	if len(pending) == 0 {
		return stack, nil
	}
	r.kept += int64(len(content))
	stack = append(stack, frame{object: child, pending: pending, content: content})
	for i := 0; r.kept > deltaBudgetBytes && i < len(stack)-1; i++ {
		r.drop(&stack[i])
	}
	return stack, nil
}

// rebuild makes sure that the object on top of the stack has its content.
func (r *resolver) rebuild(stack []frame) error {
	from := len(stack) - 1
	for from > 0 && stack[from].content == nil {
		from--
	}
	content := stack[from].content
	if content == nil {
		var err error
		if content, err = r.read(r.pack.objects[stack[from].object]); err != nil {
			return err
		}
	}
	for _, f := range stack[from+1:] {
		var err error
		if content, err = r.apply(content, f.object); err != nil {
			return err
		}
	}
	top := &stack[len(stack)-1]
	if top.content == nil {
		top.content = content
		r.kept += int64(len(content))
	}
	return nil
}

// drop forgets the content of a frame.
func (r *resolver) drop(f *frame) {
	r.kept -= int64(len(f.content))
	f.content = nil
}

// read returns what is stored for an object: its content, or a difference.
func (r *resolver) read(o packObject) ([]byte, error) {
	if o.length > r.limit {
		return nil, fmt.Errorf("%w: %d bytes", errTooLarge, o.length)
	}
	if _, err := r.scanner.SeekObjectHeader(o.offset); err != nil {
		return nil, badPack(err)
	}
	// The scan has read the object before, so it has this length.
	b := bytes.NewBuffer(make([]byte, 0, o.length))
	if _, _, err := r.scanner.NextObject(b); err != nil {
		return nil, badPack(err)
	}
	return b.Bytes(), nil
}

// apply returns the content of a difference to base.
func (r *resolver) apply(base []byte, child int) ([]byte, error) {
	delta, err := r.read(r.pack.objects[child])
	if err != nil {
		return nil, err
	}
	_, n := binary.Uvarint(delta)
	if n <= 0 {
		return nil, fmt.Errorf("%w: delta without size", errPack)
	}
	if size, n := binary.Uvarint(delta[n:]); n <= 0 || size > uint64(r.limit) { //nolint:gosec // limits are not negative
		return nil, fmt.Errorf("%w: delta to %d bytes", errTooLarge, size)
	}
	content, err := packfile.PatchDelta(base, delta)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPack, err)
	}
	if content == nil {
		content = []byte{} // nil means dropped
	}
	return content, nil
}

// complete appends the objects that a thin pack builds on and resolves what builds on them. A base that
// is not in the mirror may turn up in the pack itself while that goes on.
func (r *resolver) complete(ctx context.Context) error {
	for len(r.byHash) > 0 {
		before := len(r.byHash)
		for _, base := range slices.SortedFunc(maps.Keys(r.byHash), compareHashes) {
			if _, waiting := r.byHash[base]; !waiting {
				continue
			}
			kind, content, err := r.pack.base(base)
			if errors.Is(err, plumbing.ErrObjectNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			i, err := r.pack.append(base, kind, content)
			if err != nil {
				return fmt.Errorf("store pack: %w", err)
			}
			if err := r.walk(ctx, i); err != nil {
				return err
			}
		}
		if len(r.byHash) == before {
			return fmt.Errorf("%w: %d objects of the pack build on unknown ones", ErrCorrupt, before)
		}
	}
	return nil
}

func compareHashes(a, b Hash) int { return bytes.Compare(a[:], b[:]) }

// append adds a whole object to the end of the pack and returns its number.
func (p *pack) append(h Hash, kind plumbing.ObjectType, content []byte) (int, error) {
	if p.added == 0 {
		info, err := p.file.Stat()
		if err != nil {
			return 0, err
		}
		p.end = info.Size() - packTrailerBytes
	}
	entry := bytes.NewBuffer(objectHeader(kind, len(content)))
	z := zlib.NewWriter(entry)
	if _, err := z.Write(content); err != nil {
		return 0, err
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	if _, err := p.file.WriteAt(entry.Bytes(), p.end); err != nil {
		return 0, err
	}
	p.objects = append(p.objects, packObject{
		offset: p.end, length: int64(len(content)), kind: kind, hash: h, crc: checksumOf(entry.Bytes()),
	})
	p.end += int64(entry.Len())
	p.added++
	return len(p.objects) - 1, nil
}

// objectHeader encodes kind and size the way the pack format does: four bits of size with the kind, then
// seven a byte.
func objectHeader(kind plumbing.ObjectType, size int) []byte {
	first := byte(kind)<<4 | byte(size&0x0f) //nolint:gosec // kinds are 1 to 7
	size >>= 4
	if size == 0 {
		return []byte{first}
	}
	return binary.AppendUvarint([]byte{first | 0x80}, uint64(size)) //nolint:gosec // sizes are not negative
}
