// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// ErrRules says that an ignore file in the tree could not be read.
var ErrRules = errors.New("ignore file cannot be read")

// maxIgnoreFileBytes limits an ignore file, which belongs to whoever writes the tree. Each pattern costs
// a comparison per entry, so a larger file would be an attack on time.
const maxIgnoreFileBytes = 1 << 20

// All ignore files of a tree together are limited as well, or many small ones would do the same.
const (
	maxIgnoreBytes    = 1 << 20
	maxIgnorePatterns = 10_000
)

// Rules decide which entries stay out of an archive, in the syntax of .gitignore.
type Rules struct {
	matcher gitignore.Matcher
}

// TreeRules collects the rules of src: every ignore file in it, scoped to its directory, then extra, so
// that extra wins. The files of version control stay out unless a rule takes them back in; a default set
// of other files stays out if there is no rule at all.
func TreeRules(ctx context.Context, src Source, extra string) (*Rules, error) {
	files, err := ignoreFiles(ctx, src)
	if err != nil {
		return nil, err
	}
	user, err := treePatterns(ctx, src, files)
	if err != nil {
		return nil, err
	}
	user = append(user, sourceignore.ReadPatterns(strings.NewReader(extra), nil)...)
	rules := sourceignore.VCSPatterns(nil)
	if len(user) == 0 {
		rules = append(rules, sourceignore.DefaultPatterns(nil)...)
	}
	return &Rules{matcher: sourceignore.NewMatcher(append(rules, user...))}, nil
}

// treePatterns reads the ignore files of a tree, up to the limits on all of them.
func treePatterns(ctx context.Context, src Source, files []ignoreFile) ([]gitignore.Pattern, error) {
	var all []gitignore.Pattern
	left := int64(maxIgnoreBytes)
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		patterns, size, err := readPatterns(src, f)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrRules, f.entry.Path, err)
		}
		if left -= size; left < 0 {
			return nil, fmt.Errorf("%w: %s: the ignore files of the tree have more than %d bytes together", ErrRules, f.entry.Path, maxIgnoreBytes)
		}
		if all = append(all, patterns...); len(all) > maxIgnorePatterns {
			return nil, fmt.Errorf("%w: %s: the ignore files of the tree have more than %d patterns together", ErrRules, f.entry.Path, maxIgnorePatterns)
		}
	}
	return all, nil
}

// Excludes reports whether the entry at p, a directory or not, stays out. The last rule that matches
// decides.
func (r *Rules) Excludes(p string, dir bool) bool {
	return r.matcher.Match(strings.Split(p, "/"), dir)
}

// ignoreFile is an ignore file and the directory it applies to, split.
type ignoreFile struct {
	entry  Entry
	domain []string
}

// ignoreFiles returns the ignore files of src, those of a directory before those below it, so that the
// deeper one wins.
func ignoreFiles(ctx context.Context, src Source) ([]ignoreFile, error) {
	var files []ignoreFile
	for e, err := range src.Entries(ctx) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		dir, name := path.Split(e.Path)
		if name != sourceignore.IgnoreFile || e.Mode == Dir {
			continue
		}
		var domain []string
		if dir != "" {
			domain = strings.Split(strings.TrimSuffix(dir, "/"), "/")
		}
		if !slices.Contains(domain, ".git") {
			files = append(files, ignoreFile{entry: e, domain: domain})
		}
	}
	slices.SortFunc(files, func(a, b ignoreFile) int { return slices.Compare(a.domain, b.domain) })
	return files, nil
}

// readPatterns reads one ignore file and tells its size in bytes.
func readPatterns(src Source, f ignoreFile) (patterns []gitignore.Pattern, size int64, err error) {
	if size, err = src.Size(f.entry); err != nil {
		return nil, 0, err
	}
	if size > maxIgnoreFileBytes {
		return nil, 0, fmt.Errorf("%d bytes, limit %d", size, maxIgnoreFileBytes)
	}
	r, err := src.Open(f.entry)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	text, err := io.ReadAll(io.LimitReader(r, maxIgnoreFileBytes))
	if err != nil {
		return nil, 0, err
	}
	return sourceignore.ReadPatterns(strings.NewReader(string(text)), f.domain), size, nil
}
