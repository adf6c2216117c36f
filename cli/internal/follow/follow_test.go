// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// server answers lists and watches with what it is told, one after the other; the last watch stays open.
type server struct {
	client.WithWatch

	lists   [][]corev1.ConfigMap
	watches [][]watch.Event
	listErr error
}

func (s *server) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if len(s.lists) == 0 {
		return s.listErr
	}
	maps, ok := list.(*corev1.ConfigMapList)
	if !ok {
		return errors.New("another kind")
	}
	maps.Items, s.lists = s.lists[0], s.lists[1:]
	return nil
}

func (s *server) Watch(ctx context.Context, _ client.ObjectList, _ ...client.ListOption) (watch.Interface, error) {
	events := s.watches[0]
	s.watches = s.watches[1:]
	w := watch.NewFakeWithChanSize(len(events), false)
	for _, event := range events {
		w.Action(event.Type, event.Object)
	}
	if len(s.watches) > 0 {
		w.Stop()
	} else {
		context.AfterFunc(ctx, w.Stop)
	}
	return w, nil
}

func object(name, version string) corev1.ConfigMap {
	return corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), ResourceVersion: version}}
}

func event(kind watch.EventType, name, version string) watch.Event {
	return watch.Event{Type: kind, Object: new(object(name, version))}
}

func TestObjects(t *testing.T) {
	broken := errors.New("broken")
	cases := map[string]struct {
		reason string
		server *server
		enough string // the change that is
		want   []string
		err    error
	}{
		"Changes": {
			reason: "What is there comes at once, every change by itself, and nothing twice.",
			server: &server{
				lists: [][]corev1.ConfigMap{{object("a", "1"), object("b", "2")}},
				watches: [][]watch.Event{{
					event(watch.Modified, "a", "1"), event(watch.Modified, "a", "3"), event(watch.Bookmark, "", "4"), event(watch.Deleted, "b", "5"),
				}},
			},
			enough: "DELETED b 5",
			want:   []string{"ADDED a 1, ADDED b 2", "MODIFIED a 3", "DELETED b 5"},
		},
		"Reopened": {
			reason: "A watch that ends is opened again, and only what changed meanwhile is told.",
			server: &server{
				lists:   [][]corev1.ConfigMap{{}, {object("a", "1"), object("b", "2")}, {object("a", "1"), object("b", "3")}},
				watches: [][]watch.Event{{event(watch.Added, "a", "1")}, {}, {event(watch.Modified, "a", "4")}},
			},
			enough: "MODIFIED a 4",
			want:   []string{"", "ADDED a 1", "ADDED b 2", "ADDED b 3", "MODIFIED a 4"},
		},
		"Gone": {
			reason: "A server that does not answer any more ends it.",
			server: &server{lists: [][]corev1.ConfigMap{{}}, watches: [][]watch.Event{{}, {}}, listErr: broken},
			want:   []string{""},
			err:    broken,
		},
		"Time": {
			reason: "The time that was given is the other end.",
			server: &server{lists: [][]corev1.ConfigMap{{}}, watches: [][]watch.Event{{}}},
			want:   []string{""},
			err:    context.DeadlineExceeded,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				var got []string
				err := Objects(ctx, tc.server, new(corev1.ConfigMapList), nil, func(changes []watch.Event) (bool, error) {
					line := ""
					for _, change := range changes {
						if line != "" {
							line += ", "
						}
						m, ok := change.Object.(*corev1.ConfigMap)
						if !ok {
							return false, errors.New("another kind")
						}
						line += string(change.Type) + " " + m.Name + " " + m.ResourceVersion
					}
					got = append(got, line)
					return tc.enough != "" && line == tc.enough, nil
				})
				if !slices.Equal(got, tc.want) || !errors.Is(err, tc.err) {
					t.Errorf("%s\ngot %q, error %v\nwant %q, error %v", tc.reason, got, err, tc.want, tc.err)
				}
			})
		})
	}
}
