// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	helmengine "helm.sh/helm/v3/pkg/engine"
)

// parent returns a chart with such templates, and another one in it.
func parent(templates map[string]string) *chart.Chart {
	c := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "app", Version: "1.0.0", AppVersion: "2"},
		Values:   map[string]any{"a": map[string]any{"b": 1, "c": []any{"x", 2.5, true, nil}}, "text": "one\ntwo\n", "self": "{{ tpl .Values.self . }}"},
		Files: []*chart.File{
			{Name: "files/a.txt", Data: []byte("one\ntwo\n")}, {Name: "files/b.txt", Data: []byte("{{ .Release.Name }}")}, {Name: "empty", Data: nil},
		},
	}
	for name, text := range templates {
		c.Templates = append(c.Templates, &chart.File{Name: "templates/" + name, Data: []byte(text)})
	}
	child := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "child", Version: "0.1.0"}, Values: map[string]any{"own": "yes"},
		Templates: []*chart.File{{Name: "templates/child.yaml", Data: []byte(`{{ .Values.own }} {{ .Chart.Name }} {{ .Chart.IsRoot }} {{ include "shared" . }}`)}},
	}
	library := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "lib", Version: "0.1.0", Type: "library"},
		Templates: []*chart.File{
			{Name: "templates/_shared.tpl", Data: []byte(`{{ define "shared" }}shared by {{ .Release.Name }}{{ end }}`)},
			{Name: "templates/ignored.yaml", Data: []byte("{{ fail \"a library renders nothing\" }}")},
		},
	}
	c.AddDependency(child, library)
	return c
}

