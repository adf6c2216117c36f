// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"regexp/syntax"
	"strings"
	"text/template"
)

// A template belongs to somebody else, and a few lines that double a text or put a map into itself would end the process for everybody.
const (
	// maxSteps bounds the turns of loops and the calls of templates, maxElements a list or a repetition that is made: a template is to make a
	// message of what changed, not to keep a core busy.
	maxSteps    = 100_000
	maxElements = 10_000
	// maxValueBytes bounds what a function is given and what it makes, maxMadeBytes everything that the functions of one message make.
	maxValueBytes = 8 << 20
	maxMadeBytes  = 64 << 20
	// elementBytes is what a value costs beside its text, maxDepth how deep values may be nested.
	elementBytes = 16
	maxDepth     = 64
	// maxPatternBytes bounds a regular expression.
	maxPatternBytes = 1 << 10
	// maxWork bounds what a function does that takes time by the product of its arguments' sizes.
	maxWork = 10_000_000
	// stepFunction is the name of the function that counts.
	stepFunction = "weirStep"
)

var errTemplateBounds = errors.New("template does too much")

// budget is what one message may still cost.
type budget struct {
	// until ends when there was time enough.
	until context.Context //nolint:containedctx // functions of templates are called without one
	steps int
	bytes int
}

// step takes a step.
func (b *budget) step() (string, error) {
	if b.steps--; b.steps < 0 {
		return "", fmt.Errorf("%w: more than %d steps", errTemplateBounds, maxSteps)
	}
	return "", b.timely()
}

func (b *budget) timely() error {
	if b.until.Err() != nil {
		return fmt.Errorf("%w: more than %s", errTemplateBounds, messageTimeout)
	}
	return nil
}

// functions are those of a template, each within the budget.
func (b *budget) functions() template.FuncMap {
	bounded := template.FuncMap{}
	for name, f := range functions() {
		bounded[name] = b.bound(name, f)
	}
	for name, f := range map[string]any{
		"print": fmt.Sprint, "printf": fmt.Sprintf, "println": fmt.Sprintln,
		"html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
	} {
		bounded[name] = b.bound(name, f)
	}
	bounded[stepFunction] = b.step
	return bounded
}

// bound returns a function that does what f does, as long as the budget lasts.
func (b *budget) bound(name string, f any) any {
	of := reflect.ValueOf(f)
	kind, failure := of.Type(), reflect.TypeFor[error]()
	var in []reflect.Type
	for param := range kind.Ins() {
		in = append(in, param)
	}
	call := of.Call
	if kind.IsVariadic() {
		call = of.CallSlice
	}
	result := func(value reflect.Value, err error) []reflect.Value {
		return []reflect.Value{value, reflect.ValueOf(&err).Elem()}
	}
	within := reflect.FuncOf(in, []reflect.Type{kind.Out(0), failure}, kind.IsVariadic())
	return reflect.MakeFunc(within, func(args []reflect.Value) []reflect.Value {
		if err := b.before(name, args); err != nil {
			return result(reflect.Zero(kind.Out(0)), err)
		}
		out := call(args)
		if len(out) > 1 && !out[1].IsNil() {
			return out
		}
		return result(out[0], b.after(name, out[0]))
	}).Interface()
}

// before checks the arguments of a call.
func (b *budget) before(name string, args []reflect.Value) error {
	if err := b.timely(); err != nil {
		return err
	}
	left := maxValueBytes
	for _, arg := range args {
		if left = weigh(arg, left, 0); left < 0 {
			return fmt.Errorf("%w: %s of more than %d bytes", errTemplateBounds, name, maxValueBytes)
		}
	}
	return checkProduct(name, args, maxValueBytes-left)
}

// after checks what a call has made. It finds maps that were put into themselves, too, which nobody could print.
func (b *budget) after(name string, made reflect.Value) error {
	left := weigh(made, maxValueBytes, 0)
	if left < 0 {
		return fmt.Errorf("%w: %s makes more than %d bytes", errTemplateBounds, name, maxValueBytes)
	}
	if b.bytes -= maxValueBytes - left; b.bytes < 0 {
		return fmt.Errorf("%w: more than %d bytes are made", errTemplateBounds, maxMadeBytes)
	}
	return nil
}

