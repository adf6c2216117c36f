// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// objects lists everything that a selector matches, of every kind that the API server can list. Events and leases are left out: they change
// all the time.
func (m *machine) objects(ctx context.Context, selector client.ListOption) ([]metav1.PartialObjectMetadata, error) {
	lists, err := m.kinds.ServerPreferredResources()
	if err != nil {
		return nil, fmt.Errorf("list kinds: %w", err)
	}
	var kinds []schema.GroupVersionKind
	for _, list := range lists {
		for _, resource := range list.APIResources {
			if slices.Contains(resource.Verbs, "list") && resource.Kind != "Event" && resource.Kind != "Lease" {
				kinds = append(kinds, schema.FromAPIVersionAndKind(list.GroupVersion, resource.Kind))
			}
		}
	}
	// All at once, as the API server takes a second for the first request of each custom kind.
	found, errs := make([][]metav1.PartialObjectMetadata, len(kinds)), make([]error, len(kinds))
	var listing sync.WaitGroup
	for i, kind := range kinds {
		listing.Go(func() { found[i], errs[i] = m.list(ctx, kind, selector) })
	}
	listing.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}

// list lists the objects of one kind that a selector matches.
func (m *machine) list(ctx context.Context, kind schema.GroupVersionKind, selector client.ListOption) ([]metav1.PartialObjectMetadata, error) {
	var page metav1.PartialObjectMetadataList
	page.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := m.client.List(ctx, &page, selector); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("list %s: %w", kind.Kind, err)
	}
	for i := range page.Items {
		page.Items[i].SetGroupVersionKind(kind)
	}
	return page.Items, nil
}

func idOf(o *metav1.PartialObjectMetadata) id {
	gvk := o.GroupVersionKind()
	return id{group: gvk.Group, kind: gvk.Kind, namespace: o.Namespace, name: o.Name}
}

// managed is what is live: by owner the objects that carry its labels, and the value of each.
func (m *machine) managed(ctx context.Context) (fleet, error) {
	found, err := m.objects(ctx, client.MatchingLabels{kustomizev1.NamespaceLabel: system})
	if err != nil {
		return nil, err
	}
	f := fleet{}
	for i := range found {
		owner := found[i].Labels[kustomizev1.NameLabel]
		if f[owner] == nil {
			f[owner] = map[id]string{}
		}
		f[owner][idOf(&found[i])] = found[i].Annotations[valueKey]
		if found[i].DeletionTimestamp != nil {
			f[owner][idOf(&found[i])] = "being deleted"
		}
	}
	return f, nil
}

// versions are the resource versions of everything that a selector matches.
func (m *machine) versions(t *testing.T, selector client.ListOption) map[string]string {
	t.Helper()
	found, err := m.objects(t.Context(), selector)
	must(t, err)
	versions := map[string]string{}
	for i := range found {
		versions[idOf(&found[i]).String()] = found[i].ResourceVersion
	}
	return versions
}

// seen is nil when the source offers a revision.
func (m *machine) seen(ctx context.Context, revision string) error {
	var repository sourcev1.GitRepository
	if err := m.client.Get(ctx, client.ObjectKey{Namespace: system, Name: source}, &repository); err != nil {
		return err
	}
	artifact := repository.GetArtifact()
	if err := readyCondition(&repository); err != nil || artifact == nil || artifact.Revision != revision {
		return fmt.Errorf("%s is at %v, want %s (%w)", source, artifact, revision, err)
	}
	return nil
}

// ready is nil when the source and all Kustomizations are ready at a revision.
func (m *machine) ready(ctx context.Context, revision string) error {
	if err := m.seen(ctx, revision); err != nil {
		return err
	}
	var list kustomizev1.KustomizationList
	if err := m.client.List(ctx, &list, client.InNamespace(system)); err != nil {
		return err
	}
	var errs []error
	for i := range list.Items {
		k, want := &list.Items[i], revision
		if k.Spec.SourceRef.Kind == sourcev1.OCIRepositoryKind {
			var repository sourcev1.OCIRepository
			if err := m.client.Get(ctx, client.ObjectKey{Namespace: system, Name: k.Spec.SourceRef.Name}, &repository); err != nil {
				return err
			}
			if want = "its first artifact"; repository.GetArtifact() != nil {
				want = repository.GetArtifact().Revision
			}
			errs = append(errs, readyCondition(&repository))
		}
		if err := readyCondition(k); err != nil {
			errs = append(errs, err)
		} else if k.Status.LastAppliedRevision != want {
			errs = append(errs, fmt.Errorf("%s applied %s, want %s", k.Name, k.Status.LastAppliedRevision, want))
		}
	}
	return errors.Join(errs...)
}

// live is nil when exactly the objects of the fleet are live.
func (m *machine) live(ctx context.Context, want fleet) error {
	got, err := m.managed(ctx)
	if diff := cmp.Diff(want.flat(), got.flat()); err == nil && diff != "" {
		err = fmt.Errorf("live objects: -want +cluster\n%s", diff)
	}
	return err
}

// settled is nil when everything is as Git, charts and registry say.
func (l *loop) settled(t *testing.T) error {
	t.Helper()
	err := errors.Join(l.hooks.sent(), l.ready(t.Context(), l.head(t)), l.committed(t), l.tagged(t.Context()))
	if err == nil { // the rest costs more requests
		err = errors.Join(l.live(t.Context(), l.fleet), l.released(t.Context()), l.contents(t.Context()))
	}
	return err
}

