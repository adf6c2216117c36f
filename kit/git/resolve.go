// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// Target is what a reference names at the moment.
type Target struct {
	// Revision is the text for people and consumers, as in "main@sha1:…".
	Revision string
	// Commit is the commit.
	Commit Hash
	// Tag is the tag object that points at the commit; zero for branches and lightweight tags.
	Tag Hash

	ref Reference
	// adv is the listing that led here; nil if none was needed.
	adv *advertisement
}

// tip is one reference of a listing.
type tip struct {
	// commit is where it leads in the end, object where it points.
	commit, object Hash
}

// tag returns the tag object between the reference and the commit, if there is one.
func (t tip) tag() Hash {
	if t.object == t.commit {
		return Hash{}
	}
	return t.object
}

// lookup returns the reference with the given full name.
func (a *advertisement) lookup(name string) (tip, bool) {
	if name == headName {
		if a.Head == nil {
			return tip{}, false
		}
		return tip{commit: *a.Head, object: *a.Head}, true
	}
	object, ok := a.References[name]
	if !ok {
		return tip{}, false
	}
	if commit, peeled := a.Peeled[name]; peeled {
		return tip{commit: commit, object: object}, true
	}
	return tip{commit: object, object: object}, true
}

// advertises reports whether h is one of the listed references, so that any server gives it.
func (a *advertisement) advertises(h Hash) bool {
	for _, object := range a.References {
		if object == h {
			return true
		}
	}
	return a.Head != nil && *a.Head == h
}

// givesAnyCommit reports whether the server hands out commits that are not the tip of a reference.
func (a *advertisement) givesAnyCommit() bool {
	return a.Capabilities.Supports(capability.AllowReachableSHA1InWant) ||
		a.Capabilities.Supports(capability.Capability("allow-any-sha1-in-want"))
}

// Resolve asks the remote which commit ref names now, with one listing of its references. No request is
// sent for a commit that the mirror holds already, as a commit never changes. Errors are ErrReference,
// ErrEmpty or those of the network.
func (m *Mirror) Resolve(ctx context.Context, remote *Remote, ref Reference) (Target, error) {
	if err := ref.check(); err != nil {
		return Target{}, err
	}
	if ref.kind() == byCommit && m.holds(remote, ref) {
		return commitTarget(ref, nil), nil
	}
	adv, err := remote.list(ctx)
	if err != nil {
		return Target{}, err
	}
	return m.resolveIn(ctx, remote, ref, adv)
}

// ResolveIn is Resolve with a listing that was made before.
func (m *Mirror) ResolveIn(ctx context.Context, remote *Remote, listing *Listing, ref Reference) (Target, error) {
	if err := ref.check(); err != nil {
		return Target{}, err
	}
	return m.resolveIn(ctx, remote, ref, listing.adv)
}

// resolveIn returns the target of a reference that was checked.
func (m *Mirror) resolveIn(ctx context.Context, remote *Remote, ref Reference, adv *advertisement) (Target, error) {
	switch ref.kind() {
	case byCommit:
		return commitTarget(ref, adv), nil
	case byName:
		return namedTarget(ref, adv)
	case byTag:
		return pointer(ref, adv, tagPrefix+ref.Tag, ref.Tag)
	case bySemVer:
		return m.versionTarget(ctx, remote, ref, adv)
	case byBranch:
	}
	return pointer(ref, adv, branchPrefix+ref.branch(), ref.branch())
}

// pointer returns the target of the reference called full, under the given short name.
func pointer(ref Reference, adv *advertisement, full, short string) (Target, error) {
	t, ok := adv.lookup(full)
	if !ok {
		return Target{}, ref.unresolved("not found in the remote repository")
	}
	return Target{Revision: revision(short, t.commit), Commit: t.commit, Tag: t.tag(), ref: ref, adv: adv}, nil
}

// namedTarget returns the target of a full name, which may end in "^{}".
func namedTarget(ref Reference, adv *advertisement) (Target, error) {
	return pointer(ref, adv, strings.TrimSuffix(ref.Name, peeledSuffix), ref.Name)
}

// commitTarget returns the target of a hash. Whether the remote has it turns out when it is fetched.
func commitTarget(ref Reference, adv *advertisement) Target {
	commit := hashOf(ref.Commit)
	return Target{Revision: revision(ref.Branch, commit), Commit: commit, ref: ref, adv: adv}
}

// versionTarget returns the target of the highest version among the tags. Tags that differ only in build
// metadata are of equal precedence; the one whose commit is younger wins, so these commits are fetched.
func (m *Mirror) versionTarget(ctx context.Context, remote *Remote, ref Reference, adv *advertisement) (Target, error) {
	constraint, err := semver.NewConstraint(ref.SemVer)
	if err != nil {
		return Target{}, ref.unresolved(err.Error())
	}
	names := highest(constraint, tagNames(adv))
	if len(names) == 0 {
		return Target{}, ref.unresolved("no tag matches")
	}
	best, err := pointer(ref, adv, tagPrefix+names[0], names[0])
	if err != nil || len(names) == 1 {
		return best, err
	}
	var youngest *Commit
	for _, name := range names {
		t, err := pointer(ref, adv, tagPrefix+name, name)
		if err != nil {
			return Target{}, err
		}
		commit, err := m.Fetch(ctx, remote, t)
		if err != nil {
			return Target{}, err
		}
		if youngest == nil || commit.Time.After(youngest.Time) {
			best, youngest = t, commit
		}
	}
	return best, nil
}

// tagNames returns the short names of all tags in order.
func tagNames(adv *advertisement) []string {
	var names []string
	for name := range adv.References {
		if short, ok := strings.CutPrefix(name, tagPrefix); ok && !strings.HasSuffix(short, peeledSuffix) {
			names = append(names, short)
		}
	}
	slices.Sort(names)
	return names
}

// highest returns those of names that are the highest version the constraint allows: several if they
// differ only in build metadata. Names that are not a version of three parts are ignored.
func highest(constraint *semver.Constraints, names []string) []string {
	var top *semver.Version
	var best []string
	for _, name := range names {
		v, err := semver.StrictNewVersion(strings.TrimPrefix(name, "v"))
		if err != nil || !constraint.Check(v) {
			continue
		}
		switch {
		case top == nil || v.GreaterThan(top):
			top, best = v, []string{name}
		case v.Equal(top):
			best = append(best, name)
		}
	}
	return best
}
