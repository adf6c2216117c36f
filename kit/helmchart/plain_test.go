// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// usual is a version as helm writes it, with everything that it can have.
const usual = `  - annotations:
      artifacthub.io/changes: |
        - kind: added
          description: "something: new" # with a note

        # and more
      artifacthub.io/license: Apache-2.0
      category: Database
      images: |-
        - image: registry.example/a:1
          name: a
    apiVersion: v2
    appVersion: 1.2.3
    condition: a.enabled
    created: "2024-01-02T03:04:05.123456789Z"
    dependencies:
    - alias: other
      condition: common.enabled
      enabled: true
      name: common
      repository: oci://registry.example/charts
      tags:
      - common
      - x
      version: 2.x.x
    - name: second
      repository: ""
    deprecated: true
    description: A chart that is described (with some / signs & more), in
      more than one line - really
      so. It's "quoted", too; see https://charts.example#here.
    digest: 6d5e4ac2a7e0b6a6f1f2a4f2d2ad0fbb0a0e7c4f6fd7c4b9a1d1c0b0a0f0e0d0
    home: https://charts.example
    icon: https://charts.example/icon.svg?x=1&y=2
    keywords:
    - database
    - sql
    kubeVersion: '>= 1.19.0-0'
    maintainers:
    - email: somebody@charts.example
      name: Sömebody 人
      url: https://charts.example/people
    name: chart
    removed: false
    sources:
    - https://charts.example/src/chart
    tags: a,b
    type: application
    urls:
    - https://charts.example/chart-1.2.3.tgz
    - charts/chart-1.2.3.tgz
    version: 1.2.3
`

// readPlain are versions that have to be read without the parser.
func readPlain() map[string]string {
	return map[string]string{
		"Usual":        usual,
		"Two":          usual + usual,
		"Deeper":       strings.ReplaceAll("\n"+usual, "\n  ", "\n      "),
		"Top":          "- name: a\n  version: 1.0.0\n",
		"IndentedList": "- name: a\n  keywords:\n    - a\n    -   b\n  version: 1.0.0\n",
		"Gaps":         "\n- name: a\n\n  version: 1.0.0\n\n\n",
		"WideDash":     "-   name: a\n    version: 1.0.0\n",
		"EmptyLists":   "- keywords: []\n  urls: []\n  dependencies: []\n  maintainers: []\n  annotations: {}\n  name: a\n",
		"Quotes":       "- name: 'it''s'\n  description: \"a \\\"b\\\" \\\\ \\n c\"\n  home: ''\n  icon: \"\"\n",
		"QuoteLines":   "- name: 'it''s\n    a ''b''\n    c'\n  description: \"a \\\"b\\\n     \\ c \n    d\\n\\te\"\n  home: '\n    a'\n",
		"Older":        "- engine: gotpl\n  name: a\n  tillerVersion: '>2.0.0'\n  checksum: abc\n  url: https://x\n",
		"Digits":       "- name: a\n  version: 0.1.0\n  appVersion: 1.2-3\n  digest: 01ab\n  description: 12 monkeys\n  home: 2024-01-02\n  icon: 9f\n",
		"Spaces":       "- name:   a  \n  description: a  b \n   c   d  \n",
	}
}

