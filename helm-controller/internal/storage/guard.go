// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"fmt"
	"runtime/debug"

	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
)

// guardedDriver is a driver as Helm gets to see it, which calls it in goroutines of its own: a panic there, which nobody recovers, would end the
// process. It is an error of the call.
type guardedDriver struct{ helmDriver }

var _ driver.Driver = &guardedDriver{}

// recovered makes an error of a panic; it is to be deferred.
func (d *guardedDriver) recovered(what string, err *error) {
	if v := recover(); v != nil {
		d.session.ledger.options.Logger.Error(nil, "panic in storage", "call", what, "release", d.session.target.Release, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		*err = fmt.Errorf("panic in storage, %s: %v", what, v)
	}
}

// Get implements driver.Driver.
func (d *guardedDriver) Get(key string) (rls *helmrelease.Release, err error) {
	defer d.recovered("get", &err)
	return d.helmDriver.Get(key)
}

// List implements driver.Driver.
func (d *guardedDriver) List(filter func(*helmrelease.Release) bool) (found []*helmrelease.Release, err error) {
	defer d.recovered("list", &err)
	return d.helmDriver.List(filter)
}

// Query implements driver.Driver.
func (d *guardedDriver) Query(wanted map[string]string) (found []*helmrelease.Release, err error) {
	defer d.recovered("query", &err)
	return d.helmDriver.Query(wanted)
}

// Create implements driver.Driver.
func (d *guardedDriver) Create(key string, rls *helmrelease.Release) (err error) {
	defer d.recovered("create", &err)
	return d.helmDriver.Create(key, rls)
}

// Update implements driver.Driver.
func (d *guardedDriver) Update(key string, rls *helmrelease.Release) (err error) {
	defer d.recovered("update", &err)
	return d.helmDriver.Update(key, rls)
}

// Delete implements driver.Driver.
func (d *guardedDriver) Delete(key string) (rls *helmrelease.Release, err error) {
	defer d.recovered("delete", &err)
	return d.helmDriver.Delete(key)
}
