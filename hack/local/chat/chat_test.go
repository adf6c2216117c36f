// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package chat

import (
	"net/http"
	"strings"
	"testing"
)

func TestChat(t *testing.T) {
	var told []Message
	s, err := Start(t.Context(), func(m Message) { told = append(told, m) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	post := func(body string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL("ops"), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	if code := post(`{"attachments":[{"author_name":"kustomization/apps","text":"it broke","fields":[{"title":"cluster","value":"a"}]}]}`); code != http.StatusOK {
		t.Errorf("status %d", code)
	}
	if code := post("no json"); code != http.StatusBadRequest {
		t.Errorf("status %d", code)
	}
	if len(told) != 1 || len(s.Messages()) != 1 || told[0].Path != "ops" || told[0].Text != "kustomization/apps\nit broke\ncluster: a" {
		t.Errorf("got %+v", told)
	}
}
