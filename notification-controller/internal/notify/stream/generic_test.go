// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// TestGenericHMAC holds the vector of the contract, 12.
func TestGenericHMAC(t *testing.T) {
	const (
		key  = "7152fed34dd6149a7c75a276c510da27cb6f82b0"
		body = `{"involvedObject":{"kind":"GitRepository","namespace":"gitops-system","name":"webapp"},"severity":"info","timestamp":"2022-09-30T06:40:29Z","message":"message","reason":"reason","metadata":{"test":"metadata"},"reportingController":"source-controller","reportingInstance":"source-controller-xyz"}`
		want = "sha256=65b018549b1254e7226d1c08f9567ee45bc9de0fc4e7b1a40253f9a018b08be7"
	)
	var gotBody, gotSignature, gotHost string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		gotBody, gotSignature, gotHost = string(b), r.Header.Get("X-Signature"), r.Host
	}))
	defer server.Close()
	n, err := GenericHMAC(delivery.Options{Address: server.URL, Token: key, Headers: map[string]string{"X-Signature": "mine", "Host": "example.invalid"}})
	if err != nil {
		t.Fatal(err)
	}
	err = n.Notify(t.Context(), delivery.Message{Event: eventv1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: "GitRepository", Namespace: "gitops-system", Name: "webapp"},
		Severity:       "info", Timestamp: metav1.NewTime(time.Date(2022, 9, 30, 6, 40, 29, 0, time.UTC)),
		Message: "message", Reason: "reason", Metadata: map[string]string{"test": "metadata"},
		ReportingController: "source-controller", ReportingInstance: "source-controller-xyz",
	}})
	if err != nil || gotBody != body || gotSignature != want {
		t.Errorf("got %s, %v\n%s", gotSignature, err, gotBody)
	}
	if gotHost != "example.invalid" {
		t.Errorf("the header Host names the host, got %s", gotHost)
	}
}
