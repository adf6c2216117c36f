// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// lookup is the timeout of what asks for a host that nobody has: where nobody answers that, it takes as long as it may.
func lookup() *metav1.Duration { return &metav1.Duration{Duration: 5 * time.Second} }

func named(name string) *meta.LocalObjectReference { return &meta.LocalObjectReference{Name: name} }

// The rows of the contract's table of bad input for GitRepository that concern what is delivered.
// Flux: source-controller contract, "Bad input → observable result".
func TestBadInput(t *testing.T) {
	f := newFixture(t)
	hash := f.commit("first", map[string]string{"a": "1"})
	f.server.Repository(t, "empty.git")
	silent := silent(t)
	private := testkit.NewGitServer(t)
	private.Auth("user", "secret")
	private.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	privateURL := private.HTTP(t) + "/" + repoPath
	secure := testkit.NewGitServer(t)
	secure.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	secureURL := secure.HTTPS(t, testkit.NewCertificates(t)) + "/" + repoPath
	sshServer := testkit.NewGitServer(t)
	sshServer.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	sshURL, hosts := sshServer.SSH(t)
	sshURL += "/" + repoPath
	otherHosts := strings.Replace(string(hosts), strings.SplitN(string(hosts), " ", 2)[0], "other.example", 1)
	for name, data := range map[string]map[string]string{
		"wrong":        {"username": "user", "password": "hunter2"},
		"no-username":  {"password": "hunter2"},
		"bearer":       {"bearerToken": "hunter2"},
		"github":       {"githubAppID": "1"},
		"no-identity":  {"known_hosts": string(hosts)},
		"no-hosts":     {"identity": string(testkit.NewIdentity(t, ""))},
		"encrypted":    {"identity": string(testkit.NewIdentity(t, "p")), "known_hosts": string(hosts)},
		"other-host":   {"identity": string(testkit.NewIdentity(t, "")), "known_hosts": otherHosts},
		"proxy-scheme": {"address": "ftp://proxy:21"},
		"proxy-empty":  {"username": "x"},
	} {
		f.cluster.Create(t, testkit.Secret(f.namespace, name, data))
	}

	type repository = sourcev1.GitRepository
	cases := map[string]struct {
		reason   string
		edit     func(*repository)
		want     string
		stalled  bool
		mentions string
	}{
		"URLDoesNotParse": {"A URL that passes the pattern but cannot be parsed needs a person.", func(o *repository) { o.Spec.URL = "http://bad host" }, "URLInvalid", true, "host"},
		"UnknownHost": {"The cause is in the message.", func(o *repository) {
			o.Spec.URL, o.Spec.Timeout = "http://host.invalid/x", lookup()
		}, "GitOperationFailed", false, "host.invalid"},
		"Refused": {"Also of a refused connection.", func(o *repository) { o.Spec.URL = "http://127.0.0.1:1/x" }, "GitOperationFailed", false, "refused"},
		"Timeout": {"A server that is silent is left after the timeout.", func(o *repository) {
			o.Spec.URL, o.Spec.Timeout = silent+"/x", &metav1.Duration{Duration: 100 * time.Millisecond}
		}, "GitOperationFailed", false, "timeout of 100ms"},
		"RepositoryGone":   {"A repository that does not exist.", func(o *repository) { o.Spec.URL = strings.Replace(f.gitURL, repoPath, "none.git", 1) }, "GitOperationFailed", false, "not found"},
		"Private":          {"One that asks for credentials.", func(o *repository) { o.Spec.URL = privateURL }, "GitOperationFailed", false, "authentication"},
		"WrongPassword":    {"Or for better ones.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = privateURL, named("wrong") }, "GitOperationFailed", false, "authentication"},
		"UnknownAuthority": {"A certificate of an unknown authority.", func(o *repository) { o.Spec.URL = secureURL }, "GitOperationFailed", false, "certificate"},
		"HostKey":          {"A host key that is not listed.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = sshURL, named("other-host") }, "GitOperationFailed", false, "knownhosts"},
		"UnknownBranch":    {"An unknown branch is named.", func(o *repository) { o.Spec.Reference.Branch = "gone" }, "GitOperationFailed", false, "gone"},
		"UnknownTag":       {"So is a tag.", func(o *repository) { o.Spec.Reference.Tag = "gone" }, "GitOperationFailed", false, "gone"},
		"UnknownName":      {"And a name.", func(o *repository) { o.Spec.Reference.Name = "refs/pull/1/head" }, "GitOperationFailed", false, "refs/pull/1/head"},
		"NameWithSlash":    {"Or one with a slash at the end.", func(o *repository) { o.Spec.Reference.Name = "refs/heads/main/" }, "GitOperationFailed", false, "refs/heads/main/"},
		"UnknownCommit":    {"A commit nobody has.", func(o *repository) { o.Spec.Reference.Commit = strings.Repeat("0123", 10) }, "GitOperationFailed", false, "0123"},
		"CommitElsewhere":  {"A commit that is not on the branch.", func(o *repository) { o.Spec.Reference = &sourcev1.GitRepositoryRef{Branch: "gone", Commit: hash} }, "GitOperationFailed", false, hash},
		"SemVerInvalid":    {"A range that does not parse.", func(o *repository) { o.Spec.Reference.SemVer = "x y z" }, "GitOperationFailed", false, "x y z"},
		"SemVerNoMatch":    {"One that nothing matches.", func(o *repository) { o.Spec.Reference.SemVer = ">=9" }, "GitOperationFailed", false, ">=9"},
		"Empty":            {"A repository without commits, by branch.", func(o *repository) { o.Spec.URL = strings.Replace(f.gitURL, repoPath, "empty.git", 1) }, "EmptyGitRepository", false, "empty"},
		"EmptyByTag": {"And by tag.", func(o *repository) {
			o.Spec.URL, o.Spec.Reference.Tag = strings.Replace(f.gitURL, repoPath, "empty.git", 1), "v1"
		}, "GitOperationFailed", false, "empty"},
		"SparsePath":      {"A directory that is not there.", func(o *repository) { o.Spec.SparseCheckout = []string{"./none"} }, "GitOperationFailed", false, "none"},
		"SecretMissing":   {"A Secret that is not there is named.", func(o *repository) { o.Spec.SecretRef = named("none") }, "AuthenticationFailed", false, "none"},
		"SSHWithout":      {"SSH without a Secret.", func(o *repository) { o.Spec.URL = sshURL }, "AuthenticationFailed", false, "identity"},
		"SSHNoIdentity":   {"Without identity.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = sshURL, named("no-identity") }, "AuthenticationFailed", false, "no-identity"},
		"SSHNoKnownHosts": {"Without known hosts.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = sshURL, named("no-hosts") }, "AuthenticationFailed", false, "no-hosts"},
		"SSHEncrypted":    {"With an encrypted key and no password; the Secret is named.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = sshURL, named("encrypted") }, "AuthenticationFailed", false, "encrypted"},
		"NoUsername":      {"A password alone.", func(o *repository) { o.Spec.SecretRef = named("no-username") }, "AuthenticationFailed", false, "no-username"},
		"BearerAndInfo": {"A token and user information in the URL contradict each other.", func(o *repository) {
			o.Spec.URL, o.Spec.SecretRef = strings.Replace(privateURL, "://", "://u:hunter2@", 1), named("bearer")
		}, "GitOperationFailed", false, "bearer token"},
		"AppData":      {"Data of a GitHub App without the provider.", func(o *repository) { o.Spec.SecretRef = named("github") }, "InvalidProviderConfiguration", false, "github"},
		"ProxyMissing": {"A proxy Secret that is not there.", func(o *repository) { o.Spec.ProxySecretRef = named("none") }, "AuthenticationFailed", false, "none"},
		"ProxyScheme":  {"One of another scheme.", func(o *repository) { o.Spec.ProxySecretRef = named("proxy-scheme") }, "AuthenticationFailed", false, "proxy-scheme"},
		"ProxyEmpty":   {"One without address.", func(o *repository) { o.Spec.ProxySecretRef = named("proxy-empty") }, "AuthenticationFailed", false, "proxy-empty"},
		"Unsupported": {"Fields this version does not act on are named, all of them.", func(o *repository) {
			o.Spec.Provider, o.Spec.RecurseSubmodules = "github", true
			o.Spec.Verification = &sourcev1.GitRepositoryVerification{SecretRef: *named("none")}
			o.Spec.Include = []sourcev1.GitRepositoryInclude{{GitRepositoryRef: *named("other")}}
		}, "Unsupported", true, "spec.provider 'github', spec.verify, spec.include, spec.recurseSubmodules"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			repo := f.create(tc.edit)
			got := f.wait("the failure", func(o *repository) bool {
				return conditions.IsFalse(o, meta.ReadyCondition) && conditions.GetReason(o, meta.ReadyCondition) == tc.want
			})
			f.checkFault(got, got.Status.ObservedGeneration, fault{tc.reason, tc.want, tc.stalled, tc.mentions})
			f.destroy(repo)
		})
	}
}

func TestRefusedByAPIServer(t *testing.T) {
	f := newFixture(t)
	for name, edit := range map[string]func(*sourcev1.GitRepository){
		"SCP":            func(o *sourcev1.GitRepository) { o.Spec.URL = "git@github.com:org/repo" },
		"File":           func(o *sourcev1.GitRepository) { o.Spec.URL = "file:///etc" },
		"TimeoutInHours": func(o *sourcev1.GitRepository) { o.Spec.Timeout = &metav1.Duration{Duration: time.Hour} },
		"Account":        func(o *sourcev1.GitRepository) { o.Spec.ServiceAccountName = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "fleet"}}
			repo.Spec.URL, repo.Spec.Interval.Duration = f.gitURL, time.Minute
			edit(repo)
			if err := f.cluster.Client.Create(t.Context(), repo); !apierrors.IsInvalid(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// An ignore file that is far too large is refused without harm.
func TestIgnoreFileTooLarge(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{".sourceignore": strings.Repeat("x\n", 1<<20)})
	f.create()
	repo := f.wait("the failure", func(o *sourcev1.GitRepository) bool { return conditions.IsFalse(o, meta.ReadyCondition) })
	if conditions.Has(repo, sourcev1.StorageOperationFailedCondition) || !strings.Contains(conditions.GetMessage(repo, meta.ReadyCondition), ".sourceignore") {
		t.Errorf("status: %+v", repo.Status)
	}
	f.waitEvent(sourcev1.SourceIgnoreErrorReason)
}
