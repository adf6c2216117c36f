// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chartutil"
)

func TestCodec(t *testing.T) {
	deep := any("end")
	for range 10_000 {
		deep = []any{deep}
	}
	cases := map[string]struct {
		reason string
		value  any
	}{
		"Nil":      {"Null is a value.", nil},
		"Booleans": {"Both are told apart.", []any{true, false}},
		"Numbers":  {"Each type of number stays what it is.", []any{1, int64(1), 1.0, json.Number("1"), int64(math.MinInt64), math.Inf(-1), -0.5}},
		"Texts":    {"Any bytes are a text.", []any{"", "ä", "\xff\x00"}},
		"Maps":     {"Empty is not nil.", map[string]any{"a": map[string]any{}, "b": map[string]any(nil), "": map[string]any{"c": 1}}},
		"Values":   {"The type of Helm stays.", map[string]any{"a": chartutil.Values{"b": chartutil.Values{}}}},
		"Lists":    {"Empty is not nil.", []any{[]any{}, []any(nil), []any{nil}}},
		"Deep":     {"What YAML can nest comes through.", deep},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b, err := encode(nil, tc.value)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if name == "Deep" {
				again, err := encode(nil, got)
				if err != nil || !bytes.Equal(b, again) {
					t.Errorf("%s\nerror %v", tc.reason, err)
				}
				return
			}
			if diff := cmp.Diff(tc.value, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestCodecRefuses(t *testing.T) {
	if _, err := encode(nil, map[string]any{"a": struct{}{}}); err == nil || !strings.Contains(err.Error(), "struct {}") {
		t.Errorf("a type that is not known: %v", err)
	}
	cases := map[string]struct {
		reason string
		bytes  string
	}{
		"Nothing":  {"There has to be a value.", ""},
		"More":     {"And no more than one.", "nn"},
		"Unknown":  {"Other tags mean nothing.", "?"},
		"Short":    {"A text is as long as it says.", "s\x05ab"},
		"Count":    {"A list has at least a byte for each item.", "l\xff\xff\xff\xff\x0f"},
		"Overflow": {"A number has at most 64 bits.", "i\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
		"Float":    {"Eight bytes are a float.", "d\x00"},
		"Deep":     {"Nesting has an end.", strings.Repeat("l\x01", maxDepth) + "n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if v, err := decode([]byte(tc.bytes)); !errors.Is(err, errMalformed) {
				t.Errorf("%s\ngot %v, %v", tc.reason, v, err)
			}
		})
	}
}

// FuzzReceive takes foreign bytes for messages: what comes through can be sent, and comes back as it was.
func FuzzReceive(f *testing.F) {
	var sent bytes.Buffer
	p := pipe{out: &sent, gives: 1 << 20}
	for _, v := range []any{nil, map[string]any{"a": []any{1, int64(2), 3.5, true, nil, "x", json.Number("4")}}, []any{map[string]any(nil), []any(nil)}} {
		sent.Reset()
		if err := p.send(msgAnswer, v); err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(sent.Bytes()))
	}
	f.Add([]byte("A\x00\x00\x00\x10l\x05"))
	f.Add([]byte("A\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, value, err := pipe{in: bytes.NewReader(b), takes: 1 << 16}.receive()
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := (pipe{out: &out, gives: 1 << 20}).send(kind, value); err != nil {
			t.Fatal(err)
		}
		kind2, value2, err := pipe{in: &out, takes: 1 << 20}.receive()
		if err != nil || kind2 != kind {
			t.Fatalf("kind %c became %c: %v", kind, kind2, err)
		}
		if diff := cmp.Diff(value, value2, cmp.Comparer(sameFloat)); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
		// Whatever it is, reading it as a job or an answer is an error at worst.
		_, _ = jobOf(value)
		_, _ = texts(value)
	})
}

func sameFloat(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

func TestPipeLimits(t *testing.T) {
	var out bytes.Buffer
	if err := (pipe{out: &out, gives: 10}).send(msgJob, strings.Repeat("x", 10)); !errors.Is(err, errTooLarge) || out.Len() > 0 {
		t.Errorf("sent more than may be: %v", err)
	}
	if err := (pipe{out: &out, gives: 10}).send(msgJob, "x"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (pipe{in: bytes.NewReader(out.Bytes()), takes: 2}).receive(); !errors.Is(err, errTooLarge) {
		t.Errorf("took more than may be: %v", err)
	}
	if _, _, err := (pipe{in: bytes.NewReader(out.Bytes()[:out.Len()-1]), takes: 20}).receive(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("took half of a message: %v", err)
	}
}
