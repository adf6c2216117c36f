// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package bodies

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

// read reads a body of a length that the sender does not tell.
func read(t *testing.T, r *Reader, body io.Reader) ([]byte, func(), error) {
	t.Helper()
	return r.Read(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", io.MultiReader(body)))
}

func TestRead(t *testing.T) {
	broken := errors.New("connection lost")
	cases := map[string]struct {
		reason string
		body   io.Reader
		size   int
		want   error
	}{
		"Empty":    {"Nothing.", bytes.NewReader(nil), 0, nil},
		"Small":    {"As large as a small one may be.", bytes.NewReader(make([]byte, small)), small, nil},
		"Large":    {"One more.", bytes.NewReader(make([]byte, small+1)), small + 1, nil},
		"Largest":  {"As large as any may be.", bytes.NewReader(make([]byte, Max)), Max, nil},
		"TooLarge": {"One more.", bytes.NewReader(make([]byte, Max+1)), 0, ErrTooLarge},
		"Broken":   {"A connection that ends.", iotest.ErrReader(broken), 0, broken},
		"Later":    {"One that ends in a large body.", io.MultiReader(bytes.NewReader(make([]byte, small+9)), iotest.ErrReader(broken)), small + 9, broken},
	}
	r := New()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			body, release, err := read(t, r, tc.body)
			release()
			if !errors.Is(err, tc.want) || len(body) != tc.size || len(r.large) != 0 {
				t.Errorf("%s got %d bytes, %v, %d slots taken", tc.reason, len(body), err, len(r.large))
			}
		})
	}
	tooLarge := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(make([]byte, Max+1)))
	if _, _, err := r.Read(httptest.NewRecorder(), tooLarge); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a length that is too large is refused unread, got %v", err)
	}
}

// TestManyLarge opens more large requests than may be read at once: small ones go on, one more large one waits for its turn.
func TestManyLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New()
		large := func() io.Reader { return bytes.NewReader(make([]byte, small+1)) }
		var releases []func()
		for range maxLarge {
			_, release, err := read(t, r, large())
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, release)
		}
		if _, _, err := read(t, r, bytes.NewReader([]byte("{}"))); err != nil {
			t.Errorf("a small one: %v", err)
		}
		if _, release, err := read(t, r, large()); !errors.Is(err, ErrBusy) {
			t.Errorf("one that waited in vain: %v", err)
		} else {
			release()
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		req := httptest.NewRequestWithContext(gone, http.MethodPost, "/", large())
		if _, _, err := r.Read(httptest.NewRecorder(), req); !errors.Is(err, context.Canceled) {
			t.Errorf("one whose sender is gone: %v", err)
		}
		turn := make(chan error, 1)
		go func() {
			_, release, err := read(t, r, large())
			release()
			turn <- err
		}()
		synctest.Wait()
		releases[0]()
		if err := <-turn; err != nil {
			t.Errorf("one that waited for its turn: %v", err)
		}
	})
}
