// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// bounded returns a function that looks at its arguments before, and at its outcome after it does what function does.
func (g *guard) bounded(name string, function any) any {
	f := reflect.ValueOf(function)
	t := f.Type()
	in, fails := make([]reflect.Type, t.NumIn()), reflect.TypeFor[error]()
	for i := range in {
		in[i] = t.In(i)
	}
	grows, looks := growth(name), !slices.Contains(shallow(), name)
	return reflect.MakeFunc(reflect.FuncOf(in, []reflect.Type{t.Out(0), fails}, t.IsVariadic()), func(args []reflect.Value) []reflect.Value {
		err := g.before(args, grows, looks)
		if err != nil {
			return []reflect.Value{reflect.Zero(t.Out(0)), reflect.ValueOf(&err).Elem()}
		}
		call := f.Call
		if t.IsVariadic() {
			call = f.CallSlice
		}
		out := call(args)
		if len(out) == 1 {
			out = append(out, reflect.Zero(fails))
		}
		if out[1].IsNil() {
			if err := g.work(weigh(dig(out[0]))); err != nil {
				return []reflect.Value{reflect.Zero(t.Out(0)), reflect.ValueOf(&err).Elem()}
			}
		}
		return out
	}).Interface()
}

// before refuses a call that would make, or go through, too much.
func (g *guard) before(args []reflect.Value, grows func([]reflect.Value) float64, looks bool) error {
	if err := g.ended(); err != nil {
		return err
	}
	cost := callCost
	for _, arg := range args {
		arg = dig(arg)
		if arg.Kind() == reflect.String {
			cost += arg.Len()
			continue
		}
		if looks {
			size, err := measure(arg, 0)
			if err != nil {
				return err
			}
			cost += size
		}
	}
	if grows != nil {
		most := grows(args)
		if most > maxValue {
			return tooLarge()
		}
		cost += int(most)
	}
	return g.work(cost)
}

