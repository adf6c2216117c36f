// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/template"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/hack/demo/internal/view"
)

// guideText is what to try, each as lines to paste into another terminal.
const guideText = `
{{- if .Fleet}}
What to try now, in another terminal. What becomes of it shows below.

1. Look around. {{.Chat}} holds what was said in the chat:
  {{.Weir}} get all --all-namespaces
  {{.Weir}} tree kustomization apps-staging
  {{.Weir}} trace deployment frontend --namespace apps-production

2. Push a change:
  echo PODINFO_UI_MESSAGE=Good evening > {{.Clone}}/apps/production/greeting.env
  git -C {{.Clone}} commit --quiet --all --message "Say good evening"
  git -C {{.Clone}} pull --quiet && git -C {{.Clone}} push --quiet

3. Edit a live object by hand. It is put back:
  {{.Demo}} edit --kubeconfig {{.Kubeconfig}} apps-production/frontend 9

4. Push a broken manifest. Staging says what is wrong and keeps running what it had:
  echo '{apiVersion: apps/v1, kind: Deployment, metadata: {name: frontend}, spec: {replicas: many}}' > {{.Clone}}/apps/staging/frontend.yaml
  git -C {{.Clone}} commit --quiet --all --message "Ask for many in staging"
  git -C {{.Clone}} pull --quiet && git -C {{.Clone}} push --quiet

5. Revert it:
  git -C {{.Clone}} revert --no-edit HEAD && git -C {{.Clone}} push --quiet

6. Push an image. Its tag is committed, the commit is signed, and staging runs it:
  {{.Demo}} image --data {{.Data}} podinfo:6.11.0

7. Ask for a look at something now, and wait for it:
  {{.Weir}} reconcile kustomization apps-staging --with-source

docs/guides goes on from here.
{{else}}
Look around:
  {{.Weir}} get all --all-namespaces
{{if .Served}}
Your repository is served at {{.Repository}}; push there and watch:
  git push {{.Repository}} HEAD
{{end}}{{end}}
Ctrl-C ends it.

`

func (d *demo) guide() string {
	program, err := os.Executable()
	if err != nil {
		program = d.options.bin("weir-demo")
	}
	var b bytes.Buffer
	err = template.Must(template.New("guide").Parse(guideText)).Execute(&b, map[string]any{
		"Weir":       relative(d.options.bin("weir")) + " --kubeconfig " + d.short("kubeconfig"),
		"Kubeconfig": d.short("kubeconfig"),
		"Data":       relative(d.options.data),
		"Chat":       d.short(chatFile),
		"Fleet":      d.options.repo == "",
		"Served":     d.repository != d.options.repo,
		"Repository": d.repository,
		"Clone":      relative(d.options.clone()),
		"Demo":       relative(program),
	})
	if err != nil {
		return err.Error()
	}
	return b.String()
}

// leave ends the demo on somebody's cluster: with --remove it deletes what came from Git while the controllers still run, as they prune;
// otherwise it says what stays.
func (d *demo) leave(ctx context.Context) error {
	if !d.options.remove {
		fmt.Printf(`
What was applied from Git stays in %s, with the sources and Kustomizations in namespace %s. To remove it, and Weir's kinds and roles after that:
  make run CLUSTER=current%s ARGS="--remove --once --tour=false"
  %s
`, d.cluster.Description, namespace, d.own(), d.uninstall())
		return nil
	}
	fmt.Println("\nremoving what was applied from Git")
	for _, root := range d.roots {
		if err := client.IgnoreNotFound(d.client.Delete(ctx, root.DeepCopy())); err != nil {
			return fmt.Errorf("delete %s %s: %w", root.GetKind(), root.GetName(), err)
		}
	}
	if err := wait.PollUntilContextCancel(ctx, time.Second/2, true, d.gone); err != nil {
		return fmt.Errorf("wait until what came from Git is gone: %w", err)
	}
	for _, secret := range d.hidden {
		if err := client.IgnoreNotFound(d.client.Delete(ctx, secret.DeepCopy())); err != nil {
			return fmt.Errorf("delete Secret %s: %w", secret.GetName(), err)
		}
	}
	fmt.Println("Weir's kinds and roles stay; to remove them: " + d.uninstall())
	return nil
}

// own is how make is told of a repository of the person's own.
func (d *demo) own() string {
	if d.options.repo == "" {
		return ""
	}
	repo, complete := printable(d.options.repo)
	if !complete {
		repo = "<your URL>"
	}
	return fmt.Sprintf(" REPO=%s DIR=%s", quote(repo), quote(d.options.dir))
}

// quote makes a value one word for the shell, and for make, which expands what follows a dollar sign.
func quote(value string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "$", "$$").Replace(value) + "'"
}

// printable is a repository without what may be secret in it, and whether that is all of it.
func printable(repo string) (text string, complete bool) {
	scheme, _, isURL := strings.Cut(repo, "://")
	if !isURL {
		return repo, true // a folder, or host:path of SSH, which has no place for a password
	}
	parsed, err := url.Parse(repo)
	if err != nil {
		return scheme + "://…", false
	}
	if _, password := parsed.User.Password(); password || scheme != "ssh" { // who comes by SSH is no secret
		parsed.User = nil
	}
	parsed.RawQuery = ""
	text = parsed.String()
	return text, text == repo
}

// uninstall is how to remove Weir's kinds and roles.
func (d *demo) uninstall() string { return relative(d.options.bin("weir")) + " uninstall" }

// gone tells whether no object of the demo is left that somebody looks after. What they had made goes first.
func (d *demo) gone(ctx context.Context) (bool, error) {
	state, err := view.Read(ctx, d.client) // the watch may have ended with Ctrl-C
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(state.Rows(), func(r view.Row) bool {
		ours := r.Namespace == namespace
		for _, cluster := range clusters() {
			ours = ours || strings.HasSuffix(r.Namespace, "-"+cluster)
		}
		return ours
	}), nil
}
