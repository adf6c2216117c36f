// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/weir-gitops/weir/kit/testkit"
)

var suite testkit.Suite //nolint:gochecknoglobals // the only way from TestMain to the tests

func TestMain(m *testing.M) {
	os.Exit(suite.Main(m))
}

func TestLocal(t *testing.T) {
	var users []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		users = append(users, r.Header.Get("Impersonate-User"))
		if len(r.Header.Values("Impersonate-Group")) > 0 {
			t.Error("groups are impersonated")
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	pool := newPool(t, &rest.Config{Host: server.URL, QPS: 100, Burst: 100})

	own := local(t, pool, types.NamespacedName{})
	tenant := local(t, pool, types.NamespacedName{Namespace: "team", Name: "deployer"})
	for _, clients := range []*Clients{own, tenant} {
		if _, err := clients.Dynamic.Resource(configMaps()).Namespace("team").Get(t.Context(), "a", metav1.GetOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("dynamic: %v", err)
		}
		if _, err := clients.Metadata.Resource(configMaps()).Namespace("team").Get(t.Context(), "a", metav1.GetOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("metadata: %v", err)
		}
	}
	want := []string{"", "", "system:serviceaccount:team:deployer", "system:serviceaccount:team:deployer"}
	if diff := cmp.Diff(want, users); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}

	if again := local(t, pool, types.NamespacedName{Namespace: "team", Name: "deployer"}); again != tenant {
		t.Error("clients of one identity are built twice")
	}
	if own == tenant || own.Mapper != tenant.Mapper || own.Config.RateLimiter == nil || own.Config.RateLimiter != tenant.Config.RateLimiter {
		t.Error("identities share what they should not, or do not share mapper and limit")
	}
	if own.Config.Impersonate.UserName != "" {
		t.Error("the identity of the process was changed")
	}
}

func TestWarnings(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Warning", `299 - "unknown field"`)
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	var lines []string
	log := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{Verbosity: 1})
	clients := local(t, newPool(t, &rest.Config{Host: server.URL}), types.NamespacedName{})
	_, err := clients.Dynamic.Resource(configMaps()).Namespace("team").Get(logr.NewContext(t.Context(), log), "a", metav1.GetOptions{})
	if !apierrors.IsForbidden(err) || len(lines) != 1 || !strings.Contains(lines[0], "unknown field") {
		t.Errorf("error %v, log %q, want the warning at the debug level", err, lines)
	}
}

func TestLocalRefuses(t *testing.T) {
	pool := newPool(t, &rest.Config{Host: "http://localhost"})
	for _, half := range []types.NamespacedName{{Name: "deployer"}, {Namespace: "team"}} {
		if _, err := pool.Local(t.Context(), half); err == nil {
			t.Errorf("%q is taken for a service account", half)
		}
	}
	if _, err := NewPool(nil, nil); err == nil {
		t.Error("a pool without a cluster was made")
	}
}

func TestBound(t *testing.T) {
	pool := newPool(t, &rest.Config{Host: "http://localhost"})
	for i := range maxIdentities + 10 {
		local(t, pool, types.NamespacedName{Namespace: "team", Name: string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))})
	}
	if got := pool.identities.Len(); got != maxIdentities {
		t.Errorf("%d identities are kept, want %d", got, maxIdentities)
	}
}

func TestMapper(t *testing.T) {
	var requests atomic.Int32
	cfg := rest.CopyConfig(suite.Cluster(t).Config)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			return next.RoundTrip(r)
		})
	})
	pool := newPool(t, cfg)
	kinds := local(t, pool, types.NamespacedName{}).Mapper
	if requests.Load() != 0 {
		t.Errorf("%d requests before the first question", requests.Load())
	}
	for range 3 {
		for _, gk := range []schema.GroupKind{{Kind: "ConfigMap"}, {Group: "apps", Kind: "Deployment"}, {Group: "batch", Kind: "Job"}} {
			if _, err := kinds.RESTMapping(gk); err != nil {
				t.Errorf("map %s: %v", gk, err)
			}
		}
	}
	if got := requests.Load(); got != 2 {
		t.Errorf("%d requests for all kinds, want 2", got)
	}
	for _, gk := range []schema.GroupKind{{Group: "apps", Kind: "Nothing"}, {Group: "example.com", Kind: "Nothing"}} {
		if _, err := kinds.RESTMapping(gk, "v1"); !meta.IsNoMatchError(err) {
			t.Errorf("map %s: %v, want no match", gk, err)
		}
	}
	kinds.Reset()
	if gvr, err := kinds.ResourceFor(schema.GroupVersionResource{Resource: "configmaps"}); err != nil || gvr != configMaps() {
		t.Errorf("resource for configmaps: %s, %v", gvr, err)
	}
}

func TestImpersonation(t *testing.T) {
	cluster := suite.Cluster(t)
	namespace := cluster.Namespace(t, "tenant")
	cluster.ServiceAccount(t, namespace, "deployer", testkit.Rule("", "configmaps"))
	pool := newPool(t, cluster.Config)
	tenant := local(t, pool, types.NamespacedName{Namespace: namespace, Name: "deployer"})
	if err := tenant.Client.Create(t.Context(), testkit.ConfigMap(namespace, "allowed", nil)); err != nil {
		t.Errorf("what the account may do: %v", err)
	}
	if err := tenant.Client.Create(t.Context(), testkit.Secret(namespace, "denied", nil)); !apierrors.IsForbidden(err) {
		t.Errorf("what the account may not do: %v", err)
	}
	own := local(t, pool, types.NamespacedName{})
	if err := own.Client.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: "allowed"}, &corev1.ConfigMap{}); err != nil {
		t.Errorf("the process itself: %v", err)
	}
}

// roundTripper is a function as http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func configMaps() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
}

func newPool(t *testing.T, cfg *rest.Config) *Pool {
	t.Helper()
	pool, err := NewPool(cfg, clientgoscheme.Scheme)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func local(t *testing.T, pool *Pool, account types.NamespacedName) *Clients {
	t.Helper()
	clients, err := pool.Local(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return clients
}
