// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
)

// TestTour does what people do, one after the other.
func TestTour(t *testing.T) {
	const app = "app-01"
	m := newLoop(t, 4)
	f := m.fleet
	m.eventually(t, func() error { return m.settled(t) })
	m.expectLive(t, f)
	var revision string
	edited := object("ConfigMap", "team-1", "app-01-0")
	key := client.ObjectKey{Namespace: edited.namespace, Name: edited.name}

	passed := t.Run("Push", func(t *testing.T) {
		f[app][edited] = "2"
		f.write(t, m.clone.Dir)
		revision = m.push(t, "change")
		m.eventually(t, func() error { return m.ready(t.Context(), revision) })
		m.expectLive(t, f)
	}) && t.Run("HandEdit", func(t *testing.T) {
		byHand := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: edited.namespace, Name: edited.name}}
		must(t, m.client.Patch(t.Context(), byHand, client.RawPatch("application/merge-patch+json", []byte(`{"data":{"value":"mine"}}`)), client.FieldOwner("kubectl-edit")))
		if byHand.Data["value"] != "mine" {
			t.Fatalf("the edit was not stored: %v", byHand.Data)
		}
		m.eventually(t, func() error { return m.holds(t, key, "2") })
		must(t, m.client.Delete(t.Context(), byHand))
		m.eventually(t, func() error { return m.holds(t, key, "2") })
	}) && t.Run("Broken", func(t *testing.T) {
		before, err := m.managed(t.Context())
		must(t, err)
		file := filepath.Join(m.clone.Dir, "apps", app, "broken.yaml")
		must(t, os.WriteFile(file, manifest(t, object("ConfigMap", "team-1", "Not_A_Name"), "1"), 0o600))
		must(t, os.Remove(filepath.Join(m.clone.Dir, "apps", app, edited.file())))
		m.push(t, "break")
		m.eventually(t, func() error {
			var k kustomizev1.Kustomization
			if err := m.client.Get(t.Context(), client.ObjectKey{Namespace: system, Name: app}, &k); err != nil {
				return err
			}
			if err := readyCondition(&k); err == nil || !strings.Contains(err.Error(), "Not_A_Name") {
				return fmt.Errorf("want a condition that names the bad object, got: %w", errors.Join(err, errors.New("status")))
			}
			return nil
		})
		m.eventually(t, func() error { return m.told("Kustomization/"+app, "Not_A_Name") })
		after, err := m.managed(t.Context())
		must(t, err)
		if diff := cmp.Diff(before.flat(), after.flat()); diff != "" {
			t.Errorf("a revision that cannot be applied changes and deletes nothing: -before +after\n%s", diff)
		}
	}) && t.Run("Revert", func(t *testing.T) {
		_, err := m.clone.Git(t.Context(), "revert", "--no-edit", "HEAD")
		must(t, err)
		head, err := m.clone.Publish(t.Context())
		must(t, err)
		m.eventually(t, func() error { return m.ready(t.Context(), "main@sha1:"+head) })
		m.expectLive(t, f)
	}) && t.Run("Tag", func(t *testing.T) {
		m.pushTag(t)
		m.eventually(t, func() error { return m.settled(t) })
		m.expectLive(t, f)
	}) && t.Run("Artifact", func(t *testing.T) {
		m.pushArtifact(t, "2")
		m.eventually(t, func() error { return m.settled(t) })
		m.expectLive(t, f)
	}) && t.Run("Chart", func(t *testing.T) {
		m.publishChart(t, "")
		m.eventually(t, func() error { return m.settled(t) })
		m.eventually(t, func() error { return m.told("HelmRelease/"+release(0).name, m.chart) })
	}) && t.Run("BrokenChart", func(t *testing.T) {
		m.publishChart(t, failsToApply)
		m.eventually(t, func() error { return m.told("HelmRelease/"+release(0).name, "Not_A_Name") })
		m.publishChart(t, "")
		m.eventually(t, func() error { return m.settled(t) })
	}) && t.Run("Delete", func(t *testing.T) {
		k := kustomization(app)
		must(t, m.client.Delete(t.Context(), k))
		m.eventually(t, func() error {
			err := m.client.Get(t.Context(), client.ObjectKeyFromObject(k), k)
			if err == nil {
				return fmt.Errorf("%s is still there (%w)", app, readyCondition(k))
			}
			return client.IgnoreNotFound(err)
		})
		delete(f, app)
		m.eventually(t, func() error { // a Deployment goes once its pods have
			got, err := m.managed(t.Context())
			if diff := cmp.Diff(f.flat(), got.flat()); err == nil && diff != "" {
				err = fmt.Errorf("-want +got\n%s", diff)
			}
			return err
		})
	})
	if !passed {
		t.Log("a failed step ends the tour: the next builds on it")
	}
}

// holds is nil when a ConfigMap holds a value.
func (m *machine) holds(t *testing.T, key client.ObjectKey, want string) error {
	t.Helper()
	var live corev1.ConfigMap
	if err := m.client.Get(t.Context(), key, &live); err != nil {
		return err
	}
	if live.Data["value"] != want {
		return fmt.Errorf("%s holds %q, want %q", key, live.Data["value"], want)
	}
	return nil
}

// told is nil when the channel for people has a message about an object that says something.
func (l *loop) told(about, what string) error {
	var texts []string
	for _, message := range l.chat.Messages() {
		if message.Path != l.ops {
			continue
		}
		if strings.Contains(strings.ToLower(message.Text), strings.ToLower(about)) && strings.Contains(message.Text, what) {
			return nil
		}
		texts = append(texts, message.Text)
	}
	return fmt.Errorf("no message about %s says %q, but these are there:\n%s", about, what, strings.Join(texts, "\n"))
}
