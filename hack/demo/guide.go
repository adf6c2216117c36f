// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"text/template"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
)

// guideText is what to try, each as lines to paste into another terminal.
const guideText = `
Look around:
{{- if .Kubectl}}
  kubectl --kubeconfig {{.Kubeconfig}} get gitrepositories,kustomizations --all-namespaces
  kubectl --kubeconfig {{.Kubeconfig}} get deployments --all-namespaces
{{- else}}
  any Kubernetes client with the kubeconfig {{.Kubeconfig}}
{{- end}}
{{if .Fleet}}
What to try, in another terminal. What happens shows below.

1. Push a change. Only what it touches is applied, under a new ConfigMap name, and the old one is removed:
  echo PODINFO_UI_MESSAGE=Good morning > {{.Clone}}/apps/production/greeting.env
  git -C {{.Clone}} commit --quiet --all --message "Greet differently" && git -C {{.Clone}} push --quiet

2. Edit a live object by hand. It is put back:
  {{.Demo}} edit --kubeconfig {{.Kubeconfig}} apps-production/frontend 9
{{- if .Kubectl}}
  # the same with kubectl: kubectl --kubeconfig {{.Kubeconfig}} --namespace apps-production scale deployment frontend --replicas 9
{{- end}}

3. Push a broken manifest. Staging says what is wrong and keeps running what it had; production does not notice:
  echo '{apiVersion: apps/v1, kind: Deployment, metadata: {name: frontend}, spec: {replicas: many}}' > {{.Clone}}/apps/staging/frontend.yaml
  git -C {{.Clone}} commit --quiet --all --message "Ask for many" && git -C {{.Clone}} push --quiet

4. Revert it:
  git -C {{.Clone}} revert --no-edit HEAD && git -C {{.Clone}} push --quiet

A push wakes the sources at once here, as a webhook would.
{{else if .Served}}
Your repository is served at {{.Repository}}; push there and watch:
  git push {{.Repository}} HEAD
{{end}}
Ctrl-C ends it.

`

func (d *demo) guide() string {
	_, noKubectl := exec.LookPath("kubectl")
	program, err := os.Executable()
	if err != nil {
		program = d.options.bin("weir-demo")
	}
	var b bytes.Buffer
	err = template.Must(template.New("guide").Parse(guideText)).Execute(&b, map[string]any{
		"Kubectl":    noKubectl == nil,
		"Kubeconfig": d.short("kubeconfig"),
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
What was applied from Git stays in %s, with the sources and Kustomizations in namespace %s. To remove it:
  make run CLUSTER=current ARGS="--remove --once"
  kubectl delete -k manifests/install
`, d.cluster.Description, namespace)
		return nil
	}
	fmt.Println("\nremoving what was applied from Git")
	for _, root := range d.roots {
		if err := client.IgnoreNotFound(d.client.Delete(ctx, root.DeepCopy())); err != nil {
			return fmt.Errorf("delete %s %s: %w", root.GetKind(), root.GetName(), err)
		}
	}
	err := wait.PollUntilContextCancel(ctx, time.Second/2, true, d.gone)
	if err != nil {
		return fmt.Errorf("wait until the Kustomizations are gone: %w", err)
	}
	fmt.Println("Weir's kinds and roles stay; to remove them: kubectl delete -k manifests/install")
	return nil
}

// gone tells whether no Kustomization of the demo is left. What they had applied goes first.
func (d *demo) gone(ctx context.Context) (bool, error) {
	var left kustomizev1.KustomizationList
	if err := d.client.List(ctx, &left, client.InNamespace(namespace)); err != nil {
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}
	return len(left.Items) == 0, nil
}
