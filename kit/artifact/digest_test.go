// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package artifact_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/artifact"
)

func TestParseDigest(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   artifact.Digest
		err    error
	}{
		"SHA256": {
			reason: "The default algorithm is read back as written.",
			text:   "sha256:" + strings.Repeat("ab", 32),
			want:   artifact.Digest{Algorithm: artifact.SHA256, Hex: strings.Repeat("ab", 32)},
		},
		"SHA1": {
			reason: "Every algorithm of the contract is accepted.",
			text:   "sha1:" + strings.Repeat("0f", 20),
			want:   artifact.Digest{Algorithm: artifact.SHA1, Hex: strings.Repeat("0f", 20)},
		},
		"Empty": {
			reason: "An empty text, as in the status of a foreign producer, is no digest.",
			err:    artifact.ErrDigest,
		},
		"UnknownAlgorithm": {
			reason: "An algorithm that is not offered is told apart from a malformed text.",
			text:   "md5:" + strings.Repeat("ab", 16),
			err:    artifact.ErrAlgorithm,
		},
		"Length": {
			reason: "A sum of the wrong length can never match and is refused at once.",
			text:   "sha256:abcd",
			err:    artifact.ErrDigest,
		},
		"UpperCase": {
			reason: "Digests are compared as text, so there is one spelling only.",
			text:   "sha256:" + strings.Repeat("AB", 32),
			err:    artifact.ErrDigest,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := artifact.ParseDigest(tc.text)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%s\nerror: got %v, want %v", tc.reason, err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	for _, algorithm := range []artifact.Algorithm{
		artifact.SHA1, artifact.SHA256, artifact.SHA384, artifact.SHA512, artifact.BLAKE3,
	} {
		t.Run(string(algorithm), func(t *testing.T) {
			d, n, err := artifact.Read(algorithm, strings.NewReader("content"))
			if err != nil || n != 7 {
				t.Fatalf("Read: %d, %v", n, err)
			}
			parsed, err := artifact.ParseDigest(d.String())
			if err != nil {
				t.Fatalf("the text form is not readable: %v", err)
			}
			if err := parsed.Verify(strings.NewReader("content")); err != nil {
				t.Errorf("same content: %v", err)
			}
			if err := parsed.Verify(strings.NewReader("Content")); !errors.Is(err, artifact.ErrMismatch) {
				t.Errorf("other content: got %v, want ErrMismatch", err)
			}
		})
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add("sha256:" + strings.Repeat("ab", 32))
	f.Add("sha1")
	f.Add(":")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := artifact.ParseDigest(text)
		if err == nil && d.String() != text {
			t.Fatalf("accepted %q but prints %q", text, d)
		}
	})
}
