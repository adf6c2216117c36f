// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/go-git/go-git/v5/plumbing"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/setters"
	"github.com/weir-gitops/weir/kit/testkit"
)

type (
	automation = imagev1.ImageUpdateAutomation
	repository = sourcev1.GitRepository
)

// The rows of the contract's table of bad input for ImageUpdateAutomation that concern what is delivered.
// Flux: image-automation-controller contract, "Bad input → observable result".
func TestBadInput(t *testing.T) {
	f := newFixture(t)
	hash := f.commit("first", map[string]string{"web.yaml": f.deployment("1"), "empty/x": "x"})
	f.server.Tag(t, repoPath, "v1", hash)
	f.server.Repository(t, "empty.git")
	f.policy("web", "o/web", "2")
	private := testkit.NewGitServer(t)
	private.Auth("user", "secret")
	private.Commit(t, repoPath, "main", "first", map[string]string{"web.yaml": f.deployment("1")})
	privateURL := private.HTTP(t) + "/" + repoPath
	f.server.Commit(t, "protected.git", "main", "first", map[string]string{"web.yaml": f.deployment("1")})
	hook := filepath.Join(f.server.Root(), "protected.git", "hooks", "pre-receive")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\necho 'main is protected'\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	sshURL, hosts := f.server.SSH(t)
	sshURL += "/" + repoPath
	otherHosts := strings.Replace(string(hosts), strings.SplitN(string(hosts), " ", 2)[0], "other.example", 1)
	identity := string(testkit.NewIdentity(t, ""))
	for name, data := range map[string]map[string]string{
		"wrong":      {"username": "user", "password": "hunter2"},
		"github":     {"githubAppID": "1", "githubAppPrivateKey": "hunter2"},
		"no-hosts":   {"identity": identity},
		"other-host": {"identity": identity, "known_hosts": otherHosts},
		"nothing":    {"x": "hunter2"},
		"malformed":  {"git.asc": "hunter2", "identity": "hunter2"},
		"expired":    {"git.asc": string(testkit.NewOpenPGPKey(t, time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), time.Hour))},
	} {
		f.cluster.Create(t, testkit.Secret(f.namespace, name, data))
	}
	signed := func(kind imagev1.SigningKeyType, secret string) func(*automation) {
		return func(o *automation) {
			o.Spec.GitSpec.Commit.SigningKey = &imagev1.SigningKey{Type: kind, SecretRef: meta.LocalObjectReference{Name: secret}}
		}
	}
	message := func(text string) func(*automation) {
		return func(o *automation) { o.Spec.GitSpec.Commit.MessageTemplate = text }
	}
	path := func(path string) func(*automation) {
		return func(o *automation) {
			o.Spec.Update = &imagev1.UpdateStrategy{Strategy: imagev1.UpdateStrategySetters, Path: path}
		}
	}

	cases := map[string]struct {
		reason   string
		source   func(*repository)
		edit     func(*automation)
		want     string
		stalled  bool
		mentions string
	}{
		"NoGit":            {"Without spec.git nobody knows what to do.", nil, func(o *automation) { o.Spec.GitSpec = nil }, "InvalidSourceConfiguration", true, "necessitates field .spec.git"},
		"PolicySelector":   {"An operator that does not exist.", nil, func(o *automation) { o.Spec.PolicySelector = badSelector() }, "InvalidPolicySelector", true, "failed to parse policy selector: "},
		"NoSource":         {"A source that does not exist.", nil, func(o *automation) { o.Spec.SourceRef.Name = "none" }, "SourceManagerFailed", false, "referenced git repository does not exist"},
		"TagOnly":          {"Nothing to push to.", func(o *repository) { o.Spec.Reference = &sourcev1.GitRepositoryRef{Tag: "v1"} }, nil, "SourceManagerFailed", false, "push spec not provided, and cannot be inferred"},
		"EmptyRef":         {"Also with an empty reference.", nil, func(o *automation) { o.Spec.GitSpec.Checkout = &imagev1.GitCheckoutSpec{} }, "SourceManagerFailed", false, "push spec not provided"},
		"NoBranch":         {"A branch that is not there.", func(o *repository) { o.Spec.Reference.Branch = "gone" }, nil, "GitOperationFailed", false, "unable to clone '" + f.gitURL + "'"},
		"NoRepository":     {"A repository that is not there.", func(o *repository) { o.Spec.URL = strings.Replace(f.gitURL, "fleet", "none", 1) }, nil, "GitOperationFailed", false, "unable to clone"},
		"WrongPassword":    {"Wrong credentials.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = privateURL, named("wrong") }, nil, "GitOperationFailed", false, "authentication required"},
		"HostKey":          {"A host key that is not listed.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = sshURL, named("other-host") }, nil, "GitOperationFailed", false, "knownhosts: key"},
		"SSHWithout":       {"SSH without a Secret.", func(o *repository) { o.Spec.URL = sshURL }, nil, "SourceManagerFailed", false, "invalid 'ssh' auth option: 'identity' is required"},
		"SSHNoKnownHosts":  {"SSH without host keys.", func(o *repository) { o.Spec.URL, o.Spec.SecretRef = sshURL, named("no-hosts") }, nil, "SourceManagerFailed", false, "invalid 'ssh' auth option: 'known_hosts' is required"},
		"SecretMissing":    {"A Secret that is not there.", func(o *repository) { o.Spec.SecretRef = named("none") }, nil, "SourceManagerFailed", false, "none"},
		"ProxyMissing":     {"A proxy that is not there.", func(o *repository) { o.Spec.ProxySecretRef = named("none") }, nil, "SourceManagerFailed", false, "none"},
		"AppWithout":       {"Data of a GitHub App without the provider.", func(o *repository) { o.Spec.SecretRef = named("github") }, nil, "InvalidSourceConfiguration", true, "github"},
		"AppMissing":       {"The provider without data.", func(o *repository) { o.Spec.Provider, o.Spec.SecretRef = "github", named("nothing") }, nil, "InvalidSourceConfiguration", true, "github app data"},
		"AppUnsupported":   {"What this version does not do is refused.", func(o *repository) { o.Spec.Provider, o.Spec.SecretRef = "github", named("github") }, nil, "Unsupported", true, "spec.provider 'github'"},
		"CloudUnsupported": {"So are cloud identities.", func(o *repository) { o.Spec.Provider = "azure" }, nil, "Unsupported", true, "spec.provider 'azure'"},
		"GateOff":          {"And the account of an object without its gate.", func(o *repository) { o.Spec.Provider, o.Spec.ServiceAccountName = "azure", "x" }, nil, "FeatureGateDisabled", true, "ObjectLevelWorkloadIdentity"},
		"Empty":            {"A repository without commits.", func(o *repository) { o.Spec.URL = strings.Replace(f.gitURL, "fleet", "empty", 1) }, nil, "GitOperationFailed", false, "empty"},
		"Protected":        {"The words of a server that refuses.", func(o *repository) { o.Spec.URL = strings.Replace(f.gitURL, "fleet", "protected", 1) }, nil, "GitOperationFailed", false, "main is protected"},
		"Detached":         {"From a commit nothing can be pushed to its branch.", func(o *repository) { o.Spec.Reference.Commit = hash }, nil, "GitOperationFailed", false, "set spec.git.push.branch"},
		"NoPath":           {"A path that is not there.", nil, path("none"), "UpdateFailed", false, "no such file"},
		"PathOutside":      {"Or leads out.", nil, path("../../etc"), "UpdateFailed", false, "no such file"},
		"TemplateSyntax":   {"A template that does not parse.", nil, message("{{ .Changed"), "GitOperationFailed", false, "failed to update source: unable to create commit message template from spec: "},
		"TemplateFunction": {"A function that does not exist.", nil, message("{{ now }}"), "GitOperationFailed", false, `function "now" not defined`},
		"TemplateEnv":      {"Or would tell secrets.", nil, message(`{{ env "HOME" }}`), "GitOperationFailed", false, `function "env" not defined`},
		"TemplateField":    {"A field that does not exist.", nil, message("{{ .Nope }}"), "GitOperationFailed", false, "failed to update source: failed to run template from spec: "},
		"Updated":          {"A field that older versions had.", nil, message("{{ range .Updated.Images }}x{{ end }}"), "RemovedTemplateField", true, "template uses removed '.Updated' field. Please use '.Changed' instead"},
		"ImageResult":      {"And another.", nil, message("{{ .Changed.ImageResult }}"), "RemovedTemplateField", true, "template uses removed '.Changed.ImageResult' field"},
		"SigningMissing":   {"A signing key that is not there.", nil, signed("", "none"), "SourceManagerFailed", false, "could not find signing key secret 'none'"},
		"SigningNoKey":     {"A Secret without one.", nil, signed("gpg", "nothing"), "SourceManagerFailed", false, "does not contain a 'git.asc' key"},
		"SigningMalformed": {"Or with what is none.", nil, signed("gpg", "malformed"), "SourceManagerFailed", false, "unusable signing key"},
		"SigningExpired":   {"Or that has expired.", nil, signed("", "expired"), "SourceManagerFailed", false, "failed configuring source manager: "},
		"SigningSSH":       {"Also for SSH.", nil, signed("ssh", "nothing"), "SourceManagerFailed", false, "does not contain an 'identity' key"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			outer := f.t
			defer func() { f.t = outer }()
			f.t = t
			// Each case has a source of its own: the controller may know one that is gone for a while longer.
			own := strings.ToLower(name)
			source := f.source(func(o *repository) {
				if o.Name = own; tc.source != nil {
					tc.source(o)
				}
			})
			object := f.automation("apps", func(o *automation) {
				if o.Spec.SourceRef.Name = own; tc.edit != nil {
					tc.edit(o)
				}
			})
			got := f.wait("apps", "the failure", func(o *automation) bool { return conditions.IsFalse(o, meta.ReadyCondition) })
			ready := conditions.Get(got, meta.ReadyCondition)
			if ready.Reason != tc.want || !strings.Contains(ready.Message, tc.mentions) || strings.Contains(ready.Message, "hunter2") || strings.Contains(ready.Message, "/tmp/") {
				t.Errorf("%s\n%s: %s", tc.reason, ready.Reason, ready.Message)
			}
			if conditions.IsStalled(got) != tc.stalled || (got.Status.ObservedGeneration == got.Generation) != tc.stalled || got.Status.LastPushCommit != "" ||
				conditions.IsReconciling(got) == tc.stalled || len(got.Status.ObservedPolicies) > 0 || got.Status.LastAutomationRunTime == nil {
				t.Errorf("%s\nstatus: %+v", tc.reason, got.Status)
			}
			f.events.Wait(t, func(e eventv1.Event) bool {
				return e.Reason == tc.want && e.Severity == "error" && strings.Contains(e.Message, tc.mentions)
			})
			f.drop(object, source)
		})
	}
	if got := f.messages("main"); len(got) != 1 {
		t.Errorf("something was pushed: %q", got)
	}
}