func values(tb testing.TB, c *chart.Chart) chartutil.Values {
	tb.Helper()
	v, err := chartutil.ToRenderValues(c, map[string]any{}, chartutil.ReleaseOptions{Name: "rel", Namespace: "ns", Revision: 1, IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func render(ctx context.Context, tb testing.TB, c *chart.Chart) (map[string]string, error) {
	tb.Helper()
	lookup := func(context.Context, string, string, string, string) (map[string]any, error) {
		return map[string]any{}, nil
	}
	return Engine{Lookup: lookup}.Render(ctx, c, values(tb, c))
}

// TestSameAsHelm holds that templates make here what they make in Helm, and fail with the same words.
func TestSameAsHelm(t *testing.T) {
	cases := map[string]string{
		"Plain":       "a: b\n",
		"Objects":     `{{ .Chart.Name }} {{ .Chart.Version }} {{ .Chart.IsRoot }} {{ .Release.Name }} {{ .Release.IsInstall }} {{ .Template.Name }} {{ .Template.BasePath }} {{ .Capabilities.KubeVersion }} {{ .Capabilities.APIVersions.Has "v1" }} {{ .Subcharts.child.Values.own }}`,
		"NoValue":     `[{{ .Values.none }}] [{{ .Values.a.none }}] [{{ index .Values.a.c 3 }}] [{{ nil | default "x" }}] [{{ get .Values "none" }}]`,
		"Print":       `{{ .Values.a }} {{ print .Values.a.b "x" 1 2 }} {{ printf "%05d %s %[1]d" 3 "x" }} {{ println "x" }} {{ html "<a>" }} {{ js "'" }} {{ urlquery "a b" }}`,
		"YAML":        `{{ toYaml .Values | nindent 2 }} {{ toYamlPretty .Values.a }} {{ fromYaml "a: {b: [1]}" }} {{ fromYaml ":" }} {{ fromYamlArray "[1, 2]" }} {{ fromYamlArray "a: b" }}`,
		"JSON":        `{{ toJson .Values.a }} {{ fromJson "{\"a\": 1}" }} {{ fromJson "[" }} {{ fromJsonArray "[1]" }} {{ fromJsonArray "{" }} {{ toPrettyJson .Values.a }}`,
		"TOML":        `{{ toToml (dict "a" 1 "b" (dict "c" "d")) }} {{ fromToml "a = 1" }} {{ fromToml "a =" }}`,
		"Files":       `{{ .Files.Get "files/a.txt" }}{{ .Files.Get "none" }}{{ .Files.GetBytes "files/a.txt" }}{{ (.Files.Glob "files/*").AsConfig }}{{ (.Files.Glob "files/*").AsSecrets }}{{ range .Files.Lines "files/a.txt" }}<{{ . }}>{{ end }}{{ range $n, $_ := .Files.Glob "**.txt" }}{{ $n }}{{ end }}{{ .Files.Lines "empty" }}`,
		"Control":     `{{ range $i, $x := .Values.a.c }}{{ if $i }},{{ else }}-{{ end }}{{ $x }}{{ else }}none{{ end }}{{ with .Values.a }}{{ .b }}{{ else }}no{{ end }}{{ range until 5 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}{{ range 3 }}{{ . }}{{ end }}{{ range $k, $v := .Values.a }}{{ $k }}{{ end }}`,
		"Variables":   `{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}{{ $l := list 1 2 }}{{ $l = append $l 3 }}{{ $l }}{{ $d := dict "a" 1 }}{{ $_ := set $d "b" 2 }}{{ $d }}{{ len $l }}`,
		"Define":      `{{ define "x" }}<{{ . }}>{{ end }}{{ template "x" }}{{ template "x" .Values.a.b }}{{ template "x" (add 1 2) }}{{ include "x" 5 | upper }}{{ block "y" . }}block{{ end }}{{ include "shared" . }}`,
		"Tpl":         `{{ tpl "{{ .Release.Name }}{{ .Values.none }}{{ define \"in\" }}in{{ end }}{{ include \"in\" . }}" . }}{{ tpl (.Files.Get "files/b.txt") . }}{{ define "o" }}o{{ end }}{{ tpl "{{ include \"o\" . }}{{ tpl \"{{ 1 }}\" . }}" . }}`,
		"Sprig":       `{{ "a b" | title | quote }}{{ repeat 3 "ab" }}{{ join "," (list 1 2) }}{{ list 1 2 | has 2 }}{{ "a,b" | splitList "," }}{{ ("a,b" | split ",")._1 }}{{ seq 3 }}{{ seq 0 2 4 }}{{ untilStep 0 10 3 }}{{ regexReplaceAll "(a)" "aab" "<$1>" }}{{ replace "a" "bb" "aa" }}{{ wrapWith 2 "-" "aabb" }}{{ semverCompare ">1" "2.0.0" }}{{ merge (dict "a" 1) (dict "b" 2) }}{{ ternary 1 2 true }}{{ uniq (list 1 1) }}{{ "x" | b64enc }}{{ sha256sum "x" }}{{ max 1 2 }}{{ dig "a" "b" "z" .Values }}{{ coalesce nil 1 }}{{ getHostByName "localhost" }}{{ lookup "v1" "Pod" "" "" }}`,
		"Fail":        "a\n{{ fail \"on purpose: really\" }}",
		"Required":    `{{ required "need: it" .Values.none }}`,
		"Empty":       `{{ required "need" "" }}`,
		"InInclude":   `{{ define "bad" }}{{ required "deep" nil }}{{ end }}{{ include "bad" . }}`,
		"InTpl":       `{{ tpl "{{ fail \"inside\" }}" . }}`,
		"Unknown":     `{{ nothing }}`,
		"Syntax":      "a\n{{ if }}",
		"Unclosed":    "{{ if true }}",
		"NoTemplate":  `{{ include "missing" . }}`,
		"Field":       `{{ .Values.a.b.c }}`,
		"NilField":    `{{ .Values.none.deep }}`,
		"Type":        `{{ add "x" (list 1) }}{{ upper 1 }}`,
		"Panics":      `{{ repeat -1 "x" }}`,
		"IndexError":  `{{ index .Values.a.c 9 }}`,
		"Environment": `{{ env "HOME" }}`,
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"a.yaml": text, "_partial.tpl": "unseen", "NOTES.txt": "Hello {{ .Release.Name }}"}
			want, wantErr := helmengine.Render(parent(files), values(t, parent(files)))
			got, err := render(t.Context(), t, parent(files))
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("got %v, Helm has %v", err, wantErr)
			}
			if err != nil {
				if err.Error() != wantErr.Error() {
					t.Errorf("got  %v\nHelm %v", err, wantErr)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-Helm +got:\n%s", diff)
			}
		})
	}
}

// TestFunctions holds that there are the functions that Helm has.
func TestFunctions(t *testing.T) {
	ours := newGuard(t.Context()).all(t.Context(), Engine{})
	names := append(builtins(), "include", "tpl")
	for name := range ours {
		if !strings.HasPrefix(name, "weir") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		c := parent(map[string]string{"a.yaml": "{{ if false }}{{ " + name + " }}{{ end }}"})
		if _, err := helmengine.Render(c, values(t, c)); err != nil && strings.Contains(err.Error(), "not defined") {
			t.Errorf("Helm does not have %s: %v", name, err)
		}
	}
}