// weigh returns what is left when the size of a value, printed, is taken from left; less than 0 when it is not enough.
func weigh(v reflect.Value, left, depth int) int {
	left -= elementBytes
	if depth++; depth > maxDepth {
		return -1
	}
	if left < 0 {
		return left
	}
	switch v.Kind() {
	case reflect.String:
		return left - v.Len()
	case reflect.Interface, reflect.Pointer:
		return weigh(v.Elem(), left, depth)
	case reflect.Struct:
		for i := 0; i < v.NumField() && left >= 0; i++ {
			left = weigh(v.Field(i), left, depth)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return left - v.Len()
		}
		for i := 0; i < v.Len() && left >= 0; i++ {
			left = weigh(v.Index(i), left, depth)
		}
	case reflect.Map:
		for entries := v.MapRange(); left >= 0 && entries.Next(); {
			left = weigh(entries.Value(), weigh(entries.Key(), left, depth), depth)
		}
	default: // numbers
	}
	return left
}

// checkProduct refuses calls whose result, or whose time, is a product of sizes that are sane by themselves.
func checkProduct(name string, args []reflect.Value, size int) error {
	makes, work := 0, 0
	switch strings.TrimPrefix(strings.ToLower(name), "must") {
	case "replace": // old, new, text
		makes = strings.Count(args[2].String(), args[0].String()) * args[1].Len()
	case "join": // separator, list
		makes = size / elementBytes * args[0].Len()
	case "indent", "nindent": // spaces, text
		makes = (strings.Count(args[1].String(), "\n") + 1) * int(min(args[0].Int(), maxValueBytes+1))
	case "wrapwith": // length, separator, text
		makes = (args[2].Len() + 1) * args[1].Len()
	case "split", "splitlist": // separator, text
		makes = (strings.Count(args[len(args)-1].String(), args[0].String()) + 1) * elementBytes * elementBytes
	case "splitn": // separator, number, text
		makes = (strings.Count(args[2].String(), args[0].String()) + 1) * elementBytes * elementBytes
	case "printf": // format, arguments
		return checkFormat(args[0].String(), args[1], size)
	case "uniq", "without", "pluck":
		work = (size / elementBytes) * (size / elementBytes)
	case "regexmatch", "regexfind", "regexfindall", "regexsplit": // pattern, text
		return checkPattern(args[0].String(), args[1].Len())
	case "regexreplaceall", "regexreplaceallliteral": // pattern, text, replacement
		makes = (args[1].Len() + 1) * args[2].Len()
		if err := checkPattern(args[0].String(), args[1].Len()); err != nil {
			return err
		}
	}
	if makes > maxValueBytes || work > maxWork {
		return fmt.Errorf("%w: %s of large values", errTemplateBounds, name)
	}
	return nil
}

// checkPattern bounds the length of a text times the number of steps that a regular expression compiles to, which repetitions multiply.
func checkPattern(pattern string, length int) error {
	if len(pattern) > maxPatternBytes {
		return fmt.Errorf("%w: a regular expression of more than %d bytes", errTemplateBounds, maxPatternBytes)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return err
	}
	if len(program.Inst)*length > maxWork {
		return fmt.Errorf("%w: a regular expression takes more than %d steps", errTemplateBounds, maxWork)
	}
	return nil
}

// wideFormat matches formats with widths or precisions of more than three digits, or that come from arguments.
var wideFormat = regexp.MustCompile(`%[^a-zA-Z%]*(?:[0-9]{4}|\*)`)

// checkFormat refuses formats that print an argument many times, or with much around it.
func checkFormat(format string, args reflect.Value, size int) error {
	verbs := strings.Count(format, "%")
	const most = 1000 // of width and precision, each
	if verbs*2*most > maxValueBytes || strings.Contains(format, "[") && verbs*size > maxValueBytes {
		return fmt.Errorf("%w: a format with %d verbs", errTemplateBounds, verbs)
	}
	if wideFormat.MatchString(format) {
		return fmt.Errorf("%w: a format for %d arguments with a width of more than three digits", errTemplateBounds, args.Len())
	}
	return nil
}
