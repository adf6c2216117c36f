// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/testkit"
)

// kubeconfig writes what leads a process to the API server of the suite.
func kubeconfig(t *testing.T, config *rest.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	c := clientcmdapi.NewConfig()
	c.Clusters["c"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	c.AuthInfos["u"] = &clientcmdapi.AuthInfo{ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken}
	c.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	c.CurrentContext = "x"
	if err := clientcmd.WriteToFile(*c, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// victim runs the controller as a process of its own and returns it when it serves; stop kills it.
func (f *fixture) victim(config, outbox string) endpoints {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), os.Args[0])
	args := append(flags(outbox), "--metrics-addr=0", "--health-addr=0", "--watch-all-namespaces=false")
	cmd.Env = append(os.Environ(), victimEnv+"="+strings.Join(args, " "), "KUBECONFIG="+config, "RUNTIME_NAMESPACE="+f.namespace)
	e := endpoints{log: &testkit.Buffer{}}
	cmd.Stderr = e.log
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	e.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // with the signal as error
	})
	f.t.Cleanup(e.stop)
	f.eventually("the endpoints are served", e.up)
	return e
}

// TestKill kills the controller while it delivers: every event that was answered with 202 arrives, in the order of its object, and what was
// delivered before does not come again but for what was under way.
func TestKill(t *testing.T) {
	const events, objects = 10, 5
	f := newIdleFixture(t)
	config, outbox := kubeconfig(t, f.cluster.Config), t.TempDir()
	var requests, stuck atomic.Int64
	service := newTarget(t, func(_ http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 2*events && stuck.Load() >= 0 { // some are delivered, then the service hangs
			stuck.Add(1)
			<-r.Context().Done()
		}
	})
	f.endpoints = f.victim(config, outbox)
	f.alert("web", service.URL, func(a *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
		a.Spec.EventSources[0].Name = "*"
		p.Spec.Timeout = timeout(time.Minute)
	})
	for i := range events {
		for object := range objects {
			f.accept(f.newEvent(fmt.Sprint("object-", object), fmt.Sprintf("message %02d", i)))
		}
	}
	f.eventually("deliveries are under way", func() bool { return stuck.Load() > 0 })
	f.stop()
	stuck.Store(-1)
	f.endpoints = f.victim(config, outbox)
	for object := range objects {
		last := ""
		f.eventually("everything arrives", func() bool {
			return len(messages(service, object)) == events
		})
		for _, message := range messages(service, object) {
			if message < last {
				t.Errorf("object %d: %s after %s", object, message, last)
			}
			last = message
		}
	}
	// Those that hung when the process was killed are made again, and so may be one more of each lane whose note was not written.
	if all := len(service.got()); all > events*objects+2*objects {
		t.Errorf("%d requests for %d events", all, events*objects)
	}
}

// messages lists the messages about an object in the order of their first arrival.
func messages(s *target, object int) []string {
	var list []string
	seen := make(map[string]bool)
	for _, body := range s.got() {
		_, rest, found := strings.Cut(body, fmt.Sprintf(`"name":"object-%d"`, object))
		_, rest, _ = strings.Cut(rest, `"message":"`)
		message, _, _ := strings.Cut(rest, `"`)
		if found && !seen[message] {
			seen[message] = true
			list = append(list, message)
		}
	}
	return list
}
