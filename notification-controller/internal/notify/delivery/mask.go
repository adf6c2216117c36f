// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/weir-gitops/weir/kit/excerpt"
)

// mark stands where a secret was. Flux: notification-controller contract, "Dispatch decision per matched Alert".
const mark = "*****"

// minPartBytes is the length from which on a part of an address is taken for a secret: services make theirs longer than words.
const minPartBytes = 16

// minTailBytes is how much of a secret has to be at the end of a text that was cut off there to be taken for one.
const minTailBytes = 4

// Mask takes secrets out of texts, as they are and in the forms that URLs, JSON and headers give them.
type Mask struct {
	values []string // the longest first
}

// NewMask returns a mask for the values; empty ones are left out.
func NewMask(values ...string) Mask {
	var all []string
	for _, value := range values {
		for _, form := range []string{value, strings.TrimSpace(value)} {
			if form == "" {
				continue
			}
			all = append(all, form, url.QueryEscape(form), url.PathEscape(form), base64.StdEncoding.EncodeToString([]byte(form)))
			if quoted, err := json.Marshal(form); err == nil {
				all = append(all, string(quoted[1:len(quoted)-1]))
			}
			if decoded, err := url.PathUnescape(form); err == nil {
				all = append(all, decoded)
			}
			if decoded, err := url.QueryUnescape(form); err == nil {
				all = append(all, decoded)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return Mask{values: slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" })}
}

// AddressParts lists what of a webhook address is a credential: user information, path with query, and long parts of them.
func AddressParts(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return []string{address}
	}
	var parts []string
	if password, ok := u.User.Password(); ok {
		parts = append(parts, password)
	}
	if uri := u.RequestURI(); len(uri) > 1 {
		parts = append(parts, uri)
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if len(part) >= minPartBytes {
			parts = append(parts, part)
		}
	}
	for _, values := range u.Query() {
		for _, value := range values {
			if len(value) >= minPartBytes {
				parts = append(parts, value)
			}
		}
	}
	return parts
}

// Text returns the text without the secrets.
func (m Mask) Text(text string) string {
	text = m.replace(text)
	// A secret may be escaped in another way than any of ours.
	if decoded := unescape(text); decoded != text {
		if masked := m.replace(decoded); masked != decoded {
			return masked
		}
	}
	return text
}

func (m Mask) replace(text string) string {
	for _, value := range m.values {
		text = strings.ReplaceAll(text, value, mark)
	}
	return text
}

// Error returns err as an *Error whose text holds none of the secrets; nil stays nil.
func (m Mask) Error(err error) error {
	if err == nil {
		return nil
	}
	masked := &Error{text: err.Error()}
	if own, ok := errors.AsType[*Error](err); ok {
		*masked = *own
	}
	text := m.Text(err.Error())
	if masked.cut {
		text = m.tail(text)
	}
	masked.text, masked.cut = excerpt.Of(text, maxErrorBytes), false
	return masked
}

// tail takes the beginning of a secret from the end of a text that was cut off there.
func (m Mask) tail(text string) string {
	text = strings.TrimSpace(text)
	for _, value := range m.values {
		for n := min(len(value), len(text)); n >= minTailBytes; n-- {
			if strings.HasSuffix(text, value[:n]) {
				return text[:len(text)-n] + mark
			}
		}
	}
	return text
}

// unescape decodes every %XX of a text and leaves the rest as it is.
func unescape(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if decoded, err := url.PathUnescape(text[i : i+3]); err == nil {
				b.WriteString(decoded)
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