// leftToParser are versions that only the parser may read, or refuse.
func leftToParser() map[string]string {
	field := func(text string) string { return "- name: a\n  description: " + text + "\n  version: 1.0.0\n" }
	return map[string]string{
		"Integer": field("12"), "Float": field("1.10"), "Exponent": field("1e5"), "Hex": field("0x1f"), "Octal": field("0o17"), "Binary": field("0b11"),
		"Underscore": field("1_000"), "UnderscoreHex": field("0_x1f"), "Sign": field("-1"), "Plus": field("+1"), "Dot": field(".5"), "NaN": field(".nan"),
		"Boolean": field("yes"), "True": field("True"), "Null": field("null"), "Tilde": field("~"), "Nothing": field(""), "Merge": field("<<"),
		"Anchor": field("&a b"), "Alias": field("*a"), "Tag": field("!!str 1"), "Flow": field("[a]"), "FlowMap": field("{a: b}"), "Brace": field("{{ a }}"),
		"Fold": field(">-\n    a\n    b"), "Keep": field("|+\n    a\n\n"), "Indicator": field("|2\n    a"), "EmptyLiteral": field("|"),
		"LiteralGap": field("|\n\n    a"), "LiteralSpaces": field("|\n    a\n       \n    b"), "LiteralShort": field("|\n    a\n   b"),
		"Comment": field("a # b"), "CommentLine": "- name: a\n  # b\n  version: 1.0.0\n", "CommentInText": field("a\n    # b\n    c"),
		"Colon": field("a: b"), "ColonEnd": field("a:"), "ColonBelow": field("a\n    b: c"), "GapInText": field("a\n\n    b"),
		"OpenQuote": field(`"a`), "QuoteGap": field("\"a\n\n    b\""), "QuoteOut": field("\"a\n  b\""), "QuoteNote": field("\"a\n    # b\""), "QuoteTail": field("\"a\\ \n    b\""), "AfterQuote": field(`"a" b`), "Escape": field(`"\u00e9"`), "SingleOpen": field("'a'b'"),
		"Percent": field("%a"), "At": field("@a"), "Backtick": field("`a"), "Question": field("? a"), "Dash": field("- a"), "DashWord": field("-a"),
		"Tab": field("a\tb"), "Return": field("a\r"), "Control": field("a\x01"), "NextLine": field("a\u0085b"), "Separator": field("a\u2028b"),
		"Mark": field("a\ufeffb"), "Delete": field("a\x7fb"), "Invalid": field("a\xff"), "C1": field("a\u0090"),
		"Twice": "- name: a\n  name: b\n", "TwiceInside": "- annotations:\n    a: b\n    a: c\n", "Unknown": "- nonsense: a\n", "Case": "- Name: a\n",
		"KeyQuoted": "- 'name': a\n", "KeyBoolean": "- annotations:\n    yes: a\n", "KeyNumber": "- annotations:\n    1: a\n", "KeyMerge": "- <<: {name: a}\n",
		"KeyOnly": "- name\n", "Null item": "- null\n", "Item": "-\n  name: a\n", "FlowItem": "- {name: a, version: 1.0.0}\n", "Text": "- a\n",
		"BooleanText": "- deprecated: \"true\"\n", "BooleanOther": "- deprecated: yes\n", "Created": "- created: yesterday\n", "CreatedShort": "- created: 2024-01-02\n",
		"NullList": "- keywords:\n  name: a\n", "NullMap": "- annotations:\n  name: a\n", "NestedList": "- keywords:\n  - - a\n", "MapInList": "- keywords:\n  - a: b\n",
		"TextForList": "- keywords: a\n", "ListForText": "- name:\n  - a\n", "MapForText": "- name:\n    a: b\n", "Deeper": "- name: a\n   version: 1.0.0\n",
		"Shallower": "  - name: a\n   version: 1.0.0\n", "OutdentedList": "  - keywords:\n - a\n", "Import": "- dependencies:\n  - name: a\n    import-values:\n    - b\n",
		"NoMetadata": "- urls:\n  - a.tgz\n  digest: abc\n", "NoEnd": "- name: a", "Rest": "- name: a\nversion: 1.0.0\n", "Document": "- name: a\n---\n- name: b\n", "End": "- name: a\n...\n", "Empty": "", "Blank": "\n",
		"MaintainerText": "- maintainers:\n  - somebody\n", "MaintainerTwice": "- maintainers:\n  - name: a\n    name: b\n", "KeySpace": "- name : a\n",
		"NextLineText": "- name:\n    a\n", "ColonNoSpace": "- name:a\n",
	}
}

// agrees reports whether the short way was gone. Its result must be that of the parser.
func agrees(tb testing.TB, content string) bool {
	tb.Helper()
	got, ok := plainVersions([]byte(content))
	if !ok {
		return false
	}
	want, err := parseIndexVersions([]byte(content))
	if err != nil {
		tb.Fatalf("the parser refuses what was read: %v\n%q", err, content)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Fatalf("(-parser +read):\n%s\n%q", diff, content)
	}
	return true
}

