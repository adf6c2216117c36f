// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// repository is a GitRepository that no controller looks after.
func (f *fixture) repository(name string) *sourcev1.GitRepository {
	repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name, Labels: map[string]string{"team": "red"}}}
	repo.Spec.URL, repo.Spec.Interval.Duration = "https://example.com/x", time.Hour
	return repo
}

// receiver creates a Receiver that wakes the GitRepository of its name, and all with the label team=red. It returns the path once that is open.
func (f *fixture) receiver(name string) (path string) {
	f.t.Helper()
	r := &notificationv1.Receiver{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	r.Spec.Type, r.Spec.SecretRef = notificationv1.GenericReceiver, &meta.LocalObjectReference{Name: "token"}
	r.Spec.Resources = []notificationv1.ReceiverResource{
		{CrossNamespaceObjectReference: notificationv1.CrossNamespaceObjectReference{Kind: "GitRepository", Name: name}},
		{CrossNamespaceObjectReference: notificationv1.CrossNamespaceObjectReference{Kind: "GitRepository", Name: "*", MatchLabels: map[string]string{"team": "red"}}},
	}
	f.cluster.Create(f.t, testkit.Secret(f.namespace, "token", map[string]string{"token": "t"}), f.repository(name), r)
	f.eventually("the path is open", func() bool {
		f.read(name, r)
		return conditions.IsReady(r)
	})
	return r.Status.WebhookPath
}

// senders post webhooks side by side until the test lets them end, and count the answers.
type senders struct {
	url string

	mu      sync.Mutex
	answers map[int]int
}

// run posts until ctx ends. An address where nobody listens is tried again, as it is while a process starts.
func (s *senders) run(ctx context.Context) {
	for ctx.Err() == nil {
		// With a body that net/http cannot repeat by itself: what is counted is what hosts see.
		req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, s.url, struct{ *strings.Reader }{strings.NewReader("{}")})
		if err != nil {
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			time.Sleep(2 * time.Millisecond) // nobody listens; others need the processor
			continue
		}
		resp.Body.Close()
		s.mu.Lock()
		s.answers[resp.StatusCode]++
		s.mu.Unlock()
	}
}

func (s *senders) count(status int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[status]
}

// TestWebhooksWhileRestarting sends webhooks to a Receiver that is ready, while the controller ends and starts again and while the objects that are
// woken are made, written and deleted: whenever there is an answer it is 200.
func TestWebhooksWhileRestarting(t *testing.T) {
	const restarts = 5
	f := newIdleFixture(t)
	addr := testkit.FreeAddress(t)
	f.endpoints = f.start("--receiverAddr=" + addr)
	s := &senders{url: "http://" + addr + f.receiver("web"), answers: map[int]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	for range 4 {
		group.Go(func() { s.run(ctx) })
	}
	group.Go(func() { f.churn(ctx) })
	for range restarts {
		taken := s.count(http.StatusOK)
		f.eventually("webhooks are taken", func() bool { return s.count(http.StatusOK) >= taken+20 })
		f.stop()
		f.endpoints = f.start("--receiverAddr=" + addr)
	}
	cancel()
	group.Wait()
	for status, n := range s.answers {
		if status != http.StatusOK {
			t.Errorf("%d webhooks were answered %d", n, status)
		}
	}
	t.Logf("answers: %v", s.answers)
}

// churn makes, writes and deletes objects that webhooks wake.
func (f *fixture) churn(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		repo := f.repository(fmt.Sprint("churn-", i%3))
		if err := f.cluster.Client.Create(ctx, repo); err != nil {
			continue // the one of that name is not gone yet
		}
		for n := range 3 {
			base := repo.DeepCopy()
			metav1.SetMetaDataAnnotation(&repo.ObjectMeta, "example.com/n", fmt.Sprint(n))
			_ = f.cluster.Client.Patch(ctx, repo, client.MergeFrom(base)) // whether it wins or not
		}
		_ = f.cluster.Client.Delete(ctx, repo) // at the end of the test it may stay
	}
}
