// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/session"
)

func exportVerb(s *session.Session) verb {
	return verb{
		use: "export", short: "Print objects as YAML, to commit them", arguments: "[NAME]",
		takes:   func(kinds.Kind) bool { return true },
		example: "  weir export kustomization apps > apps.yaml\n  weir export source git --all --with-credentials > sources.yaml",
		each:    "  weir export %[1]s apps > apps.yaml\n  weir export %[1]s --all > all.yaml",
		command: func(k kinds.Kind, cmd *cobra.Command) {
			all := cmd.Flags().Bool("all", false, "print every "+k.Human+" of the namespace")
			credentials := new(bool)
			if k.Group == "source" {
				cmd.Flags().BoolVar(credentials, "with-credentials", false, "print the Secret that a source refers to as well")
			}
			cmd.Args = cobra.MaximumNArgs(1)
			cmd.RunE = func(cmd *cobra.Command, names []string) error {
				ctx, cancel := s.Bounded(cmd.Context())
				defer cancel()
				c, err := s.Client()
				if err != nil {
					return err
				}
				found, err := several(ctx, s, c, k, names, *all)
				if err != nil {
					return err
				}
				for _, obj := range found {
					if err := Write(s.Out, obj); err != nil {
						return err
					}
					if !*credentials {
						continue
					}
					if err := exportSecret(ctx, s, c, obj); err != nil {
						return err
					}
				}
				return nil
			}
		},
	}
}

// Write prints what a person would have written of an object: no status, nothing that the cluster adds.
func Write(out io.Writer, obj *unstructured.Unstructured) error {
	metadata := map[string]any{"name": obj.GetName()}
	if obj.GetNamespace() != "" {
		metadata["namespace"] = obj.GetNamespace()
	}
	if labels := obj.GetLabels(); len(labels) > 0 {
		metadata["labels"] = labels
	}
	if annotations := obj.GetAnnotations(); len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	clean := map[string]any{"apiVersion": obj.GetAPIVersion(), "kind": obj.GetKind(), "metadata": metadata}
	for _, key := range []string{"spec", "type", "data"} {
		if value, ok := obj.Object[key]; ok {
			clean[key] = value
		}
	}
	data, err := yaml.Marshal(clean)
	if err != nil {
		return fmt.Errorf("print %s %s: %w", obj.GetKind(), obj.GetName(), err)
	}
	_, err = fmt.Fprintf(out, "---\n%s", data)
	return err
}

// exportSecret prints the Secret that a source names, if it names one.
func exportSecret(ctx context.Context, s *session.Session, c client.Client, obj *unstructured.Unstructured) error {
	name, _, _ := unstructured.NestedString(obj.Object, "spec", "secretRef", "name")
	if name == "" {
		return nil
	}
	secret := new(unstructured.Unstructured)
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := c.Get(ctx, client.ObjectKey{Namespace: obj.GetNamespace(), Name: name}, secret); err != nil {
		return fmt.Errorf("secret of %s %s: %w", obj.GetKind(), obj.GetName(), err)
	}
	return Write(s.Out, secret)
}
