// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"iter"
	"slices"

	"github.com/weir-gitops/weir/hack/local/gitserver"
)

// ChartPath is the folder of the chart.
const ChartPath = "charts/app"

// Chart is a chart of ConfigMaps that carry its value version.
type Chart struct {
	// ConfigMaps is the number of ConfigMaps of a release.
	ConfigMaps int
	// Deployment gives each release a Deployment of one pod, which no node fits
	// if the value sick is set.
	Deployment bool
}

// ConfigMap is the name of ConfigMap k of a release.
func (c Chart) ConfigMap(release string, k int) string {
	return fmt.Sprintf("%s-config-%02d", release, k)
}

// Files yields the files of the chart.
func (c Chart) Files() iter.Seq[gitserver.File] {
	files := []gitserver.File{
		{Path: ChartPath + "/Chart.yaml", Content: []byte("apiVersion: v2\nname: app\nversion: 1.0.0\nappVersion: \"1.0.0\"\n")},
		{Path: ChartPath + "/values.yaml", Content: []byte(VersionKey + ": \"0\"\nsick: false\n")},
	}
	for k := range c.ConfigMaps {
		files = append(files, gitserver.File{
			Path: fmt.Sprintf("%s/templates/config-%02d.yaml", ChartPath, k),
			Content: fmt.Appendf(nil, `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config-%02d
  labels:
    %s: {{ .Release.Name }}
data:
  %s: {{ .Values.%s | quote }}
  settings: %s
`, k, AppLabel, VersionKey, VersionKey, text(k, settingsBytes)),
		})
	}
	if c.Deployment {
		files = append(files, gitserver.File{Path: ChartPath + "/templates/deployment.yaml", Content: c.deployment()})
	}
	return slices.Values(files)
}

func (c Chart) deployment() []byte {
	return fmt.Appendf(nil, `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: 1
  selector:
    matchLabels:
      %[1]s: {{ .Release.Name }}
  template:
    metadata:
      labels:
        %[1]s: {{ .Release.Name }}
    spec:
      {{- if .Values.sick }}
      nodeSelector:
        bench.weir.dev/nowhere: "true"
      {{- end }}
      containers:
      - name: app
        image: registry.k8s.io/pause:3.10
`, AppLabel)
}
