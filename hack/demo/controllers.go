// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/weir-gitops/weir/hack/local/controllers"
)

// startControllers runs notification-controller first, so that no event of the others waits for it, and then the others at once.
func (d *demo) startControllers(ctx context.Context) (said string, err error) {
	names := controllers.Names()
	notification, err := d.startController(ctx, names[0], "")
	if notification != nil {
		d.controllers = append(d.controllers, notification)
	}
	if err != nil {
		return "", err
	}
	d.webhooks = notification.WebhookURL
	others := names[1:]
	started, errs := make([]*controllers.Controller, len(others)), make([]error, len(others))
	var wg sync.WaitGroup
	for i, name := range others {
		wg.Go(func() { started[i], errs[i] = d.startController(ctx, name, notification.EventsURL) })
	}
	wg.Wait()
	for i := range others {
		if started[i] != nil {
			d.controllers = append(d.controllers, started[i])
		}
		if errs[i] != nil && err == nil {
			err = errs[i]
		}
	}
	return fmt.Sprintf("all %d; their logs are in %s", len(names), d.short("logs")), err
}

func (d *demo) startController(ctx context.Context, name, events string) (*controllers.Controller, error) {
	identity, err := d.manifest.Identity(name)
	if err != nil {
		return nil, err
	}
	kubeconfig, err := d.cluster.Identity(ctx, identity.Namespace, identity.ServiceAccount)
	if err != nil {
		return nil, err
	}
	return controllers.Start(ctx, controllers.Options{
		Identity: identity, Program: d.options.bin(name), Kubeconfig: kubeconfig, Events: events,
		Dir: filepath.Join(d.options.data, name), Log: filepath.Join(d.options.data, "logs", name+".log"),
	})
}

// ended gives the error of each controller that ends; stop ends them all, and with them those who wait here.
func (d *demo) ended() <-chan error {
	errs := make(chan error, len(d.controllers))
	for _, c := range d.controllers {
		go func() {
			<-c.Done()
			errs <- c.Err()
		}()
	}
	return errs
}
