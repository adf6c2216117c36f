// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package setters

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func web() Images {
	return Images{
		"apps:web":    {Name: "ghcr.io/o/web", Tag: "1.2.3", Digest: digest},
		"apps:plain":  {Name: "ghcr.io/o/web", Tag: "1.2.3"},
		"apps:number": {Name: "ghcr.io/o/web", Tag: "1.5"},
	}
}

// The vectors of the contract and what follows from its rules. Flux: image-automation-controller contract, "Markers", "Where a marker counts",
// "Writing: byte-exact rule".
func TestApply(t *testing.T) {
	const (
		tag    = `# {"$imagepolicy": "apps:web:tag"}`
		number = `# {"$imagepolicy": "apps:number:tag"}`
	)
	cases := map[string]struct {
		reason, in string
		want       string // empty: nothing changes
	}{
		"Full":            {"Name, tag and digest.", "image: ghcr.io/o/web:1.0.0 # {\"$imagepolicy\": \"apps:web\"}\n", "image: ghcr.io/o/web:1.2.3@" + digest + " # {\"$imagepolicy\": \"apps:web\"}\n"},
		"WithoutDigest":   {"A policy that reflects none.", "image: ghcr.io/o/web:1.0.0 # {\"$imagepolicy\": \"apps:plain\"}\n", "image: ghcr.io/o/web:1.2.3 # {\"$imagepolicy\": \"apps:plain\"}\n"},
		"Tag":             {"Blanks before the comment stay.", `newTag: "1.0.0"   ` + tag + "\n", `newTag: "1.2.3"   ` + tag + "\n"},
		"Name":            {"Single quotes stay.", `newName: 'x' # {"$imagepolicy":"apps:web:name"}` + "\n", `newName: 'ghcr.io/o/web' # {"$imagepolicy":"apps:web:name"}` + "\n"},
		"Digest":          {"The digest alone.", `digest: sha256:00 # {"$imagepolicy": "apps:web:digest"}`, `digest: ` + digest + ` # {"$imagepolicy": "apps:web:digest"}`},
		"NoDigest":        {"No digest is an empty text.", `digest: sha256:00 # {"$imagepolicy": "apps:plain:digest"}`, `digest: "" # {"$imagepolicy": "apps:plain:digest"}`},
		"Item":            {"An item of a sequence.", "- img:1 " + tag + "\n", "- 1.2.3 " + tag + "\n"},
		"WasNumber":       {"A text that replaces a number is plain.", "tag: 1.0 " + tag + "\n", "tag: 1.2.3 " + tag + "\n"},
		"IsNumber":        {"A text that looks like a number is quoted.", "tag: 1.0 " + number + "\n", `tag: "1.5" ` + number + "\n"},
		"TwoHashes":       {"All leading hashes are taken off.", `image: a ## {"$imagepolicy": "apps:web:tag"}`, `image: 1.2.3 ## {"$imagepolicy": "apps:web:tag"}`},
		"TextBefore":      {"Something before the object.", `image: a # x {"$imagepolicy": "apps:web:tag"}`, ""},
		"TextAfter":       {"Something after it.", `image: a # {"$imagepolicy": "apps:web:tag"} x`, ""},
		"OtherKey":        {"Another key with a text.", `image: a # {"$imagepolicy": "apps:plain", "note": "n"}`, `image: ghcr.io/o/web:1.2.3 # {"$imagepolicy": "apps:plain", "note": "n"}`},
		"OtherType":       {"Another key with a number.", `image: a # {"$imagepolicy": "apps:web", "n": 1}`, ""},
		"Slash":           {"A slash instead of the colon.", `image: a # {"$imagepolicy": "apps/web"}`, ""},
		"NoNamespace":     {"No namespace.", `image: a # {"$imagepolicy": "web"}`, ""},
		"OtherNamespace":  {"Another namespace.", `image: a # {"$imagepolicy": "other:web"}`, ""},
		"OtherPart":       {"A part that images do not have.", `image: a # {"$imagepolicy": "apps:web:registry"}`, ""},
		"EmptyPart":       {"An empty part.", `image: a # {"$imagepolicy": "apps:web:"}`, ""},
		"Flow":            {"In a flow mapping, after the comma.", "{image: a, " + tag + "\n  b: c}\n", "{image: 1.2.3, " + tag + "\n  b: c}\n"},
		"FlowLast":        {"After the last value.", "[a, b " + tag + "\n]\n", "[a, 1.2.3 " + tag + "\n]\n"},
		"FlowEnd":         {"On the line that closes it.", "{image: a} " + tag + "\n", ""},
		"FlowNestedEnd":   {"Or closes an inner one.", "{a: {b: c}, " + tag + "\n d: e}\n", ""},
		"Anchor":          {"An anchor stays, its aliases are not touched.", "image: &i a " + tag + "\nother: *i\n", "image: &i 1.2.3 " + tag + "\nother: *i\n"},
		"Alias":           {"An alias is none of ours.", "image: &i a\nother: *i " + tag + "\n", ""},
		"ExplicitTag":     {"So does an explicit tag.", "image: !!str 1.0 " + tag + "\n", "image: !!str 1.2.3 " + tag + "\n"},
		"AnchorOnOwnLine": {"Also on a line of its own.", "image: &i !!str\n  a " + tag + "\n", "image: &i !!str\n  1.2.3 " + tag + "\n"},
		"ManyLines":       {"A plain scalar of two lines becomes one.", "a: x\n  y " + tag + "\nb: 1\n", "a: 1.2.3 " + tag + "\nb: 1\n"},
		"ManyQuotedLines": {"So does a quoted one.", "a: \"x\n\n  y\\\"\" " + tag + "\nb: 1\n", "a: \"1.2.3\" " + tag + "\nb: 1\n"},
		"SingleQuotes":    {"Doubled quotes are part of the text.", "a: 'x''y' " + tag + "\n", "a: '1.2.3' " + tag + "\n"},
		"Literal":         {"A block becomes one line; the lines after it stay.", "a: |-2 " + tag + "\n   foo\n\n  bar\n\n# x\nb: 1\n", "a: 1.2.3 " + tag + "\n\n# x\nb: 1\n"},
		"Folded":          {"Also at the end of a file without a last line break.", "a:\n  b: >+ " + tag + "\n    foo\n    bar", "a:\n  b: 1.2.3 " + tag + ""},
		"EmptyBlock":      {"A block without lines.", "a: | " + tag + "\nb: 1\n", "a: 1.2.3 " + tag + "\nb: 1\n"},
		"OddBlock":        {"A block of nothing but odd line breaks ends where the next item begins.", "- |3+ " + tag + "\n\u2028- ']|' " + tag + "\n", "- 1.2.3 " + tag + "\n\u2028- '1.2.3' " + tag + "\n"},
		"OddBlockText":    {"One that begins with such has its text after it.", "a: >+ " + tag + "\n\u2028\n  b\n\u2028\nc: d\n", "a: 1.2.3 " + tag + "\n\u2028\nc: d\n"},
		"InBlock":         {"What looks like a marker in a block is text.", "a: |\n  image: a " + tag + "\n", ""},
		"InItemBlock":     {"Also where an item follows.", "- |\n  " + tag + "\n- img\n", ""},
		"InString":        {"Or in quotes.", "a: \"x " + strings.ReplaceAll(tag, `"`, `\"`) + "\"\n", ""},
		"AboveItem":       {"A line above an item.", "l:\n" + tag + "\n- a\n- b\n", "l:\n" + tag + "\n- 1.2.3\n- b\n"},
		"AboveSecond":     {"Above another item.", "l:\n  - a\n  " + tag + "\n  - b\n", "l:\n  - a\n  " + tag + "\n  - 1.2.3\n"},
		"AboveTwoLines":   {"Not the only line of the comment.", "l:\n# x\n" + tag + "\n- a\n", ""},
		"AboveHidden":     {"Another comment on the line hides it.", "l:\n" + tag + "\n- a # x\n", ""},
		"BetweenKey":      {"A line between key and value.", "a:\n  " + tag + "\n  b\n", "a:\n  " + tag + "\n  1.2.3\n"},
		"AboveKey":        {"A line above a key belongs to the key.", tag + "\na: b\n", ""},
		"AboveInnerKey":   {"In an item too.", "l:\n" + tag + "\n- a: b\n", ""},
		"OnKey":           {"The line of a key whose value follows.", "a: " + tag + "\n  b\n", ""},
		"OnMapping":       {"Or whose value is a mapping.", "a: " + tag + "\n  b: c\n", ""},
		"Foot":            {"A line below.", "a: b\n" + tag + "\n\nc: d\n", ""},
		"EmptyValue":      {"Nothing to replace.", "image: " + tag + "\nb: c\n", ""},
		"EmptyItem":       {"The next item is not meant.", "- " + tag + "\n- b\n", ""},
		"EmptyText":       {"An empty text can be replaced.", "a: \"\" " + tag + "\n", "a: \"1.2.3\" " + tag + "\n"},
		"Null":            {"So can what means nothing.", "a: ~ " + tag + "\n", "a: 1.2.3 " + tag + "\n"},
		"ComplexKey":      {"A key is never changed.", "? a " + tag + "\n: b\n", ""},
		"Unchanged":       {"What is right stays, whatever its quotes.", "a: \"1.2\\x2e3\" " + tag + "\n", ""},
		"Number":          {"The engine does not know schemas.", "replicas: 3 " + number + "\n", "replicas: \"1.5\" " + number + "\n"},
		"RootScalar":      {"A document that is a value.", "a " + tag + "\n", ""},
		"Windows":         {"Line endings stay.", "a: b " + tag + "\r\n\r\nc:   d\r\n", "a: 1.2.3 " + tag + "\r\n\r\nc:   d\r\n"},
		"WindowsAbove":    {"They change nothing about which value a comment is of.", "- a\r\n" + tag + "\r\n- b\r\n", "- a\r\n" + tag + "\r\n- 1.2.3\r\n"},
		"WindowsBlock":    {"Nor about where a value ends.", "- |\r\n  a\r\n\r\n  b\r\n" + tag + "\r\n- >- " + tag + "\r\n  c\r\n  d\r\n- e\r\n", "- |\r\n  a\r\n\r\n  b\r\n" + tag + "\r\n- 1.2.3 " + tag + "\r\n- e\r\n"},
		"Mac":             {"Old ones too.", "a: b " + tag + "\rc: d\r", "a: 1.2.3 " + tag + "\rc: d\r"},
		"OddBreaks":       {"Characters that break lines are counted.", "x: \"\u0085\u2028\u2029\"\na: b " + tag + "\n", "x: \"\u0085\u2028\u2029\"\na: 1.2.3 " + tag + "\n"},
		"Unicode":         {"Columns count characters.", "{äöü𝄞: ß, a: b " + tag + "\n}\n", "{äöü𝄞: ß, a: 1.2.3 " + tag + "\n}\n"},
		"BOM":             {"A byte order mark stays.", "\ufeffa: b " + tag + "\n", "\ufeffa: 1.2.3 " + tag + "\n"},
		"Documents": {
			"Everything between and around values stays.",
			"%YAML 1.1\r\n---\r\n\r\na: b   " + tag + "\r\n...\r\n# x\r\n---   # y\r\nl:\r\n    -   c " + tag + "\r\n---\r\n# only a comment",
			"%YAML 1.1\r\n---\r\n\r\na: 1.2.3   " + tag + "\r\n...\r\n# x\r\n---   # y\r\nl:\r\n    -   1.2.3 " + tag + "\r\n---\r\n# only a comment",
		},
		"Several": {
			"Several policies and the same one twice.",
			"a: b " + tag + "\nc: d " + number + "\ne: f " + tag + "\n",
			"a: 1.2.3 " + tag + "\nc: \"1.5\" " + number + "\ne: 1.2.3 " + tag + "\n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, edits, err := Apply([]byte(tc.in), web())
			if err != nil {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" || (len(edits) > 0) != (tc.want != "") {
				t.Fatalf("%s\n%d edits, (-want +got):\n%s", tc.reason, len(edits), diff)
			}
			if tc.want == "" {
				return
			}
			if again, _, err := Apply(got, web()); again != nil || err != nil {
				t.Errorf("%s\na second time: %q, %v", tc.reason, again, err)
			}
		})
	}
}

