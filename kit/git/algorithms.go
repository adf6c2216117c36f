// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	"golang.org/x/crypto/ssh"
)

// SSHAlgorithms are preferences for the SSH handshake; empty means the library's.
type SSHAlgorithms struct {
	// KeyExchanges and HostKeys are names as in ssh_config, best first. Without HostKeys the choice
	// follows from known_hosts.
	KeyExchanges, HostKeys []string
}

const (
	kexFlag     = "ssh-kex-algos"
	hostKeyFlag = "ssh-hostkey-algos"
)

// BindFlags registers the flags of controllers that talk to Git servers.
func (a *SSHAlgorithms) BindFlags(fs *pflag.FlagSet) {
	fs.StringSliceVar(&a.KeyExchanges, kexFlag, nil,
		"Comma list of key exchange algorithms for SSH, best first; empty takes the library's.")
	fs.StringSliceVar(&a.HostKeys, hostKeyFlag, nil,
		"Comma list of host key algorithms for SSH, best first; empty follows the keys in known_hosts.")
}

// Validate refuses algorithms that the library does not have, which would fail every connection.
func (a *SSHAlgorithms) Validate() error {
	safe, weak := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	return errors.Join(
		unknownNames(kexFlag, a.KeyExchanges, slices.Concat(safe.KeyExchanges, weak.KeyExchanges)),
		unknownNames(hostKeyFlag, a.HostKeys, slices.Concat(safe.HostKeys, weak.HostKeys)),
	)
}

func unknownNames(flag string, names, known []string) error {
	var errs []error
	for _, name := range names {
		if !slices.Contains(known, name) {
			errs = append(errs, fmt.Errorf("--%s: unknown algorithm %q", flag, name))
		}
	}
	return errors.Join(errs...)
}
