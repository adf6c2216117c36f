// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package create holds weir create: it writes objects from flags, into the cluster or as YAML to commit.
package create

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/cmd/object"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/ready"
	"github.com/weir-gitops/weir/cli/internal/session"
)

// namePattern is what an object may be called here; contract, "Object name for create".
const namePattern = `^[a-z0-9]([a-z0-9\-]){0,61}[a-z0-9]$`

// defaultInterval is how often a new object is reconciled.
const defaultInterval = time.Minute

// options are the flags that all commands below create share.
type options struct {
	session *session.Session

	interval time.Duration
	labels   []string
	export   bool
}

// Command returns weir create.
func Command(s *session.Session) *cobra.Command {
	o := &options{session: s}
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create or update sources and appliers",
		Long:  "Creates or updates an object and waits until it is ready. With --export it only prints the object, to commit it to a repository.",
		Example: "  weir create source git fleet --url=https://example.com/fleet.git --branch=main\n" +
			"  weir create kustomization apps --source=fleet --path=./apps --prune\n" +
			"  weir create helmrelease podinfo --source=HelmRepository/podinfo --chart=podinfo",
	}
	flags := cmd.PersistentFlags()
	flags.DurationVar(&o.interval, "interval", defaultInterval, "time between two reconciliations")
	flags.StringSliceVar(&o.labels, "label", nil, "label of the object as key=value; several with commas or by repeating the flag")
	flags.BoolVar(&o.export, "export", false, "print YAML and do nothing else")
	cmd.AddCommand(o.sourceCommand(), o.kustomizationCommand(), o.helmReleaseCommand())
	return cmd
}

// nameArgument is a cobra.PositionalArgs for the name of the object.
func nameArgument(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return errors.New("name is required")
	case len(args) > 1:
		return fmt.Errorf("one name is required, got %d", len(args))
	case !regexp.MustCompile(namePattern).MatchString(args[0]):
		return fmt.Errorf("name '%s' is invalid, it has to match %s", args[0], namePattern)
	}
	return nil
}

// object gives obj its name, its namespace and its labels, and returns it as it is written.
func (o *options) object(k kinds.Kind, name string, obj client.Object) (*unstructured.Unstructured, error) {
	labels, err := parseLabels(o.labels)
	if err != nil {
		return nil, err
	}
	obj.SetName(name)
	obj.SetNamespace(o.session.Namespace)
	obj.SetLabels(labels)
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", k.Kind, name, err)
	}
	delete(fields, "status")
	written := &unstructured.Unstructured{Object: fields}
	written.SetGroupVersionKind(k.GroupVersionKind)
	return written, nil
}

func parseLabels(pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	labels := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return nil, fmt.Errorf("invalid label '%s': want key=value", pair)
		}
		if problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(problems) > 0 {
			return nil, fmt.Errorf("invalid label '%s': %s", pair, strings.Join(problems, ", "))
		}
		labels[key] = value
	}
	return labels, nil
}

// finish prints the object, or stores it and waits until it is ready. before, which may be nil, makes what the object needs in the cluster
// and may still change it.
func (o *options) finish(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured, before func(context.Context, client.Client) error) error {
	s := o.session
	if o.export {
		return object.Write(s.Out, obj)
	}
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	s.Generated("generating %s", k.Kind)
	c, err := s.Client()
	if err != nil {
		return err
	}
	if before != nil {
		if err := before(ctx, c); err != nil {
			return err
		}
	}
	s.Action("applying %s", k.Kind)
	verb, err := upsert(ctx, c, obj)
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", k.Kind, obj.GetName(), err)
	}
	s.Success("%s %s", k.Kind, verb)
	s.Waiting("waiting for %s reconciliation", k.Kind)
	is := ready.Telling(k, func(message string) { s.Waiting("%s is not ready: %s", k.Kind, message) })
	done, err := ready.Wait(ctx, c, k, client.ObjectKeyFromObject(obj), is)
	if err != nil {
		return fmt.Errorf("%s reconciliation failed: %w", k.Kind, err)
	}
	s.Success("%s %s is ready", k.Kind, obj.GetName())
	s.Success("%s", k.Result(done))
	return nil
}

// upsert creates an object, or replaces labels and spec of the one that is there, and tells which.
func upsert(ctx context.Context, c client.Client, wanted *unstructured.Unstructured) (verb string, err error) {
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current := new(unstructured.Unstructured)
		current.SetGroupVersionKind(wanted.GroupVersionKind())
		err := c.Get(ctx, client.ObjectKeyFromObject(wanted), current)
		if apierrors.IsNotFound(err) {
			verb = "created"
			return c.Create(ctx, wanted.DeepCopy())
		}
		if err != nil {
			return err
		}
		verb = "updated"
		current.SetLabels(wanted.GetLabels())
		current.Object["spec"] = wanted.Object["spec"]
		return c.Update(ctx, current)
	})
	return verb, err
}

// kind is the table's entry of a kind; all that are created have one.
func kind(name string) kinds.Kind {
	k, _ := kinds.Of(name)
	return k
}
