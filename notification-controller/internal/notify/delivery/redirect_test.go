// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRedirects: headers with credentials stay with their host, and nothing goes from HTTPS to HTTP.
func TestRedirects(t *testing.T) {
	request := func(address string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, address, http.NoBody)
		r.Header.Set("X-Api-Key", "secret")
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	via := []*http.Request{request("https://a.invalid/")}
	cases := map[string]struct {
		to             string
		via            []*http.Request
		strips, stays  bool // the answers of strip and stay
		keepsTheHeader bool
	}{
		"SameHost":  {to: "https://a.invalid/b", via: via, strips: true, stays: true, keepsTheHeader: true},
		"OtherHost": {to: "https://b.invalid/", via: via, strips: true},
		"Plain":     {to: "http://a.invalid/", via: via, keepsTheHeader: true},
		"Endless":   {to: "https://a.invalid/", via: slices.Repeat(via, maxRedirects), keepsTheHeader: true},
	}
	for key, tc := range cases {
		r := request(tc.to)
		if err := strip(r, tc.via); (err == nil) != tc.strips || err != nil && !hopeless(err) {
			t.Errorf("%s: strip says %v", key, err)
		}
		if got := r.Header.Get("X-Api-Key") != ""; got != tc.keepsTheHeader || r.Header.Get("Content-Type") == "" {
			t.Errorf("%s: header kept %t", key, got)
		}
		if err := stay(request(tc.to), tc.via); (err == nil) != tc.stays {
			t.Errorf("%s: stay says %v", key, err)
		}
	}
}

// site is a server that redirects by its paths and remembers what it is asked.
type site struct {
	*httptest.Server
	// to are the redirects: status and address, or status alone, by path.
	to map[string]hop

	mu    sync.Mutex
	asked []string
}

// hop is an answer. At an address, {other} stands for another host.
type hop struct {
	status int
	to     string
}

// newSite starts two servers, which remember in one list.
func newSite(t *testing.T, to map[string]hop) *site {
	t.Helper()
	s := &site{to: to}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, "other", "") }))
	t.Cleanup(other.Close)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, "", other.URL) }))
	t.Cleanup(s.Close)
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request, name, other string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, strings.TrimSpace(fmt.Sprint(r.Method, " ", name, r.URL.Path, " ", r.Header.Get("Authorization"), string(body))))
	if r.Header.Get("Referer") != "" && name != "" {
		s.asked = append(s.asked, "told "+r.Header.Get("Referer")) // an address may be a credential
	}
	h, found := s.to[name+r.URL.Path]
	if !found {
		return
	}
	if h.to != "" {
		w.Header().Set("Location", strings.ReplaceAll(h.to, "{other}", other))
	}
	w.WriteHeader(h.status)
}

