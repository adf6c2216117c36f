// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/weir-gitops/weir/cli/internal/terminal"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestCompletion(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	for shell, want := range map[string]string{
		"bash": "__start_weir", "zsh": "#compdef weir", "fish": "complete -c weir", "powershell": "Register-ArgumentCompleter",
	} {
		weir(t, "", "completion", shell).wants(t, shell, 0, want, "")
	}
	if got := weir(t, "", "completion", "zsh"); !strings.HasSuffix(got.out, "\ncompdef _weir weir\n") {
		t.Errorf("the script for zsh ends with %q", got.out[len(got.out)-40:])
	}
	weir(t, "", "completion", "tcsh").wants(t, "Another shell is unknown.", 1, "", "✗ unknown command")
}

// TestCompleteFlags checks that every flag with a value completes, or is among those that only a person can tell.
func TestCompleteFlags(t *testing.T) {
	free := []string{
		// Connections, as client libraries have them.
		"as", "as-uid", "as-group", "as-user-extra", "cluster", "server", "tls-server-name", "token", "user",
		"label", "label-selector", "url", "branch", "tag", "tag-semver", "ref-name", "commit", "username", "password", "ignore-paths", "sparse-checkout-paths",
		"health-check", "validation", "chart", "chart-version", "release-name", "local-sources", "since-time", "kind", "api-version",
		"version", "registry", "registry-creds", "cluster-domain", "toleration-keys",
	}
	_, root, err := tree(terminal.Terminal{})
	if err != nil {
		t.Fatal(err)
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			_, completes := cmd.GetFlagCompletionFunc(f.Name)
			if !completes && strings.HasPrefix(f.Value.Type(), "string") && !slices.Contains(free, f.Name) {
				t.Errorf("%s --%s does not complete", cmd.CommandPath(), f.Name)
			}
		})
		for _, below := range cmd.Commands() {
			walk(below)
		}
	}
	walk(root)
	for flag := range flagValues(nil) {
		of, name, _ := strings.Cut(flag, "--")
		if cmd, _, err := root.Find(strings.Fields(of)); err != nil || of != "" && cmd.Flags().Lookup(name) == nil {
			t.Errorf("%s is no flag: %v", flag, err)
		}
	}
}

// TestComplete checks what a shell is told.
func TestComplete(t *testing.T) {
	_, namespace := fleet(t)
	t.Setenv("HOME", t.TempDir()) // what the cluster serves is cached there
	const noFiles, noSpace = ":4\n", ":6\n"
	cases := map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"Name":       {"Names come from the cluster.", []string{"get", "ks", ""}, "apps\n" + noFiles},
		"NameOnce":   {"One is enough.", []string{"get", "ks", "apps", ""}, noFiles},
		"NameBuilt":  {"Also of what is built.", []string{"build", "ks", ""}, "apps\n" + noFiles},
		"NameDiffed": {"One of that, too.", []string{"diff", "ks", "apps", ""}, noFiles},
		"NameMore":   {"Where there may be more, none comes twice.", []string{"suspend", "source", "git", "fleet", ""}, noFiles},
		"NameAll":    {"Of all namespaces if that is asked for.", []string{"get", "ks", "-A", "-n", "nowhere", "app"}, "apps\n" + noFiles},
		"NoFiles":    {"The files of the working directory are no arguments.", []string{"check", ""}, noFiles},
		"Namespace":  {"Namespaces come from the cluster.", []string{"get", "ks", "-n", namespace}, namespace + "\n" + noFiles},
		"Context":    {"Contexts come from the kubeconfig.", []string{"get", "ks", "--context", ""}, "test\n" + noFiles},
		"Output":     {"Some values are known.", []string{"tree", "ks", "--output", ""}, "yaml\njson\n" + noFiles},
		"List":       {"Lists have each value once.", []string{"events", "--types", "Warning,"}, "Warning,Normal\n" + noFiles},
		"For":        {"Kinds come first.", []string{"events", "--for", "Kus"}, "Kustomization\n" + noSpace},
		"ForName":    {"Then names.", []string{"events", "--for", "ks/"}, "ks/apps\n" + noFiles},
		"LogName":    {"Names of the kind that was given.", []string{"logs", "--kind=gitrepository", "--name", ""}, "fleet\n" + noFiles},
		"LogNoKind":  {"Without a kind there are none.", []string{"logs", "--name", ""}, noFiles},
		"Reference":  {"References have a kind.", []string{"create", "ks", "x", "--source", ""}, "GitRepository/fleet\n" + noFiles},
		"References": {"Lists of them too.", []string{"create", "hr", "x", "--values-from", "Secret/other,"}, "Secret/other,Secret/login\n" + noFiles},
		"Depends":    {"Each once.", []string{"create", "ks", "x", "--depends-on", "apps,"}, noFiles},
		"Secret":     {"Secrets are no kind of ours.", []string{"create", "source", "git", "x", "--secret-ref", ""}, "login\n" + noFiles},
		"Folder":     {"Folders are left to the shell.", []string{"build", "ks", "x", "--path", ""}, ":16\n"},
		"File":       {"So are files.", []string{"create", "source", "git", "x", "--ca-file", ""}, ":0\n"},
		"Extension":  {"Some have an extension.", []string{"create", "hr", "x", "--values", ""}, "yaml\nyml\njson\n:8\n"},
		"Trace":      {"What the cluster serves.", []string{"trace", "config"}, "configmap\n" + noSpace},
		"TraceName":  {"Then names.", []string{"trace", "secret", ""}, "login\n" + noFiles},
		"TraceSlash": {"After a slash too.", []string{"trace", "secret/x", "ks/"}, "ks/apps\n" + noFiles},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			// The limit of the line replaces that of a person who has pressed Tab, which is short for a machine on which all packages test at once.
			got := weir(t, "", append([]string{cobra.ShellCompNoDescRequestCmd, "--timeout=" + testkit.Patience.String()}, tc.args...)...)
			shown := "" // shells leave out what does not begin with what was typed
			for line := range strings.Lines(got.out) {
				if strings.HasPrefix(line, tc.args[len(tc.args)-1]) || line[0] == ':' {
					shown += line
				}
			}
			if shown != tc.want || got.code != 0 {
				t.Errorf("%s code %d, shown %q, want %q, stderr %q", tc.reason, got.code, shown, tc.want, got.err)
			}
		})
	}
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	if got := weir(t, "", cobra.ShellCompNoDescRequestCmd, "get", "ks", ""); got.code != 0 || got.out != ":1\n" {
		t.Errorf("without a cluster there is nothing, and no file: code %d, stdout %q", got.code, got.out)
	}
}

// TestCompleteFailing checks that who has pressed Tab waits for a cluster that does not answer once, not once for each kind.
func TestCompleteFailing(t *testing.T) {
	var mu sync.Mutex
	asked := make(map[string]int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[req.URL.Path]++
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer server.Close()
	t.Setenv("KUBECONFIG", kubeconfig(t, &rest.Config{Host: server.URL}))
	got := weir(t, "", cobra.ShellCompNoDescRequestCmd, "--timeout="+testkit.Patience.String(), "create", "ks", "x", "--source", "")
	if got.code != 0 || got.out != ":1\n" {
		t.Errorf("nothing can be offered: code %d, stdout %q", got.code, got.out)
	}
	mu.Lock()
	defer mu.Unlock()
	for path, times := range asked {
		if times > 1 {
			t.Errorf("%s is asked for %d times", path, times)
		}
	}
	if len(asked) == 0 {
		t.Error("the cluster is not asked")
	}
}
