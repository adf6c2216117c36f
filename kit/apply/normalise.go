// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"encoding/base64"

	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/scheme"
)

// normalise brings a desired object into the form in which it is sent. Unlike the compatibility target it does not convert
// built-in kinds through Go types: fields that are newer than our libraries reach the API server, which judges them.
func normalise(u *unstructured.Unstructured) {
	if scheme.Scheme.Recognizes(u.GroupVersionKind()) {
		// Generated manifests are full of "creationTimestamp: null" and the like; a null that is applied would be owned.
		dropNulls(u.Object)
	}
	switch {
	case utils.IsSecret(u):
		mergeStringData(u)
	case u.GetKind() == "Service" && u.GetAPIVersion() == "v1":
		defaultProtocol(u.Object, "spec", "ports")
	default:
		if path := podSpecPath(u); path != nil {
			defaultContainerPorts(u, path)
		}
	}
	utils.RemoveCABundleFromCRD(u)
	if !utils.IsCRD(u) {
		delete(u.Object, "status")
	}
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "generation", "selfLink"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	// The API server refuses a date here, and null keeps it from counting as a field of ours.
	if m, ok := u.Object["metadata"].(map[string]any); ok {
		m["creationTimestamp"] = nil
	}
}

func dropNulls(m map[string]any) {
	for key, value := range m {
		switch v := value.(type) {
		case nil:
			delete(m, key)
		case map[string]any:
			dropNulls(v)
		case []any:
			for _, item := range v {
				if mm, ok := item.(map[string]any); ok {
					dropNulls(mm)
				}
			}
		}
	}
}

// mergeStringData moves stringData into data, because server-side apply does not take back fields that came in through the
// write-only stringData (kubernetes/kubernetes#108008). Anything malformed is left for the API server to refuse.
func mergeStringData(u *unstructured.Unstructured) {
	plain, found, err := unstructured.NestedStringMap(u.Object, "stringData")
	if err != nil || !found {
		return
	}
	data, _, err := unstructured.NestedMap(u.Object, "data")
	if err != nil {
		return
	}
	if data == nil {
		data = make(map[string]any, len(plain))
	}
	for key, value := range plain {
		data[key] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	delete(u.Object, "stringData")
	if len(data) > 0 {
		u.Object["data"] = data
	}
}

// podSpecPath returns where a built-in kind keeps its pod spec, nil if it has none.
func podSpecPath(u *unstructured.Unstructured) []string {
	gvk := u.GroupVersionKind()
	switch gvk.Group {
	case "":
		if gvk.Kind == "Pod" {
			return []string{"spec"}
		}
	case "apps":
		switch gvk.Kind {
		case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
			return []string{"spec", "template", "spec"}
		}
	case "batch":
		switch gvk.Kind {
		case "Job":
			return []string{"spec", "template", "spec"}
		case "CronJob":
			return []string{"spec", "jobTemplate", "spec", "template", "spec"}
		}
	}
	return nil
}

func defaultContainerPorts(u *unstructured.Unstructured, path []string) {
	containers, _, _ := unstructured.NestedFieldNoCopy(u.Object, append(path, "containers")...)
	list, ok := containers.([]any)
	if !ok {
		return
	}
	for _, c := range list {
		if container, ok := c.(map[string]any); ok {
			defaultProtocol(container, "ports")
		}
	}
}

// defaultProtocol sets TCP where a port names no protocol: it is part of the merge key of port lists, and server-side apply
// does not default merge keys (kubernetes-sigs/structured-merge-diff#130).
func defaultProtocol(m map[string]any, path ...string) {
	ports, _, _ := unstructured.NestedFieldNoCopy(m, path...)
	list, ok := ports.([]any)
	if !ok {
		return
	}
	for _, p := range list {
		port, ok := p.(map[string]any)
		if !ok {
			continue
		}
		if protocol, set := port["protocol"]; !set || protocol == nil || protocol == "" {
			port["protocol"] = "TCP"
		}
	}
}
