// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package setters

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	yaml "go.yaml.in/yaml/v3"
)

const (
	// MaxFileBytes is the size above which a file is not looked into. Flux: image-automation-controller contract, "Files visited", size.
	MaxFileBytes = 16 << 20
	// maxMarks bounds one document, of which the parser makes up to two nodes for each mark, 200 bytes each, and as much again of garbage. A mebibyte
	// of JSON without blanks, the most that a ConfigMap takes, has half as many, which count although all of it is one value.
	maxMarks = 300_000
	// maxDocuments bounds those of one file: the parser takes its time with each.
	maxDocuments = 200_000
	// maxChanges bounds those of one file, which are kept until all of it was looked at: some 300 bytes each.
	maxChanges = 100_000
)

// limits are what a file may have.
type limits struct{ bytes, marks, documents, changes int }

// check refuses what would take too much memory to parse.
func (l limits) check(content []byte) error {
	if len(content) > l.bytes {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, l.bytes)
	}
	marks, documents := count(content)
	if marks > l.marks {
		return fmt.Errorf("%w: a document with more than %d values", ErrTooLarge, l.marks)
	}
	if documents > l.documents {
		return fmt.Errorf("%w: more than %d documents", ErrTooLarge, l.documents)
	}
	return nil
}

// count returns the number of what begins a value, a collection or a comment in the document that has most of it, not missing any, and that of the
// documents.
func count(content []byte) (marks, documents int) {
	here := 0
	for i, c := range content {
		switch c {
		case ',', '[', '{', '#':
			here++
		case ':', '?':
			if mayEndToken(content, i+1) || i > 0 && bytes.IndexByte([]byte(`"'}]`), content[i-1]) >= 0 {
				here++
			}
		case '-':
			switch {
			case beginsDocument(content, i):
				here = 0
				documents++
			case mayEndToken(content, i+1):
				here++
			}
		}
		marks = max(marks, here)
	}
	return marks, documents
}

// mayEndToken reports whether an indicator may end before at.
func mayEndToken(content []byte, at int) bool {
	return at >= len(content) || content[at] >= 0x80 || bytes.IndexByte([]byte(" \t\r\n,[]{}"), content[at]) >= 0
}

// beginsDocument reports whether a line that begins a document begins at a place: nothing else can begin so.
func beginsDocument(content []byte, at int) bool {
	first := at == 0 || content[at-1] == '\n' || content[at-1] == '\r'
	rest, ok := bytes.CutPrefix(content[at:], []byte("---"))
	return first && ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// documents yields the documents of a file. An error, which is ErrNotYAML, is the last.
func documents(content []byte) iter.Seq2[*yaml.Node, error] {
	return func(yield func(*yaml.Node, error) bool) {
		if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
			yield(nil, fmt.Errorf("%w: not in UTF-8", ErrNotYAML))
			return
		}
		decoder := yaml.NewDecoder(bytes.NewReader(plainBreaks(content)))
		for {
			document, err := decode(decoder)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				err = fmt.Errorf("%w: %w", ErrNotYAML, err)
			}
			if !yield(document, err) || err != nil {
				return
			}
		}
	}
}

// decode returns the next document, io.EOF after the last.
func decode(decoder *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if v := recover(); v != nil {
			// The parser is not meant to, but has done so before.
			document, err = nil, fmt.Errorf("the parser gave up: %v", v)
		}
	}()
	document = &yaml.Node{}
	if err := decoder.Decode(document); err != nil {
		return nil, err
	}
	return document, nil
}

// plainBreaks returns content with line feeds for all carriage returns. To YAML they are the same, and lines and columns stay, but the parser takes
// a comment behind a carriage return for one of the value before it.
func plainBreaks(content []byte) []byte {
	if bytes.IndexByte(content, '\r') < 0 {
		return content
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
}