func dig(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

// shallow are the functions that do not go through the structures that they are given.
func shallow() []string {
	return []string{
		"all", "any", "append", "coalesce", "compact", "concat", "default", "dict", "dig", "empty", "first", "get", "has", "hasKey", "initial",
		"keys", "kindIs", "kindOf", "last", "list", "lookup", "mustAppend", "mustCompact", "mustFirst", "mustHas", "mustInitial", "mustLast",
		"mustPrepend", "mustPush", "mustRest", "mustReverse", "mustSlice", "mustUniq", "mustWithout", "omit", "pick", "pluck", "prepend", "push",
		"required", "rest", "reverse", "set", "slice", "ternary", "tuple", "typeIs", "typeIsLike", "typeOf", "uniq", "unset", "values", "without",
	}
}

// comparisons are as many as take the time of making an item.
const comparisons = 100

// growth tells, for functions whose outcome may be much larger than what they are given, how large it gets at most, in bytes; nil for others.
func growth(name string) func([]reflect.Value) float64 {
	item := func(n float64) float64 { return n * maxValue / maxItems }
	switch name {
	case "repeat":
		return func(a []reflect.Value) float64 { return number(a, 0) * size(a, 1) }
	case "indent", "nindent":
		return func(a []reflect.Value) float64 { return number(a, 0) * float64(1+strings.Count(text(a, 1), "\n")) }
	case "until":
		return func(a []reflect.Value) float64 { return item(math.Abs(number(a, 0))) }
	case "untilStep":
		return func(a []reflect.Value) float64 { return item(steps(number(a, 0), number(a, 1), number(a, 2))) }
	case "seq":
		return func(a []reflect.Value) float64 { return item(sequence(a[0])) }
	case "randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randBytes":
		return func(a []reflect.Value) float64 { return 4 * number(a, 0) }
	case "replace":
		return func(a []reflect.Value) float64 {
			return size(a, 2) + float64(strings.Count(text(a, 2), text(a, 0)))*size(a, 1)
		}
	case "regexReplaceAll", "mustRegexReplaceAll", "regexReplaceAllLiteral", "mustRegexReplaceAllLiteral":
		return func(a []reflect.Value) float64 { return replaced(text(a, 0), text(a, 1), text(a, 2)) }
	case "wrap":
		return func(a []reflect.Value) float64 { return 2 * size(a, 1) }
	case "wrapWith":
		return func(a []reflect.Value) float64 { return size(a, 2) * (1 + size(a, 1)) }
	case "join":
		return func(a []reflect.Value) float64 { return size(a, 0) * size(a, 1) }
	case "split", "splitList":
		return func(a []reflect.Value) float64 { return item(float64(1 + strings.Count(text(a, 1), text(a, 0)))) }
	case "uniq", "mustUniq": // which compare each with each
		return func(a []reflect.Value) float64 { return item(size(a, 0) * size(a, 0) / comparisons) }
	case "fromYaml", "fromYamlArray", "fromJson", "mustFromJson", "fromJsonArray", "fromToml":
		return func(a []reflect.Value) float64 { return size(a, 0) * dataCost }
	case "regexSplit", "mustRegexSplit", "regexFindAll", "mustRegexFindAll":
		return func(a []reflect.Value) float64 { return item(size(a, 1)) }
	case "printf":
		return func(a []reflect.Value) float64 { return formatted(text(a, 0), a[1]) }
	}
	return nil
}

// text returns an argument, empty if it is no text.
func text(args []reflect.Value, i int) string {
	if v := dig(args[i]); v.Kind() == reflect.String {
		return v.String()
	}
	return ""
}

// size returns how long an argument is, 0 if it has no length.
func size(args []reflect.Value, i int) float64 {
	switch v := dig(args[i]); v.Kind() {
	case reflect.String, reflect.Slice, reflect.Array, reflect.Map:
		return float64(v.Len())
	default:
		return 0
	}
}

// number returns an argument, 0 if it is none.
func number(args []reflect.Value, i int) float64 {
	switch v := dig(args[i]); {
	case v.CanInt():
		return float64(v.Int())
	case v.CanFloat():
		return v.Float()
	}
	return 0
}

// steps is how many numbers there are from start to stop.
func steps(start, stop, step float64) float64 {
	if step == 0 {
		return 0
	}
	return math.Max(0, (stop-start)/step)
}

// sequence is how many numbers seq makes, which takes an end, a start and an end, or a start, a step and an end.
func sequence(args reflect.Value) float64 {
	n := make([]reflect.Value, args.Len())
	for i := range n {
		n[i] = args.Index(i)
	}
	switch len(n) {
	case 1:
		return math.Abs(number(n, 0))
	case 2:
		return math.Abs(number(n, 1) - number(n, 0))
	case 3:
		return steps(number(n, 0), number(n, 2), number(n, 1))
	}
	return 0
}

// replaced bounds what a replacement makes of a text: each match is replaced, and may be repeated in what replaces it.
func replaced(pattern, text, by string) float64 {
	most := float64(1+len(text))*float64(len(by)) + float64(len(text))*float64(1+strings.Count(by, "$"))
	if most <= maxValue {
		return most
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return 0 // the function will say so
	}
	matches := len(expression.FindAllStringIndex(text, -1))
	return float64(matches)*float64(len(by)) + float64(len(text))*float64(1+strings.Count(by, "$"))
}

// padded finds verbs of printf with a width or precision that counts.
var padded = regexp.MustCompile(`%[-+# 0.\[\]0-9]*[0-9]{4}`)

// formatted bounds what printf makes: each verb may name any argument, and pad it by a million.
func formatted(format string, args reflect.Value) float64 {
	const padding = 1e6 // fmt: tooLarge
	most := float64(len(format))
	verbs := float64(strings.Count(format, "%"))
	if strings.Contains(format, "%[") || strings.Contains(format, "[") {
		sum := 0
		for i := range args.Len() {
			n, err := measure(args.Index(i), 0)
			if err != nil {
				return math.Inf(1)
			}
			sum += n
		}
		most += verbs * float64(sum)
	}
	if strings.Contains(format, "*") || padded.MatchString(format) {
		most += verbs * padding
	}
	return most
}