// TestHostileCharts holds that no chart ends the process: each fails, with little memory.
func TestHostileCharts(t *testing.T) {
	nested := func(n int, open, middle, closing string) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(closing, n)
	}
	cases := map[string]struct {
		reason string
		text   string
		limit  bool // a limit of ours, else one of Helm's
	}{
		"TplOfItself":      {reason: "A text that executes itself overflows the stack.", text: `{{ tpl .Values.self . }}`, limit: true},
		"Include":          {reason: "A template that includes itself is stopped as in Helm.", text: `{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`},
		"Template":         {reason: "So is one that executes itself in the other way.", text: `{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}`},
		"ManyNames":        {reason: "Names do not multiply the depth.", text: manyNames(1500), limit: true},
		"CyclePrinted":     {reason: "A map in itself cannot be printed.", text: `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}`, limit: true},
		"CycleFormatted":   {reason: "Nor formatted.", text: `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ printf "%v" $d }}`, limit: true},
		"CycleQuoted":      {reason: "Nor quoted.", text: `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ quote $d }}`, limit: true},
		"CycleYAML":        {reason: "Nor encoded.", text: `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toYamlPretty $d }}`, limit: true},
		"CycleTOML":        {reason: "Nor in that way.", text: `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toToml $d }}`, limit: true},
		"CycleCopied":      {reason: "Nor copied.", text: `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $e := deepCopy $d }}`, limit: true},
		"CycleMerged":      {reason: "Nor merged.", text: `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $e := merge $d (deepCopy $d) }}`, limit: true},
		"CycleOfValues":    {reason: "Nor are the values of the chart.", text: `{{ $_ := set .Values "v" .Values }}{{ .Values }}`, limit: true},
		"SharedLists":      {reason: "A list of lists of lists is as long as it looks.", text: `{{ $l := list "x" "x" }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toYaml $l }}`, limit: true},
		"Repeat":           {reason: "A function cannot make a text of a gigabyte.", text: `{{ repeat 1000000000 "x" }}`, limit: true},
		"RepeatMore":       {reason: "Nor one whose length overflows.", text: `{{ repeat 9223372036854775807 "xx" }}`, limit: true},
		"Doubling":         {reason: "Nor can many calls.", text: `{{ $s := "x" }}{{ range until 60 }}{{ $s = print $s $s }}{{ end }}`, limit: true},
		"DoublingFormat":   {reason: "Nor a format that names an argument often.", text: `{{ $s := repeat 1000000 "x" }}{{ printf (repeat 1000 "%[1]s") $s }}`, limit: true},
		"Padding":          {reason: "Nor one that pads.", text: `{{ printf (repeat 1000 "%999999d") 1 }}`, limit: true},
		"Indent":           {reason: "Nor an indentation.", text: `{{ indent 2000000000 "x" }}`, limit: true},
		"IndentLines":      {reason: "Of many lines.", text: `{{ indent 1000 (repeat 100000 "\n") }}`, limit: true},
		"Replace":          {reason: "Nor a replacement.", text: `{{ replace "x" (repeat 100000 "y") (repeat 100000 "x") }}`, limit: true},
		"RegexReplace":     {reason: "Nor one by pattern.", text: `{{ regexReplaceAll "x*" (repeat 100000 "x") (repeat 100000 "$0") }}`, limit: true},
		"Join":             {reason: "Nor a separator.", text: `{{ join (repeat 100000 "y") (until 100000) }}`, limit: true},
		"Until":            {reason: "Nor a list of numbers.", text: `{{ until 1000000000 }}`, limit: true},
		"UntilStep":        {reason: "Nor with steps.", text: `{{ untilStep 0 1000000000 1 }}`, limit: true},
		"Seq":              {reason: "Nor as text.", text: `{{ seq 1 1000000000 }}`, limit: true},
		"Random":           {reason: "Nor noise.", text: `{{ randAlphaNum 2000000000 }}`, limit: true},
		"Split":            {reason: "Nor the parts of a text.", text: `{{ splitList "" (repeat 30000000 "x") }}`, limit: true},
		"Data":             {reason: "Nor what is parsed.", text: `{{ fromJson (printf "[%s1]" (repeat 10000000 "1,")) }}`, limit: true},
		"Aliases":          {reason: "Nor what is repeated in YAML.", text: "{{ $s := repeat 20000 \"x\" }}{{ $y := printf \"a: &a %s\\nb:\\n%s\" $s (repeat 10000 \"- *a\\n\") }}{{ $f := fromYaml $y }}{{ if hasKey $f \"Error\" }}{{ fail $f.Error }}{{ end }}"},
		"Loop":             {reason: "A loop ends.", text: `{{ range 1000000000 }}{{ end }}`, limit: true},
		"Loops":            {reason: "So do loops in loops.", text: `{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}`, limit: true},
		"Output":           {reason: "What is printed ends.", text: `{{ $s := repeat 1000000 "x" }}{{ range 1000 }}{{ $s }}{{ end }}`, limit: true},
		"OutputOfLoops":    {reason: "Also in small pieces.", text: `{{ range 100000 }}{{ range 100000 }}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{ end }}{{ end }}`, limit: true},
		"Hoarding":         {reason: "What is kept ends.", text: `{{ $d := dict }}{{ range 1000000 }}{{ $_ := set $d (toString .) (repeat 10000 "x") }}{{ end }}`, limit: true},
		"HoardingMaps":     {reason: "Small things, too.", text: `{{ $l := list }}{{ range 100000000 }}{{ $l = append $l (dict "a" 1) }}{{ end }}`, limit: true},
		"Actions":          {reason: "Actions are nested so deep at most.", text: nested(600000, "{{if 1}}", "", "{{end}}")},
		"Parentheses":      {reason: "So are pipelines.", text: "{{ " + nested(9000, "(", "1", ")") + " }}"},
		"ParenthesesMore":  {reason: "The parser has a limit of its own.", text: "{{ " + nested(2000000, "(", "1", ")") + " }}"},
		"RecursingActions": {reason: "Neither multiplies with the depth of templates.", text: `{{ define "x" }}` + nested(99, "{{if 1}}", "{{ "+nested(98, "(", `include "x" .`, ")")+" }}", "{{end}}") + `{{ end }}{{ include "x" . }}`},
		"Uniq":             {reason: "What compares each with each ends.", text: `{{ uniq (until 1000000) }}`, limit: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := render(ctx, t, parent(map[string]string{"a.yaml": tc.text}))
			runtime.ReadMemStats(&after)
			if err == nil || ctx.Err() != nil {
				t.Fatalf("%s\ngot %v, %v", tc.reason, err, ctx.Err())
			}
			if tc.limit && !errors.Is(err, ErrLimit) && !strings.Contains(err.Error(), ErrLimit.Error()) {
				t.Errorf("%s\ngot %v", tc.reason, clip(err.Error()))
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 4<<30 {
				t.Errorf("%s\n%d MB were allocated on the way", tc.reason, made>>20)
			}
			if len(err.Error()) > 1<<20 {
				t.Errorf("%s\nthe error has %d bytes", tc.reason, len(err.Error()))
			}
		})
	}
}

