// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/role"
	"github.com/weir-gitops/weir/hack/cluster/internal/users"
)

// errServiceAccount says what a service account looks like.
var errServiceAccount = errors.New("a service account is given as NAMESPACE/NAME")

// login is what a kubeconfig says about its user.
type login struct {
	user      string
	namespace string
	auth      *api.AuthInfo
}

// writeKubeconfigs writes one for the administrator and one for each component that is a client.
func writeKubeconfigs(o Options, server string) error {
	f := o.Folder
	paths := map[string]string{
		"admin":                f.Kubeconfig(),
		role.ControllerManager: f.Config(role.ControllerManager + ".kubeconfig"),
		role.Scheduler:         f.Config(role.Scheduler + ".kubeconfig"),
		kwokName:               f.Config(kwokName + ".kubeconfig"),
	}
	for _, c := range clients() {
		auth := &api.AuthInfo{}
		for suffix, to := range map[string]*[]byte{".crt": &auth.ClientCertificateData, ".key": &auth.ClientKeyData} {
			data, err := os.ReadFile(f.PKI(c.File + suffix))
			if err != nil {
				return fmt.Errorf("make kubeconfig of %s: %w", c.User, err)
			}
			*to = data
		}
		data, err := kubeconfig(f, instance.State{Name: o.Name, Server: server}, login{user: c.User, auth: auth})
		if err != nil {
			return err
		}
		if err := instance.WriteFile(paths[c.File], data); err != nil {
			return err
		}
	}
	return nil
}

// kubeconfig renders a kubeconfig that stands alone: the authority and the credential are in it.
func kubeconfig(f instance.Folder, s instance.State, l login) ([]byte, error) {
	ca, err := os.ReadFile(f.CAFile())
	if err != nil {
		return nil, fmt.Errorf("make kubeconfig of %s: %w", l.user, err)
	}
	data, err := clientcmd.Write(api.Config{
		Clusters:       map[string]*api.Cluster{s.Name: {Server: s.Server, CertificateAuthorityData: ca}},
		AuthInfos:      map[string]*api.AuthInfo{l.user: l.auth},
		Contexts:       map[string]*api.Context{s.Name: {Cluster: s.Name, AuthInfo: l.user, Namespace: l.namespace}},
		CurrentContext: s.Name,
	})
	if err != nil {
		return nil, fmt.Errorf("make kubeconfig of %s: %w", l.user, err)
	}
	return data, nil
}

// UserKubeconfig renders the kubeconfig of a user that the cluster was started with.
func UserKubeconfig(f instance.Folder, s instance.State, name string) ([]byte, error) {
	accounts, err := users.Read(f.Config("users.csv"))
	if err != nil {
		return nil, err
	}
	for _, u := range accounts {
		if u.Name == name {
			return kubeconfig(f, s, login{user: name, auth: &api.AuthInfo{Token: u.Token}})
		}
	}
	return nil, fmt.Errorf("the cluster was not started with a user %q", name)
}

// ServiceAccountKubeconfig renders the kubeconfig of a service account, given as namespace/name, with a fresh token
// that is valid for the duration.
func ServiceAccountKubeconfig(
	ctx context.Context, f instance.Folder, s instance.State, account string, valid time.Duration,
) ([]byte, error) {
	namespace, name, ok := strings.Cut(account, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("%q: %w", account, errServiceAccount)
	}
	client, err := adminClient(f)
	if err != nil {
		return nil, err
	}
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(valid / time.Second))},
	}
	answer, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("ask for a token of service account %s: %w", account, err)
	}
	user := "system:serviceaccount:" + namespace + ":" + name
	return kubeconfig(f, s, login{user: user, namespace: namespace, auth: &api.AuthInfo{Token: answer.Status.Token}})
}

func adminClient(f instance.Folder) (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", f.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Kubeconfig(), err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("use %s: %w", f.Kubeconfig(), err)
	}
	return client, nil
}
