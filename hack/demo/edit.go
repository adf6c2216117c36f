// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/hack/local/install"
)

// editTimeout is how long an edit may stand before edit gives up waiting; it is put back in well under a second.
const editTimeout = time.Minute

// edit scales a Deployment as a person would, and prints when it is put back.
func edit(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("weir-demo edit", flag.ContinueOnError)
	kubeconfig := fs.String("kubeconfig", filepath.Join(".cache", "demo", "kubeconfig"), "how to reach the cluster of the demo")
	if err := fs.Parse(args); err != nil {
		return err
	}
	object, amount, ok := strings.Cut(strings.Join(fs.Args(), " "), " ")
	namespace, name, slash := strings.Cut(object, "/")
	replicas, err := strconv.ParseInt(amount, 10, 32)
	if !ok || !slash || err != nil {
		return errors.New("usage: weir-demo edit [--kubeconfig FILE] NAMESPACE/DEPLOYMENT REPLICAS")
	}
	c, err := connect(*kubeconfig)
	if err != nil {
		return fmt.Errorf("is the demo running? %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, editTimeout, fmt.Errorf("nobody put it back within %s", editTimeout))
	defer cancel()

	var deployment appsv1.Deployment
	if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &deployment); err != nil {
		return fmt.Errorf("is the demo running? %w", err)
	}
	was := *deployment.Spec.Replicas // never nil, the API server fills in 1
	patch := client.MergeFrom(deployment.DeepCopy())
	deployment.Spec.Replicas = new(int32(replicas))
	if err := c.Patch(ctx, &deployment, patch, client.FieldOwner("somebody")); err != nil {
		return err
	}
	began := time.Now()
	fmt.Printf("%s has %d replicas, edited by hand to %d\n", object, was, replicas)
	if err := restored(ctx, c, &deployment, was); err != nil {
		return err
	}
	fmt.Printf("%s has %d replicas again, put back after %.2fs\n", object, was, time.Since(began).Seconds())
	return nil
}

// restored returns once the Deployment has so many replicas, counting from the state it is given in.
func restored(ctx context.Context, c client.WithWatch, from *appsv1.Deployment, replicas int32) error {
	events, err := c.Watch(ctx, new(appsv1.DeploymentList), &client.ListOptions{
		Namespace:     from.Namespace,
		FieldSelector: fields.OneTermEqualSelector("metadata.name", from.Name),
		Raw:           &metav1.ListOptions{ResourceVersion: from.ResourceVersion},
	})
	if err != nil {
		return err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		if now, ok := event.Object.(*appsv1.Deployment); ok && now.Spec.Replicas != nil && *now.Spec.Replicas == replicas {
			return nil
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return errors.New("the API server ended the watch")
}

func connect(kubeconfig string) (client.WithWatch, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := install.Scheme(scheme); err != nil {
		return nil, err
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme})
}
