// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// toolkitGroups is how the API groups of the toolkit end.
const toolkitGroups = ".toolkit.fluxcd.io"

// masterVariable is the API server that client libraries take when nothing else names one.
const masterVariable = "KUBERNETES_MASTER"

// Explain returns an error that says what a person can do, for those that libraries word for programmers: no answer of the API server, credentials
// that it does not know, kinds that are not installed.
func (s *Session) Explain(err error) error {
	if err == nil {
		return nil
	}
	if group := missing(err); strings.HasSuffix(group, toolkitGroups) {
		return &explained{fmt.Sprintf("the kinds of %s are not installed in this cluster; weir install does that", group), err}
	}
	if apierrors.IsUnauthorized(err) {
		return &explained{fmt.Sprintf("the API server %s does not accept these credentials: log in again, or choose others with --context or --kubeconfig", s.server), err}
	}
	answer, ok := errors.AsType[*url.Error](err)
	if !ok || s.server == "" || !strings.HasPrefix(answer.URL, s.server) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &explained{fmt.Sprintf("timed out after %s, while the API server %s was asked", s.Timeout, s.server), err}
	}
	return &explained{fmt.Sprintf("cannot reach the API server %s: %v; --context and --kubeconfig choose another cluster", s.server, answer.Err), err}
}

// missing is the API group that err says is not served; empty if it says something else.
func missing(err error) string {
	if kind, ok := errors.AsType[*meta.NoKindMatchError](err); ok {
		return kind.GroupKind.Group
	}
	if resource, ok := errors.AsType[*meta.NoResourceMatchError](err); ok {
		return resource.PartialResource.Group
	}
	return ""
}

// Failed says what went wrong, as Explain words it.
func (s *Session) Failed(err error) { s.Failure("%v", s.Explain(err)) }

// explained is an error in words of ours.
type explained struct {
	text  string
	cause error
}

// Error implements error.
func (e *explained) Error() string { return e.text }

// Unwrap returns what the library said.
func (e *explained) Unwrap() error { return e.cause }

// configured refuses the address that client libraries make up when nothing names a cluster.
func (s *Session) configured(config *rest.Config) error {
	if *s.connection.APIServer != "" || os.Getenv(masterVariable) != "" || config.Host != clientcmd.ClusterDefaults.Server {
		return nil
	}
	loader := s.connection.ToRawKubeConfigLoader()
	raw, err := loader.RawConfig()
	if err != nil || len(raw.Clusters) > 0 {
		return err
	}
	files := strings.Join(loader.ConfigAccess().GetLoadingPrecedence(), ", ")
	return fmt.Errorf("no cluster is configured: there is none in %s; --kubeconfig or KUBECONFIG names another file", files)
}
