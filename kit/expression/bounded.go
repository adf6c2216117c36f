// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"reflect"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

const (
	// maxProduct bounds functions that take time or memory by the product of their arguments' sizes: a call is charged for only after it.
	maxProduct = 1_000_000
	// maxPatternBytes bounds a regular expression, which may come from what an expression looks at.
	maxPatternBytes = 1 << 10
	// maxMatchSteps bounds the length of a text times the number of steps that a regular expression compiles to, which repetitions multiply:
	// about half a second.
	maxMatchSteps = 10_000_000
	// matchesFunction is the name of the function for regular expressions.
	matchesFunction = "matches"
)

// bounded redefines such functions of the language and its extensions with the same answers for arguments of sane sizes.
func bounded() []cel.EnvOption {
	list := cel.ListType(cel.TypeParamType("T"))
	sets := func(name, id string, f func(a, b traits.Lister) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(id, []*cel.Type{list, list}, cel.BoolType, cel.BinaryBinding(setFunction(f))))
	}
	return []cel.EnvOption{
		cel.Function(matchesFunction,
			cel.Overload("matches", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType),
			cel.MemberOverload("matches_string", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType),
			cel.SingletonBinaryBinding(matches),
		),
		cel.Function("replace",
			cel.MemberOverload("string_replace_string_string",
				[]*cel.Type{cel.StringType, cel.StringType, cel.StringType}, cel.StringType, cel.FunctionBinding(replace)),
			cel.MemberOverload("string_replace_string_string_int",
				[]*cel.Type{cel.StringType, cel.StringType, cel.StringType, cel.IntType}, cel.StringType, cel.FunctionBinding(replace)),
		),
		cel.Function("join", cel.MemberOverload("list_join_string",
			[]*cel.Type{cel.ListType(cel.StringType), cel.StringType}, cel.StringType, cel.BinaryBinding(join))),
		sets("sets.contains", "list_sets_contains_list", contains),
		sets("sets.equivalent", "list_sets_equivalent_list", func(a, b traits.Lister) ref.Val {
			if ab := contains(a, b); ab != types.True {
				return ab
			}
			return contains(b, a)
		}),
		sets("sets.intersects", "list_sets_intersects_list", intersects),
	}
}

// matches is text.matches(pattern).
func matches(text, pattern ref.Val) ref.Val {
	in, isText := text.(types.String)
	by, isPattern := pattern.(types.String)
	if !isText || !isPattern {
		return types.NewErr("no such overload")
	}
	if len(by) > maxPatternBytes {
		return types.NewErr("matches takes patterns of at most %d bytes", maxPatternBytes)
	}
	parsed, err := syntax.Parse(string(by), syntax.Perl)
	if err != nil {
		return types.WrapErr(err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return types.WrapErr(err)
	}
	if len(in)*len(program.Inst) > maxMatchSteps {
		return types.NewErr("matches takes more than %d steps", maxMatchSteps)
	}
	compiled, err := regexp.Compile(string(by))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Bool(compiled.MatchString(string(in)))
}

// replace is text.replace(old, by) or text.replace(old, by, count).
func replace(args ...ref.Val) ref.Val {
	text, isText := args[0].(types.String)
	old, isOld := args[1].(types.String)
	by, isBy := args[2].(types.String)
	count, isCount := types.Int(-1), true
	if len(args) > 3 {
		count, isCount = args[3].(types.Int)
	}
	if !isText || !isOld || !isBy || !isCount {
		return types.NewErr("no such overload")
	}
	if strings.Count(string(text), string(old))*len(by) > maxProduct {
		return types.NewErr("replace makes a string of more than %d bytes", maxProduct)
	}
	return types.String(strings.Replace(string(text), string(old), string(by), int(count)))
}

// join is list.join(separator).
func join(list, separator ref.Val) ref.Val {
	native, err := list.ConvertToNative(reflect.TypeFor[[]string]())
	if err != nil {
		return types.WrapErr(err)
	}
	parts, isParts := native.([]string)
	between, isBetween := separator.(types.String)
	if !isParts || !isBetween {
		return types.NewErr("no such overload")
	}
	if len(parts)*len(between) > maxProduct {
		return types.NewErr("join makes a string of more than %d bytes", maxProduct)
	}
	return types.String(strings.Join(parts, string(between)))
}

// setFunction refuses lists that are too large to compare each with each.
func setFunction(f func(a, b traits.Lister) ref.Val) func(a, b ref.Val) ref.Val {
	return func(a, b ref.Val) ref.Val {
		listA, isA := a.(traits.Lister)
		listB, isB := b.(traits.Lister)
		if !isA || !isB {
			return types.NewErr("no such overload")
		}
		sizeA, isA := listA.Size().(types.Int)
		sizeB, isB := listB.Size().(types.Int)
		if !isA || !isB || sizeA*sizeB > maxProduct {
			return types.NewErr("sets take more than %d comparisons", maxProduct)
		}
		return f(listA, listB)
	}
}

func contains(list, sub traits.Lister) ref.Val {
	for it := sub.Iterator(); it.HasNext() == types.True; {
		if found := list.Contains(it.Next()); found != types.True {
			return found
		}
	}
	return types.True
}

func intersects(a, b traits.Lister) ref.Val {
	for it := a.Iterator(); it.HasNext() == types.True; {
		if b.Contains(it.Next()) == types.True {
			return types.True
		}
	}
	return types.False
}
