// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package audit counts who asked what of the API server, from the audit log it
// writes (policy level Metadata, one JSON object a line).
package audit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"
)

// Stages of a request as the audit log names them (audit.k8s.io/v1).
const (
	stageReceived = "RequestReceived"
	stageStarted  = "ResponseStarted"
)

var (
	// ErrLine says that a line of the log is no audit event.
	ErrLine = errors.New("not an audit event")
	// ErrRotated says that the log began anew, so that requests are lost.
	ErrRotated = errors.New("the log was rotated")
)

// Request is one request to the API server.
type Request struct {
	// User is the name of the identity, for example
	// system:serviceaccount:flux-system:source-controller.
	User string
	// Verb is the verb as authorization sees it, with "dry-run " in front for a
	// request that changes nothing. Server-side apply is a patch.
	Verb string
	// Resource is the plural name, with /subresource, or the URL path of a
	// request that is for no resource.
	Resource string
	// Name is that of the object, empty for a list, a watch and most creates.
	Name string
	// Received is when the API server got it.
	Received time.Time
}

// Log reads an audit log that is still being written.
type Log struct {
	path     string
	offset   int64
	started  map[string]struct{}
	requests []Request
}

// Open returns the log at a path that may not exist yet. Nothing is read.
func Open(path string) *Log {
	return &Log{path: path, started: map[string]struct{}{}}
}

// Read takes in what was written since the last call and returns the new
// requests. A line that is not complete yet is left for the next call.
func (l *Log) Read() ([]Request, error) {
	file, err := os.Open(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() < l.offset {
		return nil, fmt.Errorf("read audit log: %w", cmp.Or(err, ErrRotated))
	}
	data, err := io.ReadAll(io.NewSectionReader(file, l.offset, 1<<62))
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	before := len(l.requests)
	complete := data[:bytes.LastIndexByte(data, '\n')+1]
	for line := range bytes.Lines(complete) {
		if err := l.add(line); err != nil {
			return nil, fmt.Errorf("read audit log: %w", err)
		}
	}
	l.offset += int64(len(complete))
	return l.requests[before:], nil
}

// Between returns the requests that came at or after start and before end.
func (l *Log) Between(start, end time.Time) []Request {
	var found []Request
	for _, r := range l.requests {
		if !r.Received.Before(start) && r.Received.Before(end) {
			found = append(found, r)
		}
	}
	return found
}

// add counts the request of a line once: a watch has a line when it starts and
// another when it ends.
func (l *Log) add(line []byte) error {
	e, err := parse(line)
	if err != nil {
		return err
	}
	if e.Stage == stageReceived {
		return nil
	}
	if _, counted := l.started[e.AuditID]; counted {
		delete(l.started, e.AuditID)
		return nil
	}
	if e.Stage == stageStarted {
		l.started[e.AuditID] = struct{}{}
	}
	l.requests = append(l.requests, e.request())
	return nil
}

// event is what is used of an audit.k8s.io/v1 Event.
type event struct {
	AuditID    string `json:"auditID"`
	Stage      string `json:"stage"`
	RequestURI string `json:"requestURI"`
	Verb       string `json:"verb"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef *struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Received time.Time `json:"requestReceivedTimestamp"`
}

// parse reads one line.
func parse(line []byte) (event, error) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return event{}, fmt.Errorf("%w: %w", ErrLine, err)
	}
	if e.AuditID == "" || e.Stage == "" {
		return event{}, fmt.Errorf("%w: no auditID or stage", ErrLine)
	}
	return e, nil
}

func (e event) request() Request {
	r := Request{User: e.User.Username, Verb: e.Verb, Received: e.Received}
	path, query := cutQuery(e.RequestURI)
	if query.Get("dryRun") != "" {
		r.Verb = "dry-run " + r.Verb
	}
	switch {
	case e.ObjectRef == nil || e.ObjectRef.Resource == "":
		r.Resource = path
	case e.ObjectRef.Subresource == "":
		r.Resource, r.Name = e.ObjectRef.Resource, e.ObjectRef.Name
	default:
		r.Resource, r.Name = e.ObjectRef.Resource+"/"+e.ObjectRef.Subresource, e.ObjectRef.Name
	}
	return r
}

// cutQuery splits a request URI. One that does not parse, which the API server
// would have refused, has no query.
func cutQuery(uri string) (string, url.Values) {
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return uri, nil
	}
	return u.Path, u.Query()
}
