// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
)

// etcdSocket is where etcd answers, relative to the data folder: the system limits the path of a socket to about a
// hundred bytes, which the path of the folder may exceed. As a host name in a URL it stands for itself.
const etcdSocket = "etcd.sock"

const (
	// probeTimeout bounds one look at a component.
	probeTimeout = 2 * time.Second
	// probeBytes bounds what is read of an answer; only the start of it is ever shown.
	probeBytes = 4 << 10
)

// prober asks components whether they are ready.
type prober struct {
	folder instance.Folder
	client *http.Client
}

// newProber also enters the folder, for the socket's sake.
func newProber(f instance.Folder) (*prober, error) {
	if err := os.Chdir(string(f)); err != nil {
		return nil, fmt.Errorf("enter data folder: %w", err)
	}
	ca, err := os.ReadFile(f.CAFile())
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &prober{folder: f, client: &http.Client{
		Timeout: probeTimeout,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, // an idle connection would delay the API server's shutdown
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				var d net.Dialer
				if strings.HasPrefix(address, etcdSocket) {
					network, address = "unix", etcdSocket
				}
				return d.DialContext(ctx, network, address)
			},
		},
	}}, nil
}

// probe returns nil when the URL answers 200, and otherwise why not.
func (p *prober) probe(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, probeBytes))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		first, _, _ := strings.Cut(string(body), "\n")
		return fmt.Errorf("%s: %s", resp.Status, first)
	}
	return nil
}
