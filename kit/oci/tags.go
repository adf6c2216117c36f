// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// defaultPageSize is the largest page that all registries give.
	defaultPageSize = 1000
	// maxPageBytes bounds one page of tags. Flux: image-automation-controller contract, "Scan and tag store", row "memory".
	maxPageBytes = 16 << 20
	// maxTags bounds what AllTags keeps in memory and how long a registry may go on listing.
	maxTags = 1_000_000
	// maxPages ends a listing that leads from one empty page to the next. It allows for pages of 200 up to maxTags.
	maxPages = 5_000
)

// Listing says which tags to list.
type Listing struct {
	// After leaves out the tags up to this one. Not every registry obeys, so earlier ones may come all the same.
	After string
	// PageSize is how many tags to ask for at once. Default 1000. A registry may return fewer, or all.
	PageSize int
	// PageTimeout is how long one page may take, with a login if one is needed; ErrSlow beyond that. Zero leaves it to the context: a registry that
	// gives everything as one page may need long for it.
	PageTimeout time.Duration
}

// Tags lists the tags page by page, in the order of the registry. What is no well-formed tag is left out. An error is the last thing that is yielded.
func (r *Repository) Tags(ctx context.Context, l Listing) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		query := url.Values{"n": {strconv.Itoa(cmp.Or(l.PageSize, defaultPageSize))}}
		if l.After != "" {
			query.Set("last", l.After)
		}
		seen := map[[sha256.Size]byte]bool{}
		listed := 0
		for next := query.Encode(); !seen[sha256.Sum256([]byte(next))]; {
			seen[sha256.Sum256([]byte(next))] = true
			tags, after, err := r.page(ctx, next, l.PageTimeout)
			listed += len(tags)
			if err == nil && (listed > maxTags || len(seen) > maxPages) {
				err = fmt.Errorf("%w: more than %d tags or %d pages", ErrTooLarge, maxTags, maxPages)
			}
			if err != nil {
				yield(nil, fmt.Errorf("list tags of %s: %w", r.key.name, err))
				return
			}
			if len(tags) > 0 && !yield(tags, nil) || after == "" {
				return
			}
			next = after
		}
	}
}

// page returns one page of tags and the query of the next one, empty if this is the last. With a bound a registry that says little or nothing does not
// hold the caller for as long as a whole listing may take.
func (r *Repository) page(ctx context.Context, query string, bound time.Duration) ([]string, string, error) {
	if bound == 0 {
		return r.fetchPage(ctx, query)
	}
	slow := fmt.Errorf("%w: a page of tags takes more than %s", ErrSlow, bound)
	limited, cancel := context.WithTimeoutCause(ctx, bound, slow)
	defer cancel()
	tags, next, err := r.fetchPage(limited, query)
	if err != nil && errors.Is(context.Cause(limited), ErrSlow) {
		err = slow // what the network says of it does not tell which time is over
	}
	return tags, next, err
}

func (r *Repository) fetchPage(ctx context.Context, query string) ([]string, string, error) {
	if err := r.Login(ctx); err != nil {
		return nil, "", err
	}
	address := r.address("tags", "list")
	address.RawQuery = query
	res, err := r.send(ctx, http.MethodGet, address, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return nil, "", err
	}
	content, err := r.read(ctx, res, maxPageBytes)
	if err != nil {
		return nil, "", err
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(content, &list); err != nil {
		return nil, "", fmt.Errorf("%w: list of tags: %s", ErrContent, clean(err.Error()))
	}
	tags := slices.DeleteFunc(list.Tags, func(tag string) bool { return !tagPattern.MatchString(tag) })
	next, err := nextQuery(res.Header.Get("Link"), address)
	return tags, next, err
}

// nextQuery returns the query of the page that a Link header points at, empty without one. Only the query is taken, so that no registry sends
// the next request, and credentials with it, elsewhere. RFC 5988; OCI distribution specification, "Listing tags".
func nextQuery(link string, from *url.URL) (string, error) {
	for part := range strings.SplitSeq(link, ",") {
		target, parameters, ok := strings.Cut(strings.TrimSpace(part), ">")
		target, ok2 := strings.CutPrefix(target, "<")
		if !ok || !ok2 || !strings.Contains(strings.ReplaceAll(parameters, "\"", ""), "rel=next") {
			continue
		}
		u, err := url.Parse(target)
		if err != nil {
			return "", fmt.Errorf("%w: link to the next page does not parse", ErrContent)
		}
		if u.Host != "" && !strings.EqualFold(u.Host, from.Host) {
			return "", fmt.Errorf("%w: the next page is said to be on another host, %s", ErrContent, clean(u.Host))
		}
		return u.RawQuery, nil
	}
	return "", nil
}

// AllTags returns all tags at once.
func (r *Repository) AllTags(ctx context.Context) ([]string, error) {
	var all []string
	for page, err := range r.Tags(ctx, Listing{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	return all, nil
}
