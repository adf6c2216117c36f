// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package keychain_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/kit/oci/keychain"
)

// config is a docker config with one user per key; the user is named like the key.
func config(keys ...string) string {
	var auths []string
	for _, key := range keys {
		auths = append(auths, fmt.Sprintf(`%q: {"username": %q, "password": "p"}`, key, key))
	}
	return `{"auths": {` + strings.Join(auths, ", ") + `}}`
}

func TestFind(t *testing.T) {
	cases := map[string]struct {
		reason     string
		keys       []string
		repository string
		want       string
	}{
		"Host":           {"A key that is a host is for all its repositories.", []string{"ghcr.io"}, "ghcr.io/org/app", "ghcr.io"},
		"HostAlone":      {"Also when only the host is asked for.", []string{"ghcr.io"}, "ghcr.io", "ghcr.io"},
		"Case":           {"Hosts do not tell upper from lower case.", []string{"GHCR.io"}, "ghcr.io/org/app", "GHCR.io"},
		"OtherHost":      {"Credentials do not go elsewhere.", []string{"ghcr.io"}, "evil.example/org/app", ""},
		"Suffix":         {"Nor to a host that only ends like it.", []string{"ghcr.io"}, "evil-ghcr.io/app", ""},
		"Port":           {"A port is part of the host.", []string{"host:5000"}, "host:5000/app", "host:5000"},
		"OtherPort":      {"Another port is another registry.", []string{"host:5000"}, "host:5001/app", ""},
		"NoPort":         {"A key without port is not for one with port.", []string{"host"}, "host:5000/app", ""},
		"URL":            {"Older clients wrote URLs.", []string{"https://ghcr.io"}, "ghcr.io/app", "https://ghcr.io"},
		"Hub":            {"The Docker hub is known by its old URL.", []string{"https://index.docker.io/v1/"}, "index.docker.io/library/alpine", "https://index.docker.io/v1/"},
		"HubShort":       {"Not by its short name: the contract says so.", []string{"docker.io"}, "index.docker.io/library/alpine", ""},
		"Path":           {"A path is a prefix.", []string{"ghcr.io/org"}, "ghcr.io/org/app", "ghcr.io/org"},
		"OtherPath":      {"And excludes what is beside it.", []string{"ghcr.io/org"}, "ghcr.io/team/app", ""},
		"LongestFirst":   {"The most precise key wins.", []string{"ghcr.io", "ghcr.io/org/app", "ghcr.io/org"}, "ghcr.io/org/app", "ghcr.io/org/app"},
		"Glob":           {"A star stands for a label.", []string{"*.dkr.ecr.*.amazonaws.com"}, "1.dkr.ecr.eu-west-1.amazonaws.com/app", "*.dkr.ecr.*.amazonaws.com"},
		"GlobOneLabel":   {"For one only.", []string{"*.example.com"}, "a.b.example.com/app", ""},
		"GlobInLabel":    {"Or for a part of one.", []string{"registry-*.example.com"}, "registry-eu.example.com/app", "registry-*.example.com"},
		"MalformedGlob":  {"A malformed pattern matches nothing.", []string{"[.example.com"}, "[.example.com/app", ""},
		"NothingAtAll":   {"No key, no credential.", nil, "ghcr.io/app", ""},
		"EmptyKey":       {"An empty key is for nobody.", []string{""}, "ghcr.io/app", ""},
		"VersionTwo":     {"The path of the API is no path of a repository.", []string{"https://ghcr.io/v2/"}, "ghcr.io/app", "https://ghcr.io/v2/"},
		"VersionLikeDir": {"A repository path may start like it.", []string{"ghcr.io/v2x"}, "ghcr.io/v2x/app", "ghcr.io/v2x"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			k, err := keychain.Parse([]byte(config(tc.keys...)))
			if err != nil {
				t.Fatal(err)
			}
			got, ok := k.Find(tc.repository)
			if got.Username != tc.want || ok != (tc.want != "") {
				t.Errorf("%s\nFind(%s) = %q, %t, want %q", tc.reason, tc.repository, got.Username, ok, tc.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("user:pass:word"))
	cases := map[string]struct {
		reason string
		config string
		want   keychain.Credential
		fails  bool
	}{
		"Auth":      {"The combined form, whose password may hold a colon.", `{"auths":{"h":{"auth":"` + encoded + `"}}}`, keychain.Credential{Username: "user", Password: "pass:word"}, false},
		"Unpadded":  {"Some tools leave out the padding.", `{"auths":{"h":{"auth":"` + base64.RawStdEncoding.EncodeToString([]byte("u:p")) + `"}}}`, keychain.Credential{Username: "u", Password: "p"}, false},
		"Both":      {"The combined form wins.", `{"auths":{"h":{"username":"x","password":"y","auth":"` + encoded + `"}}}`, keychain.Credential{Username: "user", Password: "pass:word"}, false},
		"Tokens":    {"Tokens are kept.", `{"auths":{"h":{"identitytoken":"i","registrytoken":"r"}}}`, keychain.Credential{IdentityToken: "i", RegistryToken: "r"}, false},
		"Empty":     {"An entry without content is nobody's.", `{"auths":{"h":{}}}`, keychain.Credential{}, false},
		"NoAuths":   {"A config may hold other things only.", `{"credsStore":"desktop"}`, keychain.Credential{}, false},
		"NotBase64": {"A value that does not decode is a mistake.", `{"auths":{"h":{"auth":"hunter2!"}}}`, keychain.Credential{}, true},
		"NoColon":   {"So is one without colon.", `{"auths":{"h":{"auth":"aHVudGVyMg=="}}}`, keychain.Credential{}, true},
		"NotJSON":   {"So is what is no JSON.", `hunter2`, keychain.Credential{}, true},
		"WrongType": {"Or of another type.", `{"auths":"hunter2"}`, keychain.Credential{}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			k, err := keychain.Parse([]byte(tc.config))
			if (err != nil) != tc.fails || tc.fails && !errors.Is(err, keychain.ErrConfig) {
				t.Fatalf("%s\nerror %v", tc.reason, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error repeats a secret: %v", err)
			}
			if got, _ := k.Find("h/app"); got != tc.want {
				t.Errorf("%s\ngot %+v, want %+v", tc.reason, got, tc.want)
			}
		})
	}
}

func TestParseLegacy(t *testing.T) {
	k, err := keychain.ParseLegacy([]byte(`{"https://h": {"username": "u", "password": "p", "email": "x"}}`))
	if got, ok := k.Find("h/app"); err != nil || !ok || got.Username != "u" {
		t.Errorf("got %+v, %t, %v", got, ok, err)
	}
	if _, err := keychain.ParseLegacy([]byte(`[]`)); !errors.Is(err, keychain.ErrConfig) {
		t.Errorf("error %v", err)
	}
}

func TestJoin(t *testing.T) {
	first := keychain.Single("h", keychain.Credential{Username: "first"})
	second := keychain.Single("h", keychain.Credential{Username: "second"})
	longer := keychain.Single("h/app", keychain.Credential{Username: "longer"})
	joined := first.Join(second, longer)
	if got, _ := joined.Find("h/other"); got.Username != "first" {
		t.Errorf("the first keychain wins, got %+v", got)
	}
	if got, _ := joined.Find("h/app"); got.Username != "longer" {
		t.Errorf("the longer key wins wherever it is, got %+v", got)
	}
	if joined.IsEmpty() || !(keychain.Keychain{}).Join().IsEmpty() {
		t.Error("emptiness is told wrong")
	}
}

// FuzzParse holds that no docker config breaks the parser or gets into an error, and that credentials stay with the host of their key.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{config("ghcr.io", "*.io/x", "https://index.docker.io/v1/"), `{"auths":{"h":{"auth":"dTpw"}}}`, `{"h":{}}`, `[`, ``} {
		f.Add([]byte(seed), "ghcr.io/org/app")
	}
	f.Fuzz(func(t *testing.T, b []byte, repository string) {
		for _, parse := range []func([]byte) (keychain.Keychain, error){keychain.Parse, keychain.ParseLegacy} {
			k, err := parse(b)
			if err != nil && (!errors.Is(err, keychain.ErrConfig) || len(err.Error()) > 200) {
				t.Errorf("error %v", err)
			}
			k.Find(repository)
			if c, ok := k.Find("nobody-has-this-label.x.y.z.example/app"); ok && !strings.ContainsAny(string(b), "*?[\\") {
				t.Errorf("credential %+v for a host that is not named", c)
			}
		}
	})
}
