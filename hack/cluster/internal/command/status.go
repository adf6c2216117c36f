// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/plane"
)

func statusCommand() *cobra.Command {
	var (
		s selection
		o output
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the components of a cluster; exits 0 when all are ready, 1 otherwise",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			folder, err := s.folder()
			if err != nil {
				return err
			}
			if err := folder.Check(); err != nil {
				return err
			}
			report, err := plane.Inspect(cmd.Context(), folder)
			if err != nil {
				return err
			}
			if err := show(cmd.OutOrStdout(), report, o.json()); err != nil {
				return err
			}
			if !report.Ready {
				return errNotReady
			}
			return nil
		},
	}
	s.bind(cmd)
	o.bind(cmd)
	return cmd
}

func show(w io.Writer, r instance.Report, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	sayf(w, "cluster %s, Kubernetes %s, %s, data in %s", r.Name, r.Version, r.Server, r.Data)
	if r.Failure != "" {
		sayf(w, "it ended by itself: %s", r.Failure)
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	sayf(table, "COMPONENT\tPID\tPORT\tREADY\tMEMORY\tMESSAGE")
	for _, c := range r.Components {
		port := "-"
		if c.Port != 0 {
			port = strconv.Itoa(c.Port)
		}
		sayf(table, "%s\t%d\t%s\t%t\t%d MiB\t%s", c.Name, c.PID, port, c.Ready, c.RSSBytes>>20, c.Message)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print status: %w", err)
	}
	return nil
}
