// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"time"
)

// A record is a header, the length of the payload and its checksum, both 32 bits in little endian, and the payload. What the payload holds
// depends on the file it is in.
const (
	headerBytes = 8
	// maxPayload bounds a record: the largest body that is accepted and some more for its key and time.
	maxPayload = MaxBody + 64<<10
)

var (
	// errTorn says that a file does not go on with a whole record.
	errTorn = errors.New("torn record")
	// errMalformed says that a record is whole, but nothing that this package wrote.
	errMalformed = errors.New("malformed record")
)

// checksum is CRC-32C, which processors compute themselves.
func checksum(payload []byte) uint32 {
	return crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli))
}

// frame puts the header before a payload that was built behind headerBytes of room.
func frame(record []byte) []byte {
	payload := record[headerBytes:]
	binary.LittleEndian.PutUint32(record, uint32(len(payload))) //nolint:gosec // bounded by maxPayload, which the callers check
	binary.LittleEndian.PutUint32(record[4:], checksum(payload))
	return record
}

// readRecord returns the payload of the next record, in buf where it fits. At the end it returns io.EOF or errTorn.
func readRecord(r io.Reader, buf []byte) ([]byte, error) {
	var header [headerBytes]byte
	switch _, err := io.ReadFull(r, header[:]); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errTorn
	case err != nil:
		return nil, err
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size > maxPayload {
		return nil, errTorn
	}
	if int(size) > cap(buf) {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	switch _, err := io.ReadFull(r, buf); {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, errTorn
	case err != nil:
		return nil, err
	}
	if checksum(buf) != binary.LittleEndian.Uint32(header[4:]) {
		return nil, errTorn
	}
	return buf, nil
}

// encodeEntry is a record of the file of entries: time in nanoseconds, length and text of the key, body.
func encodeEntry(e Entry) []byte {
	record := make([]byte, headerBytes, headerBytes+2*binary.MaxVarintLen64+len(e.Key)+len(e.Body))
	record = binary.AppendVarint(record, e.Accepted.UnixNano())
	record = binary.AppendUvarint(record, uint64(len(e.Key)))
	record = append(record, e.Key...)
	return frame(append(record, e.Body...))
}

// decodeEntry reads what encodeEntry wrote. The body is part of payload.
func decodeEntry(payload []byte) (Entry, error) {
	nanos, n := binary.Varint(payload)
	if n <= 0 {
		return Entry{}, errMalformed
	}
	payload = payload[n:]
	size, n := binary.Uvarint(payload)
	if n <= 0 || size > maxPayload || int(size) > len(payload)-n {
		return Entry{}, errMalformed
	}
	payload = payload[n:]
	return Entry{Key: string(payload[:size]), Body: payload[size:], Accepted: time.Unix(0, nanos)}, nil
}

// Kinds of records in the file of what became of entries. The first two name the entry by its number in the segment, from 0: earlier versions
// wrote them, and they are only read. The others name it by its offset in the file of entries, which it keeps whatever happens to those before it.
const (
	kindRoutedNumber = 1
	kindDoneNumber   = 2
	// kindRouted is followed by the offset of the entry and its targets as JSON.
	kindRouted = 3
	// kindDone is followed by the offset of the entry and the number of the target.
	kindDone = 4
)

// progress is a record of the file of what became of entries.
type progress struct {
	// offset names the entry; it is a number where numbered is set.
	offset   int64
	numbered bool
	// routed says that targets are those of the entry; else the target of that number has it.
	routed  bool
	targets []Target
	target  uint64
}

func encodeRouted(offset int64, targets []Target) ([]byte, error) {
	list, err := json.Marshal(targets)
	if err != nil {
		return nil, fmt.Errorf("encode targets: %w", err)
	}
	if len(list) > maxPayload-headerBytes-binary.MaxVarintLen64 {
		return nil, fmt.Errorf("%d targets are too many to be written down", len(targets))
	}
	record := append(make([]byte, headerBytes, headerBytes+1+binary.MaxVarintLen64+len(list)), kindRouted)
	record = binary.AppendUvarint(record, uint64(offset)) //nolint:gosec // of a file
	return frame(append(record, list...)), nil
}

func encodeDone(offset int64, target uint64) []byte {
	record := append(make([]byte, headerBytes, headerBytes+1+2*binary.MaxVarintLen64), kindDone)
	record = binary.AppendUvarint(record, uint64(offset)) //nolint:gosec // of a file
	return frame(binary.AppendUvarint(record, target))
}

func decodeProgress(payload []byte) (progress, error) {
	if len(payload) == 0 {
		return progress{}, errMalformed
	}
	kind := payload[0]
	name, n := binary.Uvarint(payload[1:])
	if n <= 0 || name > math.MaxInt64 {
		return progress{}, errMalformed
	}
	payload = payload[1+n:]
	p := progress{offset: int64(name), numbered: kind == kindRoutedNumber || kind == kindDoneNumber}
	switch kind {
	case kindRouted, kindRoutedNumber:
		p.routed = true
		if err := json.Unmarshal(payload, &p.targets); err != nil {
			return progress{}, errMalformed
		}
	case kindDone, kindDoneNumber:
		if p.target, n = binary.Uvarint(payload); n <= 0 {
			return progress{}, errMalformed
		}
	default:
		return progress{}, errMalformed
	}
	return p, nil
}
