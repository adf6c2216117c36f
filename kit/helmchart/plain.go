// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// maxPlainKey bounds a key in bytes. The YAML parser takes up to 1024.
const maxPlainKey = 256

// plain reads the YAML that helm and chart servers write: lists and maps in block style, keys without quotes, texts on one line, folded over several
// or as a literal block. It is a small part of the language, taken in by the line, which costs a tenth of what the parser does. Whatever else it meets
// makes it odd: the parser then reads all of it. It must never read anything that the parser would refuse or read in another way.
type plain struct {
	// rest are the lines after the present one.
	rest []byte
	// line is the present line without its indentation and the spaces at its end, empty after the last one.
	line []byte
	// indent is the indentation of line, -1 after the last one.
	indent int
	// gap says that there were empty lines before line, tail that there were spaces at its end.
	gap, tail bool
	// odd says that something was met that only the parser knows.
	odd bool
}

// isPlain reports whether all characters of a content are such that lines end where they seem to.
func isPlain(content []byte) bool {
	ascii := true
	for _, c := range content {
		if c < ' ' && c != '\n' || c == 0x7f {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	if !utf8.Valid(content) {
		return false
	}
	return bytes.IndexFunc(content, func(r rune) bool {
		// C1 controls, among them a line end; two more line ends; the mark of an encoding; what is no character.
		return r >= utf8.RuneSelf && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffe || r == 0xffff
	}) < 0
}

// next goes to the next line that is not empty.
func (p *plain) next() {
	p.gap = false
	for len(p.rest) > 0 {
		line := p.cut()
		p.line = bytes.TrimLeft(line, " ")
		if len(p.line) == 0 {
			p.gap = true
			continue
		}
		p.indent = len(line) - len(p.line)
		full := len(p.line)
		p.line = bytes.TrimRight(p.line, " ")
		p.tail = len(p.line) < full
		p.odd = p.odd || p.line[0] == '#'
		return
	}
	p.line, p.indent = nil, -1
}

// cut takes a line off the rest.
func (p *plain) cut() []byte {
	line, rest, _ := bytes.Cut(p.rest, []byte("\n"))
	p.rest = rest
	return line
}

// isPlainItem reports whether a line starts an item of a list.
func isPlainItem(line []byte) bool {
	return len(line) > 1 && line[0] == '-' && line[1] == ' '
}

// mapping calls visit for each key of a map whose keys have that indentation. visit has to read the value, and goes to the next line thereby.
func (p *plain) mapping(indent int, visit func(key string, value []byte)) {
	for !p.odd && p.indent == indent && !isPlainItem(p.line) {
		if key, value := p.key(); !p.odd {
			visit(key, value)
		}
	}
	p.odd = p.odd || p.indent > indent
}

// key returns the key in the present line and the start of its value, empty if that follows in the next lines.
func (p *plain) key() (string, []byte) {
	i := bytes.IndexByte(p.line, ':')
	if i <= 0 || i > maxPlainKey || !isLetter(p.line[0]) || len(p.line) > i+1 && p.line[i+1] != ' ' {
		p.odd = true
		return "", nil
	}
	for _, c := range p.line[:i] {
		if !isLetter(c) && (c < '0' || c > '9') && c != '.' && c != '/' && c != '-' && c != '_' {
			p.odd = true
			return "", nil
		}
	}
	key := string(p.line[:i])
	p.odd = p.odd || isConstant(key)
	return key, bytes.TrimLeft(p.line[i+1:], " ")
}

// items calls visit for each item of a list below a key with that indentation. In visit the present line is what follows the dash, with the
// indentation that it has thereby; dash is that of the dash. visit has to read the item, and goes to the next line thereby.
func (p *plain) items(value []byte, indent int, visit func(dash int)) {
	if len(value) > 0 {
		p.odd = true
		return
	}
	p.next()
	p.list(indent, visit)
}

// list is items where the present line is the first item.
func (p *plain) list(indent int, visit func(dash int)) {
	dash := p.indent
	p.odd = p.odd || dash < indent || !isPlainItem(p.line)
	for !p.odd && p.indent == dash && isPlainItem(p.line) {
		text := bytes.TrimLeft(p.line[1:], " ")
		p.indent += len(p.line) - len(text)
		p.line = text
		visit(dash)
	}
}

// text returns the text that starts with value, of a key or item with that indentation, and goes to the next line.
func (p *plain) text(value []byte, indent int) string {
	if len(value) == 0 {
		p.odd = true
		return ""
	}
	switch value[0] {
	case '"', '\'':
		return p.quoted(value, indent)
	case '|':
		return p.literal(value, indent)
	}
	return p.folded(value, indent)
}

// quoted returns a text in quotes, which may go on in lines that are further in.
func (p *plain) quoted(value []byte, parent int) string {
	var b strings.Builder
	quote, line := value[0], value[1:]
	for {
		end := unquote(&b, line, quote)
		// Without the spaces after it, a backslash means something else.
		p.odd = p.odd || end == endBad || end == endJoined && p.tail
		p.next()
		if p.odd || end == endClosed {
			return b.String()
		}
		p.odd = p.gap || p.indent <= parent
		if end == endOpen {
			b.WriteByte(' ')
		}
		line = p.line
	}
}

// quoteEnd is how a line of a text in quotes ends.
type quoteEnd int

const (
	endClosed quoteEnd = iota // with the quote
	endOpen                   // with a part of the text, after which a space belongs
	endJoined                 // the same without the space
	endBad                    // with something that only the parser knows
)

// unquote writes what a line has of a text in quotes to b.
func unquote(b *strings.Builder, line []byte, quote byte) quoteEnd {
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == quote && i+1 == len(line):
			return endClosed
		case c == quote && (quote == '"' || line[i+1] != quote):
			return endBad
		case c == quote:
			i++
		case c == '\\' && quote == '"' && i+1 == len(line):
			return endJoined
		case c == '\\' && quote == '"':
			i++
			if c = unescape(line[i]); c == 0 {
				return endBad
			}
		}
		b.WriteByte(c)
	}
	return endOpen
}

