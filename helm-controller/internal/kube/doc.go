// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package kube is the Kubernetes client of Helm's actions.
//
// [Cluster] is what all releases share: what the cluster can do, and watches that feed waits and tell of drift. [Client] is one action
// at work: it implements the interfaces that Helm asks for (kube.Interface, InterfaceExt, InterfaceThreeWayMerge,
// InterfaceDeletionPropagation, InterfaceLogs) with
//
//   - server-side apply, with the field manager helm-controller, strict validation and force, in one request for each object, or a
//     client-side three-way merge, as the release asks;
//   - bounded concurrency within one kind;
//   - waits that are fed by watches, end with the run, and hand the place of their worker back while they last.
//
// Helm looks up every object that a release may have to adopt before it stores the release. Where adopting is allowed the answer makes
// no difference to this client, so that no such request is sent.
//
// Contract: helm-controller, sections 14 and 18.
package kube
