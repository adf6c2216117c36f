// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1beta1_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
)

// TestEventJSON holds the payload, key by key and in order: receivers compute signatures over the bytes.
func TestEventJSON(t *testing.T) {
	cases := map[string]struct {
		reason string
		event  eventv1.Event
		want   string
	}{
		"Full": {
			reason: "Every field has its place and name; HTML characters are escaped, times are in UTC without fractions.",
			event: eventv1.Event{
				InvolvedObject: corev1.ObjectReference{
					Kind: "Kustomization", Namespace: "flux-system", Name: "apps", UID: "7f0c", ResourceVersion: "42",
					APIVersion: "kustomize.toolkit.fluxcd.io/v1",
				},
				Severity:            eventv1.SeverityInfo,
				Timestamp:           metav1.NewTime(time.Date(2022, 9, 30, 8, 40, 29, 500, time.FixedZone("CEST", 2*60*60))),
				Message:             "a < b",
				Reason:              "ReconciliationSucceeded",
				Metadata:            map[string]string{"kustomize.toolkit.fluxcd.io/" + eventv1.RevisionKey: "main@sha1:1"},
				ReportingController: "kustomize-controller",
				ReportingInstance:   "kustomize-controller-0",
			},
			want: `{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"apps","uid":"7f0c",` +
				`"apiVersion":"kustomize.toolkit.fluxcd.io/v1","resourceVersion":"42"},"severity":"info",` +
				`"timestamp":"2022-09-30T06:40:29Z","message":"a \u003c b","reason":"ReconciliationSucceeded",` +
				`"metadata":{"kustomize.toolkit.fluxcd.io/revision":"main@sha1:1"},` +
				`"reportingController":"kustomize-controller","reportingInstance":"kustomize-controller-0"}`,
		},
		"Empty": {
			reason: "Required fields are written also when empty, optional ones are not.",
			want:   `{"involvedObject":{},"severity":"","timestamp":null,"message":"","reason":"","reportingController":""}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(tc.event)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