func TestEdits(t *testing.T) {
	const in = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod}
spec:
  image: o/web:1 # {"$imagepolicy": "apps:plain"}
  same: ghcr.io/o/web:1.2.3 # {"$imagepolicy": "apps:plain"}
---
- a # {"$imagepolicy": "apps:plain:tag"}
---
apiVersion: v1
kind: List
metadata: plain
items:
  - kind: Pod
    metadata: {name: one}
    image: b # {"$imagepolicy": "apps:plain:name"}
  - c # {"$imagepolicy": "apps:plain:tag"}
`
	_, got, err := Apply([]byte(in), web())
	if err != nil {
		t.Fatal(err)
	}
	want := []Edit{
		{Object: Object{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", Namespace: "prod"}, Change: Change{"o/web:1", "ghcr.io/o/web:1.2.3", "apps:plain"}},
		{Change: Change{"a", "1.2.3", "apps:plain:tag"}},
		{Object: Object{Kind: "Pod", Name: "one"}, Change: Change{"b", "ghcr.io/o/web", "apps:plain:name"}},
		{Object: Object{APIVersion: "v1", Kind: "List"}, Change: Change{"c", "1.2.3", "apps:plain:tag"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNotYAML(t *testing.T) {
	for name, in := range map[string]string{
		"Template": "{{- if .x }}\nimage: a # {\"$imagepolicy\": \"apps:web\"}\n{{- end }}\n",
		"UTF16":    "\xff\xfea\x00",
		"Binary":   "a: \x00 # {\"$imagepolicy\": \"apps:web\"}\n",
		"Late":     "a: b # {\"$imagepolicy\": \"apps:web\"}\n---\n: : :\n\t- x\n",
		"Deep":     strings.Repeat("[", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Apply([]byte(in), web()); !errors.Is(err, ErrNotYAML) {
				t.Errorf("got %v", err)
			}
		})
	}
	bomb := "a: &a [x]\n"
	for i := range 30 {
		bomb += strings.ReplaceAll("N: &N [*M, *M]\n", "N", "b"+string(rune('a'+i%26))+strings.Repeat("x", i/26))
		bomb = strings.ReplaceAll(bomb, "*M", "*a")
	}
	if out, _, err := Apply([]byte(bomb+"i: b # {\"$imagepolicy\": \"apps:web\"}\n"), web()); err != nil || out == nil {
		t.Errorf("aliases are not followed, so any number of them is harmless: %v", err)
	}
}

// A change that breaks the file is no reason to leave it alone as if it had been broken before.
func TestBroken(t *testing.T) {
	for name, changed := range map[string]string{
		"Broken": "a: [", "Fewer": "", "More": "a: b\n---\nc: d\n", "BrokenLater": "a: b\n---\nc: [", "Value": "a: c\n", "Tag": "a: !x b\n",
	} {
		if err := (&editor{source: newSource([]byte("a: b\n"))}).verify([]byte(changed)); err == nil || errors.Is(err, ErrNotYAML) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRender(t *testing.T) {
	for value := range strings.FieldsSeq("1.0 123 1e5 0x1f 010 1_000 on yes no y n null ~ 2024-01-01 .inf 1:20 1. .5 -1 +1 0b1 0o7 .NaN True OFF - --- ... << = 12e03 2001-12-14t21:59:43 a: @a") {
		if got := render(value, 0); got != `"`+value+`"` {
			t.Errorf("%s became %s", value, got)
		}
	}
	for value := range strings.FieldsSeq("1.2.3 v1 1.0-rc sha256:00 a:1 ghcr.io/o/web:1.0@sha256:00 main-abc-1 1.2.3.4 yess 0x1g 1.0.0+b -a latest _x") {
		if got := render(value, 0); got != value {
			t.Errorf("%s became %s", value, got)
		}
	}
	if got := render("", 0); got != `""` {
		t.Errorf("nothing became %s", got)
	}
}

func TestCheck(t *testing.T) {
	if err := web().Check(); err != nil {
		t.Error(err)
	}
	bad := Images{"a:b": {Name: "UPPER/case", Tag: "1"}, "a:c": {Name: "o/web", Tag: "b c"}, "a:a": {Name: "o/web", Tag: "1"}, "a:d": {Name: "o/web"}}
	for range 10 {
		err := bad.Check()
		if err == nil {
			t.Fatal("invalid images are fine")
		}
		text := err.Error()
		first, second := strings.Index(text, `encountered invalid image ref "UPPER/case:1" of policy 'a:b'`), strings.Index(text, `encountered invalid image ref "o/web:b c"`)
		if first != 0 || second < first || strings.Index(text, `"o/web:"`) < second {
			t.Fatalf("not all, or not in order: %s", text)
		}
	}
}

// A file may grow beyond the limit by its changes.
func TestGrowth(t *testing.T) {
	line := "- a # {\"$imagepolicy\": \"apps:web\"}\n"
	in := strings.Repeat(line, 2)
	most := limits{bytes: len(in), marks: maxMarks, documents: 1, changes: 2}
	if out, edits, err := apply([]byte(in), web(), most); err != nil || len(edits) != 2 || len(out) <= len(in) {
		t.Errorf("%d edits, %v", len(edits), err)
	}
	most.changes--
	if _, _, err := apply([]byte(in), web(), most); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more changes than there may be: %v", err)
	}
}

// FuzzApply holds that nothing outside of values changes, and that a second time changes nothing.
func FuzzApply(f *testing.F) {
	for _, seed := range []string{
		"image: a # {\"$imagepolicy\": \"apps:web:tag\"}\n", "- |\n  x\n- > # {\"$imagepolicy\": \"apps:web\"}\n y\n", "{a: b, # {\"$imagepolicy\": \"apps:web\"}\n c: d}",
		"a: 'x\n y' # {\"$imagepolicy\": \"apps:web:tag\"}\r\n---\n&a !!str\n b: c\n", "# {\"$imagepolicy\": \"apps:web\"}\n- a\n- &x b # {\"$imagepolicy\": \"apps:number:tag\"}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, edits, err := Apply([]byte(in), web())
		if err != nil || out == nil {
			if len(edits) > 0 {
				t.Fatal("changes without content")
			}
			return
		}
		if again, _, err := Apply(out, web()); err != nil || again != nil {
			t.Fatalf("a second time: %q, %v", again, err)
		}
		// Whatever the values are, the text around them is the same: with one and with another choice of images.
		other := web()
		for name, image := range other {
			image.Tag, image.Name, image.Digest = "9.9.9", "ghcr.io/o/other", ""
			other[name] = image
		}
		direct, _, err := Apply([]byte(in), other)
		if err != nil {
			t.Fatal(err)
		}
		if detour, _, err := Apply(out, other); err != nil || strings.Count(string(detour), "\n") != strings.Count(string(direct), "\n") {
			t.Fatalf("%q and %q: %v", direct, detour, err)
		}
	})
}
