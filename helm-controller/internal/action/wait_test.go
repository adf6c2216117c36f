// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	helmrelease "helm.sh/helm/v3/pkg/release"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/testkit"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:{{ .Chart.Version }}"}]
`

func job(name, annotations string) string {
	text := "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: " + name + "\n"
	if annotations != "" {
		text += "  annotations: {" + annotations + "}\n"
	}
	return text + "spec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: c, image: busybox}]\n"
}

// slot counts how often a place was handed back and taken again.
type slot struct {
	mu             sync.Mutex
	free           int
	released       int
	acquireWithout bool
}

func (s *slot) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	s.released++
}

func (s *slot) Acquire(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free--
	s.acquireWithout = s.acquireWithout || s.free < 0
	return ctx.Err()
}

// rollOut plays the controller of deployments.
func (r *rig) rollOut(name string) {
	r.tb.Helper()
	r.eventually("deployment "+name, func() bool {
		d := &appsv1.Deployment{}
		if r.live.Get(r.tb.Context(), client.ObjectKey{Namespace: r.ns, Name: name}, d) != nil {
			return false
		}
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1, UpdatedReplicas: 1,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue},
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
			},
		}
		return r.live.Status().Update(r.tb.Context(), d) == nil
	})
}

// stall plays a deployment that gives up after it was changed once.
func (r *rig) stall(name string) {
	r.tb.Helper()
	r.eventually("deployment "+name, func() bool {
		d := &appsv1.Deployment{}
		if r.live.Get(r.tb.Context(), client.ObjectKey{Namespace: r.ns, Name: name}, d) != nil || d.Generation < 2 {
			return false
		}
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation,
			Conditions:         []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}},
		}
		return r.live.Status().Update(r.tb.Context(), d) == nil
	})
}

// finish plays the controller of jobs.
func (r *rig) finish(name string, ok bool) {
	r.tb.Helper()
	r.eventually("job "+name, func() bool {
		j := &batchv1.Job{}
		if r.live.Get(r.tb.Context(), client.ObjectKey{Namespace: r.ns, Name: name}, j) != nil || j.DeletionTimestamp != nil {
			return false
		}
		now := metav1.Now()
		j.Status = batchv1.JobStatus{StartTime: &now, Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now},
		}, CompletionTime: &now, Succeeded: 1}
		if !ok {
			j.Status = batchv1.JobStatus{StartTime: &now, Failed: 1, Conditions: []batchv1.JobCondition{
				{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", LastTransitionTime: now},
				{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", LastTransitionTime: now},
			}}
		}
		if err := r.live.Status().Update(r.tb.Context(), j); err != nil {
			r.tb.Log(err)
			return false
		}
		return true
	})
}

// replicaSet makes the ready replica set that the controller of Deployments would have made.
func (r *rig) replicaSet(name string) {
	r.tb.Helper()
	var d appsv1.Deployment
	r.must(r.live.Get(r.tb.Context(), client.ObjectKey{Namespace: r.ns, Name: name}, &d))
	labels := map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "hash"}
	maps.Copy(labels, d.Spec.Selector.MatchLabels)
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.ns, Name: name + "-hash", Labels: labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(&d, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec: appsv1.ReplicaSetSpec{Replicas: d.Spec.Replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: *d.Spec.Template.DeepCopy()},
	}
	set.Spec.Template.Labels = labels
	r.must(r.live.Create(r.tb.Context(), set))
	set.Status = appsv1.ReplicaSetStatus{Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1, ObservedGeneration: set.Generation}
	r.must(r.live.Status().Update(r.tb.Context(), set))
}

// result is what an action that runs in the background returned.
type result struct {
	action.Outcome

	err error
}

// background runs an action and returns where its result comes.
func background(run func() (action.Outcome, error)) <-chan result {
	done := make(chan result, 1)
	go func() {
		o, err := run()
		done <- result{o, err}
	}()
	return done
}

// result waits for the end of an action, which comes long before its timeout.
func (r *rig) result(done <-chan result) result {
	r.tb.Helper()
	select {
	case res := <-done:
		return res
	case <-time.After(testkit.Patience):
		r.tb.Fatal("the action does not come to its end")
		return result{}
	}
}

// installing begins an install that has a place to hand back while it waits.
func (r *rig) installing(strategy helmv2.WaitStrategyName, files map[string]string) (*slot, <-chan result) {
	r.obj.Spec.WaitStrategy = &helmv2.WaitStrategy{Name: strategy}
	target, place := r.target(release.ActionInstall), &slot{}
	target.Slot = place
	return place, background(func() (action.Outcome, error) {
		return r.runner.Install(r.tb.Context(), target, newChart("1.0.0", files), map[string]any{})
	})
}

func TestWaitForHealth(t *testing.T) {
	chartOf := func() map[string]string {
		return map[string]string{"templates/web.yaml": deployment, "templates/cm.yaml": configMap("a", "", "x: z")}
	}
	for _, strategy := range []helmv2.WaitStrategyName{helmv2.WaitStrategyPoller, helmv2.WaitStrategyLegacy} {
		t.Run(string(strategy), func(t *testing.T) {
			r := newRig(t)
			place, done := r.installing(strategy, chartOf())
			r.eventually("the place is handed back", func() bool {
				place.mu.Lock()
				defer place.mu.Unlock()
				return place.free == 1
			})
			if n := r.newest(); n.Info.Status != helmrelease.StatusPendingInstall {
				t.Errorf("status during the wait: %s", n.Info.Status)
			}
			r.rollOut("web")
			if strategy == helmv2.WaitStrategyLegacy {
				r.replicaSet("web") // at which Helm 3 looks
			}
			res := r.result(done)
			r.must(res.err)
			if place.free != 0 || place.released != 1 || place.acquireWithout {
				t.Errorf("place %+v", place)
			}
			if strategy == helmv2.WaitStrategyLegacy {
				return // it knows no failure before the timeout
			}

			done = background(func() (action.Outcome, error) { return r.upgrade(newChart("1.0.1", chartOf()), nil) })
			r.stall("web")
			res = r.result(done)
			wantError(t, res.err, "failed early due to stalled resources: [Deployment/"+r.ns+"/web status: 'Failed'")
			if res.Newest.Info.Status != helmrelease.StatusFailed {
				t.Errorf("status %s", res.Newest.Info.Status)
			}
			if res.Logs == "" {
				t.Error("no logs")
			}

			r.obj.Spec.Upgrade = &helmv2.Upgrade{Timeout: &metav1.Duration{Duration: 300 * time.Millisecond}}
			_, err := r.upgrade(newChart("1.0.2", chartOf()), nil)
			wantError(t, err, "timeout waiting for: [Deployment/"+r.ns+"/web status: 'InProgress'")

			r.obj.Spec.Upgrade = &helmv2.Upgrade{DisableWait: true}
			_, err = r.upgrade(newChart("1.0.3", chartOf()), nil)
			r.must(err)
		})
	}
}

// TestReadinessTimeoutLegacy holds the text of a wait of Helm 3 that runs out of time.
func TestReadinessTimeoutLegacy(t *testing.T) {
	r := newRig(t)
	r.obj.Spec.WaitStrategy = &helmv2.WaitStrategy{Name: helmv2.WaitStrategyLegacy}
	r.obj.Spec.Install = &helmv2.Install{Timeout: &metav1.Duration{Duration: 300 * time.Millisecond}}
	o, err := r.install(newChart("1.0.0", map[string]string{"templates/web.yaml": deployment}), nil)
	wantError(t, err, "context deadline exceeded")
	if o.Newest.Info.Status != helmrelease.StatusFailed {
		t.Errorf("status %s", o.Newest.Info.Status)
	}
}

func TestSuperseded(t *testing.T) {
	r := newRig(t)
	newer := make(chan struct{})
	target := r.target(release.ActionInstall)
	target.Superseded = newer
	done := background(func() (action.Outcome, error) {
		return r.runner.Install(t.Context(), target, newChart("1.0.0", map[string]string{"templates/web.yaml": deployment}), map[string]any{})
	})
	r.eventually("deployment", func() bool { return r.get("apps/v1", "Deployment", "web") != nil })
	close(newer)
	if res := r.result(done); !errors.Is(res.err, kube.ErrSuperseded) {
		t.Errorf("error %v", res.err)
	}
}

// TestCancel ends the context in the middle of a wait: nothing is left running, and storage says that the release failed.
func TestCancel(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	target := r.target(release.ActionInstall)
	done := background(func() (action.Outcome, error) {
		return r.runner.Install(ctx, target, newChart("1.0.0", map[string]string{"templates/web.yaml": deployment}), map[string]any{})
	})
	r.eventually("deployment", func() bool { return r.get("apps/v1", "Deployment", "web") != nil })
	cancel()
	res := r.result(done)
	if !errors.Is(res.err, context.Canceled) {
		t.Errorf("error %v", res.err)
	}
	if got := r.newest().Info.Status; got != helmrelease.StatusFailed {
		t.Errorf("status %s", got)
	}
}

func TestJobs(t *testing.T) {
	files := func() map[string]string { return map[string]string{"templates/job.yaml": job("work", "")} }
	t.Run("Complete", func(t *testing.T) {
		r := newRig(t)
		done := background(func() (action.Outcome, error) { return r.install(newChart("1.0.0", files()), nil) })
		r.finish("work", true)
		r.must(r.result(done).err)
	})
	t.Run("Failed", func(t *testing.T) {
		r := newRig(t)
		done := background(func() (action.Outcome, error) { return r.install(newChart("1.0.0", files()), nil) })
		r.finish("work", false)
		wantError(t, r.result(done).err, "failed early due to stalled resources: [Job/"+r.ns+"/work status: 'Failed'")
	})
	t.Run("Started", func(t *testing.T) {
		r := newRig(t)
		r.obj.Spec.Install = &helmv2.Install{DisableWaitForJobs: true}
		done := background(func() (action.Outcome, error) { return r.install(newChart("1.0.0", files()), nil) })
		r.eventually("job", func() bool {
			j := &batchv1.Job{}
			if r.live.Get(t.Context(), client.ObjectKey{Namespace: r.ns, Name: "work"}, j) != nil {
				return false
			}
			j.Status = batchv1.JobStatus{StartTime: new(metav1.Now()), Active: 1}
			return r.live.Status().Update(t.Context(), j) == nil
		})
		r.must(r.result(done).err)
	})
}