func named(name string) *meta.LocalObjectReference { return &meta.LocalObjectReference{Name: name} }

func badSelector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: "Foo"}}}
}

// Rows whose result is that nothing, or only the rest, happens.
func TestHarmlessInput(t *testing.T) {
	f := newFixture(t)
	marker := ` # {"$imagepolicy": "` + f.namespace + `:web:tag"}`
	files := map[string]string{
		"web.yaml":       f.deployment("1"),
		"template.yaml":  "{{- if .x }}\nimage: a" + marker + "\n{{- end }}\n",
		"binary.yml":     "\x00\xff" + marker,
		"large.yaml":     "image: a" + marker + "\n" + strings.Repeat("# x\n", setters.MaxFileBytes/4),
		"unknown.yaml":   strings.ReplaceAll(f.deployment("1"), ":web\"", ":none\""),
		"typo.yaml":      strings.ReplaceAll(f.deployment("1"), ":web\"", ":web:tga\""),
		"foreign.yaml":   strings.ReplaceAll(f.deployment("1"), f.namespace, "elsewhere"),
		"other.txt":      f.deployment("1"),
		".hidden/x.yml":  f.deployment("1"),
		"Kustomization":  "images:\n- newTag: \"1\"" + marker + "\n",
		"number.yaml":    "replicas: 3" + marker + "\n",
		".gitignore":     "*\n",
		"x/kustomize.ym": f.deployment("1"),
	}
	f.commit("first", files)
	f.source()
	f.policy("web", "o/web", "2")
	f.policy("unset", "o/web", "2")
	f.automation("apps", func(o *automation) { o.Spec.GitSpec.Commit.MessageTemplate = "{{ if false }}x{{ end }}" })
	f.applied("apps", "2")
	for path, content := range files {
		want := content
		switch path {
		case "web.yaml", ".hidden/x.yml":
			want = f.deployment("2")
		case "Kustomization":
			want = strings.Replace(content, `"1"`, `"2"`, 1)
		case "number.yaml":
			want = strings.Replace(content, "3", `"2"`, 1)
		}
		if got := f.file("main", path); got != want {
			t.Errorf("%s: %.200q", path, got)
		}
	}
	if got := f.messages("main"); len(got) != 2 || got[0] != "" {
		t.Errorf("commits: %q", got)
	}

	// A commit together with its branch works as long as nothing has to be written.
	f.automation("pinned", func(o *automation) {
		o.Spec.GitSpec.Checkout = &imagev1.GitCheckoutSpec{Reference: sourcev1.GitRepositoryRef{Branch: "main", Commit: f.head("main").Hash.String()}}
	})
	f.ready("pinned")

	// A policy whose choice is no image stops everything.
	f.policy("web", "NOT/an image", "3")
	o := f.wait("apps", "the failure", func(o *automation) bool {
		return conditions.GetReason(o, meta.ReadyCondition) == imagev1.UpdateFailedReason
	})
	if !strings.Contains(conditions.GetMessage(o, meta.ReadyCondition), `encountered invalid image ref "NOT/an image:3"`) {
		t.Errorf("conditions: %v", conditionsOf(o))
	}
}

