// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// newPipe reads what is given and writes to out; messages have at most that many bytes.
func newPipe(tb testing.TB, in []byte, out io.Writer, limit int64) pipe {
	tb.Helper()
	c, err := newCodec()
	if err != nil {
		tb.Fatal(err)
	}
	return pipe{codec: c, in: bytes.NewReader(in), out: out, takes: limit, gives: limit}
}

// through sends a message and receives it.
func through(tb testing.TB, m message) message {
	tb.Helper()
	var sent bytes.Buffer
	if err := newPipe(tb, nil, &sent, 1<<20).send(m); err != nil {
		tb.Fatal(err)
	}
	got, err := newPipe(tb, sent.Bytes(), nil, 1<<20).receive()
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

// TestValues sends values: templates tell types apart, so that each stays what it is.
func TestValues(t *testing.T) {
	cases := map[string]struct {
		reason string
		value  any
	}{
		"Nil":      {"Null is a value.", nil},
		"Booleans": {"Both are told apart.", []any{true, false}},
		"Numbers":  {"A whole number with a fraction is a fraction.", []any{int64(1), 1.0, int64(math.MinInt64), int64(math.MaxInt64), math.Inf(-1), -0.5, 1e300}},
		"Number":   {"A number may be a text that is told from texts.", []any{json.Number("12345678901234567890"), "12345678901234567890"}},
		"Texts":    {"Any bytes are a text.", []any{"", "ä", "\xff\x00"}},
		"Maps":     {"Empty is not nil.", map[string]any{"a": map[string]any{}, "b": nil, "": map[string]any{"c": int64(1)}}},
		"Values":   {"The type of Helm stays.", map[string]any{"a": chartutil.Values{"b": chartutil.Values{}}}},
		"Lists":    {"Empty is not nil.", []any{[]any{}, nil, []any{nil}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := through(t, message{Answer: &answer{Content: map[string]any{"value": tc.value}}})
			if diff := cmp.Diff(tc.value, got.Answer.Content["value"]); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestDeepValues sends what YAML can nest.
func TestDeepValues(t *testing.T) {
	deep := any("end")
	for range 10_000 {
		deep = []any{deep}
	}
	got := through(t, message{Answer: &answer{Content: map[string]any{"deep": deep}}}).Answer.Content["deep"]
	for range 10_000 {
		list, ok := got.([]any)
		if !ok || len(list) != 1 {
			t.Fatalf("got %T", got)
		}
		got = list[0]
	}
	if got != "end" {
		t.Errorf("got %v at the end", got)
	}
}

func TestReceiveRefuses(t *testing.T) {
	cases := map[string]struct{ reason, content string }{
		"Nothing":  {"There has to be a message.", ""},
		"More":     {"And no more than one.", "\xa0\xa0"},
		"Other":    {"A number is no message.", "\x01"},
		"Short":    {"A text is as long as it says.", "\xa1\x65ab"},
		"Count":    {"A list has at least a byte for each item.", "\x9a\xff\xff\xff\xff\x00"},
		"Overflow": {"A number has at most 64 bits, and a sign.", "\xa1\x66answer\xa1\x67content\xa1\x61a\x1b\xff\xff\xff\xff\xff\xff\xff\xff"},
		"Deep":     {"Nesting has an end.", strings.Repeat("\x81", maxDepth+1) + "\x01"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := append(binary.BigEndian.AppendUint32(nil, uint32(len(tc.content))), tc.content...)
			if m, err := newPipe(t, b, nil, 1<<20).receive(); !errors.Is(err, errMalformed) {
				t.Errorf("%s\ngot %+v, %v", tc.reason, m, err)
			}
		})
	}
}

// FuzzReceive takes foreign bytes for messages: whatever comes through is an error at worst.
func FuzzReceive(f *testing.F) {
	seeds := []message{
		{Job: job(map[string]string{"a.yaml": "a"}).sent()},
		{Question: &question{Kind: &kind{APIVersion: "v1", Kind: "Node"}}},
		{Answer: &answer{Content: map[string]any{"a": []any{int64(2), 3.5, true, nil, "x", json.Number("4"), chartutil.Values{}}}}},
		{Result: &result{Files: map[string]string{"a": "b"}}},
	}
	for _, m := range seeds {
		var sent bytes.Buffer
		if err := newPipe(f, nil, &sent, 1<<20).send(m); err != nil {
			f.Fatal(err)
		}
		f.Add(sent.Bytes())
	}
	f.Add([]byte("\x00\x00\x00\x10\xa1"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := newPipe(t, b, nil, 1<<16).receive()
		if err != nil {
			return
		}
		if m.Job != nil {
			if j, err := m.Job.job(); err == nil {
				_ = j.sent()
			}
		}
		if m.Question != nil {
			_, _ = cluster().lookups().answer(t.Context(), *m.Question)
		}
		_ = newPipe(t, nil, io.Discard, 1<<20).send(m)
	})
}

// TestJobRefuses takes no job that the engine would not take.
func TestJobRefuses(t *testing.T) {
	whole := job(map[string]string{"a.yaml": "a"})
	cases := map[string]struct {
		reason string
		spoil  func(*sentJob)
	}{
		"Capabilities": {"Templates may ask for them.", func(s *sentJob) { s.Capabilities = nil }},
		"Metadata":     {"A chart has a name.", func(s *sentJob) { s.Chart.Metadata = nil }},
		"Template":     {"A file is one.", func(s *sentJob) { s.Chart.Templates = []*chart.File{nil} }},
		"Inner":        {"This is true of inner charts, too.", func(s *sentJob) { s.Chart.Charts = []sentChart{{}} }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := whole.sent()
			tc.spoil(s)
			if _, err := s.job(); !errors.Is(err, errMalformed) {
				t.Errorf("%s\nerror %v", tc.reason, err)
			}
		})
	}
}

func TestPipeLimits(t *testing.T) {
	var out bytes.Buffer
	m := message{Result: &result{Fault: strings.Repeat("x", 100)}}
	if err := newPipe(t, nil, &out, 100).send(m); !errors.Is(err, errTooLarge) || out.Len() > 0 {
		t.Errorf("sent more than may be: %v", err)
	}
	if err := newPipe(t, nil, &out, 200).send(m); err != nil {
		t.Fatal(err)
	}
	if _, err := newPipe(t, out.Bytes(), nil, 100).receive(); !errors.Is(err, errTooLarge) {
		t.Errorf("took more than may be: %v", err)
	}
	if _, err := newPipe(t, out.Bytes()[:out.Len()-1], nil, 200).receive(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("took half of a message: %v", err)
	}
}
