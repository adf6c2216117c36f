// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// State is what a supervisor writes down about its cluster. It is only true while the supervisor holds the folder's lock.
type State struct {
	// Name of the cluster, which its kubeconfig carries as context.
	Name string `json:"name"`
	// Version of Kubernetes, with leading v.
	Version string `json:"version"`
	// Server is the URL of the API server.
	Server string `json:"server"`
	// Audit tells whether requests are logged.
	Audit bool `json:"audit"`
	// Ready is set once everything was ready for the first time.
	Ready bool `json:"ready"`
	// Started is when the supervisor began.
	Started time.Time `json:"started"`
	// StartSeconds is how long it took to get ready.
	StartSeconds float64 `json:"startSeconds,omitempty"`
	// Supervisor is the process that holds the lock.
	Supervisor int `json:"supervisor"`
	// Components in the order in which they were started.
	Components []Component `json:"components"`
	// Failure is why the supervisor gave up, empty if it did not.
	Failure string `json:"failure,omitempty"`
}

// Component is a process of a cluster.
type Component struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// Port on 127.0.0.1, 0 for one that listens on a socket in the data folder.
	Port int `json:"port,omitempty"`
}

// Load reads the state; the zero State when nothing was written yet.
func (f Folder) Load() (State, error) {
	var s State
	data, err := os.ReadFile(f.Path("state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read state: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("read state of %s: %w", f, err)
	}
	return s, nil
}

// Save writes the state in one step, so that a reader never sees half of it.
func (f Folder) Save(s State) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return WriteFile(f.Path("state.json"), append(data, '\n'))
}

// Port returns the port of a component, 0 if it has none.
func (s State) Port(component string) int {
	i := slices.IndexFunc(s.Components, func(c Component) bool { return c.Name == component })
	if i < 0 {
		return 0
	}
	return s.Components[i].Port
}

// WriteFile replaces a file, readable by its owner only, in one step.
func WriteFile(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone already when all went well
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Report is what `up -o json` and `status -o json` print: the contract for programs that drive this one.
type Report struct {
	Name       string `json:"name"`
	Data       string `json:"data"`
	Ready      bool   `json:"ready"`
	Version    string `json:"version"`
	Server     string `json:"server"`
	Kubeconfig string `json:"kubeconfig"`
	CAFile     string `json:"caFile"`
	// AuditLog is empty when requests are not logged.
	AuditLog string `json:"auditLog,omitempty"`
	// PIDs by component, and of the supervisor.
	PIDs map[string]int `json:"pids"`
	// StartSeconds is how long the start took.
	StartSeconds float64 `json:"startSeconds"`
	// Components is filled by `status` only.
	Components []ComponentReport `json:"components,omitempty"`
	// Failure is why the cluster is not running, if that is known.
	Failure string `json:"failure,omitempty"`
}

// ComponentReport is one row of `status`.
type ComponentReport struct {
	Component
	Ready    bool   `json:"ready"`
	RSSBytes int64  `json:"rssBytes"`
	Message  string `json:"message,omitempty"`
}

// Report describes the cluster in this folder in state s.
func (f Folder) Report(s State) Report {
	r := Report{
		Name: s.Name, Data: string(f), Ready: s.Ready, Version: s.Version, Server: s.Server,
		Kubeconfig: f.Kubeconfig(), CAFile: f.CAFile(), StartSeconds: s.StartSeconds, Failure: s.Failure,
		PIDs: map[string]int{"supervisor": s.Supervisor},
	}
	if s.Audit {
		r.AuditLog = f.AuditLog()
	}
	for _, c := range s.Components {
		r.PIDs[c.Name] = c.PID
	}
	return r
}