// committed is nil when the newest tag of the image is in Git.
func (l *loop) committed(t *testing.T) error {
	t.Helper()
	for _, object := range imageObjects() {
		content, err := l.repository.Read(t.Context(), images+"/"+object.file())
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%s: 1.0.%d ", valueKey, l.images); !strings.Contains(string(content), want) {
			return fmt.Errorf("no commit of %q yet (%w):\n%s", want, l.imagesReady(t.Context()), content)
		}
	}
	return nil
}

// imagesReady is nil when all objects of image automation are ready.
func (l *loop) imagesReady(ctx context.Context) error {
	var errs []error
	for _, object := range []conditioned{&imagev1.ImageRepository{}, &imagev1.ImagePolicy{}, &imagev1.ImageUpdateAutomation{}} {
		if err := l.client.Get(ctx, client.ObjectKey{Namespace: system, Name: image}, object); err != nil {
			return err
		}
		if err := readyCondition(object); err != nil {
			errs = append(errs, fmt.Errorf("%T %w", object, err))
		}
	}
	return errors.Join(errs...)
}

// tagged is nil when the newest tag of the artifact is in the cluster.
func (l *loop) tagged(ctx context.Context) error {
	var repository sourcev1.OCIRepository
	if err := l.client.Get(ctx, client.ObjectKey{Namespace: system, Name: artifacts}, &repository); err != nil {
		return err
	}
	artifact, want := repository.GetArtifact(), fmt.Sprintf("1.0.%d@", l.artifacts)
	if artifact == nil || !strings.HasPrefix(artifact.Revision, want) {
		return fmt.Errorf("%s is at %v, want %s", artifacts, artifact, want)
	}
	return nil
}

// contents is nil when every ConfigMap holds the value that its annotation names.
func (l *loop) contents(ctx context.Context) error {
	var list corev1.ConfigMapList
	if err := l.client.List(ctx, &list); err != nil {
		return err
	}
	var errs []error
	for i := range list.Items {
		if want, ours := list.Items[i].Annotations[valueKey]; ours && list.Items[i].Data["value"] != want {
			errs = append(errs, fmt.Errorf("%s holds %v, want %s", list.Items[i].Name, list.Items[i].Data, want))
		}
	}
	return errors.Join(errs...)
}

// conditioned is an object that says how it is.
type conditioned interface {
	client.Object
	GetConditions() []metav1.Condition
}

// readyCondition is nil when the object is ready in its present generation.
func readyCondition(object conditioned) error {
	c := apimeta.FindStatusCondition(object.GetConditions(), meta.ReadyCondition)
	switch {
	case c == nil:
		return fmt.Errorf("%s has no Ready condition", object.GetName())
	case c.Status != metav1.ConditionTrue:
		return fmt.Errorf("%s is %s: %s", object.GetName(), c.Reason, c.Message)
	case c.ObservedGeneration != object.GetGeneration():
		return fmt.Errorf("%s is ready in generation %d, not yet in %d", object.GetName(), c.ObservedGeneration, object.GetGeneration())
	}
	return nil
}

// expectLive sees that exactly the objects of the fleet are live, and that every inventory says the same.
func (m *machine) expectLive(t *testing.T, want fleet) {
	t.Helper()
	got, err := m.managed(t.Context())
	must(t, err)
	if diff := cmp.Diff(want.flat(), got.flat()); diff != "" {
		t.Errorf("live objects differ from the repository: -repository +cluster\n%s", diff)
	}
	var list kustomizev1.KustomizationList
	must(t, m.client.List(t.Context(), &list, client.InNamespace(system)))
	inventories := map[string][]string{}
	wanted := map[string][]string{}
	for _, k := range list.Items {
		inventories[k.Name], wanted[k.Name] = []string{}, []string{}
		if k.Status.Inventory != nil {
			for _, entry := range k.Status.Inventory.Entries {
				inventories[k.Name] = append(inventories[k.Name], entry.ID)
			}
		}
		for _, object := range want.ids(k.Name) {
			wanted[k.Name] = append(wanted[k.Name], object.String())
		}
		slices.Sort(inventories[k.Name])
		slices.Sort(wanted[k.Name])
	}
	if diff := cmp.Diff(wanted, inventories); diff != "" {
		t.Errorf("inventories differ from the repository: -repository +inventory\n%s", diff)
	}
}

// flat is a fleet by "owner object", to compare.
func (f fleet) flat() map[string]string {
	all := map[string]string{}
	for app, objects := range f {
		for object, value := range objects {
			all[app+" "+object.String()] = value
		}
	}
	return all
}

// expectArtifact downloads what the source offers and compares it with its digest.
func (m *machine) expectArtifact(t *testing.T) {
	t.Helper()
	var repository sourcev1.GitRepository
	must(t, m.client.Get(t.Context(), client.ObjectKey{Namespace: system, Name: source}, &repository))
	artifact := repository.GetArtifact()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, artifact.URL, http.NoBody)
	must(t, err)
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, response.Body)
	must(t, err)
	got := fmt.Sprintf("sha256:%x", hash.Sum(nil))
	if response.StatusCode != http.StatusOK || got != artifact.Digest || artifact.Size == nil || *artifact.Size != size {
		t.Errorf("%s: %s, %d bytes, %s; the source says %+v", artifact.URL, response.Status, size, got, artifact)
	}
}

// scrape returns the lines of a controller's metrics that start with a text.
func scrape(ctx context.Context, address, start string) ([]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	var lines []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, start) {
			lines = append(lines, line)
		}
	}
	return lines, err
}
