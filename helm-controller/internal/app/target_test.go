// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/fluxcd/pkg/runtime/conditions"
	"k8s.io/client-go/rest"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestTargetChange(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	f.create("app", nil)
	f.awaitRevision("app", 1)
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.ReleaseName = "other" })
	f.await("app", "the other release is installed", func(hr *helmv2.HelmRelease) bool {
		return conditions.IsReady(hr) && hr.Status.History.Latest() != nil && hr.Status.History.Latest().Name == "other"
	})
	f.checkRevisions("app")
	f.checkRevisions("other", "1 deployed")
	if f.configMap("app-config") != nil || f.configMap("other-config") == nil {
		t.Error("the old release has to be gone and the new one to be there")
	}
	// Another chart is installed anew, too, unless it is to be updated in place.
	f.show("demo", f.artifacts.AddBytes(renamedChart().Package(t), "1.0.0"))
	f.await("app", "the other chart is installed", func(hr *helmv2.HelmRelease) bool {
		return conditions.IsReady(hr) && hr.Status.History.Latest() != nil && hr.Status.History.Latest().ChartName == "renamed"
	})
	f.checkRevisions("other", "1 deployed")
	f.change(updateInPlace)
	f.publish(chart("1.0.0", nil))
	f.awaitRevision("app", 2)
	f.checkRevisions("other", "1 superseded", "2 deployed")
}

func renamedChart() testkit.Chart {
	c := chart("1.0.0", nil)
	c.Name = "renamed"
	return c
}

func updateInPlace(hr *helmv2.HelmRelease) {
	hr.Spec.Upgrade = &helmv2.Upgrade{ChartNameChangeStrategy: helmv2.ChartNameChangeInPlaceUpdate}
}

// laggard holds back what watches of HelmReleases tell, as a busy API server or network would.
type laggard struct {
	mu   sync.Mutex
	held chan struct{} // closed when news may pass, nil while they do anyway
	read chan struct{} // told of reads of a HelmRelease past the cache
}

// hold holds the news back until the returned function is called.
func (l *laggard) hold() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = make(chan struct{})
	return sync.OnceFunc(func() { close(l.held) })
}

// pass waits while news are held back.
func (l *laggard) pass() {
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	if held != nil {
		<-held
	}
}

func (l *laggard) wrap(config *rest.Config) *rest.Config {
	slow := rest.CopyConfig(config)
	slow.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(r)
			if err != nil || r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/helmreleases") {
				return answer, err
			}
			if r.URL.Query().Get("watch") != "" {
				answer.Body = &lateBody{ReadCloser: answer.Body, laggard: l}
			} else if strings.HasSuffix(r.URL.Path, "/helmreleases/app") {
				select {
				case l.read <- struct{}{}:
				default:
				}
			}
			return answer, nil
		})
	})
	return slow
}

// lateBody is the answer to a watch whose news come late.
type lateBody struct {
	io.ReadCloser

	laggard *laggard
}

func (b *lateBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.laggard.pass()
	return n, err
}

// TestTargetChangeBehind holds that nothing is uninstalled because of a spec that is outdated: that the chart has another name is known before the
// wish, which came first, to update it in place.
func TestTargetChangeBehind(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	l := &laggard{read: make(chan struct{}, 1)}
	f.config = l.wrap(f.config)
	f.start()
	f.publish(chart("1.0.0", nil))
	f.create("app", nil)
	f.awaitRevision("app", 1)
	uid := f.configMap("app-config").UID
	release := l.hold()
	t.Cleanup(release)
	f.change(updateInPlace)
	f.show("demo", f.artifacts.AddBytes(renamedChart().Package(t), "1.0.0"))
	f.eventually("it makes sure of what is asked for", func() bool { return len(l.read) > 0 })
	release()
	f.awaitRevision("app", 2)
	f.checkRevisions("app", "1 superseded", "2 deployed")
	if f.configMap("app-config").UID != uid {
		t.Error("the release was uninstalled in between")
	}
}
