// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"fmt"

	"github.com/gonvenience/bunt"
	"github.com/gonvenience/ytbx"
	"github.com/homeport/dyff/pkg/dyff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/weir-gitops/weir/kit/apply"
)

const (
	// reportIndent is by how many columns a difference is indented.
	reportIndent = 2
	// contextLines are shown around a changed line of a long text.
	contextLines = 4
	// secretMask stands for a value of a Secret, the others for one that changes.
	secretMask       = "***"
	secretMaskBefore = "*** (before)"
	secretMaskAfter  = "*** (after)"
)

// print writes what would become of one object and tells whether that is a change.
func (d *differ) print(p apply.Preview, out *bytes.Buffer) (bool, error) {
	switch p.Action {
	case apply.Created, apply.Deleted:
		fmt.Fprintf(out, "► %s %s\n", p.Subject, p.Action)
		return true, nil
	case apply.Skipped:
		fmt.Fprintf(out, "► %s %s\n", p.Subject, p.Action)
		return false, nil
	case apply.Configured:
		fmt.Fprintf(out, "► %s drifted\n", p.Subject)
		if err := d.report(p.Live, p.After, out); err != nil {
			return true, fmt.Errorf("%s: %w", p.Subject, err)
		}
		return true, nil
	case apply.Unchanged, apply.Unknown:
	}
	return false, nil
}

// report writes the difference between two states of an object.
func (d *differ) report(live, after *unstructured.Unstructured, out *bytes.Buffer) error {
	if isSecret(live) {
		maskSecret(live.Object, after.Object)
	}
	from, err := document("live", live)
	if err != nil {
		return err
	}
	to, err := document("built", after)
	if err != nil {
		return err
	}
	report, err := dyff.CompareInputFiles(from, to, dyff.KubernetesEntityDetection(true))
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	if d.colour {
		bunt.SetColorSettings(bunt.ON, bunt.AUTO)
	} else {
		bunt.SetColorSettings(bunt.OFF, bunt.OFF)
	}
	human := &dyff.HumanReport{
		Report: report, Indent: reportIndent, MultilineContextLines: contextLines,
		OmitHeader: true, DoNotInspectCerts: true,
	}
	return human.WriteReport(out)
}

func document(name string, u *unstructured.Unstructured) (ytbx.InputFile, error) {
	text, err := yaml.Marshal(u.Object)
	if err != nil {
		return ytbx.InputFile{}, err
	}
	documents, err := ytbx.LoadYAMLDocuments(text)
	return ytbx.InputFile{Location: name, Documents: documents}, err
}

// maskSecret hides the values of a Secret in both states. Those that change stay different.
func maskSecret(live, after map[string]any) {
	for _, field := range []string{"data", "stringData"} {
		before, _ := live[field].(map[string]any)
		then, _ := after[field].(map[string]any)
		for key, value := range before {
			before[key] = secretMask
			other, both := then[key]
			switch {
			case both && other == value:
				then[key] = secretMask
			case both:
				before[key], then[key] = secretMaskBefore, secretMaskAfter
			}
		}
		for key := range then {
			if _, both := before[key]; !both {
				then[key] = secretMask
			}
		}
	}
	// kubectl keeps a copy of all values in an annotation.
	for _, object := range []map[string]any{live, after} {
		annotations, _, _ := unstructured.NestedFieldNoCopy(object, "metadata", "annotations")
		if all, ok := annotations.(map[string]any); ok && all[lastApplied] != nil {
			all[lastApplied] = secretMask
		}
	}
}

// lastApplied is the annotation in which kubectl keeps what it applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
