// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"context"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	fluxssh "github.com/fluxcd/pkg/ssh"
	"github.com/spf13/pflag"
	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/session"
)

const (
	algorithmRSA     = "rsa"
	algorithmECDSA   = "ecdsa"
	algorithmEd25519 = "ed25519"

	// defaultBits and the least that is taken are those of the contract.
	defaultBits = 2048
	minBits     = 1024

	// scanTimeout bounds the handshake with an SSH server that only has to show its key.
	scanTimeout    = 30 * time.Second
	defaultSSHPort = "22"
)

// credentials are the flags that a Secret for a Git server is made from.
type credentials struct {
	username, password     string
	algorithm, curve       string
	bits                   int
	caFile, privateKeyFile string
}

func (c *credentials) bind(flags *pflag.FlagSet) {
	flags.StringVarP(&c.username, "username", "u", "", "user for basic authentication")
	flags.StringVarP(&c.password, "password", "p", "", "password for basic authentication, or of --private-key-file")
	flags.StringVar(&c.algorithm, "ssh-key-algorithm", algorithmECDSA, "kind of the deploy key: rsa, ecdsa, ed25519")
	flags.IntVar(&c.bits, "ssh-rsa-bits", defaultBits, "size of an RSA key, a multiple of 8")
	flags.StringVar(&c.curve, "ssh-ecdsa-curve", "p384", "curve of an ECDSA key: p256, p384, p521")
	flags.StringVar(&c.caFile, "ca-file", "", "file with the certificate authority of an https server")
	flags.StringVar(&c.privateKeyFile, "private-key-file", "", "file with the private key to use as deploy key, in place of a new one")
}

// check refuses values that do not go with each other or with the scheme of the address.
func (c *credentials) check(scheme string) error {
	if err := oneOf("ssh-key-algorithm", c.algorithm, algorithmRSA, algorithmECDSA, algorithmEd25519); err != nil {
		return err
	}
	if _, err := curveOf(c.curve); err != nil {
		return err
	}
	if c.bits < minBits || c.bits%8 != 0 {
		return fmt.Errorf("invalid --ssh-rsa-bits %d: it has to be at least %d and a multiple of 8", c.bits, minBits)
	}
	switch {
	case scheme == schemeSSH && c.caFile != "":
		return errors.New("--ca-file is not supported over SSH")
	case scheme == schemeHTTP && c.caFile != "":
		return errors.New("--ca-file is for https only")
	case scheme != schemeSSH && (c.username == "") != (c.password == ""):
		return errors.New("--username and --password have to be given together")
	}
	return nil
}

func curveOf(name string) (elliptic.Curve, error) {
	switch name {
	case "p256":
		return elliptic.P256(), nil
	case "p384":
		return elliptic.P384(), nil
	case "p521":
		return elliptic.P521(), nil
	default:
		return nil, fmt.Errorf("invalid --ssh-ecdsa-curve '%s': it is not supported, it has to be one of p256, p384, p521", name)
	}
}

// secret returns the data for this address, nil when it needs none.
func (c *credentials) secret(ctx context.Context, s *session.Session, address *url.URL, silent bool) (map[string]string, error) {
	if address.Scheme == schemeSSH {
		return c.deployKey(ctx, s, address, silent)
	}
	data := map[string]string{}
	if c.username != "" {
		data["username"], data["password"] = c.username, c.password
	}
	if c.caFile != "" {
		ca, err := os.ReadFile(c.caFile)
		if err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
		data["ca.crt"] = string(ca)
	}
	if len(data) == 0 {
		return nil, nil
	}
	return data, nil
}

// deployKey makes or reads a key, asks the server for its own, and shows the public one so that somebody adds it there.
func (c *credentials) deployKey(ctx context.Context, s *session.Session, address *url.URL, silent bool) (map[string]string, error) {
	s.Generated("generating deploy key pair")
	private, public, err := c.pair()
	if err != nil {
		return nil, err
	}
	s.Action("collecting preferred public key from SSH server %s", address.Host)
	hosts, err := scan(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("public key of SSH server %s: %w", address.Host, err)
	}
	s.Generated("deploy key: %s", public)
	if !silent {
		if err := s.Confirm(ctx, "Have you added the deploy key to your repository?", "silent"); err != nil {
			return nil, err
		}
	}
	data := map[string]string{"identity": string(private), "identity.pub": string(public), "known_hosts": string(hosts)}
	if c.password != "" {
		data["password"] = c.password
	}
	return data, nil
}

// pair returns the private key as PEM and the public one as a line of authorized_keys.
func (c *credentials) pair() (private, public []byte, err error) {
	if c.privateKeyFile != "" {
		return c.loaded()
	}
	var g fluxssh.KeyPairGenerator
	switch c.algorithm {
	case algorithmRSA:
		g = fluxssh.NewRSAGenerator(c.bits)
	case algorithmEd25519:
		g = fluxssh.NewEd25519Generator()
	default:
		curve, err := curveOf(c.curve)
		if err != nil {
			return nil, nil, err
		}
		g = fluxssh.NewECDSAGenerator(curve)
	}
	made, err := g.Generate()
	if err != nil {
		return nil, nil, fmt.Errorf("generate deploy key: %w", err)
	}
	return made.PrivateKey, made.PublicKey, nil
}

func (c *credentials) loaded() (private, public []byte, err error) {
	private, err = os.ReadFile(c.privateKeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("--private-key-file: %w", err)
	}
	var signer ssh.Signer
	if c.password != "" {
		signer, err = ssh.ParsePrivateKeyWithPassphrase(private, []byte(c.password))
	} else {
		signer, err = ssh.ParsePrivateKey(private)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("--private-key-file: %w", err)
	}
	return private, ssh.MarshalAuthorizedKey(signer.PublicKey()), nil
}

// scan asks an SSH server for its key and returns it as a known_hosts document. Nobody is authenticated: the key comes before that.
func scan(ctx context.Context, address *url.URL) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	port := address.Port()
	if port == "" {
		port = defaultSSHPort
	}
	host := net.JoinHostPort(address.Hostname(), port)
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	var seen fluxssh.HostKeyCollector
	_, _, _, err = ssh.NewClientConn(conn, host, &ssh.ClientConfig{HostKeyCallback: seen.StoreKey()})
	if known := seen.GetKnownKeys(); len(known) > 0 {
		return known, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err == nil {
		err = errors.New("the server showed none")
	}
	return nil, err
}

// upsertSecret stores data in the Secret that is called like an object. Labels are added to those of a Secret that exists, data replaces
// what is there under the same keys.
func upsertSecret(ctx context.Context, c client.Client, of *unstructured.Unstructured, data map[string]string) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: of.GetNamespace(), Name: of.GetName(), Labels: of.GetLabels()}, StringData: data,
	}
	change := map[string]any{"stringData": data}
	if len(secret.Labels) > 0 {
		change["metadata"] = map[string]any{"labels": secret.Labels}
	}
	patch, err := json.Marshal(change)
	if err != nil {
		return err
	}
	err = c.Patch(ctx, secret.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
	if apierrors.IsNotFound(err) {
		return c.Create(ctx, secret)
	}
	return err
}
