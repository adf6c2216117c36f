// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/local/gitserver"
)

const (
	// repositoryOfCharts names the HelmRepository, chartName its one chart.
	repositoryOfCharts, chartName = "charts", "app"
	// image names the image in the registry, its ImageRepository, ImagePolicy and ImageUpdateAutomation.
	image = "app"
	// author is who commits new tags.
	author = "automation"
	// allChannel gets every event as it is, opsChannel gets errors and what happens to releases as messages.
	allChannel, opsChannel = "all", "ops"
	// hookSecret holds the token of the Receivers.
	hookSecret = "webhook"
)

// loop is a fleet that all five controllers have a part in, and what is in the places besides Git that it comes from.
type loop struct {
	*machine
	fleet fleet

	charts, artifacts, images int    // how many versions or tags there are
	chart                     string // the newest version that works
	broken                    bool   // the newest version of the chart does not work
	ops                       string // the channel that messages go to
}

// newLoop makes a fleet that comes from Git, a Helm repository and a registry, and alerts for all of it.
func newLoop(t *testing.T, apps int) *loop {
	t.Helper()
	l := &loop{machine: bringUp(t), fleet: newFleet(apps), ops: opsChannel}
	l.fleet[releases], l.fleet[images], l.fleet[artifacts] = map[id]string{}, map[id]string{}, map[id]string{}
	for n := range releaseCount {
		l.fleet[releases][release(n)] = "1"
	}
	l.alert(t)
	l.publishChart(t, "")
	l.pushTag(t)
	l.pushArtifact(t, "1")
	l.writeImages(t)
	l.fleet.write(t, l.clone.Dir)
	l.push(t, "first")
	must(t, l.client.Create(t.Context(), &sourcev1.HelmRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: repositoryOfCharts},
		Spec:       sourcev1.HelmRepositorySpec{URL: l.services.charts.URL(), Interval: metav1.Duration{Duration: time.Hour}},
	}))
	must(t, l.client.Create(t.Context(), &sourcev1.OCIRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: artifacts},
		Spec: sourcev1.OCIRepositorySpec{
			URL: "oci://" + l.registry.Repository(artifacts), Insecure: true, Interval: metav1.Duration{Duration: time.Hour},
			Reference: &sourcev1.OCIRepositoryRef{SemVer: ">=1.0.0"},
		},
	}))
	l.automate(t)
	l.follow(t, l.fleet)
	l.receive(t, chartHook, notificationv1.CrossNamespaceObjectReference{Kind: sourcev1.HelmRepositoryKind, Name: repositoryOfCharts})
	l.receive(t, registryHook,
		notificationv1.CrossNamespaceObjectReference{Kind: imagev1.ImageRepositoryKind, Name: image},
		notificationv1.CrossNamespaceObjectReference{Kind: sourcev1.OCIRepositoryKind, Name: artifacts},
	)
	return l
}

// receive creates a Receiver for webhooks that wake objects, and makes its server send them.
func (m *machine) receive(t *testing.T, name string, wakes ...notificationv1.CrossNamespaceObjectReference) {
	t.Helper()
	must(t, client.IgnoreAlreadyExists(m.client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: hookSecret}, StringData: map[string]string{"token": "e2e"},
	})))
	receiver := &notificationv1.Receiver{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name},
		Spec:       notificationv1.ReceiverSpec{Type: notificationv1.GenericReceiver, SecretRef: &meta.LocalObjectReference{Name: hookSecret}},
	}
	for _, object := range wakes {
		receiver.Spec.Resources = append(receiver.Spec.Resources, notificationv1.ReceiverResource{CrossNamespaceObjectReference: object})
	}
	must(t, m.client.Create(t.Context(), receiver))
	m.eventually(t, func() error {
		if err := m.client.Get(t.Context(), client.ObjectKeyFromObject(receiver), receiver); err != nil {
			return err
		}
		return readyCondition(receiver)
	})
	m.hooks.mu.Lock()
	m.hooks.paths[name] = receiver.Status.WebhookPath
	m.hooks.mu.Unlock()
}

// alert sends all events to one channel, and errors and what happens to releases to another.
func (l *loop) alert(t *testing.T) {
	t.Helper()
	kinds := []string{
		sourcev1.GitRepositoryKind, sourcev1.OCIRepositoryKind, sourcev1.HelmRepositoryKind, sourcev1.HelmChartKind,
		kustomizev1.KustomizationKind, helmv2.HelmReleaseKind,
		imagev1.ImageRepositoryKind, imagev1.ImagePolicyKind, imagev1.ImageUpdateAutomationKind,
	}
	var everything []notificationv1.CrossNamespaceObjectReference
	for _, kind := range kinds {
		everything = append(everything, notificationv1.CrossNamespaceObjectReference{Kind: kind, Name: "*"})
	}
	for channel, kind := range map[string]string{allChannel: notificationv1beta3.GenericProvider, opsChannel: notificationv1beta3.SlackProvider} {
		object := metav1.ObjectMeta{Namespace: system, Name: channel}
		must(t, l.client.Create(t.Context(), &notificationv1beta3.Provider{
			ObjectMeta: object, Spec: notificationv1beta3.ProviderSpec{Type: kind, Address: l.chat.URL(channel)},
		}))
		must(t, l.client.Create(t.Context(), &notificationv1beta3.Alert{
			ObjectMeta: object, Spec: notificationv1beta3.AlertSpec{ProviderRef: meta.LocalObjectReference{Name: channel}, EventSources: everything},
		}))
	}
}

