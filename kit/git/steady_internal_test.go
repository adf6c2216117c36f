// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestSteady(t *testing.T) {
	from, to := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 43210}, &net.TCPAddr{IP: net.IPv6loopback, Port: 443}
	reset := &net.OpError{Op: "read", Net: "tcp", Source: from, Addr: to, Err: syscall.ECONNRESET}
	write := &fs.PathError{Op: "write", Path: "/data/tmp_pack_123", Err: syscall.ENOSPC}
	rename := &os.LinkError{Op: "rename", Old: "/data/fresh-1", New: "/data/repo.git", Err: syscall.ENOSPC}
	cases := map[string]struct {
		reason string
		err    error
		want   string
		is     error
	}{
		"Plain":   {"Nothing to take out.", syscall.ENOSPC, "no space left on device", syscall.ENOSPC},
		"Network": {"The port on our side is another one every time.", fmt.Errorf("fetch: %w", reset), "fetch: read tcp [::1]:443: connection reset by peer", syscall.ECONNRESET},
		"Lookup":  {"Also where it is text only.", errors.New("lookup host on 10.0.0.1:53: read udp 10.0.0.5:1->10.0.0.1:53: i/o timeout"), "lookup host on 10.0.0.1:53: read udp 10.0.0.1:53: i/o timeout", nil},
		"Files":   {"Names of temporary files.", errors.Join(fmt.Errorf("%w: %w", errPack, write), rename), "malformed pack: write: no space left on device\nrename: no space left on device", errPack},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := steady(tc.err)
			if got.Error() != tc.want || (tc.is != nil && !errors.Is(got, tc.is)) {
				t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestServerTextCutsLast(t *testing.T) {
	text := strings.Repeat("x", maxServerTextBytes-20) + " https://user:s3cr3t" + strings.Repeat("0", 50) + "@host/r\xff"
	if got := serverText([]byte(text)); strings.Contains(got, "s3cr3t") || len(got) > maxServerTextBytes {
		t.Errorf("got %q", got)
	}
}

func TestCheckURLKeepsSecrets(t *testing.T) {
	for _, address := range []string{"https://user:s3cr3t/pw@host/r", "https://user:p%zzs3cr3t@host/r", "https://u:s3cr3t@ho st/r", "ssh://u:s3cr3t@host:port/r"} {
		err := CheckURL(address)
		if !errors.Is(err, ErrURL) || strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "%zz") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