func TestPlainVersions(t *testing.T) {
	for name, content := range readPlain() {
		t.Run(name, func(t *testing.T) {
			if !agrees(t, content) {
				t.Error("this is plain enough to be read without the parser")
			}
		})
	}
	for name, content := range leftToParser() {
		t.Run("Left"+name, func(t *testing.T) {
			if agrees(t, content) {
				t.Error("this has to be left to the parser")
			}
		})
	}
}

// What helm itself writes is plain.
func TestPlainVersionsOfHelm(t *testing.T) {
	versions, err := parseIndexVersions([]byte(usual))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("A chart of which there is much to tell. ", 9)
	for i, description := range []string{
		"", "Short", long, long + "It ends: here", "- dash", "# note", "1.10", "true", "it's", `a "quote"`, "'both' \"ways\"", "key: value", "@scope", "*star", "{{ brace }}",
		"two\nlines", "ends\n", "gap\n\nlines", "  space", "space ", "ünïcode 人", "tab\tbed", "`code`", "~1.2", ">=1.2", "a #b", "https://host/#frag", "50% more", "!",
	} {
		versions[0].Description = description
		versions[0].Annotations["text"] = description
		content, err := yaml.Marshal(versions)
		if err != nil {
			t.Fatal(err)
		}
		if !agrees(t, string(content)) {
			t.Errorf("text %d, %q, is left to the parser\n%s", i, description, content)
		}
	}
}

// What is cut off, added or changed anywhere in a plain version is read as the parser does, or left to it.
func TestPlainVersionsDamaged(t *testing.T) {
	signs := []string{" ", "\n", "\n    ", ":", ": ", "-", "- ", "#", " #", "'", "\"", "|", "1", "&", "*", "~", "{", "[", "\\"}
	for i := range len(usual) {
		sign := signs[i%len(signs)] // the number of signs is prime
		switch i % 3 {
		case 0:
			agrees(t, usual[:i]+"\n")
		case 1:
			agrees(t, usual[:i]+sign+usual[i:])
		case 2:
			agrees(t, usual[:i]+sign+usual[i+1:])
		}
	}
}

// fragments are what texts and layouts in YAML consist of, and what ends them.
func fragments() []string {
	return []string{
		"a", "b c", " ", "  ", "\n", "\n  ", "\n    ", "\n      ", "\n\n", ":", ": ", " #", "#", "'", "''", "\"", "\\\"", "\\", "\\n", "\\ ", "|", "|-", "- ", "-", "1", "1.2",
		"0x1", "e5", "_", ".", "true", "null", "~", "é", "\u2028", "&a", "*a", "{", "}", "[", "]", ",", ">", "%", "@", "2024-01-02", "T00:00:00Z", "x: y", "...", "---",
		"?", "!", "<<", "=", "$", "(", "/", "+", "\t", "\r", "name: ", "|\n      x\n     ", "\n  name: ", "\n  version: 1.0.0", "\n  keywords:\n  - ",
		"\n  keywords:\n    - ", "\n  - ", "\n- name: ", "\n  annotations:\n    k: ", "\n    l: ", "\n  created: \"2024-01-02T03:04:05Z\"", "\n  maintainers:\n  - name: ",
		"\n    email: ", "\n  dependencies:\n  - name: ", "\n    tags:\n    - ", "\n  deprecated: true",
	}
}

// Whatever fragments come after one another are read as the parser does, or left to it.
func TestPlainVersionsFragments(t *testing.T) {
	all := fragments()
	r := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		var b strings.Builder
		b.WriteString("- name: a\n  description: ")
		for range 1 + r.IntN(14) {
			b.WriteString(all[r.IntN(len(all))])
		}
		agrees(t, b.String()+"\n")
	}
}

func FuzzPlainVersions(f *testing.F) {
	for _, some := range []map[string]string{readPlain(), leftToParser()} {
		for _, content := range some {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content string) { agrees(t, content) })
}
