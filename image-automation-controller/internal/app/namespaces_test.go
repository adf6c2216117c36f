// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"testing"

	"github.com/fluxcd/pkg/apis/acl"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/kit/testkit"
)

// The labels of a namespace admit its policies the moment they change: nobody waits for a back-off of an hour. As long as no policy uses the
// repository of somebody else, nothing is known of namespaces.
func TestNamespaceLabels(t *testing.T) {
	f := newFixture(t, "--watch-all-namespaces=true", "--watch-label-selector=suite=labels", "--min-retry-delay=1h", "--max-retry-delay=1h")
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushTags(t, "app", "1.0.0")
	mine := map[string]string{"suite": "labels"}
	o := settled(f, f.scans("web", registry.Host+"/app", func(o *imageRepository) {
		o.Labels = mine
		o.Spec.AccessFrom = &acl.AccessFrom{NamespaceSelectors: []acl.NamespaceSelector{{MatchLabels: map[string]string{"team": "b"}}}}
	}))
	own := f.chooses("own", semver("1.x"), func(p *imagePolicy) { p.Labels = mine })
	f.chosen(own, registry.Host+"/app:1.0.0")
	if n := f.namespaceRequests(); n != 0 {
		t.Errorf("%d requests for namespaces that nobody needs", n)
	}

	tenant := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.cluster.Namespace(t, "tenant")}}
	p := f.chooses("web", semver("1.x"), func(p *imagePolicy) {
		p.Namespace, p.Labels, p.Spec.ImageRepositoryRef.Namespace = tenant.Name, mine, f.namespace
	})
	blamed(f, p, "AccessDenied")
	label := func(team string) {
		amend(f, tenant, func(n *corev1.Namespace) { n.Labels = map[string]string{"team": team} })
	}
	for range 2 {
		label("b")
		settled(f, p)
		label("c")
		blamed(f, p, "AccessDenied")
	}
	label("b")
	f.chosen(p, registry.Host+"/app:1.0.0")

	// What is known is not asked for again.
	f.namespaceRequests()
	requestRun(f, p, handledPolicy)
	if n := f.namespaceRequests(); n != 0 {
		t.Errorf("%d requests for a namespace that is known", n)
	}
	f.drop(p, own, o)
}

// namespaceRequests counts the requests for namespaces since the last call.
func (f *fixture) namespaceRequests() int {
	n := 0
	for request, count := range f.requests.Take() {
		if request.Resource == "namespaces" {
			n += count
		}
	}
	return n
}
