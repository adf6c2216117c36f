// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package get holds weir get: a table of the state of every kind.
package get

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/session"
	"github.com/weir-gitops/weir/cli/internal/table"
)

// options are the flags that all commands below get share.
type options struct {
	session *session.Session

	all, noHeader, watch bool
	statusSelector       string
	labelSelector        string
	showSource           bool
}

// query is options as one command understood them.
type query struct {
	options

	status statusSelector
	labels labels.Selector
	name   string
}

// Command returns weir get.
func Command(s *session.Session) *cobra.Command {
	o := &options{session: s}
	cmd := &cobra.Command{
		Use:   "get",
		Short: "Show the state of sources, appliers and the rest",
		Example: "  # Everything that is in the cluster\n  weir get all -A\n\n  # What is not ready\n" +
			"  weir get kustomizations -A --status-selector ready=false\n\n  # Follow one release\n  weir get helmreleases podinfo -n apps --watch",
	}
	flags := cmd.PersistentFlags()
	flags.BoolVarP(&o.all, "all-namespaces", "A", false, "show the objects of every namespace")
	flags.BoolVar(&o.noHeader, "no-header", false, "leave out the header")
	flags.BoolVarP(&o.watch, "watch", "w", false, "show a row for every change until interrupted")
	flags.StringVar(&o.statusSelector, "status-selector", "", "show objects whose condition has this status, such as ready=false or ready!=true")
	flags.StringVarP(&o.labelSelector, "label-selector", "l", "", "show objects with these labels")

	names := parents()
	sources := &cobra.Command{Use: names["source"], Aliases: []string{"source"}, Short: "Show the state of sources", Example: "  weir get sources all -A\n  weir get sources git --watch"}
	images := &cobra.Command{Use: names["image"], Aliases: []string{"image"}, Short: "Show the state of image automation", Example: "  weir get images all -A\n  weir get images policy"}
	cmd.AddCommand(sources, images)
	groups := map[string]*cobra.Command{"source": sources, "image": images, "": cmd}
	for _, k := range kinds.All() {
		groups[k.Group].AddCommand(o.kind(k))
	}
	for group, parent := range groups {
		parent.AddCommand(o.several(group))
	}
	return cmd
}

// parents are the commands that groups of kinds have below get.
func parents() map[string]string { return map[string]string{"source": "sources", "image": "images"} }

// kind returns the command of one kind.
func (o *options) kind(k kinds.Kind) *cobra.Command {
	cmd := &cobra.Command{
		Use:               k.Plural + " [NAME]",
		Short:             "Show the state of " + k.Kind + " objects",
		Example:           fmt.Sprintf("  weir get %[1]s -A\n\n  # Follow one\n  weir get %[1]s apps --watch", strings.TrimSpace(parents()[k.Group]+" "+k.Plural)),
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: o.session.CompleteNames(k),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := o.query(args)
			if err != nil {
				return err
			}
			if o.watch {
				return q.follow(cmd.Context(), k)
			}
			return q.show(cmd.Context(), k)
		},
	}
	if k.Name != k.Plural {
		cmd.Aliases = append(cmd.Aliases, k.Name)
	}
	if k.Short != "" {
		cmd.Aliases = append(cmd.Aliases, k.Short)
		cmd.Flags().BoolVar(&o.showSource, "show-source", false, "show the source of each object")
	}
	return cmd
}

// several returns the command that shows all kinds of a group, or of all groups.
func (o *options) several(group string) *cobra.Command {
	return &cobra.Command{
		Use:   "all",
		Short: "Show the state of all of them",
		Example: fmt.Sprintf("  # Everywhere\n  weir get %[1]s -A\n\n  # What is not ready\n  weir get %[1]s -A --status-selector ready=false",
			strings.TrimSpace(parents()[group]+" all")),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.watch {
				return errors.New("--watch follows a single kind: name it instead of all")
			}
			q, err := o.query(args)
			if err != nil {
				return err
			}
			ctx, cancel := o.session.Bounded(cmd.Context())
			defer cancel()
			c, err := o.session.Client()
			if err != nil {
				return err
			}
			return q.sections(ctx, c, group)
		},
	}
}

// sections prints a table for each kind of a group, all of which are read at once. What the API server refuses is said and the other kinds
// follow; without an API server there is nothing to follow.
func (q query) sections(ctx context.Context, c client.Client, group string) error {
	wanted := slices.DeleteFunc(kinds.All(), func(k kinds.Kind) bool { return group != "" && k.Group != group })
	items, errs := make([][]unstructured.Unstructured, len(wanted)), make([]error, len(wanted))
	var wg sync.WaitGroup
	for i, k := range wanted {
		wg.Go(func() { items[i], errs[i] = q.list(ctx, c, k) })
	}
	wg.Wait()
	var failed error
	served, found := 0, 0
	for i, k := range wanted {
		err := errs[i]
		switch {
		case err == nil:
			served++
			found += len(items[i])
			q.section(k, items[i])
		case meta.IsNoMatchError(err): // the kind is not installed
		case apierrors.ReasonForError(err) == metav1.StatusReasonUnknown, apierrors.IsUnauthorized(err): // so it is with all
			return fmt.Errorf("list %s: %w", k.Kind, err)
		default:
			served++
			q.session.Failure("list %s: %v", k.Kind, err)
			failed = &session.ExitError{Code: 1}
		}
	}
	switch {
	case served == 0:
		q.session.Failure("none of these kinds is installed; weir install does that")
	case found == 0 && failed == nil && q.labels.Empty():
		q.session.Failure("no objects found %s", q.place())
	}
	return failed
}

