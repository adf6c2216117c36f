// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// parentEnv makes the test binary a parent that is killed.
const parentEnv = "WEIR_TEST_PARENT"

func TestMain(m *testing.M) {
	Main()
	if os.Getenv(parentEnv) != "" {
		renderForEver(os.Getenv(parentEnv))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// forEver is a bound that no test hits unless something is wrong: how long anything takes on the machine of a test is not known.
const forEver = time.Hour

// testMemory is what children get, in bytes.
const testMemory = 512 << 20

// subject is whose templates the tests run.
func subject() Subject {
	return Subject{Owner: types.NamespacedName{Namespace: "team", Name: "app"}, UID: "0b2c", Chart: "app@1.0.0", Inputs: "a"}
}

func markOf(s Subject) mark {
	return mark{Namespace: s.Owner.Namespace, Name: s.Owner.Name, Chart: s.Chart}
}

// newKeeper returns a Keeper that suspects subject if an earlier process has left a mark.
func newKeeper(tb testing.TB, dir string, log logr.Logger) *Keeper {
	tb.Helper()
	k, err := New(Options{Dir: dir, Memory: testMemory, Log: log})
	if err != nil {
		tb.Fatal(err)
	}
	k.longest, k.cpu, k.answers, k.patience = forEver, forEver, forEver, forEver
	tb.Cleanup(func() { _ = k.Close() })
	return k
}

// suspecting returns a Keeper that suspects subject.
func suspecting(tb testing.TB) *Keeper {
	tb.Helper()
	dir := tb.TempDir()
	newKeeper(tb, dir, logr.Discard()).put(subject().UID, markOf(subject()))
	return newKeeper(tb, dir, logr.Discard())
}

// guarded renders as an action does.
func guarded(ctx context.Context, k *Keeper, j Job, l Lookups, b Bounds) (files map[string]string, err error) {
	err = k.Guard(ctx, subject(), b.Slot, func(ctx context.Context) error {
		rendered, err := k.Render(ctx, subject(), j, l, b)
		files = rendered
		return err
	})
	return files, err
}

// job renders templates, by name.
func job(templates map[string]string) Job {
	c := &chart.Chart{Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "app", Version: "1.0.0"}, Values: map[string]any{}}
	for name, content := range templates {
		c.Templates = append(c.Templates, &chart.File{Name: "templates/" + name, Data: []byte(content)})
	}
	return Job{
		Chart: c, Values: map[string]any{}, Capabilities: chartutil.DefaultCapabilities,
		Release: chartutil.ReleaseOptions{Name: "rel", Namespace: "ns", Revision: 3, IsUpgrade: true},
	}
}

// endless never ends, and needs next to no memory.
const endless = "{{ range until 10000 }}{{ range until 10000 }}{{ range until 10000 }}{{ range until 10000 }}{{ end }}{{ end }}{{ end }}{{ end }}"

// provider is a cluster with some objects.
type provider struct {
	objects []unstructured.Unstructured
	asked   func()
}

func (p provider) lookups() Lookups { return Lookups{Provider: p} }

// GetClientFor implements engine.ClientProvider.
func (p provider) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	if p.asked != nil {
		p.asked()
	}
	switch kind {
	case "Node", "Secret", "ConfigMap":
		return objects{of: p, kind: kind}, kind != "Node", nil
	case "Gone":
		return nil, false, apierrors.NewNotFound(schema.GroupResource{Group: apiVersion, Resource: kind}, "kind")
	}
	return nil, false, fmt.Errorf("unable to get apiresource from unstructured: %s %s", apiVersion, kind)
}

type objects struct {
	dynamic.NamespaceableResourceInterface

	of              provider
	kind, namespace string
}

// Namespace implements dynamic.NamespaceableResourceInterface.
func (o objects) Namespace(namespace string) dynamic.ResourceInterface {
	o.namespace = namespace
	return o
}

func (o objects) mine() []unstructured.Unstructured {
	return slices.DeleteFunc(slices.Clone(o.of.objects), func(u unstructured.Unstructured) bool {
		return u.GetKind() != o.kind || o.namespace != "" && u.GetNamespace() != o.namespace
	})
}

// Get implements dynamic.ResourceInterface.
func (o objects) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*unstructured.Unstructured, error) {
	for _, u := range o.mine() {
		if u.GetName() == name {
			return u.DeepCopy(), nil
		}
	}
	if o.kind == "Secret" {
		return nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, name, errors.New("not you"))
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, name)
}

// List implements dynamic.ResourceInterface.
func (o objects) List(context.Context, metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	if o.kind == "Secret" {
		return nil, &apierrors.StatusError{ErrStatus: metav1.Status{Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: "no list for you"}}
	}
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"resourceVersion": "7"}}}
	list.Items = append(list.Items, o.mine()...)
	return list, nil
}

func node(name string, fields map[string]any) unstructured.Unstructured {
	u := unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": name}}}
	maps.Copy(u.Object, fields)
	return u
}
