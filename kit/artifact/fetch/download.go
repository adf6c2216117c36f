// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/weir-gitops/weir/kit/artifact"
)

var (
	errStalled = fmt.Errorf("no data for %s", stallLimit)
	errSlow    = fmt.Errorf("not complete after %s", attemptLimit)
)

// download is one artifact on its way. Fields below the blank line are guarded by Cache.mu.
type download struct {
	source  source
	ended   chan struct{} // closed when entry or err is set
	retried chan struct{} // closed when the first attempt failed
	retry   sync.Once
	patient time.Time                                         // until when callers wait
	begin   func() (context.Context, context.CancelCauseFunc) // of an attempt or a pause
	cancel  context.CancelFunc

	waiting   int // callers inside download.wait
	callbacks []func()
	entry     *cached
	err       error
}

// newDownload keeps the values of ctx, such as the logger, but not its end.
func newDownload(ctx context.Context, src source, patience time.Duration) *download {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &download{
		source:  src,
		ended:   make(chan struct{}),
		retried: make(chan struct{}),
		patient: time.Now().Add(patience),
		cancel:  cancel,
		begin:   func() (context.Context, context.CancelCauseFunc) { return context.WithCancelCause(ctx) },
	}
}

// wait returns when the download ended or there is no point in waiting longer.
func (d *download) wait(ctx context.Context) {
	timer := time.NewTimer(time.Until(d.patient))
	defer timer.Stop()
	select {
	case <-d.ended:
	case <-d.retried:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pause waits before the next attempt and reports whether there should be one.
func (d *download) pause(wait time.Duration) bool {
	d.retry.Do(func() { close(d.retried) })
	ctx, end := d.begin()
	defer end(nil)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// passing marks an error after which another attempt may succeed.
type passing struct{ error }

func (p passing) Unwrap() error { return p.error }

// obtain downloads, verifies and unpacks.
func (c *Cache) obtain(d *download) (*content, error) {
	file, err := os.CreateTemp(c.options.Dir, dirName(d.source.digest)+".*.tar.gz")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDirectory, withoutPath(err))
	}
	defer os.Remove(file.Name()) // swept at the next start
	defer file.Close()           // nothing is kept in it
	if err := c.download(d, file); err != nil {
		return nil, err
	}
	ctx, end := d.begin()
	defer end(nil)
	defer time.AfterFunc(attemptLimit, func() { end(errSlow) }).Stop()
	return c.unpack(ctx, d.source.digest, file)
}

// download makes attempts until one succeeds, fails for good or there were enough.
func (c *Cache) download(d *download, file *os.File) error {
	wait := c.options.RetryWait
	for retries := 0; ; retries++ {
		err := c.try(d, file)
		if err == nil {
			return nil
		}
		if _, again := errors.AsType[passing](err); !again || retries >= c.options.Retries {
			return err
		}
		if !d.pause(wait) {
			return err
		}
		wait = min(2*wait, c.options.RetryMaxWait)
	}
}

// try makes one attempt and verifies what came.
func (c *Cache) try(d *download, file *os.File) error {
	if err := rewind(file); err != nil {
		return fmt.Errorf("failed to download archive: %w", withoutPath(err))
	}
	sum := d.source.digest.Algorithm.New()
	if err := c.get(d, file, sum); err != nil {
		return fmt.Errorf("failed to download archive: GET %s: %w", redact(d.source.url), err)
	}
	if artifact.SumOf(d.source.digest.Algorithm, sum) != d.source.digest {
		return mismatch{fmt.Errorf("failed to verify archive: computed digest doesn't match provided '%s' "+
			"(check whether file size exceeds max download size)", d.source.digest)}
	}
	return nil
}

// mismatch marks an archive that is not what its digest says; it is an artifact.ErrMismatch.
type mismatch struct{ error }

func (mismatch) Is(target error) bool { return target == artifact.ErrMismatch }

func rewind(file *os.File) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return file.Truncate(0)
}

// get sends the request and copies the answer into file and sum.
func (c *Cache) get(d *download, file *os.File, sum hash.Hash) error {
	ctx, end := d.begin()
	defer end(nil)
	defer time.AfterFunc(attemptLimit, func() { end(errSlow) }).Stop()
	alarm := time.AfterFunc(stallLimit, func() { end(errStalled) })
	defer alarm.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.source.url, http.NoBody)
	if err != nil {
		return errors.New("malformed URL")
	}
	response, err := c.options.Client.Do(request)
	if err != nil {
		return passing{cause(ctx, err)}
	}
	defer response.Body.Close() // read only
	if err := statusError(response); err != nil {
		return err
	}
	body := &progress{from: response.Body, alarm: alarm, count: c.metrics.downloaded.Add}
	return c.copyBody(ctx, io.MultiWriter(file, sum), body)
}

// statusError judges the status of an answer.
func statusError(response *http.Response) error {
	status := fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode))
	switch code := response.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code == http.StatusNotFound:
		return ErrNotFound
	case code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		return passing{errors.New(status)}
	}
	return errors.New(status)
}

// copyBody reads the body up to the limit of the options.
func (c *Cache) copyBody(ctx context.Context, to io.Writer, body io.Reader) error {
	limit := c.options.MaxDownloadBytes
	if limit > 0 {
		body = io.LimitReader(body, limit+1)
	}
	// The wrapper hides methods that would bypass the buffer.
	n, err := io.CopyBuffer(to, struct{ io.Reader }{body}, make([]byte, copyBufferBytes))
	if err != nil {
		return passing{cause(ctx, err)}
	}
	if limit > 0 && n > limit {
		return fmt.Errorf("archive is larger than %d bytes", limit)
	}
	return nil
}

// progress reports what is read and puts off the alarm as long as bytes arrive.
type progress struct {
	from  io.Reader
	alarm *time.Timer
	count func(float64)
}

// Read implements io.Reader.
func (p *progress) Read(to []byte) (int, error) {
	n, err := p.from.Read(to)
	if n > 0 {
		p.alarm.Reset(stallLimit)
		p.count(float64(n))
	}
	return n, err
}

// cause names the reason of a transport error without what differs between runs (our port) or is
// secret (the URL).
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		stable := *op
		stable.Source = nil
		return &stable
	}
	return withoutPath(err)
}

// withoutPath leaves the path out of the error of a file, which is a temporary one and differs between runs.
func withoutPath(err error) error {
	if broken, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s archive: %w", broken.Op, broken.Err)
	}
	return err
}

// redact returns the URL without user info and query.
func redact(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(malformed URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}

// dirName is the name of the directory of a digest.
func dirName(d artifact.Digest) string { return strings.ReplaceAll(d.String(), ":", "-") }
