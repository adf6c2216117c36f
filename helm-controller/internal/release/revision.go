// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"
	helmtime "helm.sh/helm/v3/pkg/time"
	"k8s.io/apimachinery/pkg/types"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
)

// Values of Revision.ApplyMethod and of the key apply_method in storage. An absent one means ApplyClientSide.
const (
	ApplyServerSide = "ssa"
	ApplyClientSide = "csa"
)

// IntentKey is the top-level key of the stored JSON under which an Intent is kept. Helm drops it when it rewrites a revision, which is what
// makes it a proof of who wrote last.
const IntentKey = "weir"

// Revision is one stored revision, as far as others than Helm itself care. It is not changed once it is made, and may be shared.
type Revision struct {
	Name      string
	Version   int
	Info      Info
	Chart     *chart.Metadata
	Config    map[string]any // nil when empty
	Manifest  string         // without hooks
	Hooks     []Hook
	Namespace string

	// ApplyMethod is ApplyServerSide, ApplyClientSide or empty.
	ApplyMethod string
	// Intent is nil unless this program was the last to write the revision.
	Intent *Intent
}

// Info tells when and how a revision was made. The tags are those of the snapshot digest, where Helm 3 would print zero times as "".
type Info struct {
	FirstDeployed time.Time          `json:"first_deployed,omitzero"`
	LastDeployed  time.Time          `json:"last_deployed,omitzero"`
	Deleted       time.Time          `json:"deleted,omitzero"`
	Description   string             `json:"description,omitempty"`
	Status        helmrelease.Status `json:"status,omitempty"`
	Notes         string             `json:"notes,omitempty"`
}

// Hook is a hook of a revision, in the form that goes into the snapshot digest.
type Hook struct {
	Name              string                            `json:"name,omitempty"`
	Kind              string                            `json:"kind,omitempty"`
	Path              string                            `json:"path,omitempty"`
	Manifest          string                            `json:"manifest,omitempty"`
	Events            []helmrelease.HookEvent           `json:"events,omitempty"`
	LastRun           HookRun                           `json:"last_run"`
	Weight            int                               `json:"weight,omitempty"`
	DeletePolicies    []helmrelease.HookDeletePolicy    `json:"delete_policies,omitempty"`
	OutputLogPolicies []helmrelease.HookOutputLogPolicy `json:"output_log_policies,omitempty"`
}

// HookRun tells how a hook last ran.
type HookRun struct {
	StartedAt   time.Time             `json:"started_at,omitzero"`
	CompletedAt time.Time             `json:"completed_at,omitzero"`
	Phase       helmrelease.HookPhase `json:"phase"`
}

// Intent says for whom and by which action a revision was written. It is stored with the revision, so that a process that dies between the
// write to storage and the write to the status of its HelmRelease leaves enough behind to go on (DESIGN D8).
type Intent struct {
	// Owner is the HelmRelease.
	Owner types.UID `json:"owner"`
	// Action that created the revision.
	Action Action `json:"action,omitempty"`
	// OCIDigest is the snapshot's ociDigest.
	OCIDigest string `json:"ociDigest,omitempty"`
	// Definitions are the objects in the folders crds of the chart and of the charts in it, which are not stored with a revision.
	Definitions []helmv2.ResourceRef `json:"definitions,omitempty"`
	// Interrupted is the pending status in which the revision was found after a crash; empty on others.
	Interrupted helmrelease.Status `json:"interrupted,omitempty"`
}

// Observe copies what storage would hold of a release in the memory of Helm, which goes on changing it.
func Observe(rls *helmrelease.Release) (*Revision, error) {
	if rls == nil || rls.Info == nil {
		return nil, errors.New("release has no information")
	}
	config, err := storedConfig(rls.Config)
	if err != nil {
		return nil, err
	}
	r := &Revision{
		Name: rls.Name, Version: rls.Version, Namespace: rls.Namespace,
		Info:   observeInfo(rls.Info),
		Config: config, Manifest: rls.Manifest, Hooks: observeHooks(rls.Hooks),
	}
	if rls.Chart != nil && rls.Chart.Metadata != nil {
		r.Chart = new(*rls.Chart.Metadata)
	}
	return r, nil
}

// storedConfig returns values as they come back from storage: numbers, for instance, as float64.
func storedConfig(values map[string]any) (map[string]any, error) {
	if len(values) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("encode values: %w", err)
	}
	var stored map[string]any
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, fmt.Errorf("decode values: %w", err)
	}
	return stored, nil
}

func observeInfo(in *helmrelease.Info) Info {
	return Info{
		FirstDeployed: in.FirstDeployed.Time, LastDeployed: in.LastDeployed.Time, Deleted: in.Deleted.Time,
		Description: in.Description, Status: in.Status, Notes: in.Notes,
	}
}

