// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"fmt"
	"net/url"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// events lists what a run has to tell.
func events(before *sourcev1.HelmRepository, s *scope, r reconcile.Result) []kitevents.Event {
	return publish.Events(before, s.files, r, publish.News{Stored: func(reason string) kitevents.Event {
		return kitevents.Event{Reason: reason, Message: storedMessage(s)}
	}})
}

func storedMessage(s *scope) string {
	return fmt.Sprintf("stored fetched index of size %s from '%s'", humanSize(s.note.Size), publicURL(s.obj.Spec.URL))
}

// publicURL is a URL without user information and query.
func publicURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	public := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return public.String()
}

// humanSize is a size in decimal units with four digits, such as 30.88kB.
func humanSize(bytes int64) string {
	size, unit := float64(bytes), 0
	units := []string{"B", "kB", "MB", "GB", "TB"}
	for size >= 1000 && unit < len(units)-1 {
		size /= 1000
		unit++
	}
	return fmt.Sprintf("%.4g%s", size, units[unit])
}
