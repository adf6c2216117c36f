// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
)

// stopTimeout is how long a supervisor may take: five components, five seconds each at worst.
const stopTimeout = 30 * time.Second

func downCommand() *cobra.Command {
	var (
		s    selection
		keep bool
	)
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop a cluster and delete its data folder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := s.folder()
			if err != nil {
				return err
			}
			err = folder.Check()
			if errors.Is(err, instance.ErrAbsent) {
				sayf(cmd.ErrOrStderr(), "no cluster in %s", folder)
				return nil
			}
			if err != nil {
				return fmt.Errorf("nothing was stopped or deleted: %w", err)
			}
			if err := stopSupervisor(folder); err != nil {
				return err
			}
			if keep {
				sayf(cmd.ErrOrStderr(), "stopped; data is kept in %s", folder)
				return nil
			}
			if err := folder.Remove(); err != nil {
				return err
			}
			sayf(cmd.ErrOrStderr(), "stopped, and deleted %s", folder)
			return nil
		},
	}
	s.bind(cmd)
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the data for the next up")
	return cmd
}

// stopSupervisor asks the supervisor to stop its cluster and waits until the folder is free. One that does not end in time
// is killed, and its children with it.
func stopSupervisor(f instance.Folder) error {
	deadline := time.Now().Add(stopTimeout)
	asked := 0
	for f.Running() {
		state, err := f.Load()
		if err != nil {
			return err
		}
		// Between taking the lock and writing its id, a supervisor is not known yet.
		if pid := state.Supervisor; pid != 0 && pid != asked {
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("stop the supervisor, process %d: %w", pid, err)
			}
			asked = pid
		}
		if time.Now().After(deadline) && asked != 0 {
			return syscall.Kill(asked, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}
