// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package object holds the commands that do one thing to objects of any kind: export, delete, suspend, resume and reconcile.
package object

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/session"
)

// verb is a command that exists for many kinds.
type verb struct {
	use, short, example string
	// each is the example below a kind, whose command is put in for %[1]s.
	each string
	// arguments is how the objects are named in the usage.
	arguments string
	// takes tells which kinds it exists for.
	takes func(kinds.Kind) bool
	// command adds flags and the work.
	command func(k kinds.Kind, cmd *cobra.Command)
}

// Commands returns the five.
func Commands(s *session.Session) []*cobra.Command {
	all := []verb{exportVerb(s), deleteVerb(s), suspendVerb(s), resumeVerb(s), reconcileVerb(s)}
	commands := make([]*cobra.Command, 0, len(all))
	for _, v := range all {
		commands = append(commands, v.tree(s))
	}
	return commands
}

// tree puts a command for each kind below that of the verb.
func (v verb) tree(s *session.Session) *cobra.Command {
	root := &cobra.Command{Use: v.use, Short: v.short, Example: v.example}
	groups := map[string]*cobra.Command{"": root}
	for _, k := range kinds.All() {
		if !v.takes(k) {
			continue
		}
		parent := groups[k.Group]
		if parent == nil {
			parent = &cobra.Command{Use: k.Group, Short: v.short + " of the group " + k.Group, Example: fmt.Sprintf(v.each, k.Command())}
			groups[k.Group] = parent
			root.AddCommand(parent)
		}
		cmd := &cobra.Command{
			Use: k.Name + " " + v.arguments, Short: v.short + ": " + k.Kind, Example: fmt.Sprintf(v.each, k.Command()), ValidArgsFunction: s.CompleteNames(k),
		}
		if k.Short != "" {
			cmd.Aliases = []string{k.Short}
		}
		v.command(k, cmd)
		parent.AddCommand(cmd)
	}
	return root
}

// named is a cobra.PositionalArgs for exactly one name.
func named(k kinds.Kind) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("one %s name is required", k.Human)
		}
		return nil
	}
}

var errMissing = errors.New("not found")

// find reads one object and says what is missing in the words of the command line.
func find(ctx context.Context, c client.Client, k kinds.Kind, key client.ObjectKey) (*unstructured.Unstructured, error) {
	obj := k.Object()
	if err := c.Get(ctx, key, obj); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("%s object '%s' %w in %q namespace", k.Kind, key.Name, errMissing, key.Namespace)
		}
		return nil, err
	}
	return obj, nil
}

// several reads the named objects, or all of the namespace. A name without object is said, and the others are returned with an error that says no more.
func several(ctx context.Context, s *session.Session, c client.Client, k kinds.Kind, names []string, all bool) ([]*unstructured.Unstructured, error) {
	switch {
	case all && len(names) > 0:
		return nil, fmt.Errorf("%s names and --all exclude each other", k.Human)
	case !all && len(names) == 0:
		return nil, fmt.Errorf("%s name is required, or --all", k.Human)
	}
	var found []*unstructured.Unstructured
	if all {
		list := k.List()
		if err := c.List(ctx, list, client.InNamespace(s.Namespace)); err != nil {
			return nil, err
		}
		for i := range list.Items {
			found = append(found, &list.Items[i])
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no %s objects found in %q namespace", k.Kind, s.Namespace)
		}
		return found, nil
	}
	var missing error
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		obj, err := find(ctx, c, k, client.ObjectKey{Namespace: s.Namespace, Name: name})
		switch {
		case err == nil:
			found = append(found, obj)
		case errors.Is(err, errMissing):
			s.Failure("%v", err)
			missing = &session.ExitError{Code: 1}
		default:
			return nil, err
		}
	}
	return found, missing
}
