// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
)

// defaultRetryInterval is what an absent strategy.retryInterval means.
const defaultRetryInterval = 5 * time.Minute

// Gates are the feature gates that decide here.
type Gates struct {
	// DefaultToRetryOnFailure makes RetryOnFailure the strategy of actions that name none.
	DefaultToRetryOnFailure bool
}

// Policy says what follows a failed install or upgrade.
type Policy struct {
	// Retries is the number of attempts after the first, negative without end.
	Retries int
	// IgnoreTestFailures does not count failed tests.
	IgnoreTestFailures bool
	// RemediateLast remediates also after the last attempt.
	RemediateLast bool
	// Strategy of the remediation.
	Strategy helmv2.RemediationStrategy
	// RetryOnFailure upgrades again after RetryInterval, for ever, instead of all of the above.
	RetryOnFailure bool
	// RetryInterval is not jittered.
	RetryInterval time.Duration
}

// Exhausted tells whether no attempt is left after a number of failures: N retries allow N+1 attempts. Contract 8.1.
func (p Policy) Exhausted(failures int64) bool {
	return !p.RetryOnFailure && p.Retries >= 0 && failures > int64(p.Retries)
}

// InstallPolicy returns what follows a failed install.
func InstallPolicy(obj *helmv2.HelmRelease, gates Gates) Policy {
	in := valueOr(obj.Spec.Install, helmv2.Install{})
	p := newPolicy(obj, gates, (*helmv2.UpgradeStrategy)(in.Strategy))
	p.Strategy = helmv2.UninstallRemediation
	if r := in.Remediation; r != nil {
		p.remediate(r.Retries, r.IgnoreTestFailures)
		p.RemediateLast = valueOr(r.RemediateLastFailure, false)
	}
	return p
}

// UpgradePolicy returns what follows a failed upgrade.
func UpgradePolicy(obj *helmv2.HelmRelease, gates Gates) Policy {
	up := valueOr(obj.Spec.Upgrade, helmv2.Upgrade{})
	p := newPolicy(obj, gates, up.Strategy)
	p.Strategy = helmv2.RollbackRemediation
	if r := up.Remediation; r != nil {
		p.remediate(r.Retries, r.IgnoreTestFailures)
		p.RemediateLast = valueOr(r.RemediateLastFailure, r.Retries > 0)
		p.Strategy = valueOr(r.Strategy, p.Strategy)
	}
	return p
}

// newPolicy returns a policy without remediation. The strategies of both actions have the same form.
func newPolicy(obj *helmv2.HelmRelease, gates Gates, strategy *helmv2.UpgradeStrategy) Policy {
	p := Policy{RetryOnFailure: gates.DefaultToRetryOnFailure, RetryInterval: defaultRetryInterval, IgnoreTestFailures: ignoresTests(obj)}
	if strategy != nil {
		p.RetryOnFailure = strategy.Name == helmv2.RetryOnFailure
		p.RetryInterval = valueOr(strategy.RetryInterval, metav1.Duration{Duration: p.RetryInterval}).Duration
	}
	return p
}

func (p *Policy) remediate(retries int, ignoreTests *bool) {
	p.Retries, p.IgnoreTestFailures = retries, valueOr(ignoreTests, p.IgnoreTestFailures)
}

func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func ignoresTests(obj *helmv2.HelmRelease) bool {
	return obj.Spec.Test != nil && obj.Spec.Test.IgnoreFailures
}

func testsEnabled(obj *helmv2.HelmRelease) bool { return obj.Spec.Test != nil && obj.Spec.Test.Enable }

// ActivePolicy returns the policy of the action last attempted; false when none was.
func ActivePolicy(obj *helmv2.HelmRelease, gates Gates) (Policy, bool) {
	switch obj.Status.LastAttemptedReleaseAction {
	case helmv2.ReleaseActionInstall:
		return InstallPolicy(obj, gates), true
	case helmv2.ReleaseActionUpgrade:
		return UpgradePolicy(obj, gates), true
	default:
		return Policy{}, false
	}
}

// IgnoreTestFailures tells whether failed tests count: by the active policy, else by spec.test.
func IgnoreTestFailures(obj *helmv2.HelmRelease, gates Gates) bool {
	if p, ok := ActivePolicy(obj, gates); ok {
		return p.IgnoreTestFailures
	}
	return ignoresTests(obj)
}

// ActiveFailures returns the failure count of the action last attempted.
func ActiveFailures(s *helmv2.HelmReleaseStatus) int64 {
	switch s.LastAttemptedReleaseAction {
	case helmv2.ReleaseActionInstall:
		return s.InstallFailures
	case helmv2.ReleaseActionUpgrade:
		return s.UpgradeFailures
	default:
		return 0
	}
}

// CountFailure notes that an action failed. counted says that it uses up an attempt: an install or upgrade that got as far as to store a
// revision, or a test whose failures are not ignored. Contract 8.2.
func CountFailure(s *helmv2.HelmReleaseStatus, counted bool) {
	s.Failures++
	if !counted {
		return
	}
	switch s.LastAttemptedReleaseAction {
	case helmv2.ReleaseActionInstall:
		s.InstallFailures++
	case helmv2.ReleaseActionUpgrade:
		s.UpgradeFailures++
	}
}

// ClearFailures sets all counters to zero.
func ClearFailures(s *helmv2.HelmReleaseStatus) {
	s.Failures, s.InstallFailures, s.UpgradeFailures = 0, 0, 0
}

// Attempt is what a run is about to release.
type Attempt struct {
	// ChartVersion with the digest of its source, where it has one.
	ChartVersion string
	// Values as composed.
	Values map[string]any
	// Reset says that clearing the counters was asked for.
	Reset bool
}

// ResetDue says why the failure counters have to be cleared before an attempt, empty when they are to be kept. A change of the algorithm
// of digests alone is no reason. Contract 8.3.
func ResetDue(obj *helmv2.HelmRelease, a Attempt) string {
	switch {
	case obj.Generation != obj.Status.LastAttemptedGeneration:
		return "generation changed"
	case a.ChartVersion != obj.Status.LastAttemptedRevision:
		return "chart version changed"
	case !VerifyConfig(obj.Status.LastAttemptedConfigDigest, a.Values):
		return "values changed"
	case a.Reset:
		return "reset requested"
	}
	return ""
}