// automate writes new tags of the image to Git.
func (l *loop) automate(t *testing.T) {
	t.Helper()
	object := metav1.ObjectMeta{Namespace: system, Name: image}
	hour := metav1.Duration{Duration: time.Hour}
	must(t, l.client.Create(t.Context(), &imagev1.ImageRepository{
		ObjectMeta: object, Spec: imagev1.ImageRepositorySpec{Image: l.registry.Repository(image), Insecure: true, Interval: hour},
	}))
	must(t, l.client.Create(t.Context(), &imagev1.ImagePolicy{
		ObjectMeta: object,
		Spec: imagev1.ImagePolicySpec{
			ImageRepositoryRef: meta.NamespacedObjectReference{Name: image},
			Policy:             imagev1.ImagePolicyChoice{SemVer: &imagev1.SemVerPolicy{Range: ">=1.0.0"}},
		},
	}))
	must(t, l.client.Create(t.Context(), &imagev1.ImageUpdateAutomation{
		ObjectMeta: object,
		Spec: imagev1.ImageUpdateAutomationSpec{
			SourceRef: imagev1.CrossNamespaceSourceReference{Kind: sourcev1.GitRepositoryKind, Name: source},
			GitSpec: &imagev1.GitSpec{
				Checkout: &imagev1.GitCheckoutSpec{Reference: sourcev1.GitRepositoryRef{Branch: gitserver.Branch}},
				Commit:   imagev1.CommitSpec{Author: imagev1.CommitUser{Name: author, Email: author + "@example.com"}},
				Push:     &imagev1.PushSpec{Branch: gitserver.Branch},
			},
			Interval: hour,
			Update:   &imagev1.UpdateStrategy{Strategy: "Setters", Path: "./" + images},
		},
	}))
}

// publishChart publishes a new version of the chart; a fault is put into its template.
func (l *loop) publishChart(t *testing.T, fault string) {
	t.Helper()
	l.charts++
	version := fmt.Sprintf("1.0.%d", l.charts)
	must(t, l.services.charts.Publish(fstest.MapFS{
		"Chart.yaml":             {Data: []byte("apiVersion: v2\nname: " + chartName + "\nversion: 0.0.0\n")},
		"values.yaml":            {Data: []byte("value: none\n")},
		"templates/objects.yaml": {Data: []byte(chartTemplate + fault)},
	}, version))
	l.broken = fault != ""
	if !l.broken {
		l.chart = version
	}
	l.hooks.send(chartHook)
}

// pushTag pushes a new tag of the image.
func (l *loop) pushTag(t *testing.T) {
	t.Helper()
	l.images++
	tag := fmt.Sprintf("1.0.%d", l.images)
	must(t, l.registry.PushImage(t.Context(), image, tag))
	for _, object := range imageObjects() {
		l.fleet[images][object] = tag
	}
	l.hooks.send(registryHook)
}

// pushArtifact pushes a new tag of the artifact.
func (l *loop) pushArtifact(t *testing.T, value string) {
	t.Helper()
	l.artifacts++
	files := fstest.MapFS{}
	for n := range 3 {
		// The last one has another name each time.
		object := object("ConfigMap", "team-0", fmt.Sprintf("%s-%d", artifacts, n+n/2*l.artifacts))
		if n == 0 {
			clear(l.fleet[artifacts])
		}
		l.fleet[artifacts][object] = value
		files[object.file()] = &fstest.MapFile{Data: manifest(t, object, value)}
	}
	must(t, l.registry.PushArtifact(t.Context(), artifacts, fmt.Sprintf("1.0.%d", l.artifacts), files, "https://example.com/"+artifacts, "main@sha1:1"))
	l.hooks.send(registryHook)
}

func imageObjects() []id {
	return []id{object("ConfigMap", "team-0", images+"-0"), object("ConfigMap", "team-1", images+"-1")}
}

// writeImages writes the objects of the images for the first time.
func (l *loop) writeImages(t *testing.T) {
	t.Helper()
	folder := filepath.Join(l.clone.Dir, images)
	must(t, os.MkdirAll(folder, 0o750))
	const marker = ` # {"$imagepolicy": "` + system + ":" + image + `:tag"}`
	for _, object := range imageObjects() {
		text := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: %s\n  annotations:\n    %s: 1.0.0%s\ndata:\n  value: 1.0.0%s\n",
			object.name, object.namespace, valueKey, marker, marker)
		must(t, os.WriteFile(filepath.Join(folder, object.file()), []byte(text), 0o600))
	}
}