// An invalid refspec, and one that would lose somebody's work, fail after the branch was pushed.
func TestBadRefspec(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	stranger := f.server.Commit(t, repoPath, "mirror", "stranger", map[string]string{"x": "x"})
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *automation) { o.Spec.GitSpec.Push = &imagev1.PushSpec{Refspec: "main:mirror:x"} })
	failed := func(text string) {
		t.Helper()
		f.wait("apps", text, func(o *automation) bool {
			return conditions.GetReason(o, meta.ReadyCondition) == imagev1.GitOperationFailedReason && strings.Contains(conditions.GetMessage(o, meta.ReadyCondition), text)
		})
		if got := f.messages("main"); len(got) != 2 || f.head("mirror").Hash.String() != stranger {
			t.Errorf("commits: %q", got)
		}
	}
	failed("invalid refspec 'main:mirror:x'")
	f.change(func(o *automation) { o.Spec.GitSpec.Push.Refspec = "main:mirror" })
	failed("non-fast-forward")
	f.change(func(o *automation) { o.Spec.GitSpec.Push.Refspec = "+main:mirror" })
	f.ready("apps")
	if f.head("mirror").Hash != f.head("main").Hash || len(f.messages("main")) != 2 {
		t.Errorf("commits: %q", f.messages("main"))
	}
}

