// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/weir-gitops/weir/kit/oci/keychain"
)

// FuzzManifest holds that no manifest or index breaks the reader, and that what it takes leads to well-formed digests or is refused where it is used.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"mediaType":"x"},"layers":[{"mediaType":"a","digest":"sha256:00","size":-1}],"annotations":{"a":"b"}}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:00"}]}`))
	f.Add([]byte(`{"layers":[{}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		if digest, err := entryOf(content); err == nil && !digestPattern.MatchString(digest) {
			t.Errorf("digest %q", digest)
		} else if err != nil && !errors.Is(err, ErrContent) {
			t.Errorf("error %v", err)
		}
		m, err := decodeManifest(types.OCIManifestSchema1, content)
		if err != nil {
			if !errors.Is(err, ErrContent) && !errors.Is(err, ErrTooLarge) {
				t.Errorf("error %v", err)
			}
			return
		}
		if l, err := m.Layer(""); (err == nil) != (len(m.Layers) > 0) {
			t.Errorf("layer %+v, %v", l, err)
		}
	})
}

// FuzzNextQuery holds that no Link header sends the next request to another host.
func FuzzNextQuery(f *testing.F) {
	f.Add(`</v2/x/tags/list?last=a>; rel="next"`)
	f.Add(`<https://evil.example/?a>; rel=next, <?b>; rel="next"`)
	f.Add(`<//evil.example/?a>; rel=next`)
	from := &url.URL{Scheme: "https", Host: "host", Path: "/v2/x/tags/list"}
	f.Fuzz(func(t *testing.T, link string) {
		query, err := nextQuery(link, from)
		if err != nil {
			return
		}
		next := *from
		next.RawQuery = query
		if u, err := url.Parse(next.String()); err == nil && (u.Host != from.Host || u.Path != from.Path) {
			t.Errorf("leads to %s", u)
		}
	})
}

// FuzzScrub holds that a credential never gets into a text, whatever a server says.
func FuzzScrub(f *testing.F) {
	f.Add("https://u:hunter2@host/x?q=hunter2 hunter2")
	f.Add(strings.Repeat("x", 390) + "hunter2-hunter2")
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "hunter2-hunter2"
		got := scrub(text, keychain.Credential{Username: "user", Password: secret})
		if strings.Contains(got, secret) || len(got) > maxTextBytes || strings.ContainsAny(got, "\n\r\x00") {
			t.Errorf("got %q", got)
		}
	})
}