// section prints the table of one kind, if there is anything in it.
func (q query) section(k kinds.Kind, items []unstructured.Unstructured) {
	if rows := q.rows(k, items, strings.ToLower(k.Kind)+"/"); len(rows) > 0 {
		table.Print(q.session.Out, q.header(k), rows)
		fmt.Fprintln(q.session.Out)
	}
}

func (o *options) query(args []string) (query, error) {
	q := query{options: *o}
	var err error
	if q.status, err = parseStatus(o.statusSelector); err != nil {
		return q, err
	}
	if q.labels, err = parseLabels(o.labelSelector); err != nil {
		return q, fmt.Errorf("label selector %q: %w", o.labelSelector, err)
	}
	if len(args) > 0 {
		q.name = args[0]
	}
	return q, nil
}

var errNoLabelValue = errors.New("there is no value after ==; a label without a value is key=")

// parseLabels reads a selector. The library takes == with nothing after it for an empty value, which nobody means by it.
func parseLabels(selector string) (labels.Selector, error) {
	for requirement := range strings.SplitSeq(selector, ",") {
		if strings.HasSuffix(strings.TrimSpace(requirement), "==") {
			return nil, errNoLabelValue
		}
	}
	return labels.Parse(selector)
}

// show prints the objects of one kind.
func (q query) show(ctx context.Context, k kinds.Kind) error {
	ctx, cancel := q.session.Bounded(ctx)
	defer cancel()
	c, err := q.session.Client()
	if err != nil {
		return err
	}
	items, err := q.list(ctx, c, k)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		if err := q.none(ctx, c, k); err != nil {
			return err
		}
	}
	table.Print(q.session.Out, q.header(k), q.rows(k, items, ""))
	return nil
}

// none is the error of a list without objects. It is nil when there are some and the labels leave them out: a filter that nothing passes is no error.
func (q query) none(ctx context.Context, c client.Client, k kinds.Kind) error {
	if !q.labels.Empty() {
		unfiltered := q
		unfiltered.labels = labels.Everything()
		list := k.List()
		if err := c.List(ctx, list, append(unfiltered.where(), client.Limit(1))...); err != nil || len(list.Items) > 0 {
			return err
		}
	}
	if q.name != "" {
		return fmt.Errorf("%s object '%s' not found %s", k.Kind, q.name, q.place())
	}
	return fmt.Errorf("no %s objects found %s", k.Kind, q.place())
}

// place is where it was looked.
func (q query) place() string {
	if q.all {
		return "in any namespace"
	}
	return fmt.Sprintf("in %q namespace", q.session.Namespace)
}

func (q query) list(ctx context.Context, c client.Client, k kinds.Kind) ([]unstructured.Unstructured, error) {
	list := k.List()
	if err := c.List(ctx, list, q.where()...); err != nil {
		return nil, err
	}
	return list.Items, nil
}

func (q query) where() []client.ListOption {
	o := []client.ListOption{client.MatchingLabelsSelector{Selector: q.labels}}
	if !q.all {
		o = append(o, client.InNamespace(q.session.Namespace))
	}
	if q.name != "" {
		o = append(o, client.MatchingFields{"metadata.name": q.name})
	}
	return o
}

func (q query) columns(k kinds.Kind) []kinds.Column {
	if q.showSource && k.Short != "" {
		return append([]kinds.Column{kinds.SourceColumn()}, k.Columns...)
	}
	return k.Columns
}

func (q query) header(k kinds.Kind) []string {
	if q.noHeader {
		return nil
	}
	var header []string
	if q.all {
		header = append(header, "Namespace")
	}
	header = append(header, "Name")
	for _, column := range q.columns(k) {
		header = append(header, column.Header)
	}
	return header
}

// rows makes a row of each object that the status selector lets through.
func (q query) rows(k kinds.Kind, items []unstructured.Unstructured, prefix string) [][]string {
	var rows [][]string
	for i := range items {
		obj := &items[i]
		if !q.status.matches(k, obj) {
			continue
		}
		var row []string
		if q.all {
			row = append(row, obj.GetNamespace())
		}
		row = append(row, prefix+obj.GetName())
		for _, column := range q.columns(k) {
			row = append(row, column.Cell(k, obj))
		}
		rows = append(rows, row)
	}
	return slices.Clip(rows)
}