// A tag beside the name of a branch is not the head of that branch: no refspec takes the branch back to it.
func TestRefspecBesideTag(t *testing.T) {
	f := newFixture(t)
	first := f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	if _, err := f.repository().CreateTag("v1", plumbing.NewHash(first), nil); err != nil {
		t.Fatal(err)
	}
	second := f.commit("human", map[string]string{"web.yaml": f.deployment("1"), "new": "x"})
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *automation) {
		o.Spec.GitSpec.Checkout = &imagev1.GitCheckoutSpec{Reference: sourcev1.GitRepositoryRef{Branch: "main", Tag: "v1"}}
		o.Spec.GitSpec.Push = &imagev1.PushSpec{Branch: "auto", Refspec: "refs/heads/*:refs/heads/*"}
	})
	f.wait("apps", "the end of the run", func(o *automation) bool {
		return o.Status.ObservedPolicies["web"].Tag == "2" || conditions.GetReason(o, meta.ReadyCondition) == imagev1.GitOperationFailedReason
	})
	if got := f.head("main").Hash.String(); got != second || f.head("auto").ParentHashes[0].String() != first {
		t.Errorf("main is at %s and not at %s any more: work is lost", got, second)
	}
}

func TestCrossNamespace(t *testing.T) {
	f := newFixture(t, "--no-cross-namespace-refs")
	f.automation("apps", func(o *automation) { o.Spec.SourceRef.Namespace = "elsewhere" })
	o := f.wait("apps", "Stalled", func(o *automation) bool { return conditions.IsStalled(o) })
	if conditions.GetReason(o, meta.ReadyCondition) != imagev1.AccessDeniedReason ||
		!strings.Contains(conditions.GetMessage(o, meta.ReadyCondition), "can't access 'GitRepository/elsewhere/fleet', cross-namespace references have been blocked") {
		t.Errorf("conditions: %v", conditionsOf(o))
	}
}

func TestRefusedByAPIServer(t *testing.T) {
	cluster := suite.Cluster(t)
	namespace := cluster.Namespace(t, "image")
	for name, edit := range map[string]func(spec map[string]any){
		"NoSource":    func(spec map[string]any) { delete(spec, "sourceRef") },
		"NoInterval":  func(spec map[string]any) { delete(spec, "interval") },
		"BadInterval": func(spec map[string]any) { spec["interval"] = "1d" },
		"NoCommit":    func(spec map[string]any) { spec["git"] = map[string]any{} },
		"NoEmail": func(spec map[string]any) {
			spec["git"] = map[string]any{"commit": map[string]any{"author": map[string]any{"name": "x"}}}
		},
		"Kind":     func(spec map[string]any) { spec["sourceRef"] = map[string]any{"kind": "Bucket", "name": "x"} },
		"Strategy": func(spec map[string]any) { spec["update"] = map[string]any{"strategy": "Regex"} },
		"SigningType": func(spec map[string]any) {
			spec["git"] = map[string]any{"commit": map[string]any{
				"author":     map[string]any{"email": "x"},
				"signingKey": map[string]any{"type": "x509", "secretRef": map[string]any{"name": "x"}},
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := map[string]any{"sourceRef": map[string]any{"kind": "GitRepository", "name": "x"}, "interval": "1m"}
			edit(spec)
			o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
			o.SetGroupVersionKind(imagev1.GroupVersion.WithKind(imagev1.ImageUpdateAutomationKind))
			o.SetNamespace(namespace)
			o.SetName("apps")
			if err := cluster.Client.Create(t.Context(), o); !apierrors.IsInvalid(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}
