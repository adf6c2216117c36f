// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package chat runs a chat service on this machine that takes messages as Slack's incoming webhooks do, and any other JSON as it is.
package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/weir-gitops/weir/hack/local/serve"
)

// maxMessageBytes bounds one message.
const maxMessageBytes = 1 << 20

// Message is what somebody posted.
type Message struct {
	// Path is where it was posted to, which tells channels apart.
	Path string
	// Text is all that a person would read of it, one line a part.
	Text string
	// Body is the JSON as it came.
	Body string
}

// Server takes messages.
type Server struct {
	*serve.Server

	told func(Message)

	mu       sync.Mutex
	messages []Message
}

// Start takes messages until Close and tells of each; told may be nil.
func Start(ctx context.Context, told func(Message)) (*Server, error) {
	s := &Server{told: told}
	server, err := serve.Start(ctx, "chat", s)
	if err != nil {
		return nil, err
	}
	s.Server = server
	return s, nil
}

// URL is the address of a channel.
func (s *Server) URL(channel string) string { return "http://" + s.Address + "/" + channel }

// Messages returns what was posted so far.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// ServeHTTP implements http.Handler. It answers as Slack does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessageBytes))
	if err != nil {
		http.Error(w, "message too large", http.StatusRequestEntityTooLarge)
		return
	}
	var content any
	if err := json.Unmarshal(body, &content); err != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	var lines []string
	collect(content, &lines)
	m := Message{Path: strings.TrimPrefix(r.URL.Path, "/"), Text: strings.Join(lines, "\n"), Body: string(body)}
	s.mu.Lock()
	s.messages = append(s.messages, m)
	s.mu.Unlock()
	if s.told != nil {
		s.told(m)
	}
	fmt.Fprint(w, "ok")
}

// collect gathers the texts of a message, wherever they are in it.
func collect(content any, lines *[]string) {
	switch value := content.(type) {
	case []any:
		for _, item := range value {
			collect(item, lines)
		}
	case map[string]any:
		for _, key := range []string{"author_name", "text", "message"} {
			if text, ok := value[key].(string); ok && text != "" {
				*lines = append(*lines, text)
			}
		}
		title, isField := value["title"].(string)
		if content, ok := value["value"].(string); ok && isField {
			*lines = append(*lines, title+": "+content)
		}
		for _, key := range []string{"attachments", "blocks", "fields"} {
			collect(value[key], lines)
		}
	}
}
