// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/testkit"
)

// TestFailureAtTheEnd lets a service refuse an event while the controller ends: the Alert is told nevertheless.
func TestFailureAtTheEnd(t *testing.T) {
	f := newIdleFixture(t)
	f.drain = testkit.Patience
	f.endpoints = f.start()
	reached, refuse := make(chan struct{}), make(chan struct{})
	service := newTarget(t, func(w http.ResponseWriter, _ *http.Request) {
		close(reached)
		<-refuse
		w.WriteHeader(http.StatusBadRequest)
	})
	answer := sync.OnceFunc(func() { close(refuse) })
	t.Cleanup(answer) // the server cannot be closed before
	f.alert("web", service.URL, nil)
	f.accept(f.newEvent("web", "last words"))
	<-reached
	var ending sync.WaitGroup
	ending.Go(f.stop)
	f.eventually("the controller ends", func() bool {
		return strings.Contains(f.log.String(), "Stopping and waiting for non leader election runnables")
	})
	answer()
	ending.Wait()
	if told := f.awaitTold("web", notificationv1beta3.NotificationDispatchFailedReason); !strings.Contains(told.Message, "status 400") {
		t.Errorf("the Alert was told %q", told.Message)
	}
}

// TestTokenMetrics sends a commit status as a GitHub App: its token is counted as long as there is the Provider.
func TestTokenMetrics(t *testing.T) {
	f := newFixture(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/access_tokens"):
			w.WriteHeader(http.StatusCreated)
			_, _ = fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		case r.Method == http.MethodGet:
			_, _ = io.WriteString(w, `[]`)
		default:
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{}`)
			written <- struct{}{}
		}
	}))
	t.Cleanup(server.Close)
	f.cluster.Create(t, testkit.Secret(f.namespace, "app", map[string]string{
		"githubAppID": "1", "githubAppInstallationID": "77",
		"githubAppPrivateKey": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	}))
	f.alert("status", server.URL+"/team/fleet", func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
		p.Spec.Type, p.Spec.SecretRef = notificationv1beta3.GitHubProvider, &meta.LocalObjectReference{Name: "app"}
	})
	series := func() int {
		n, err := testutil.GatherAndCount(ctrlmetrics.Registry, "gotk_token_cache_events_total")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := series()
	for i := range 2 {
		f.accept(f.newEvent("status", fmt.Sprint("message ", i)))
		<-written
	}
	f.eventually("a hit and a miss are counted", func() bool { return series() == before+2 })
	provider := &notificationv1beta3.Provider{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "status"}}
	if err := f.cluster.Client.Delete(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	f.eventually("the series of the Provider end", func() bool { return series() == before })
}
