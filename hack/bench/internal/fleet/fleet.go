// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package fleet generates what the benchmarks' repositories hold. The same
// parameters give the same bytes on every machine.
package fleet

import (
	"encoding/base64"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/weir-gitops/weir/hack/local/gitserver"
)

const (
	// Namespace is where the applications' objects go. It has to exist.
	Namespace = "bench"
	// AppLabel names the application on each of its objects.
	AppLabel = "bench.weir.dev/app"
	// VersionKey is the key of a ConfigMap's data that holds its version.
	VersionKey = "version"

	// seed is the origin of all generated text.
	seed = 20260701
	// settingsBytes is the size of the text that a ConfigMap carries besides
	// its version, about that of a small properties file.
	settingsBytes = 256
)

// Fleet is a repository with a folder for each of its equal applications.
type Fleet struct {
	// Apps is the number of applications.
	Apps int
	// ConfigMaps is the number of ConfigMaps of an application.
	ConfigMaps int
	// Deployment gives each application a Deployment of one pod, whose template
	// holds the version, so that a new one rolls it.
	Deployment bool
	// Sick is how many applications, spread evenly, have a Deployment that
	// never gets healthy, since no node fits its pod.
	Sick int
}

// Name is the name of application i.
func (f Fleet) Name(i int) string { return fmt.Sprintf("app-%03d", i) }

// Path is the folder of application i.
func (f Fleet) Path(i int) string { return "./apps/" + f.Name(i) }

// ConfigMap is the name of ConfigMap k of application i.
func (f Fleet) ConfigMap(i, k int) string { return fmt.Sprintf("%s-config-%02d", f.Name(i), k) }

// IsSick tells whether application i never gets healthy.
func (f Fleet) IsSick(i int) bool {
	return f.Sick > 0 && i%(f.Apps/f.Sick) == 0 && i/(f.Apps/f.Sick) < f.Sick
}

// All yields the files of all applications in one version.
func (f Fleet) All(version int) iter.Seq[gitserver.File] {
	return func(yield func(gitserver.File) bool) {
		for i := range f.Apps {
			for file := range f.App(i, version) {
				if !yield(file) {
					return
				}
			}
		}
	}
}

// App yields the files of application i in one version.
func (f Fleet) App(i, version int) iter.Seq[gitserver.File] {
	dir := strings.TrimPrefix(f.Path(i), "./")
	files := []gitserver.File{
		{Path: dir + "/kustomization.yaml", Content: f.kustomization()},
		{Path: dir + "/configmaps.yaml", Content: f.configMaps(i, version)},
	}
	if f.Deployment {
		files = append(files, gitserver.File{Path: dir + "/deployment.yaml", Content: f.deployment(i, version)})
	}
	return slices.Values(files)
}

func (f Fleet) kustomization() []byte {
	text := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- configmaps.yaml\n"
	if f.Deployment {
		text += "- deployment.yaml\n"
	}
	return []byte(text)
}

func (f Fleet) configMaps(i, version int) []byte {
	var b strings.Builder
	for k := range f.ConfigMaps {
		fmt.Fprintf(&b, `---
apiVersion: v1
kind: ConfigMap
metadata:
  name: %s
  namespace: %s
  labels:
    %s: %s
data:
  %s: %q
  settings: %s
`, f.ConfigMap(i, k), Namespace, AppLabel, f.Name(i), VersionKey, fmt.Sprint(version),
			text(i*1000+k, settingsBytes))
	}
	return []byte(b.String())
}

func (f Fleet) deployment(i, version int) []byte {
	selector := ""
	if f.IsSick(i) {
		selector = "      nodeSelector:\n        bench.weir.dev/nowhere: \"true\"\n"
	}
	return fmt.Appendf(nil, `apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  namespace: %[2]s
  labels:
    %[3]s: %[1]s
spec:
  replicas: 1
  selector:
    matchLabels:
      %[3]s: %[1]s
  template:
    metadata:
      labels:
        %[3]s: %[1]s
      annotations:
        bench.weir.dev/version: "%[4]d"
    spec:
%[5]s      containers:
      - name: app
        image: registry.k8s.io/pause:3.10
`, f.Name(i), Namespace, AppLabel, version, selector)
}

// text returns n letters and digits that differ for each number.
func text(number, n int) string {
	random := rand.NewChaCha8(seedOf(number))
	raw := make([]byte, base64.RawURLEncoding.DecodedLen(n)+1)
	_, _ = random.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)[:n]
}

// seedOf derives the seed of one text.
func seedOf(number int) [32]byte {
	var s [32]byte
	copy(s[:], fmt.Sprintf("%d/%d", seed, number))
	return s
}
