// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package instance knows the folder of one cluster: who owns it, what lies where in it, and what is running there.
package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// nameCharacters may stand in the name of a cluster.
const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

var errName = errors.New("want letters, digits, dots, dashes and underscores, beginning with a letter or digit")

// Errors that callers decide on.
var (
	// ErrForeign says that a folder has content and no marker, so it is not ours to use or delete.
	ErrForeign = errors.New("not a cluster's data folder")
	// ErrAbsent says that there is no such folder.
	ErrAbsent = errors.New("no such cluster")
	// ErrRunning says that a supervisor holds the folder.
	ErrRunning = errors.New("the cluster is running")
)

// validName is a name that is safe as a folder and as a context in a kubeconfig.
func validName(name string) bool {
	return name != "" && !strings.ContainsRune("-_.", rune(name[0])) && strings.Trim(name, nameCharacters) == ""
}

// markerName is the file that makes a folder ours. Its content is for people who wonder what the folder is.
const (
	markerName = ".weir-cluster"
	markerText = "Data of a local Kubernetes control plane. `weir-cluster down` deletes this folder.\n"
)

// Folder is the data folder of one cluster; its value is the absolute path. Private keys lie in it, so it is closed to
// other users.
type Folder string

// Locate returns the folder of the cluster of that name, or data itself when it is set.
func Locate(name, data string) (Folder, error) {
	if !validName(name) {
		return "", fmt.Errorf("cluster name %q: %w", name, errName)
	}
	if data == "" {
		home := os.Getenv("WEIR_CLUSTER_HOME")
		if home == "" {
			cache, err := os.UserCacheDir()
			if err != nil {
				return "", fmt.Errorf("find a place for cluster data (or set WEIR_CLUSTER_HOME): %w", err)
			}
			home = filepath.Join(cache, "weir-cluster")
		}
		data = filepath.Join(home, name)
	}
	path, err := filepath.Abs(data)
	if err != nil {
		return "", fmt.Errorf("make %s absolute: %w", data, err)
	}
	return Folder(path), nil
}

// Claim makes the folder ours: a new or empty one is marked, a marked one is taken as it is.
func (f Folder) Claim() error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return fmt.Errorf("create data folder: %w", err)
	}
	if f.owned() {
		return nil
	}
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s has content and no %s: %w", f, markerName, ErrForeign)
	}
	if err := os.Chmod(string(f), 0o700); err != nil { //nolint:gosec // a folder needs x to be entered
		return fmt.Errorf("close data folder to others: %w", err)
	}
	return os.WriteFile(f.Path(markerName), []byte(markerText), 0o600)
}

// Check returns nil when the folder is ours, [ErrAbsent] when there is none and [ErrForeign] when it is somebody else's.
func (f Folder) Check() error {
	if f.owned() {
		return nil
	}
	if _, err := os.Stat(string(f)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", f, ErrAbsent)
	}
	return fmt.Errorf("%s has no %s: %w", f, markerName, ErrForeign)
}

// Remove deletes the folder if it is ours. The marker goes last, so that a deletion that was cut short can be repeated.
func (f Folder) Remove() error {
	if err := f.Check(); err != nil {
		return err
	}
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == markerName {
			continue
		}
		if err := os.RemoveAll(f.Path(entry.Name())); err != nil {
			return fmt.Errorf("delete data: %w", err)
		}
	}
	return os.RemoveAll(string(f))
}

// Lock takes the folder for this process until release is called or the process ends, in whatever way. It returns
// [ErrRunning] when another one has it. It tries for a moment, because somebody may just be looking, see Running.
func (f Folder) Lock() (release func(), err error) {
	const tries, pause = 50, 10 * time.Millisecond
	for range tries {
		release, err = f.flock(syscall.LOCK_EX)
		if !errors.Is(err, ErrRunning) {
			break
		}
		time.Sleep(pause)
	}
	return release, err
}

// Running tells whether a supervisor holds the folder. Those who only look do not disturb each other.
func (f Folder) Running() bool {
	if _, err := os.Stat(f.Path("lock")); err != nil {
		return false
	}
	release, err := f.flock(syscall.LOCK_SH)
	if err != nil {
		return errors.Is(err, ErrRunning)
	}
	release()
	return false
}

func (f Folder) flock(how int) (release func(), err error) {
	file, err := os.OpenFile(f.Path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", f, ErrRunning)
		}
		return nil, fmt.Errorf("lock %s: %w", f, err)
	}
	return func() { _ = file.Close() }, nil
}

// Path returns the path of a file in the folder.
func (f Folder) Path(elem ...string) string {
	return filepath.Join(append([]string{string(f)}, elem...)...)
}

// Kubeconfig is the administrator's kubeconfig.
func (f Folder) Kubeconfig() string { return f.Path("kubeconfig") }

// AuditLog is where the API server writes one JSON line for each stage of a request, if asked to.
func (f Folder) AuditLog() string { return f.Path("audit.log") }

// CAFile is the certificate authority of the API server, PEM.
func (f Folder) CAFile() string { return f.PKI("ca.crt") }

// PKI is a file among the keys and certificates.
func (f Folder) PKI(name string) string { return f.Path("pki", name) }

// Config is a component's configuration file.
func (f Folder) Config(name string) string { return f.Path("config", name) }

// Log is what a component has written to its standard output and error since the last start.
func (f Folder) Log(component string) string { return f.Path("log", component+".log") }

func (f Folder) owned() bool {
	info, err := os.Lstat(f.Path(markerName))
	return err == nil && info.Mode().IsRegular()
}
