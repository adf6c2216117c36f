// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"helm.sh/helm/v3/pkg/chartutil"
)

// maxDepth bounds how deep values nest. What is read from YAML and JSON nests 10,000 deep at most.
const maxDepth = 20_000

// errMalformed says that bytes are not what encode has made.
var errMalformed = errors.New("malformed value")

// Each value begins with a byte that says what it is. Templates tell types of Go apart, so that there is one for each that values may have.
const (
	tagNil     = 'n'
	tagFalse   = 'f'
	tagTrue    = 't'
	tagInt     = 'I'
	tagInt64   = 'i'
	tagFloat   = 'd'
	tagNumber  = 'N'
	tagString  = 's'
	tagMap     = 'm'
	tagValues  = 'v'
	tagList    = 'l'
	tagNilMap  = 'M'
	tagNilList = 'L'
)

// encode appends a value: the types that decoded YAML and JSON consist of, and those that Helm puts there.
func encode(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(b, tagNil), nil
	case bool:
		if v {
			return append(b, tagTrue), nil
		}
		return append(b, tagFalse), nil
	case int:
		return binary.AppendVarint(append(b, tagInt), int64(v)), nil
	case int64:
		return binary.AppendVarint(append(b, tagInt64), v), nil
	case float64:
		return binary.BigEndian.AppendUint64(append(b, tagFloat), math.Float64bits(v)), nil
	case json.Number:
		return appendText(append(b, tagNumber), v.String()), nil
	case string:
		return appendText(append(b, tagString), v), nil
	case map[string]any:
		return encodeMap(b, tagMap, v)
	case chartutil.Values:
		return encodeMap(b, tagValues, v)
	case []any:
		return encodeList(b, v)
	default:
		return nil, fmt.Errorf("a value of type %T cannot be passed on", v)
	}
}

func encodeMap(b []byte, tag byte, values map[string]any) ([]byte, error) {
	if values == nil && tag == tagMap {
		return append(b, tagNilMap), nil
	}
	b = binary.AppendUvarint(append(b, tag), uint64(len(values)))
	var err error
	for key, value := range values {
		if b, err = encode(appendText(b, key), value); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func encodeList(b []byte, list []any) ([]byte, error) {
	if list == nil {
		return append(b, tagNilList), nil
	}
	b = binary.AppendUvarint(append(b, tagList), uint64(len(list)))
	var err error
	for _, item := range list {
		if b, err = encode(b, item); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// decode reads the one value that the bytes hold.
func decode(b []byte) (any, error) {
	d := decoder{rest: b}
	value := d.value(maxDepth)
	if d.failed || len(d.rest) > 0 {
		return nil, errMalformed
	}
	return value, nil
}

// decoder reads values until something is wrong; what it returns then means nothing.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) value(depth int) any {
	tag := d.take(1)
	if depth == 0 {
		d.failed = true
	}
	if d.failed {
		return nil
	}
	switch tag[0] {
	case tagNil:
		return nil
	case tagFalse, tagTrue:
		return tag[0] == tagTrue
	case tagInt:
		return int(d.integer())
	case tagInt64:
		return d.integer()
	case tagFloat:
		if b := d.take(8); !d.failed {
			return math.Float64frombits(binary.BigEndian.Uint64(b))
		}
		return nil
	case tagNumber:
		return json.Number(d.text())
	case tagString:
		return d.text()
	case tagMap:
		return d.table(depth)
	case tagValues:
		return chartutil.Values(d.table(depth))
	case tagList:
		return d.list(depth)
	case tagNilMap:
		return map[string]any(nil)
	case tagNilList:
		return []any(nil)
	default:
		d.failed = true
		return nil
	}
}

func (d *decoder) table(depth int) map[string]any {
	values := map[string]any{}
	for n := d.count(); n > 0 && !d.failed; n-- {
		key := d.text()
		values[key] = d.value(depth - 1)
	}
	return values
}

func (d *decoder) list(depth int) []any {
	list := []any{}
	for n := d.count(); n > 0 && !d.failed; n-- {
		list = append(list, d.value(depth-1))
	}
	return list
}

func (d *decoder) text() string { return string(d.take(d.count())) }

// take cuts off the next n bytes.
func (d *decoder) take(n uint64) []byte {
	if d.failed || n > uint64(len(d.rest)) {
		d.failed = true
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// count reads how many bytes or values follow. Each value has a byte at least.
func (d *decoder) count() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > uint64(len(d.rest[size:])) {
		d.failed = true
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) integer() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.failed = true
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// fields reads what a table holds, and remembers what was not as it should be.
type fields struct {
	of  any
	err error
}

// get returns a field. Any takes whatever is there.
func get[T any](f *fields, key string) T {
	var none T
	table, ok := f.of.(map[string]any)
	if !ok {
		f.err = errMalformed
		return none
	}
	value, ok := table[key].(T)
	if _, there := table[key]; !ok && (!there || table[key] != nil) {
		f.err = fmt.Errorf("%w: field %s", errMalformed, key)
	}
	return value
}
