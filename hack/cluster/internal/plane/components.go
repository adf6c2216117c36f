// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"fmt"
	"strings"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/role"
)

// kwokName is the component that plays the kubelets.
const kwokName = "kwok"

// Addresses inside the cluster. Nothing routes them; they must only differ from each other.
const (
	serviceCIDR = "10.96.0.0/16" // its first address is in the serving certificate, see package pki
	podCIDR     = "10.128.0.0/10"
)

// component is a process to run.
type component struct {
	name string
	args []string
	// port on 127.0.0.1, 0 for a socket in the data folder.
	port int
	// health is the URL that answers 200 once the component is ready.
	health string
	// program is another executable than this one, empty for a role of this one.
	program string
	// gogc is the component's garbage collection target in percent, in favour of memory where the work is little.
	gogc int
}

// etcd listens on sockets in the data folder only: no port to collide on, closed to other users without certificates.
// They are relative to the working folder because the system limits such paths to about a hundred bytes. The advertised
// addresses have to look like URLs of hosts and are never dialled by a cluster of one.
func etcd() component {
	return component{
		name:   role.Etcd,
		health: "http://" + etcdSocket + "/health",
		gogc:   50,
		args: []string{
			"--name=weir",
			"--data-dir=etcd",
			"--listen-client-urls=unix://" + etcdSocket,
			"--advertise-client-urls=http://127.0.0.1:2379",
			"--listen-peer-urls=unix://peer.sock",
			"--initial-advertise-peer-urls=http://127.0.0.1:2380",
			"--initial-cluster=weir=http://127.0.0.1:2380",
			"--unsafe-no-fsync", // survives the death of the process, which is all that is promised
			"--log-level=warn",
		},
	}
}

func apiServer(o Options, port int) component {
	f := o.Folder
	args := []string{
		"--etcd-servers=unix://" + etcdSocket,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=" + serviceCIDR,
		"--tls-cert-file=" + f.PKI("apiserver.crt"),
		"--tls-private-key-file=" + f.PKI("apiserver.key"),
		"--client-ca-file=" + f.PKI("ca.crt"),
		"--token-auth-file=" + f.Config("users.csv"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + f.PKI("sa.pub"),
		"--service-account-signing-key-file=" + f.PKI("sa.key"),
		"--allow-privileged=true",
		"--profiling=false",
		// Priority and fairness shares out the sum of both: enough that no client on one machine is ever queued.
		"--max-requests-inflight=3000",
		"--max-mutating-requests-inflight=3000",
	}
	if o.Audit {
		args = append(args,
			"--audit-policy-file="+f.Config("audit.yaml"),
			"--audit-log-path="+f.AuditLog(),
			"--audit-log-mode=blocking", // a line is written before its request ends
			"--audit-log-maxsize=0",     // never rotated, so never shortened
		)
	}
	return component{
		name: role.APIServer, port: port, args: args, gogc: 100,
		health: fmt.Sprintf("https://127.0.0.1:%d/readyz", port),
	}
}

func controllerManager(f instance.Folder, port int) component {
	// Left out: what allocates addresses and balancers that nothing here could provide.
	controllers := "*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller,-service-lb-controller"
	args := []string{
		"--kubeconfig=" + f.Config(role.ControllerManager+".kubeconfig"),
		"--controllers=" + controllers,
		"--use-service-account-credentials=true", // so that RBAC and the audit log tell the controllers apart
		"--service-account-private-key-file=" + f.PKI("sa.key"),
		"--root-ca-file=" + f.PKI("ca.crt"),
		"--leader-elect=false",
		"--profiling=false",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
		// Simulated nodes send no heartbeats; none may ever be declared lost, also not after the laptop slept.
		"--node-monitor-grace-period=87600h",
	}
	for _, syncs := range []string{"deployment", "replicaset", "statefulset", "job", "gc", "namespace", "endpoint", "service-endpoint"} {
		args = append(args, "--concurrent-"+syncs+"-syncs=20")
	}
	return component{
		name: role.ControllerManager, port: port, gogc: 75,
		args:   append(args, localHealth(f, port)...),
		health: fmt.Sprintf("https://127.0.0.1:%d/healthz", port),
	}
}

func scheduler(f instance.Folder, port int) component {
	args := []string{"--config=" + f.Config("scheduler.yaml")}
	return component{
		name: role.Scheduler, port: port, gogc: 75,
		args:   append(args, localHealth(f, port)...),
		health: fmt.Sprintf("https://127.0.0.1:%d/readyz", port),
	}
}

// localHealth serves probes and metrics on the loopback interface without asking the API server who may read them: those
// questions would stand in the audit log of every measurement.
func localHealth(f instance.Folder, port int) []string {
	return []string{
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + f.PKI("apiserver.crt"),
		"--tls-private-key-file=" + f.PKI("apiserver.key"),
		"--authentication-skip-lookup=true",
		"--authorization-always-allow-paths=" + strings.Join([]string{"/healthz", "/readyz", "/livez", "/metrics"}, ","),
	}
}

func kwok(o Options, port int) component {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	return component{
		name: kwokName, program: o.Kwok, port: port, gogc: 75,
		health: "http://" + address + "/healthz",
		args: []string{
			"--kubeconfig=" + o.Folder.Config(kwokName+".kubeconfig"),
			"--config=" + o.Folder.Config("kwok.yaml"),
			"--server-address=" + address,
			"--cidr=" + podCIDR,
			"--node-ip=127.0.0.1",
			"--manage-all-nodes=true",
		},
	}
}
