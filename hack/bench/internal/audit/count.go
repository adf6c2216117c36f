// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"cmp"
	"slices"
)

// Count is how often an identity made one kind of request.
type Count struct {
	User     string  `json:"user"`
	Verb     string  `json:"verb"`
	Resource string  `json:"resource"`
	Requests float64 `json:"requests"` // a fraction only as median of an even number of runs
}

// CountBy adds up the requests of the users for whom keep is true, ordered by
// user, then most frequent first.
func CountBy(requests []Request, keep func(user string) bool) []Count {
	sums := map[Count]float64{}
	for _, r := range requests {
		if keep(r.User) {
			sums[Count{User: r.User, Verb: r.Verb, Resource: r.Resource}]++
		}
	}
	counts := make([]Count, 0, len(sums))
	for key, n := range sums {
		key.Requests = n
		counts = append(counts, key)
	}
	Sort(counts)
	return counts
}

// Sort orders counts by user, then most frequent first, then by name.
func Sort(counts []Count) {
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(
			cmp.Compare(a.User, b.User), cmp.Compare(b.Requests, a.Requests),
			cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Verb, b.Verb),
		)
	})
}

// Total is the number of requests in all counts.
func Total(counts []Count) float64 {
	var n float64
	for _, c := range counts {
		n += c.Requests
	}
	return n
}

// Merge combines the counts of several runs of the same work: each kind of
// request gets what combine makes of its count in every run, 0 where it has none.
func Merge(runs [][]Count, combine func([]float64) float64) []Count {
	values := map[Count][]float64{}
	for i, run := range runs {
		for _, c := range run {
			key := Count{User: c.User, Verb: c.Verb, Resource: c.Resource}
			if values[key] == nil {
				values[key] = make([]float64, len(runs))
			}
			values[key][i] = c.Requests
		}
	}
	counts := make([]Count, 0, len(values))
	for key, perRun := range values {
		n := combine(perRun)
		if n == 0 {
			continue
		}
		key.Requests = n
		counts = append(counts, key)
	}
	Sort(counts)
	return counts
}