// unescape is what a character after a backslash stands for, 0 for all but the most usual.
func unescape(c byte) byte {
	switch c {
	case '"', '\\', ' ':
		return c
	case 'n':
		return '\n'
	case 't':
		return '\t'
	}
	return 0
}

// literal returns a text that is written as it is in the lines that follow.
func (p *plain) literal(header []byte, parent int) string {
	defer p.next()
	if string(header) != "|" && string(header) != "|-" {
		p.odd = true
		return ""
	}
	var b strings.Builder
	indent, blank := -1, 0
	for len(p.rest) > 0 {
		before := p.rest
		line := p.cut()
		text := bytes.TrimLeft(line, " ")
		own := len(line) - len(text)
		if len(text) == 0 {
			// Empty lines at the start, and spaces that count as content, are for the parser.
			p.odd = p.odd || indent < 0 || own > indent
			blank++
			continue
		}
		if indent < 0 {
			indent = own
		}
		if own < indent || indent <= parent {
			p.odd = p.odd || indent <= parent || own > parent
			p.rest = before
			break
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		for ; blank > 0; blank-- {
			b.WriteString("\n")
		}
		b.Write(line[indent:])
	}
	p.odd = p.odd || b.Len() == 0
	if len(header) == 1 {
		b.WriteString("\n")
	}
	return b.String()
}

// folded returns a text without quotes, which goes on in lines that are further in.
func (p *plain) folded(value []byte, parent int) string {
	text := string(value)
	p.odd = p.odd || !startsPlain(value[0]) || !isWords(value)
	p.next()
	if !p.odd && p.indent > parent {
		var b strings.Builder
		b.WriteString(text)
		for !p.odd && p.indent > parent {
			p.odd = p.gap || !isWords(p.line)
			b.WriteByte(' ')
			b.Write(p.line)
			p.next()
		}
		text = b.String()
	}
	p.odd = p.odd || isConstant(text) || mayBeNumber(text)
	return text
}

// startsPlain reports whether a text that starts with c needs no quotes, and is none of the numbers that start with a sign or a dot.
func startsPlain(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c >= utf8.RuneSelf || strings.IndexByte("/($_^~<=", c) >= 0
}

// isWords reports whether a line of a text without quotes has no sign in it that would end the text.
func isWords(line []byte) bool {
	if line[0] == '#' {
		return false
	}
	for i, c := range line {
		if c == ':' && (i+1 == len(line) || line[i+1] == ' ') || c == '#' && i > 0 && line[i-1] == ' ' {
			return false
		}
	}
	return true
}

// isConstant reports whether the parser takes a text without quotes for a boolean or for nothing. YAML 1.1.
func isConstant(text string) bool {
	switch text {
	case "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "true", "True", "TRUE", "false", "False", "FALSE",
		"on", "On", "ON", "off", "Off", "OFF", "~", "null", "Null", "NULL", "<<":
		return true
	}
	return false
}

// mayBeNumber reports whether the parser might take a text without quotes, whose first character startsPlain allows, for a number. Times stay texts.
func mayBeNumber(text string) bool {
	if text[0] < '0' || text[0] > '9' {
		return false
	}
	if len(text) > 1 && text[0] == '0' && isLetter(text[1]) { // 0x, 0o, 0b
		return true
	}
	dots, other := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '_': // left out of numbers
			return true
		case c == '.':
			dots++
		case c == '+', c == '-':
			other = other || text[i-1] != 'e' && text[i-1] != 'E'
		case c != 'e' && c != 'E' && (c < '0' || c > '9'):
			other = true
		}
	}
	return !other && dots < 2
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
