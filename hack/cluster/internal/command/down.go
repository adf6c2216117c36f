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
	"github.com/weir-gitops/weir/hack/cluster/internal/lifeline"
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

// errStuck says that a supervisor survived everything.
var errStuck = errors.New("the supervisor does not end")

// stopSupervisor asks the supervisor to stop its cluster and waits until the folder is free. One that does not end in time
// is killed, and its children with it.
func stopSupervisor(f instance.Folder) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		stopped, err := signalSupervisor(f, signal)
		if stopped || err != nil {
			return err
		}
	}
	return errStuck
}

func signalSupervisor(f instance.Folder, signal syscall.Signal) (stopped bool, err error) {
	deadline := time.Now().Add(stopTimeout)
	for told := 0; f.Running(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false, nil
		}
		state, err := f.Load()
		if err != nil {
			return false, err
		}
		pid := state.Supervisor
		// Between taking the lock and writing its id, a supervisor is not known: the id is that of the one before.
		if pid == 0 || pid == told || !lifeline.Alive(pid) {
			continue
		}
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return false, fmt.Errorf("stop the supervisor, process %d: %w", pid, err)
		}
		told = pid
	}
	return true, nil
}
