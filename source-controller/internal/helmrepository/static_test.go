// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"context"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// patches is a client that keeps what it is told to write.
type patches struct {
	client.Client
	sent []string
}

func (p *patches) keep(o client.Object, patch client.Patch) error {
	data, err := patch.Data(o)
	p.sent = append(p.sent, string(data))
	return err
}

func (p *patches) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.PatchOption) error {
	return p.keep(o, patch)
}

func (p *patches) Status() client.SubResourceWriter { return statusPatches{to: p} }

type statusPatches struct {
	client.SubResourceWriter
	to *patches
}

func (s statusPatches) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.to.keep(o, patch)
}

// What an object of the type oci loses is what it had when it was read. If the cache was behind, the server refuses, and it is read again: a status
// that was only cleared of what was known would stay for ever.
func TestStaticRefusedWhenStale(t *testing.T) {
	s, err := store.Open(store.Options{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &patches{}
	r := &Reconciler{Base: publish.Base{Dependencies: reconcile.Dependencies{Client: c}, Store: s}}
	o := &sourcev1.HelmRepository{}
	o.Namespace, o.Name, o.ResourceVersion, o.Finalizers = "ns", "charts", "7", []string{sourcev1.Finalizer}
	o.Status.Artifact = &meta.Artifact{Revision: "r"}
	if err := r.static(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(c.sent) != 2 || !strings.Contains(c.sent[0], `"status"`) || !strings.Contains(c.sent[1], `"finalizers"`) {
		t.Fatalf("sent %v", c.sent)
	}
	for _, patch := range c.sent {
		if !strings.Contains(patch, `"resourceVersion":"7"`) {
			t.Errorf("written whatever the server has by now: %s", patch)
		}
	}
}
