// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package forge

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v82/github"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

const (
	// appTokenLifetime is how long the app's own token is good. Flux: notification-controller contract, "GitHub App".
	appTokenLifetime = 2 * time.Minute
	// clockSkew is how far the clock of the service may be behind ours.
	clockSkew = 30 * time.Second
)

// appKey names the token of an installation of an app for a repository, and the URL that its API is found by.
func appKey(app *delivery.GitHubApp, repo repository) (key delivery.TokenKey, base *url.URL, err error) {
	base = repo.base
	if app.BaseURL != "" {
		if base, err = url.Parse(app.BaseURL); err != nil || base.Host == "" {
			return delivery.TokenKey{}, nil, delivery.Invalid("githubAppBaseURL is no URL")
		}
	}
	digest := sha256.Sum256([]byte(strings.Join([]string{app.ID, app.InstallationID, app.InstallationOwner, base.String(), app.PrivateKey}, "\x00")))
	return delivery.TokenKey{Provider: app.Provider, Credentials: hex.EncodeToString(digest[:])}, base, nil
}

// withAppToken calls do with the token of an installation of an app, from the cache where possible. One that was kept may have been revoked, which
// the service says with 401: then do is called again with a new one.
func withAppToken(ctx context.Context, exchange *delivery.Exchange, app *delivery.GitHubApp, repo repository, do func(token string) error) error {
	key, base, err := appKey(app, repo)
	if err != nil {
		return err
	}
	fetch := func(ctx context.Context) (string, time.Time, error) {
		return installationToken(ctx, exchange, app, base)
	}
	token, old, err := app.Tokens.Get(ctx, key, fetch)
	if err != nil {
		return err
	}
	err = do(token)
	if answer, ok := errors.AsType[*delivery.Error](err); !ok || !old || answer.Status != http.StatusUnauthorized {
		return err
	}
	app.Tokens.Drop(key, token)
	if token, _, err = app.Tokens.Get(ctx, key, fetch); err != nil {
		return err
	}
	return do(token)
}

// installationToken asks for a token of an installation of an app.
func installationToken(ctx context.Context, exchange *delivery.Exchange, app *delivery.GitHubApp, base *url.URL) (string, time.Time, error) {
	own, err := appToken(app, time.Now())
	if err != nil {
		return "", time.Time{}, err
	}
	client, err := githubAPI(exchange, base.String(), base.Host)
	if err != nil {
		return "", time.Time{}, err
	}
	client = client.WithAuthToken(own)
	id, err := installation(ctx, exchange, client, app)
	if err != nil {
		return "", time.Time{}, err
	}
	token, _, err := client.Apps.CreateInstallationToken(ctx, id, nil)
	if err != nil {
		return "", time.Time{}, exchange.Error(ctx, "create installation token", err)
	}
	return token.GetToken(), token.GetExpiresAt().Time, nil
}

// installation returns the number of the installation.
func installation(ctx context.Context, exchange *delivery.Exchange, client *github.Client, app *delivery.GitHubApp) (int64, error) {
	if app.InstallationID != "" {
		id, err := strconv.ParseInt(app.InstallationID, 10, 64)
		if err != nil {
			return 0, delivery.Invalid("githubAppInstallationID is no number")
		}
		return id, nil
	}
	owner := url.PathEscape(app.InstallationOwner)
	found, res, err := client.Apps.FindOrganizationInstallation(ctx, owner)
	if err != nil && res != nil && res.StatusCode == http.StatusNotFound {
		found, _, err = client.Apps.FindUserInstallation(ctx, owner)
	}
	if err != nil {
		return 0, exchange.Error(ctx, "find installation of app", err)
	}
	return found.GetID(), nil
}

// appToken makes the token that an app proves itself with, a JSON Web Token (RFC 7519) signed with RS256.
func appToken(app *delivery.GitHubApp, now time.Time) (string, error) {
	key, err := parseAppKey(app.PrivateKey)
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": app.ID, "iat": now.Add(-clockSkew).Unix(), "exp": now.Add(appTokenLifetime).Unix(),
	})
	if err != nil {
		return "", delivery.Invalid("encode app token: %s", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		return "", delivery.Invalid("sign app token: %s", err)
	}
	return signed + "." + encode(signature), nil
}

// parseAppKey reads a key in either of the forms that GitHub and other tools write.
func parseAppKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, delivery.Invalid("githubAppPrivateKey is no PEM document")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, delivery.Invalid("githubAppPrivateKey holds no private key")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, delivery.Invalid("githubAppPrivateKey is no RSA key")
	}
	return key, nil
}
