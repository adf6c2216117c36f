// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	lru "github.com/hashicorp/golang-lru/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxIdentities bounds how many identities keep their clients. An identity costs some kilobytes, and building it again some microseconds and
// no request, so the bound is against leaks rather than for thrift.
const maxIdentities = 1024

// Clients reach one cluster as one identity. They are shared: change none of the fields.
type Clients struct {
	// Config is how the cluster is reached.
	Config *rest.Config
	// Dynamic reads and writes objects of any kind.
	Dynamic dynamic.Interface
	// Metadata reads and watches the metadata of objects of any kind.
	Metadata metadata.Interface
	// Mapper knows the kinds of the cluster. It looks them up with the identity of the process.
	Mapper meta.ResettableRESTMapper
	// Client reads and writes typed and unstructured objects, past any cache.
	Client client.Client
}

// Pool holds the clients of the cluster that the process runs in.
type Pool struct {
	config     *rest.Config
	scheme     *runtime.Scheme
	mapper     *mapper
	identities *lru.Cache[types.NamespacedName, *Clients]
}

// NewPool returns a pool for the cluster and the limits of config, for instance those of the manager. It sends no request.
func NewPool(config *rest.Config, scheme *runtime.Scheme) (*Pool, error) {
	if config == nil || scheme == nil {
		return nil, errors.New("pool needs a client configuration and a scheme")
	}
	shared := rest.CopyConfig(config)
	if shared.QPS > 0 && shared.RateLimiter == nil {
		// Without it every client built from the configuration would have the whole allowance for itself.
		shared.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(shared.QPS, max(shared.Burst, 1))
	}
	shared.WarningHandlerWithContext = warnings{}
	kinds, err := newMapper(shared)
	if err != nil {
		return nil, err
	}
	identities, err := lru.New[types.NamespacedName, *Clients](maxIdentities)
	if err != nil {
		return nil, fmt.Errorf("create cache: %w", err)
	}
	return &Pool{config: shared, scheme: scheme, mapper: kinds, identities: identities}, nil
}

// Local returns clients that act as the service account, or as the process itself when it is empty. Whether the account exists and what it
// may do shows with the first request. It sends no request.
// Flux: contract kustomize-controller, "Which identity does what": user system:serviceaccount:<namespace>:<name>, no groups.
func (p *Pool) Local(_ context.Context, serviceAccount types.NamespacedName) (*Clients, error) {
	if (serviceAccount.Name == "") != (serviceAccount.Namespace == "") {
		return nil, fmt.Errorf("service account %q: needs namespace and name", serviceAccount)
	}
	if clients, ok := p.identities.Get(serviceAccount); ok {
		return clients, nil
	}
	cfg := rest.CopyConfig(p.config)
	if serviceAccount.Name != "" {
		cfg.Impersonate = rest.ImpersonationConfig{UserName: userName(serviceAccount)}
	}
	clients, err := p.build(cfg)
	if err != nil {
		return nil, fmt.Errorf("create clients for service account %q: %w", serviceAccount, err)
	}
	// Of two that were built at once the first stays, so that everybody shares one.
	if earlier, ok, _ := p.identities.PeekOrAdd(serviceAccount, clients); ok {
		return earlier, nil
	}
	return clients, nil
}

func userName(serviceAccount types.NamespacedName) string {
	return "system:serviceaccount:" + serviceAccount.Namespace + ":" + serviceAccount.Name
}

func (p *Pool) build(cfg *rest.Config) (*Clients, error) {
	http, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("http client: %w", err)
	}
	c := &Clients{Config: cfg, Mapper: p.mapper}
	if c.Dynamic, err = dynamic.NewForConfigAndClient(cfg, http); err != nil {
		return nil, fmt.Errorf("dynamic client: %w", err)
	}
	if c.Metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(cfg), http); err != nil {
		return nil, fmt.Errorf("metadata client: %w", err)
	}
	if c.Client, err = client.New(cfg, client.Options{HTTPClient: http, Scheme: p.scheme, Mapper: p.mapper}); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return c, nil
}

// warnings logs what the API server warns of, such as deprecated kinds and unknown fields, with the logger of the request and for those who
// look closely: client-go's own handler would write a line for every object at every apply.
type warnings struct{}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	const miscellaneous = 299 // the only code that the API server uses
	if code == miscellaneous && text != "" {
		logr.FromContextOrDiscard(ctx).V(1).Info("API server warns", "warning", text)
	}
}
