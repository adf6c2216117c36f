// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/image-automation-controller/internal/setters"
)

func oneChange() changes {
	web := setters.Object{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", Namespace: "apps"}
	return changes{
		order: []string{"web.yaml"},
		edits: map[string][]setters.Edit{
			"web.yaml": {{Object: web, Change: setters.Change{OldValue: "o/web:1", NewValue: "o/web:2", Setter: "flux-system:web"}}},
		},
	}
}

func render(t *testing.T, text string, c changes) (string, error) {
	t.Helper()
	parsed, err := parseMessage(text)
	if err != nil {
		return "", err
	}
	m := &message{
		template: parsed, values: map[string]string{"env": "prod"}, object: types.NamespacedName{Namespace: "flux-system", Name: "apps"},
	}
	return m.render(t.Context(), c)
}

// The vectors of the contract. Flux: image-automation-controller contract, "Message template".
func TestMessage(t *testing.T) {
	cases := map[string]struct {
		reason, text, want string
	}{
		"Plain":   {"Text is taken as it is, with or without a line break at the end.", "a\n\nb ", "a\n\nb "},
		"Values":  {"A value that is not there prints so.", "{{ .AutomationObject }} {{ .Values.env }}{{ .Values.none }}", "flux-system/apps prod<no value>"},
		"Changes": {"Changes in order.", "{{ range .Changed.Changes }}{{ .OldValue }}>{{ .NewValue }} ({{ .Setter }}){{ end }}", "o/web:1>o/web:2 (flux-system:web)"},
		"Files": {
			"Changes by file and object.",
			"{{ range $f, $objs := .Changed.FileChanges }}{{ $f }}:{{ range $o, $c := $objs }} {{ $o.Kind }}/{{ $o.Name }}/{{ $o.Namespace }}={{ len $c }}{{ end }}\n{{ end }}",
			"web.yaml: Deployment/web/apps=1\n",
		},
		"Objects": {"Functions of sprig.", "{{ range $o, $_ := .Changed.Objects }}{{ lower $o.Kind }} {{ end }}", "deployment "},
		"Object":  {"The parts of the object.", "{{ .AutomationObject.Namespace }}-{{ .AutomationObject.Name }}", "flux-system-apps"},
		"Nothing": {"A message may be empty.", "{{ if false }}x{{ end }}", ""},
		"Defined": {"Templates may be defined and used.", `{{ define "x" }}<{{ . }}>{{ end }}{{ template "x" .Values.env }}`, "<prod>"},
		"Until":   {"Loops over numbers.", "{{ range until 3 }}{{ . }}{{ end }}{{ range untilStep 5 0 -2 }}{{ . }}{{ end }}", "012531"},
		"Seq":     {"The same as text.", "{{ seq 3 }};{{ seq -1 }};{{ seq 2 4 }};{{ seq 4 2 }};{{ seq 1 2 6 }};{{ seq 6 -2 1 }};{{ seq 1 -1 3 }};{{ seq 3 1 1 }};{{ seq }}", "1 2 3;1 0 -1;2 3 4;4 3 2;1 3 5;6 4 2;;;"},
		"Repeat":  {"Repetition.", `{{ repeat 3 "ab" }}`, "ababab"},
		"Sprig": {
			"Functions of all shapes do what they do without a bound.",
			`{{ printf "%-3s|%d" "a" 2 }} {{ list 1 2 | join "," }} {{ cat "a" nil "b" }} {{ default "d" "" }} {{ dict "a" 1 | toJson }} {{ html "<" }} {{ "a" | indent 2 }}`,
			`a  |2 1,2 a b d {"a":1} &lt;   a`,
		},
		"Leftovers": {"What older templates may use.", `{{ shuffle "aa" }} {{ ago nil | len }}`, "aa 2"},
		"Break":     {"Loops that end early.", "{{ range until 9 }}{{ if gt . 1 }}{{ break }}{{ end }}{{ . }}{{ end }}", "01"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := render(t, tc.text, oneChange())
			if err != nil {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestBadMessage(t *testing.T) {
	nested := strings.Repeat("{{ range until 9999 }}", 4) + strings.Repeat("{{ end }}", 4)
	cases := map[string]struct {
		reason, text string
		want         error // nil: any
	}{
		"Removed":     {"A field of older versions.", "{{ range .Updated.Images }}x{{ end }}", errUpdatedRemoved},
		"Result":      {"Another one.", "{{ .Changed.ImageResult.Files }}", errResultRemoved},
		"Unknown":     {"A field nobody has.", "{{ .Nope }}", nil},
		"Now":         {"What differs between runs.", "{{ now }}", nil},
		"Env":         {"What tells secrets.", `{{ env "HOME" }}`, nil},
		"Keys":        {"What burns a core.", `{{ genPrivateKey "rsa" }}`, nil},
		"Loops":       {"Loops without output end.", nested, errTemplateBounds},
		"Numbers":     {"So do those over numbers.", "{{ range 1000000000 }}{{ end }}", errTemplateBounds},
		"Recursion":   {"And templates that use themselves.", `{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}`, nil},
		"List":        {"A list has an end.", "{{ until 100000000 }}", errTemplateBounds},
		"Sequence":    {"Also as text.", "{{ seq 1000000000 }}", errTemplateBounds},
		"Repetition":  {"A repetition too.", `{{ repeat 1000000000 "ab" }}`, errTemplateBounds},
		"Output":      {"And the whole message.", `{{ range until 9999 }}{{ repeat 9999 "ab" }}{{ end }}`, errTemplateBounds},
		"Doubling":    {"A text that is doubled.", `{{ $x := "abcdefgh" }}` + strings.Repeat("{{ $x = print $x $x }}", 40), errTemplateBounds},
		"Joining":     {"A list that is doubled.", `{{ $x := list "a" }}` + strings.Repeat("{{ $x = concat $x $x }}", 40), errTemplateBounds},
		"Sharing":     {"A map that holds itself many times.", `{{ $x := dict }}` + strings.Repeat(`{{ $x = dict "a" $x "b" $x }}`, 60) + "{{ $x }}", errTemplateBounds},
		"Cycle":       {"A map that is put into itself has no end.", `{{ $x := dict }}{{ $_ := set $x "a" $x }}{{ $x }}`, errTemplateBounds},
		"Replacing":   {"A long text for every character.", `{{ $x := repeat 10000 "ab" }}{{ replace "" $x $x }}`, errTemplateBounds},
		"Indent":      {"Many spaces.", `{{ indent 2000000000 "x" }}`, errTemplateBounds},
		"Format":      {"An argument many times.", `{{ $x := repeat 10000 "ab" }}{{ printf (repeat 1000 "%[1]s") $x }}`, errTemplateBounds},
		"Width":       {"A wide format.", `{{ printf "%999999s" "x" }}`, errTemplateBounds},
		"Pattern":     {"A slow regular expression.", `{{ regexMatch "((a|b){30}){30}c" (repeat 10000 "ab") }}`, errTemplateBounds},
		"Separator":   {"A long text between elements.", `{{ join (repeat 10000 "ab") (until 9999) }}`, errTemplateBounds},
		"Together":    {"Much in small parts.", `{{ $x := repeat 10000 "abcdefgh" }}{{ range until 9999 }}{{ $y := upper $x }}{{ end }}`, errTemplateBounds},
		"EarlyResult": {"Data that is not there.", "{{ (index .Changed.Changes 9).OldValue }}", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := render(t, tc.text, oneChange()); err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("%s\ngot %.100q, %v", tc.reason, got, err)
			}
		})
	}
}

func TestChangesOnce(t *testing.T) {
	c := oneChange()
	c.order = append(c.order, "z.yaml")
	c.edits["z.yaml"] = append([]setters.Edit{{Change: setters.Change{OldValue: "a", NewValue: "b", Setter: "x:y"}}}, c.edits["web.yaml"]...)
	got := c.forTemplate().Changes()
	want := []setters.Change{{OldValue: "o/web:1", NewValue: "o/web:2", Setter: "flux-system:web"}, {OldValue: "a", NewValue: "b", Setter: "x:y"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzMessage holds that no template breaks the process or runs for long.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{"{{ range .Changed.Changes }}{{ .NewValue }}{{ end }}", `{{ define "x" }}{{ end }}{{ template "x" }}`, "{{ with .Values }}{{ .env }}{{ else }}x{{ end }}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := render(t, text, oneChange()); err == nil && len(got) > maxMessageBytes {
			t.Errorf("a message of %d bytes", len(got))
		}
	})
}
