// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package keychain

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrConfig says that bytes are no docker config. Nothing of them is in the text.
var ErrConfig = errors.New("malformed docker config")

// login is one entry of a docker config.
type login struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// Parse reads a docker config, {"auths": {"host": {…}}}: the value of the key .dockerconfigjson.
func Parse(config []byte) (Keychain, error) {
	var file struct {
		Auths map[string]login `json:"auths"`
	}
	if err := json.Unmarshal(config, &file); err != nil {
		return Keychain{}, malformed(err)
	}
	return build(file.Auths)
}

// ParseLegacy reads a docker config of the older form, {"host": {…}}: the value of the key .dockercfg.
func ParseLegacy(config []byte) (Keychain, error) {
	var logins map[string]login
	if err := json.Unmarshal(config, &logins); err != nil {
		return Keychain{}, malformed(err)
	}
	return build(logins)
}

func build(logins map[string]login) (Keychain, error) {
	var k Keychain
	for _, key := range slices.Sorted(maps.Keys(logins)) {
		c, err := logins[key].credential()
		if err != nil {
			return Keychain{}, err
		}
		k.add(key, c)
	}
	k.sort()
	return k, nil
}

// credential decodes the entry. The combined form wins over user name and password, as it does in the docker command.
func (l login) credential() (Credential, error) {
	c := Credential{Username: l.Username, Password: l.Password, IdentityToken: l.IdentityToken, RegistryToken: l.RegistryToken}
	if l.Auth == "" {
		return c, nil
	}
	decoded, err := decode(l.Auth)
	if err != nil {
		return Credential{}, fmt.Errorf("%w: the value of an auth is not base64", ErrConfig)
	}
	user, password, ok := strings.Cut(decoded, ":")
	if !ok {
		return Credential{}, fmt.Errorf("%w: the value of an auth is not user:password", ErrConfig)
	}
	c.Username, c.Password = user, strings.TrimRight(password, "\x00")
	return c, nil
}

// decode reads base64 with or without padding, as tools write both.
func decode(text string) (string, error) {
	text = strings.TrimSpace(text)
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		b, err = base64.RawStdEncoding.DecodeString(text)
	}
	return string(b), err
}

// malformed tells where the JSON is wrong and not what is there, which may be a password.
func malformed(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%w: no JSON at byte %d", ErrConfig, syntax.Offset)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%w: wrong type at byte %d, want %s", ErrConfig, kind.Offset, kind.Type)
	}
	return ErrConfig
}