// TestRedirectedMessage: a message arrives as such where the service says that it has to go, and its answer is fetched where the service says that
// it is. Flux: the contract names only loops (notification-controller, "Common HTTP sender"); the compatibility target follows 301 with a GET too,
// and takes its success for that of the message.
func TestRedirectedMessage(t *testing.T) {
	const sent, elsewhere = "POST /hook key{}", "POST other/hook {}"
	cases := map[string]struct {
		reason string
		to     map[string]hop
		asked  []string
		fails  bool
		api    []string // what a client library asks; nil for the same
		apiOK  bool
	}{
		"Permanent":   {reason: "307 and 308 send the message again.", to: map[string]hop{"/hook": {308, "/new"}}, asked: []string{sent, "POST /new key{}"}, apiOK: true},
		"Temporary":   {reason: "As above.", to: map[string]hop{"/hook": {307, "/new"}}, asked: []string{sent, "POST /new key{}"}, apiOK: true},
		"Moved":       {reason: "So does 301: a GET would say nothing about the message.", to: map[string]hop{"/hook": {301, "/new"}}, asked: []string{sent, "POST /new key{}"}, apiOK: true},
		"MovedTwice":  {reason: "And once more.", to: map[string]hop{"/hook": {301, "/new"}, "/new": {308, "/newer"}, "/newer": {301, "/newest"}}, asked: []string{sent, "POST /new key{}", "POST /newer key{}", "POST /newest key{}"}, apiOK: true},
		"MovedBroken": {reason: "What is there decides.", to: map[string]hop{"/hook": {301, "/new"}, "/new": {404, ""}}, asked: []string{sent, "POST /new key{}"}, fails: true},
		"Slash":       {reason: "302 to the same place is where the message has to go.", to: map[string]hop{"/hook": {302, "/hook/"}}, asked: []string{sent, "POST /hook/ key{}"}, apiOK: true},
		"Back":        {reason: "302 to the page itself is what browsers are told after a form: the message was taken.", to: map[string]hop{"/hook": {302, "/hook"}}, asked: append([]string{sent}, slices.Repeat([]string{"GET /hook key"}, 9)...), fails: true, api: []string{sent}},
		"BackForGood": {reason: "301 as well.", to: map[string]hop{"/hook": {301, "/hook"}}, asked: append([]string{sent}, slices.Repeat([]string{"GET /hook key"}, 9)...), fails: true, api: []string{sent}},
		"SeeOther":    {reason: "303 is where the answer is.", to: map[string]hop{"/hook": {303, "/answer"}}, asked: []string{sent, "GET /answer key"}, api: []string{sent}},
		"Found":       {reason: "And 302 to another place is, as Google Apps Script has it.", to: map[string]hop{"/hook": {302, "{other}/answer"}}, asked: []string{sent, "GET other/answer"}, api: []string{sent}},
		"FoundBroken": {reason: "The answer counts.", to: map[string]hop{"/hook": {302, "{other}/answer"}, "other/answer": {500, ""}}, asked: []string{sent, "GET other/answer"}, fails: true, api: []string{sent}},
		"FoundAway":   {reason: "An answer that has moved is asked for with GET.", to: map[string]hop{"/hook": {303, "/answer"}, "/answer": {308, "/other"}}, asked: []string{sent, "GET /answer key", "GET /other key"}, api: []string{sent}},
		"Elsewhere":   {reason: "Another host gets the message, without the key.", to: map[string]hop{"/hook": {308, "{other}/hook"}}, asked: []string{sent, elsewhere}, api: []string{sent}},
		"MovedAway":   {reason: "As above.", to: map[string]hop{"/hook": {301, "{other}/hook"}}, asked: []string{sent, elsewhere}, api: []string{sent}},
		"Nowhere":     {reason: "A redirect that leads nowhere is no success.", to: map[string]hop{"/hook": {302, ""}}, asked: []string{sent}, fails: true},
		"NotModified": {reason: "Nor is any other status of its class.", to: map[string]hop{"/hook": {304, ""}}, asked: []string{sent}, fails: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, tc.to)
			p, err := NewPoster(Options{Address: s.URL + "/hook"})
			if err != nil {
				t.Fatal(err)
			}
			err = p.PostBytes(t.Context(), []byte("{}"), http.Header{"Authorization": {"key"}})
			if diff := cmp.Diff(tc.asked, s.asked); diff != "" || (err != nil) != tc.fails {
				t.Errorf("%s got %v, asked (-want +got):\n%s", tc.reason, err, diff)
			}
			s.asked = nil
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/hook", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "key")
			want := tc.api
			if want == nil {
				want = tc.asked
			}
			res, err := NewExchange(Options{}).Client().Do(r)
			if err == nil {
				err = res.Body.Close()
			}
			if diff := cmp.Diff(want, s.asked); diff != "" || tc.apiOK && err != nil || tc.api != nil && err == nil {
				t.Errorf("%s a client library got %v, asked (-want +got):\n%s", tc.reason, err, diff)
			}
		})
	}
}

// TestMoved: which redirects mean the address of the message.
func TestMoved(t *testing.T) {
	for to, want := range map[string]bool{
		"https://host.invalid/hook?key=1": true, "https://host.invalid:8443/hook/": true, "http://host.invalid/hook/": true,
		"http://host.invalid/hook": false, "http://host.invalid/hook?done": false, "https://host.invalid/login": false, "https://other.invalid/hook": false,
	} {
		last := httptest.NewRequest(http.MethodPost, "http://host.invalid/hook", http.NoBody)
		r := httptest.NewRequest(http.MethodGet, to, http.NoBody)
		r.Response = &http.Response{StatusCode: http.StatusFound}
		if got := moved(r, last); got != want {
			t.Errorf("302 to %s: %t", to, got)
		}
	}
}

// TestRedirectedOnce: a message that can be read only once is not sent on without its content.
func TestRedirectedOnce(t *testing.T) {
	s := newSite(t, map[string]hop{"/hook": {301, "/new"}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/hook", struct{ io.Reader }{strings.NewReader("{}")})
	if err != nil {
		t.Fatal(err)
	}
	res, err := NewExchange(Options{}).Client().Do(r)
	if err == nil {
		t.Error("no error")
	}
	if res != nil {
		res.Body.Close()
	}
	if len(s.asked) != 1 {
		t.Errorf("asked %v", s.asked)
	}
}
