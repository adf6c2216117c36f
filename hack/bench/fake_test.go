// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// fake stands in for both controllers in the test of the bench itself. It does
// the least that the public API promises: artifacts with a revision, objects
// applied, status written. It watches no health and undoes no edits.
type fake struct {
	client  dynamic.Interface
	storage string // address, of the source side only
	dir     string // for mirrors
}

func sourceKind() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}
}

func kustomizeKind() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
}

// runFake is the main function of the stand-in, with the flags of a controller.
func runFake(args []string) error {
	flags := pflag.NewFlagSet("fake", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	metrics, health := flags.String("metrics-addr", "", ""), flags.String("health-addr", "", "")
	storage := flags.String("storage-addr", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for _, addr := range []string{*metrics, *health, *storage} {
		if addr != "" {
			go func() { log.Fatal(http.ListenAndServe(addr, ok)) }()
		}
	}
	f := fake{client: client, storage: *storage, dir: os.Getenv("TMPDIR")}
	sources := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	work := make(chan struct{}, 1)
	wake := func(any) {
		select {
		case work <- struct{}{}:
		default:
		}
	}
	kinds := []schema.GroupVersionResource{sourceKind()}
	if *storage == "" {
		kinds = append(kinds, kustomizeKind())
	}
	for _, kind := range kinds {
		_, err := sources.ForResource(kind).Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: wake, UpdateFunc: func(_, now any) { wake(now) },
		})
		if err != nil {
			return err
		}
	}
	sources.Start(ctx.Done())
	for {
		select {
		case <-work:
		case <-ctx.Done():
			return nil
		}
		if err := f.round(ctx, kinds[len(kinds)-1]); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// round looks at all objects of a kind once.
func (f fake) round(ctx context.Context, kind schema.GroupVersionResource) error {
	list, err := f.client.Resource(kind).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range list.Items {
		if kind == sourceKind() {
			errs = append(errs, f.fetch(ctx, &o))
		} else {
			errs = append(errs, f.apply(ctx, &o))
		}
	}
	return errors.Join(errs...)
}

func text(o *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, path...)
	return value
}

// answered tells whether the last request for an object was handled.
func answered(o *unstructured.Unstructured) bool {
	return o.GetAnnotations()["reconcile.fluxcd.io/requestedAt"] == text(o, "status", "lastHandledReconcileAt")
}

// fetch gives a GitRepository an artifact of the branch.
func (f fake) fetch(ctx context.Context, o *unstructured.Unstructured) error {
	if text(o, "status", "artifact", "revision") != "" && answered(o) {
		return nil
	}
	branch := text(o, "spec", "ref", "branch")
	out, err := git(ctx, f.dir, "ls-remote", text(o, "spec", "url"), "refs/heads/"+branch)
	if err != nil {
		return err
	}
	commit, _, _ := strings.Cut(out, "\t")
	return f.report(ctx, sourceKind(), o, map[string]any{"artifact": map[string]any{
		"revision": branch + "@sha1:" + commit, "digest": "sha256:" + commit, "path": "none", "url": "http://" + f.storage + "/none",
		"lastUpdateTime": time.Now().UTC().Format(time.RFC3339),
	}})
}

// apply writes the objects of a Kustomization's path when the artifact is new.
func (f fake) apply(ctx context.Context, o *unstructured.Unstructured) error {
	source, err := f.client.Resource(sourceKind()).Namespace(o.GetNamespace()).Get(ctx, text(o, "spec", "sourceRef", "name"), metav1.GetOptions{})
	if err != nil {
		return err
	}
	revision := text(source, "status", "artifact", "revision")
	if revision == "" || revision == text(o, "status", "lastAppliedRevision") && answered(o) {
		return nil
	}
	_, commit, _ := strings.Cut(revision, "@sha1:")
	mirror := filepath.Join(f.dir, commit)
	if _, err := os.Stat(mirror); err != nil {
		if _, err := git(ctx, f.dir, "clone", "--quiet", text(source, "spec", "url"), mirror); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(mirror, text(o, "spec", "path"), "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for doc := range bytes.SplitSeq(data, []byte("---\n")) {
			if err := f.write(ctx, doc); err != nil {
				return err
			}
		}
	}
	return f.report(ctx, kustomizeKind(), o, map[string]any{"lastAppliedRevision": revision, "lastAttemptedRevision": revision})
}

// write applies one object.
func (f fake) write(ctx context.Context, doc []byte) error {
	kinds := map[string]schema.GroupVersionResource{
		"ConfigMap":  {Version: "v1", Resource: "configmaps"},
		"Deployment": {Group: "apps", Version: "v1", Resource: "deployments"},
	}
	var o unstructured.Unstructured
	if err := yaml.Unmarshal(doc, &o.Object); err != nil {
		return err
	}
	kind, known := kinds[o.GetKind()]
	if !known {
		return nil
	}
	_, err := f.client.Resource(kind).Namespace(o.GetNamespace()).Apply(ctx, o.GetName(), &o, metav1.ApplyOptions{FieldManager: "fake", Force: true})
	return err
}

// report writes status: ready, and what else there is to say.
func (f fake) report(ctx context.Context, kind schema.GroupVersionResource, o *unstructured.Unstructured, status map[string]any) error {
	status["observedGeneration"] = o.GetGeneration()
	status["conditions"] = []any{map[string]any{
		"type": "Ready", "status": "True", "reason": "Succeeded", "message": "done by the stand-in",
		"lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
	}}
	if token := o.GetAnnotations()["reconcile.fluxcd.io/requestedAt"]; token != "" {
		status["lastHandledReconcileAt"] = token
	}
	o.Object["status"] = status
	_, err := f.client.Resource(kind).Namespace(o.GetNamespace()).UpdateStatus(ctx, o, metav1.UpdateOptions{})
	return err
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args, err)
	}
	return string(out), nil
}
