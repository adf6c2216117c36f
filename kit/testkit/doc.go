// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package testkit holds the servers that tests run against, all real and in this process or started by it: an API server (envtest), a Git
// server over HTTP, HTTPS and SSH, an artifact server, and a sink for events. Everything is stopped by the test that asked for it. Kind reads and
// changes objects as a person would, Eventually waits for what a controller does; the package process below runs controllers.
//
// Tests that need an API server are skipped unless KUBEBUILDER_ASSETS names a folder with etcd and kube-apiserver.
package testkit