// manyNames makes templates that include each other in turn.
func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{{ define "x%d" }}{{ include "x%d" . }}{{ end }}`, i, (i+1)%n)
	}
	return b.String() + `{{ include "x0" . }}`
}

// TestEnds holds that a rendering ends with its context.
func TestEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	cancel(over)
	if _, err := render(ctx, t, parent(map[string]string{"a.yaml": "{{ range 10 }}{{ end }}"})); !strings.Contains(fmt.Sprint(err), over.Error()) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkRender(b *testing.B) {
	text := `{{ range until 100 }}{{ include "shared" $ | upper | quote }}: {{ toYaml $.Values.a | nindent 2 }}{{ end }}`
	for name, run := range map[string]func(*chart.Chart) error{
		"Helm": func(c *chart.Chart) error { _, err := helmengine.Render(c, values(b, c)); return err },
		"Weir": func(c *chart.Chart) error { _, err := render(b.Context(), b, c); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := run(parent(map[string]string{"a.yaml": text})); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzRender has templates that fail at most. What they take is bounded, so that none of them takes long.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		`{{ .Values.a }}{{ range $i, $x := .Values.a.c }}{{ $x | default 1 }}{{ break }}{{ else }}{{ end }}`, `{{ define "x" }}{{ template "x" . }}{{ end }}{{ include "x" . }}`,
		`{{ tpl "{{ .Values.self }}" . | nindent 4 }}`, `{{ $d := dict "a" . }}{{ $_ := set $d "d" $d }}{{ printf "%[1]*d %v" 3 $d }}`, `{{ with $x := until 3 }}{{ join "," . }}{{ end }}`,
		`{{ regexReplaceAll "a*" "aaa" "$0$0" | split "a" }}{{ fromYaml "a: &a [*a]" }}`, "{{ block \"b\" . }}{{ continue }}{{ end }}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files, err := render(t.Context(), t, parent(map[string]string{"a.yaml": text}))
		if err == nil && len(files["app/templates/a.yaml"]) > maxValue {
			t.Errorf("%d bytes are too many", len(files["app/templates/a.yaml"]))
		}
	})
}
