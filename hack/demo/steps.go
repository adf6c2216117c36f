// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/hack/local/chat"
	"github.com/weir-gitops/weir/hack/local/gitserver"
)

const (
	// production and staging are namespaces of the fleet, productionApps and stagingApps the Kustomizations that fill them.
	production, staging         = "apps-production", "apps-staging"
	productionApps, stagingApps = "apps-production", "apps-staging"
	// frontend is the Deployment that the tour looks at.
	frontend = "frontend"
	// newTag is the tag that comes on the tour.
	newTag = "6.10.0"
	// byHand is how many replicas somebody asks for.
	byHand = 9
	// hand owns what somebody edits.
	hand = client.FieldOwner("somebody")
)

// push changes a line of production and waits until what runs there reads it.
func (t *tour) push(ctx context.Context) error {
	before, err := t.greeting(ctx)
	if err != nil {
		return err
	}
	if err := t.write("apps/production/greeting.env", "PODINFO_UI_MESSAGE=Good morning from production\n"); err != nil {
		return err
	}
	if _, err := t.commit(ctx, "Greet differently"); err != nil {
		return err
	}
	var after *corev1.ConfigMap
	took, err := await(ctx, func(ctx context.Context) (err error) {
		if after, err = t.greeting(ctx); err == nil && after.Data["PODINFO_UI_MESSAGE"] != "Good morning from production" {
			err = fmt.Errorf("%s still greets with %q", frontend, after.Data["PODINFO_UI_MESSAGE"])
		}
		return err
	})
	if err != nil {
		return err
	}
	t.out("after %s %s reads ConfigMap %s, which says %q", seconds(took), frontend, after.Name, after.Data["PODINFO_UI_MESSAGE"])
	took, err = await(ctx, func(ctx context.Context) error {
		err := t.get(ctx, new(corev1.ConfigMap), production, before.Name)
		if err == nil {
			return fmt.Errorf("ConfigMap %s is still there", before.Name)
		}
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
	if err == nil {
		t.out("%s later ConfigMap %s, which nobody reads any more, is gone", seconds(took), before.Name)
	}
	return err
}

// greeting is the ConfigMap that the frontend of production reads.
func (t *tour) greeting(ctx context.Context) (*corev1.ConfigMap, error) {
	var deployment appsv1.Deployment
	if err := t.get(ctx, &deployment, production, frontend); err != nil {
		return nil, err
	}
	for _, from := range deployment.Spec.Template.Spec.Containers[0].EnvFrom {
		if from.ConfigMapRef != nil {
			var greeting corev1.ConfigMap
			return &greeting, t.get(ctx, &greeting, production, from.ConfigMapRef.Name)
		}
	}
	return nil, fmt.Errorf("%s reads no ConfigMap", frontend)
}

// drift edits what a Kustomization applied, and what a Helm release did.
func (t *tour) drift(ctx context.Context) error {
	for _, edited := range []struct{ namespace, name, owner string }{
		{production, frontend, "Kustomization " + productionApps},
		{"infrastructure-staging", "backup", "HelmRelease backup"},
	} {
		var deployment appsv1.Deployment
		if err := t.get(ctx, &deployment, edited.namespace, edited.name); err != nil {
			return err
		}
		was := *deployment.Spec.Replicas // never nil, the API server fills in 1
		patch := client.MergeFrom(deployment.DeepCopy())
		deployment.Spec.Replicas = new(int32(byHand))
		if err := t.client.Patch(ctx, &deployment, patch, hand); err != nil {
			return err
		}
		took, err := await(ctx, func(ctx context.Context) error {
			if err := t.get(ctx, &deployment, edited.namespace, edited.name); err != nil {
				return err
			}
			if now := *deployment.Spec.Replicas; now != was {
				return fmt.Errorf("%s/%s still has %d replicas", edited.namespace, edited.name, now)
			}
			return nil
		})
		if err != nil {
			return err
		}
		t.out("%s/%s was scaled from %d to %d by hand; after %s %s had put it back",
			edited.namespace, edited.name, was, byHand, seconds(took), edited.owner)
	}
	return nil
}

// breakProduction pushes what the API server refuses, and waits for the alert.
func (t *tour) breakProduction(ctx context.Context) error {
	var before, after appsv1.Deployment
	if err := t.get(ctx, &before, production, frontend); err != nil {
		return err
	}
	said := len(t.chat.Messages())
	broken := "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: frontend\nspec:\n  replicas: many\n"
	if err := t.write("apps/production/frontend.yaml", broken); err != nil {
		return err
	}
	var err error
	if t.broken, err = t.commit(ctx, "Ask for many"); err != nil {
		return err
	}
	message, took, err := t.failed(ctx, productionApps)
	if err != nil {
		return err
	}
	t.out("after %s Kustomization %s was not ready: %s", seconds(took), productionApps, excerpt(message))
	alert, err := t.heard(ctx, said, deployments, func(m chat.Message) bool {
		return strings.Contains(m.Text, productionApps) && strings.Contains(m.Body, `"danger"`)
	})
	if err != nil {
		return err
	}
	t.out("the chat was told: %s", excerpt(alert.Text))
	if err := t.get(ctx, &after, production, frontend); err != nil {
		return err
	}
	if before.Generation != after.Generation {
		return fmt.Errorf("%s/%s was changed by a revision that cannot be applied", production, frontend)
	}
	t.out("%s/%s runs as before, and staging does not notice", production, frontend)
	return nil
}

// failed waits until a Kustomization says of the broken commit that it cannot be applied.
func (t *tour) failed(ctx context.Context, name string) (message string, took time.Duration, err error) {
	took, err = await(ctx, func(ctx context.Context) error {
		var k kustomizev1.Kustomization
		if err := t.get(ctx, &k, namespace, name); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(k.Status.Conditions, "Ready")
		if ready == nil || ready.Status != metav1.ConditionFalse || k.Status.LastAttemptedRevision != revision(t.broken) {
			return fmt.Errorf("%s does not say that it failed", name)
		}
		message = ready.Message
		return nil
	})
	return message, took, err
}

// newImage pushes an image and waits until a signed commit asks for it and staging runs it.
func (t *tour) newImage(ctx context.Context) error {
	if err := t.registry.PushImage(ctx, imageName, newTag); err != nil {
		return err
	}
	t.out("pushed %s:%s; webhooks told the Receivers", t.registry.Repository(imageName), newTag)
	var commit string
	took, err := await(ctx, func(ctx context.Context) (err error) {
		if _, err = t.clone.Git(ctx, "pull", "--quiet"); err == nil {
			commit, err = t.clone.Git(ctx, "rev-parse", "HEAD")
		}
		if err == nil && commit == t.broken {
			err = errors.New("nothing was committed")
		}
		return err
	})
	if err != nil {
		return err
	}
	line, err := t.clone.Git(ctx, "log", "-1", "--format=%an: %s")
	if err != nil {
		return err
	}
	t.out("after %s there was commit %s by %s", seconds(took), short(commit), line)
	if err := t.signed(ctx, commit); err != nil {
		return err
	}
	want := t.registry.Repository(imageName) + ":" + newTag
	live, err := await(ctx, func(ctx context.Context) error {
		var deployment appsv1.Deployment
		if err := t.get(ctx, &deployment, staging, frontend); err != nil {
			return err
		}
		if image := deployment.Spec.Template.Spec.Containers[0].Image; image != want {
			return fmt.Errorf("%s/%s still runs %s", staging, frontend, image)
		}
		return nil
	})
	if err == nil {
		t.out("%s later %s/%s ran %s", seconds(live), staging, frontend, want)
	}
	return err
}

// signed checks the signature of a commit.
func (t *tour) signed(ctx context.Context, commit string) error {
	object, err := t.clone.Git(ctx, "cat-file", "commit", commit)
	if err != nil {
		return err
	}
	if err := verify(object+"\n", t.signer); err != nil { // the line break at its end was cut
		return err
	}
	t.out("its signature is good: it was made with the key in Secret signing-key")
	return nil
}

// rollback reverts the broken commit and waits until production is well again.
func (t *tour) rollback(ctx context.Context) error {
	said := len(t.chat.Messages())
	if _, err := t.clone.Git(ctx, "revert", "--no-edit", t.broken); err != nil {
		return err
	}
	commit, err := t.clone.Publish(ctx)
	if err != nil {
		return err
	}
	t.out("pushed %s; webhooks told the Receivers", short(commit))
	took, err := await(ctx, func(ctx context.Context) error {
		for _, name := range []string{productionApps, stagingApps} {
			var k kustomizev1.Kustomization
			if err := t.get(ctx, &k, namespace, name); err != nil {
				return err
			}
			if k.Status.LastAppliedRevision != revision(commit) || !meta.IsStatusConditionTrue(k.Status.Conditions, "Ready") {
				return fmt.Errorf("%s has not applied %s", name, short(commit))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.out("after %s production and staging were ready at that commit", seconds(took))
	_, err = t.heard(ctx, said, audit, func(m chat.Message) bool {
		return strings.Contains(m.Body, productionApps) && strings.Contains(m.Body, commit) && strings.Contains(m.Body, `"info"`)
	})
	if err == nil {
		t.out("the audit trail was told that %s is well again", productionApps)
	}
	return err
}

// write writes a file of the clone.
func (t *tour) write(name, content string) error {
	return os.WriteFile(filepath.Join(t.clone.Dir, filepath.FromSlash(name)), []byte(content), 0o600)
}

// revision is how a commit shows in a status.
func revision(commit string) string { return gitserver.Branch + "@sha1:" + commit }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// excerpt makes one line of a message, of a length that people read.
func excerpt(message string) string {
	const most = 160 // a line and a half of a terminal
	line := []rune(strings.Join(strings.Fields(message), " "))
	if len(line) > most {
		return string(line[:most]) + "…"
	}
	return string(line)
}
