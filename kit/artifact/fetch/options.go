// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Defaults and limits.
const (
	// defaultMaxBytes bounds the cache unless Options say otherwise: some hundred typical artifacts.
	defaultMaxBytes = 1 << 30
	// defaultPatience is long enough for an artifact in the same cluster and short enough not to be
	// noticed by the other objects of a worker.
	defaultPatience = 2 * time.Second
	// Flux: the wait between attempts grows from 5 to 30 seconds.
	defaultRetryWait    = 5 * time.Second
	defaultRetryMaxWait = 30 * time.Second
	// stallLimit ends an attempt during which no byte arrived for so long.
	stallLimit = 30 * time.Second
	// attemptLimit ends any attempt, so that a server that trickles bytes cannot go on for ever, and the
	// unpacking after it.
	attemptLimit = 30 * time.Minute
	// failureLife is how long a failure is kept for those who were told to come back for it.
	failureLife = time.Minute
	// maxEntries bounds the number of files and directories of one artifact; their index is in memory.
	maxEntries = 1_000_000
	// maxNameBytes bounds their paths for the same reason. A hundred bytes each is twice what large repositories have.
	maxNameBytes = 100 * maxEntries
	// maxConnsPerHost keeps a burst of new artifacts from overrunning one server.
	maxConnsPerHost = 16
	// copyBufferBytes is the size of the buffers that downloads and hashing use.
	copyBufferBytes = 64 << 10
)

// Options configure a Cache. Only Dir is required.
type Options struct {
	// Dir is the directory that holds the trees. The cache owns everything in it that is named like
	// a digest; one process at a time may use it.
	Dir string
	// MaxBytes bounds the size of all trees; those in use are never removed. Default 1 GiB.
	MaxBytes int64
	// Patience is how long Acquire waits for a download, counted from its start. Default 2 s.
	Patience time.Duration
	// Retries is the number of further attempts after one that failed for a passing reason.
	// Flux: --http-retry.
	Retries int
	// RetryWait and RetryMaxWait bound the wait between two attempts. Defaults 5 s and 30 s.
	RetryWait, RetryMaxWait time.Duration
	// MaxDownloadBytes bounds an archive, MaxUnpackedBytes the sum of its files. Default MaxBytes, what
	// the cache could not hold anyway; negative means no limit.
	MaxDownloadBytes, MaxUnpackedBytes int64
	// SourceControllerHost replaces host and port of every URL. Flux: env SOURCE_CONTROLLER_LOCALHOST.
	SourceControllerHost string
	// SourceWatcherHost does so for URLs of the source-watcher. Flux: env SOURCE_WATCHER_LOCALHOST.
	SourceWatcherHost string
	// Client sends the requests. The default one has limits on waiting and connections.
	Client *http.Client
	// Registerer receives the metrics, if set.
	Registerer prometheus.Registerer
}

// withDefaults returns the options with every zero value that has a default replaced by it.
func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("artifact cache: no directory given")
	}
	o.MaxBytes = cmp.Or(o.MaxBytes, defaultMaxBytes)
	o.MaxDownloadBytes = cmp.Or(o.MaxDownloadBytes, o.MaxBytes)
	o.MaxUnpackedBytes = cmp.Or(o.MaxUnpackedBytes, o.MaxBytes)
	o.Patience = cmp.Or(o.Patience, defaultPatience)
	o.RetryWait = cmp.Or(o.RetryWait, defaultRetryWait)
	o.RetryMaxWait = cmp.Or(o.RetryMaxWait, defaultRetryMaxWait)
	if o.Client == nil {
		o.Client = newClient()
	}
	return o, nil
}

func newClient() *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = standard.Clone()
	}
	transport.ResponseHeaderTimeout = stallLimit
	transport.MaxConnsPerHost = maxConnsPerHost
	// The bytes of the archive are what the digest is about.
	transport.DisableCompression = true
	return &http.Client{Transport: transport}
}