func observeHooks(in []*helmrelease.Hook) []Hook {
	var hooks []Hook
	for _, h := range in {
		if h == nil {
			continue
		}
		hooks = append(hooks, Hook{
			Name: h.Name, Kind: h.Kind, Path: h.Path, Manifest: h.Manifest, Weight: h.Weight,
			Events:            slices.Clone(h.Events),
			DeletePolicies:    slices.Clone(h.DeletePolicies),
			OutputLogPolicies: slices.Clone(h.OutputLogPolicies),
			LastRun:           HookRun{StartedAt: h.LastRun.StartedAt.Time, CompletedAt: h.LastRun.CompletedAt.Time, Phase: h.LastRun.Phase},
		})
	}
	return hooks
}

// Helm returns the hook as Helm holds it.
func (h *Hook) Helm() *helmrelease.Hook {
	return &helmrelease.Hook{
		Name: h.Name, Kind: h.Kind, Path: h.Path, Manifest: h.Manifest, Weight: h.Weight,
		Events: h.Events, DeletePolicies: h.DeletePolicies, OutputLogPolicies: h.OutputLogPolicies,
		LastRun: helmrelease.HookExecution{
			StartedAt: helmtime.Time{Time: h.LastRun.StartedAt}, CompletedAt: helmtime.Time{Time: h.LastRun.CompletedAt}, Phase: h.LastRun.Phase,
		},
	}
}

// stored is a release as Helm 3 and Helm 4 write it, without the content of the chart. Helm's time reads "", null and an absent value as
// zero.
type stored struct {
	Name      string              `json:"name"`
	Version   int                 `json:"version"`
	Namespace string              `json:"namespace"`
	Info      *helmrelease.Info   `json:"info"`
	Config    map[string]any      `json:"config"`
	Manifest  string              `json:"manifest"`
	Hooks     []*helmrelease.Hook `json:"hooks"`
	Chart     *struct {
		Metadata *chart.Metadata `json:"metadata"`
	} `json:"chart"`

	ApplyMethod json.RawMessage `json:"apply_method"`
	Intent      json.RawMessage `json:"weir"`
}

// Decode reads the JSON of a stored release. What else than the revision itself does not have the form it should have counts as absent.
func Decode(data []byte) (*Revision, error) {
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("decode release: %w", err)
	}
	if s.Info == nil {
		s.Info = &helmrelease.Info{Status: helmrelease.StatusUnknown}
	}
	r := &Revision{
		Name: s.Name, Version: s.Version, Namespace: s.Namespace,
		Info: observeInfo(s.Info), Manifest: s.Manifest, Hooks: observeHooks(s.Hooks),
		ApplyMethod: decodeApplyMethod(s.ApplyMethod), Intent: DecodeIntent(s.Intent),
	}
	if len(s.Config) > 0 {
		r.Config = s.Config
	}
	if s.Chart != nil {
		r.Chart = s.Chart.Metadata
	}
	return r, nil
}

func decodeApplyMethod(data json.RawMessage) string {
	var method string
	if json.Unmarshal(data, &method) != nil {
		return ""
	}
	return method
}

// DecodeIntent reads an intent, nil if there is none.
func DecodeIntent(data []byte) *Intent {
	var i Intent
	if len(data) == 0 || json.Unmarshal(data, &i) != nil || i.Owner == "" {
		return nil
	}
	return &i
}

// FullName returns <namespace>/<name>.v<version>, the name of a revision in messages.
func (r *Revision) FullName() string { return fullName(r.Namespace, r.Name, r.Version) }

// VersionedChart returns <chart>@<version>, the name of a chart in messages.
func (r *Revision) VersionedChart() string {
	if r.Chart == nil {
		return "@"
	}
	return r.Chart.Name + "@" + r.Chart.Version
}

// IsServerSide tells whether the objects of the revision were applied by the server.
func (r *Revision) IsServerSide() bool { return r.ApplyMethod == ApplyServerSide }

// IsOf tells whether the HelmRelease was the last to write the revision.
func (r *Revision) IsOf(owner types.UID) bool {
	return r.Intent != nil && owner != "" && r.Intent.Owner == owner
}

// FullName returns <namespace>/<name>.v<version> of a snapshot.
func FullName(s *helmv2.Snapshot) string { return fullName(s.Namespace, s.Name, s.Version) }

// VersionedChart returns <chart>@<version> of a snapshot.
func VersionedChart(s *helmv2.Snapshot) string { return s.ChartName + "@" + s.ChartVersion }

func fullName(namespace, name string, version int) string {
	return fmt.Sprintf("%s/%s.v%d", namespace, name, version)
}
