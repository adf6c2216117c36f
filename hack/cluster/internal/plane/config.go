// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"bytes"
	"fmt"
	"os"
	"text/template"

	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/pki"
	"github.com/weir-gitops/weir/hack/cluster/internal/role"
	"github.com/weir-gitops/weir/hack/cluster/internal/users"
)

// AdminUser is the user name of the administrator, as it stands in the audit log.
const AdminUser = "weir-admin"

// superusers is the group that may do everything.
const superusers = "system:masters"

// auditPolicy logs who asked for what and how it ended, one line for each request (two for a watch: begin and end).
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

const schedulerConfig = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
enableProfiling: false
clientConnection:
  kubeconfig: {{ printf "%q" . }}
  qps: 1000
  burst: 2000
`

// kwokConfig has room for bursts of pods, and no endpoints but the probe.
const kwokConfig = `apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  podPlayStageParallelism: 16
  nodePlayStageParallelism: 4
  enableDebuggingHandlers: false
`

func clients() []pki.Identity {
	return []pki.Identity{
		{File: "admin", User: AdminUser, Groups: []string{superusers}},
		{File: role.ControllerManager, User: "system:kube-controller-manager"},
		{File: role.Scheduler, User: "system:kube-scheduler"},
		{File: kwokName, User: "system:kwok", Groups: []string{superusers}},
	}
}

// configure writes every file that a component reads. They follow the options, so they are written at every start.
func configure(o Options, server string) error {
	f := o.Folder
	if err := pki.Ensure(f.Path("pki"), clients()); err != nil {
		return err
	}
	if err := os.MkdirAll(f.Path("config"), 0o700); err != nil {
		return fmt.Errorf("make configuration: %w", err)
	}
	accounts, err := userFile(o)
	if err != nil {
		return err
	}
	var scheduler bytes.Buffer
	t := template.Must(template.New("scheduler").Parse(schedulerConfig))
	if err := t.Execute(&scheduler, f.Config(role.Scheduler+".kubeconfig")); err != nil {
		return fmt.Errorf("make configuration: %w", err)
	}
	for name, data := range map[string][]byte{
		"users.csv":      accounts,
		"audit.yaml":     []byte(auditPolicy),
		"scheduler.yaml": scheduler.Bytes(),
		"kwok.yaml":      kwokStages(),
	} {
		if err := instance.WriteFile(f.Config(name), data); err != nil {
			return err
		}
	}
	return writeKubeconfigs(o, server)
}

// userFile lists the administrator and the users of the options.
func userFile(o Options) ([]byte, error) {
	token, err := os.ReadFile(o.Folder.PKI(pki.TokenFile))
	if err != nil {
		return nil, fmt.Errorf("read administrator's token: %w", err)
	}
	admin := users.User{Token: string(token), Name: AdminUser, UID: AdminUser, Groups: []string{superusers}}
	return users.Marshal(append([]users.User{admin}, o.Users...))
}

// kwokStages is how nodes and pods behave: ready at once; pods of a Job succeed at once; a deleted pod goes at once.
// There is no heartbeat stage: with it a cluster that rests would not be silent.
func kwokStages() []byte {
	docs := []string{kwokConfig, nodefast.DefaultNodeInit, podfast.DefaultPodReady, podfast.DefaultPodComplete, podfast.DefaultPodDelete}
	var b bytes.Buffer
	for _, doc := range docs {
		b.WriteString("---\n" + doc + "\n")
	}
	return b.Bytes()
}
