// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/weir-gitops/weir/kit/manager"
)

// Flags is a case of TestFlags.
type Flags struct {
	// Reason says what the case is about.
	Reason string
	// Args are the arguments of the program.
	Args []string
	// Refused are words that the complaints have to hold; without any the arguments have to be good.
	Refused []string
}

// TestFlags holds what a program says to its arguments, and that its Deployment in manifests/ has good ones and grants the pod the time that its end
// takes. Nothing is started. The test has to be in the package internal/app of the program.
func TestFlags(t *testing.T, program func() manager.Program, cases map[string]Flags) {
	t.Helper()
	checkDeployment(t, program())
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := program()
			_, err := p.Parse(tc.Args, io.Discard)
			if (err != nil) != (len(tc.Refused) > 0) {
				t.Fatalf("%s\nParse() = %v", tc.Reason, err)
			}
			for _, word := range tc.Refused {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s\n%q does not name %s", tc.Reason, err, word)
				}
			}
		})
	}
}

// events is the argument that stands in the manifests without the address that events are posted to, which an installation fills in.
const events = "--events-addr="

// checkDeployment compares a program with its Deployment.
func checkDeployment(t *testing.T, p manager.Program) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "manifests", p.Name, "deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	if err := yaml.UnmarshalStrict(content, &deployment); err != nil {
		t.Fatal(err)
	}
	pod := deployment.Spec.Template.Spec
	args := slices.Clone(pod.Containers[0].Args)
	if i := slices.Index(args, events); i >= 0 {
		args[i] = events + "http://receiver.invalid"
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		for i := range args {
			if flag, ok := strings.CutSuffix(args[i], "="+mount.MountPath); ok { // is there in the pod, not here
				args[i] = flag + "=" + t.TempDir()
			}
		}
	}
	if _, err := p.Parse(args, io.Discard); err != nil {
		t.Errorf("arguments of the Deployment: %v", err)
	}
	granted := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second
	if takes := p.Options.Common().ShutdownTimeout; takes > granted {
		t.Errorf("the end takes up to %s, the Deployment grants %s", takes, granted)
	}
}
