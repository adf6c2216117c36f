// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/weir-gitops/weir/cli/internal/terminal"
)

func TestExplain(t *testing.T) {
	group := schema.GroupVersion{Group: "kustomize.toolkit.fluxcd.io", Version: "v1"}
	asked := func(address string, err error) error {
		return fmt.Errorf("failed to get server groups: %w", &url.Error{Op: "Get", URL: address + "/api", Err: err})
	}
	cases := map[string]struct {
		reason string
		err    error
		want   string
	}{
		"Kind": {
			reason: "A kind of ours can be installed.",
			err:    fmt.Errorf("list: %w", &meta.NoKindMatchError{GroupKind: group.WithKind("Kustomization").GroupKind()}),
			want:   "the kinds of kustomize.toolkit.fluxcd.io are not installed in this cluster; weir install does that",
		},
		"Group": {
			reason: "A group that went away is worded otherwise by the library.",
			err:    &apiutil.ErrResourceDiscoveryFailed{group: &meta.NoResourceMatchError{PartialResource: group.WithResource("")}},
			want:   "the kinds of kustomize.toolkit.fluxcd.io are not installed in this cluster; weir install does that",
		},
		"Foreign": {
			reason: "A kind of others is theirs.",
			err:    &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: "apps", Kind: "Deploy"}},
			want:   `no matches for kind "Deploy" in group "apps"`,
		},
		"Credentials": {
			reason: "What is not accepted and what to do.",
			err:    asked("https://api", apierrors.NewUnauthorized("no")),
			want:   "the API server https://api does not accept these credentials: log in again, or choose others with --context or --kubeconfig",
		},
		"Refused": {
			reason: "Who does not answer.",
			err:    asked("https://api", syscall.ECONNREFUSED),
			want:   "cannot reach the API server https://api: connection refused; --context and --kubeconfig choose another cluster",
		},
		"Late": {
			reason: "How long it was waited for.",
			err:    asked("https://api", context.DeadlineExceeded),
			want:   "timed out after 3s, while the API server https://api was asked",
		},
		"Other": {
			reason: "Other servers are not the API server.",
			err:    asked("https://else", syscall.ECONNREFUSED),
			want:   `failed to get server groups: Get "https://else/api": connection refused`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &Session{server: "https://api", Timeout: 3 * time.Second}
			got := s.Explain(tc.err)
			if got.Error() != tc.want || !errors.Is(got, tc.err) {
				t.Errorf("%s\ngot  %q\nwant %q", tc.reason, got, tc.want)
			}
		})
	}
	if err := new(Session).Explain(nil); err != nil {
		t.Errorf("nothing is explained as %v", err)
	}
}

// TestServerWithoutScheme checks that an API server is known whose address leaves out what clients add, as kubeconfigs may.
func TestServerWithoutScheme(t *testing.T) {
	s := connected(t, "--server=127.0.0.1:1")
	_, err := s.Reach(t.Context())
	if got := s.Explain(err); err == nil || !strings.Contains(got.Error(), "cannot reach the API server http://127.0.0.1:1: ") {
		t.Errorf("got %v", got)
	}
}

// TestReachEnds checks that nobody waits for an API server after the end of the operation.
func TestReachEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	if _, err := connected(t, "--server="+server.URL).Reach(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// connected returns a session with these flags and no kubeconfig.
func connected(t *testing.T, args ...string) *Session {
	t.Helper()
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	s := New(terminal.Terminal{}, nil)
	flags := pflag.NewFlagSet("weir", pflag.ContinueOnError)
	s.Bind(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNotConfigured checks that nobody is sent to an address that no file names.
func TestNotConfigured(t *testing.T) {
	none := t.TempDir() + "/none"
	t.Setenv("KUBECONFIG", none)
	for _, variable := range []string{"KUBERNETES_MASTER", "KUBERNETES_SERVICE_HOST"} { // of the machine
		t.Setenv(variable, "")
	}
	s := New(terminal.Terminal{}, nil)
	flags := pflag.NewFlagSet("weir", pflag.ContinueOnError)
	s.Bind(flags)
	if _, err := s.Config(); err == nil || !strings.Contains(err.Error(), "no cluster is configured") || !strings.Contains(err.Error(), none) {
		t.Errorf("got %v", err)
	}
	if err := flags.Parse([]string{"--server=https://example.com", "--timeout=2s"}); err != nil {
		t.Fatal(err)
	}
	config, err := s.Config()
	if err != nil || config.Timeout != 2*time.Second || config.QPS != defaultQPS {
		t.Errorf("got %v, error %v", config, err)
	}
}
