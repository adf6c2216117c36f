// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

var (
	// ErrNonFastForward says that a reference is not where it was expected: somebody else has pushed.
	ErrNonFastForward = errors.New("non-fast-forward update")
	// ErrRejected says that the server refused to move a reference, such as a protected branch.
	ErrRejected = errors.New("rejected by the remote repository")
)

const (
	// maxReportBytes limits what a server may say about a push, messages of its hooks included.
	maxReportBytes = 4 << 20
	// lookAgainTimeout bounds the question whether a push whose answer did not come has arrived.
	lookAgainTimeout = 10 * time.Second
)

// errArrived says that a reference is already where it should go.
var errArrived = errors.New("already up to date")

// Push is a request to move one reference of a remote repository.
type Push struct {
	// Ref is the full name of the reference.
	Ref string
	// Old is where it has to be now; zero means that it must not exist. The server moves it from there or not at all, so
	// that nobody's work is lost, whatever New is.
	Old Hash
	// New is where it goes.
	New Hash
	// Draft brings the commit; nil if the server has it.
	Draft *Draft
	// Options are for the hooks of the server.
	Options map[string]string
}

// Pushed is what became of a push beside its success.
type Pushed struct {
	// OptionsDropped says that the server does not take options.
	OptionsDropped bool
}

// Push sends a new commit and moves a reference to it. It is successful as well when the reference is there already.
// Errors are ErrNonFastForward, ErrRejected or those of the network.
func (r *Remote) Push(ctx context.Context, p Push) (Pushed, error) {
	s := &pushing{Push: p}
	if err := s.check(); err != nil {
		return s.Pushed, fmt.Errorf("push to %s: %w", r.identity(), err)
	}
	err := r.transport.push(ctx, s.decide, s.receive)
	if err != nil && s.sent && !errors.Is(err, errArrived) {
		err = r.lookAgain(ctx, p, err)
	}
	if errors.Is(err, errArrived) {
		return s.Pushed, nil
	}
	if err != nil {
		return s.Pushed, r.failed(ctx, "push to", err)
	}
	return s.Pushed, nil
}

// lookAgain finds out what became of a push that ended with an error: it may have arrived although the answer did not, and
// a refusal may mean that somebody else was faster.
func (r *Remote) lookAgain(ctx context.Context, p Push, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookAgainTimeout)
	defer cancel()
	adv, listErr := r.transport.list(ctx, receivePack)
	if listErr != nil {
		return err
	}
	switch at := adv.References[p.Ref]; at {
	case p.New:
		return errArrived
	case p.Old:
		return err
	default:
		return fmt.Errorf("%w: %w", moved(p, at), plain(err))
	}
}

// moved is the error of a reference that is at another commit than expected.
func moved(p Push, at Hash) error {
	if p.Old.IsZero() {
		return fmt.Errorf("%w: %s exists, at %s", ErrNonFastForward, p.Ref, at)
	}
	if at.IsZero() {
		return fmt.Errorf("%w: %s is gone, it was at %s", ErrNonFastForward, p.Ref, p.Old)
	}
	return fmt.Errorf("%w: %s is at %s and not at %s any more", ErrNonFastForward, p.Ref, at, p.Old)
}

// pushing is a push while it goes on.
type pushing struct {
	Push
	Pushed

	// reports says that the server tells what became of the request, framed that it does so beside other messages.
	reports, framed bool
	// sent says that the request may have reached the server.
	sent bool
}

// check refuses what the protocol cannot carry.
func (s *pushing) check() error {
	if !strings.HasPrefix(s.Ref, "refs/") || controlCharacters().MatchString(s.Ref) || strings.Contains(s.Ref, " ") {
		return fmt.Errorf("%q is not the name of a reference", s.Ref)
	}
	for key, value := range s.Options {
		if controlCharacters().MatchString(key + value) {
			return fmt.Errorf("option %q has a line break or another control character", key)
		}
	}
	return nil
}

// decide makes the request, if the reference is where it should be.
func (s *pushing) decide(adv *advertisement) (*packp.ReferenceUpdateRequest, error) {
	at := adv.References[s.Ref]
	switch at {
	case s.New:
		return nil, errArrived
	case s.Old:
	default:
		return nil, moved(s.Push, at)
	}
	pack, err := s.Draft.pack()
	if err != nil {
		return nil, err
	}
	req := packp.NewReferenceUpdateRequest()
	req.Packfile = io.NopCloser(pack)
	req.Commands = []*packp.Command{{Name: plumbing.ReferenceName(s.Ref), Old: s.Old, New: s.New}}
	s.negotiate(req, adv.Capabilities)
	s.sent = true
	return req, nil
}

// negotiate asks for what both sides can do.
func (s *pushing) negotiate(req *packp.ReferenceUpdateRequest, offered *capability.List) {
	take := func(c capability.Capability, values ...string) bool {
		return offered.Supports(c) && req.Capabilities.Set(c, values...) == nil
	}
	take(capability.Agent, agent)
	s.reports = take(capability.ReportStatus)
	s.framed = take(capability.Sideband64k)
	if len(s.Options) == 0 {
		return
	}
	if !take(capability.PushOptions) {
		s.OptionsDropped = true
		return
	}
	for _, key := range slices.Sorted(maps.Keys(s.Options)) {
		req.Options = append(req.Options, &packp.Option{Key: key, Value: s.Options[key]})
	}
}

// receive reads what became of the request.
func (s *pushing) receive(r io.Reader) error {
	if !s.reports {
		// Where the reference is now is the only thing to go by.
		return errors.New("the server does not tell what became of the push")
	}
	notes := &tail{}
	in := io.LimitReader(r, maxReportBytes)
	if s.framed {
		demuxer := newDemuxer(in)
		demuxer.notes = notes
		in = demuxer
	}
	report := packp.NewReportStatus()
	if err := report.Decode(in); err != nil {
		return fmt.Errorf("%w: %s", errProtocol, cmp.Or(notes.String(), serverText([]byte(err.Error()))))
	}
	// What hooks say comes beside the report, before or after it.
	_, _ = io.Copy(io.Discard, in)
	err := report.Error()
	if err == nil && !slices.ContainsFunc(report.CommandStatuses, func(c *packp.CommandStatus) bool { return c.ReferenceName.String() == s.Ref }) {
		return fmt.Errorf("%w: the server does not tell what became of %s", errProtocol, s.Ref)
	}
	if err == nil {
		return nil
	}
	text := serverText([]byte(err.Error()))
	if said := notes.String(); said != "" {
		text += ": " + said
	}
	return fmt.Errorf("%w: %s", ErrRejected, text)
}
