// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// deployment sets what the options say about pods. Arguments stay where they are: people patch them by position.
func (o Options) deployment(obj *unstructured.Unstructured, wanted []string) error {
	var d appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &d); err != nil {
		return err
	}
	pod := &d.Spec.Template
	pod.Labels[InstanceLabel], pod.Labels[VersionLabel] = o.Namespace, label(o.Version)
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		c.Image = o.Registry + "/" + d.Name + ":" + label(o.Version)
		for j, arg := range c.Args {
			c.Args[j] = o.argument(arg, d.Name, wanted)
		}
	}
	if o.ImagePullSecret != "" {
		pod.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: o.ImagePullSecret}}
	}
	for _, key := range o.TolerationKeys {
		pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists})
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&d)
	if err != nil {
		return err
	}
	delete(content, "status")
	unstructured.RemoveNestedField(content, "spec", "template", "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	if d.Spec.Strategy == (appsv1.DeploymentStrategy{}) {
		unstructured.RemoveNestedField(content, "spec", "strategy")
	}
	obj.Object = content
	return nil
}

// argument replaces the value of those arguments that the options decide.
func (o Options) argument(arg, component string, wanted []string) string {
	name, _, _ := strings.Cut(arg, "=")
	switch name {
	case "--events-addr":
		if !slices.Contains(wanted, Notification) {
			return "--events-addr="
		}
		return fmt.Sprintf("--events-addr=http://%s.$(RUNTIME_NAMESPACE).svc.%s./", Notification, o.ClusterDomain)
	case "--storage-adv-addr":
		return fmt.Sprintf("--storage-adv-addr=%s.$(RUNTIME_NAMESPACE).svc.%s.", component, o.ClusterDomain)
	case "--watch-all-namespaces":
		return fmt.Sprintf("--watch-all-namespaces=%t", o.WatchAllNamespaces)
	case "--log-level":
		return "--log-level=" + o.LogLevel
	default:
		return arg
	}
}

// encode prints one object; the status that the API types bring along is none of ours.
func encode(out io.Writer, obj *unstructured.Unstructured) error {
	data, err := yaml.Marshal(obj.Object)
	if err != nil {
		return fmt.Errorf("print %s %s: %w", obj.GetKind(), obj.GetName(), err)
	}
	_, err = out.Write(data)
	return err
}

func pullSecret(o Options, user, password string) (*corev1.Secret, error) {
	host, _, _ := strings.Cut(o.Registry, "/")
	config, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{
		"username": user, "password": password, "auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password)),
	}}})
	if err != nil {
		return nil, err
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.ImagePullSecret},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: config},
	}, nil
}
