// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"encoding/base64"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// sopsMask stands for a value that is encrypted.
	sopsMask = "**SOPS**"
	// dockerMask is that in the shape that a docker config must have.
	dockerMask = `{"mask":"` + sopsMask + `"}`
	// ciphertext is how SOPS marks an encrypted value.
	ciphertext = "ENC["
)

// conceal replaces what is encrypted in an object, and tells whether anything is: the keys are the controller's.
func conceal(u *unstructured.Unstructured) bool {
	_, encrypted := u.Object["sops"].(map[string]any)
	if !isSecret(u) {
		if encrypted {
			delete(u.Object, "sops")
			u.Object, _ = replaced(u.Object, ciphertextOnly).(map[string]any)
		}
		return encrypted
	}
	delete(u.Object, "sops")
	masked := encrypted
	if data, ok := u.Object["data"].(map[string]any); ok {
		for key, value := range data {
			if encrypted || holdsCiphertext(value) {
				data[key], masked = base64.StdEncoding.EncodeToString([]byte(maskOf(u, key))), true
			}
		}
	}
	if plain, ok := u.Object["stringData"].(map[string]any); ok && encrypted {
		for key := range plain {
			plain[key] = maskOf(u, key)
		}
	}
	return masked
}

func isSecret(u *unstructured.Unstructured) bool {
	return u.GetKind() == "Secret" && u.GetAPIVersion() == "v1"
}

// maskOf is the mask of one value of a Secret.
func maskOf(u *unstructured.Unstructured, key string) string {
	kind, _, _ := unstructured.NestedString(u.Object, "type")
	if key == ".dockerconfigjson" || key == ".dockercfg" || kind == "kubernetes.io/dockerconfigjson" || kind == "kubernetes.io/dockercfg" {
		return dockerMask
	}
	return sopsMask
}

// holdsCiphertext tells whether a value of a Secret is an encrypted file.
func holdsCiphertext(value any) bool {
	text, _ := value.(string)
	content, err := base64.StdEncoding.DecodeString(text)
	return err == nil && bytes.Contains(content, []byte("sops")) && bytes.Contains(content, []byte(ciphertext))
}

func ciphertextOnly(text string) (any, bool) { return sopsMask, strings.HasPrefix(text, ciphertext) }

// replaced returns a value with each string that change knows replaced.
func replaced(value any, change func(string) (any, bool)) any {
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = replaced(item, change)
		}
	case []any:
		for i, item := range v {
			v[i] = replaced(item, change)
		}
	case string:
		if other, ok := change(v); ok {
			return other
		}
	}
	return value
}

// revealed puts what is live in place of masks, so that only keys are compared.
func revealed(u, live *unstructured.Unstructured) {
	if plain, ok := u.Object["stringData"].(map[string]any); ok && isSecret(u) {
		data, ok := u.Object["data"].(map[string]any)
		if !ok {
			data = make(map[string]any, len(plain))
			u.Object["data"] = data
		}
		for key, value := range plain {
			text, _ := value.(string)
			data[key] = base64.StdEncoding.EncodeToString([]byte(text))
		}
		delete(u.Object, "stringData")
	}
	u.Object, _ = unmasked(u.Object, live.Object).(map[string]any)
}

func unmasked(value, live any) any {
	switch v := value.(type) {
	case map[string]any:
		under, _ := live.(map[string]any)
		for key, item := range v {
			v[key] = unmasked(item, under[key])
		}
	case []any:
		under, _ := live.([]any)
		for i, item := range v {
			if i < len(under) {
				v[i] = unmasked(item, under[i])
			}
		}
	case string:
		if live != nil && isMask(v) {
			return live
		}
	}
	return value
}

func isMask(text string) bool {
	if plain, err := base64.StdEncoding.DecodeString(text); err == nil && (string(plain) == sopsMask || string(plain) == dockerMask) {
		return true
	}
	return text == sopsMask || text == dockerMask
}
