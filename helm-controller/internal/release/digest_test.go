// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"
	helmtime "helm.sh/helm/v3/pkg/time"
	"sigs.k8s.io/yaml"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/artifact"
)

// podinfo is the release of the digest vectors of the contract, 4.2.
func podinfo() *helmrelease.Release {
	at := helmtime.Date(2024, time.May, 7, 4, 54, 21, 123456789, time.UTC)
	return &helmrelease.Release{
		Name: "podinfo", Version: 1, Namespace: "default",
		Info: &helmrelease.Info{
			FirstDeployed: at, LastDeployed: at, Description: "Install complete", Status: helmrelease.StatusDeployed, Notes: "a < b",
		},
		Chart: &chart.Chart{Metadata: &chart.Metadata{
			Name: "podinfo", Version: "6.6.0", AppVersion: "6.6.0", APIVersion: "v1", KubeVersion: ">=1.23.0-0",
		}},
		Config:   map[string]any{"replicaCount": 2},
		Manifest: "---\n# Source: podinfo/templates/cm.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n",
		Hooks: []*helmrelease.Hook{{
			Name: "pre", Kind: "Job", Path: "podinfo/templates/pre.yaml", Manifest: "kind: Job\n",
			Events: []helmrelease.HookEvent{helmrelease.HookPreInstall},
		}},
	}
}

func observe(t *testing.T, rls *helmrelease.Release) *release.Revision {
	t.Helper()
	r, err := release.Observe(rls)
	if err != nil {
		t.Fatalf("Observe: %v", err)
	}
	return r
}

func TestSnapshotDigest(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*helmrelease.Release)
		want   string
	}{
		"Full": {
			reason: "The first vector of 4.2.",
			change: func(*helmrelease.Release) {},
			want:   "sha256:a3e1d5f8cf9ab1633c71a0aba9316a60f35fdcda538b9c1e6963155a5f18c093",
		},
		"Bare": {
			reason: "The second vector of 4.2.",
			change: func(rls *helmrelease.Release) { rls.Info.Notes, rls.Config, rls.Hooks = "", nil, nil },
			want:   "sha256:83e428cc145b5a54af659894fa73c2076be9277a086d0800a5c0b0dd76e81d51",
		},
		"EmptyConfigAndTests": {
			reason: "Empty values count as none, and test hooks do not count at all.",
			change: func(rls *helmrelease.Release) {
				rls.Info.Notes, rls.Config = "", map[string]any{}
				rls.Hooks = []*helmrelease.Hook{{Name: "t", Events: []helmrelease.HookEvent{helmrelease.HookTest}}}
			},
			want: "sha256:83e428cc145b5a54af659894fa73c2076be9277a086d0800a5c0b0dd76e81d51",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rls := podinfo()
			tc.change(rls)
			observed := observe(t, rls)
			if got := observed.Digest("", "").String(); got != tc.want {
				t.Errorf("%s\nDigest: %s, want %s", tc.reason, got, tc.want)
			}
			data, err := json.Marshal(rls)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := release.Decode(data)
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			if got := decoded.Digest("", "").String(); got != tc.want {
				t.Errorf("%s\nDigest of what was stored: %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	r := observe(t, podinfo())
	other := observe(t, func() *helmrelease.Release {
		rls := podinfo()
		rls.Info.Description = "Rollback to 1"
		return rls
	}())
	made := func(a artifact.Algorithm, oci string) *helmv2.Snapshot {
		return r.Snapshot(release.Made{Action: release.ActionInstall, Algorithm: a, OCIDigest: oci})
	}
	cases := map[string]struct {
		reason   string
		snapshot *helmv2.Snapshot
		revision *release.Revision
		want     error
	}{
		"Same":      {reason: "What was recorded verifies.", snapshot: made("", ""), revision: r},
		"Algorithm": {reason: "The algorithm is that of the snapshot.", snapshot: made(artifact.BLAKE3, ""), revision: r},
		"OCIDigest": {reason: "The digest of the OCI artifact is that of the snapshot.", snapshot: made("", "sha256:abc"), revision: r},
		"Other":     {reason: "A changed revision does not verify.", snapshot: made("", ""), revision: other, want: release.ErrNotObserved},
		"Gone":      {reason: "Nothing does not verify.", snapshot: made("", ""), want: release.ErrNotObserved},
		"Malformed": {
			reason:   "A digest that cannot be read is an error of its own.",
			snapshot: &helmv2.Snapshot{APIVersion: "v2", Digest: "nonsense"}, revision: r, want: release.ErrDigest,
		},
		"Legacy": {reason: "Snapshots of other API versions are believed.", snapshot: &helmv2.Snapshot{Digest: "nonsense"}, revision: other},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := release.Verify(tc.snapshot, tc.revision); !errors.Is(err, tc.want) {
				t.Errorf("%s\nVerify: %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}

func TestConfigDigest(t *testing.T) {
	cases := map[string]struct{ reason, values, want string }{
		"None":    {reason: "No values have the digest of nothing.", want: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		"Empty":   {reason: "Nor have empty ones.", values: "{}", want: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		"Integer": {reason: "Whole numbers are integers.", values: "replicaCount: 2", want: "e15c415d62760896bd8bec192a44c5716dc224db9e0fc609b9ac14718f8f9e56"},
		"Sorted": {
			reason: "Keys are sorted.", values: "replicaCount: 1\nfoo: bar",
			want: "2f72e8be276246e43165c25460941aa8ad6d5e4822076116e9d010d2bdc82dd8",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var values map[string]any
			if err := yaml.Unmarshal([]byte(tc.values), &values); err != nil {
				t.Fatal(err)
			}
			got, err := release.ConfigDigest("", values)
			if err != nil || got.String() != "sha256:"+tc.want {
				t.Errorf("%s\nConfigDigest: %s, %v, want %s", tc.reason, got, err, tc.want)
			}
			if !release.VerifyConfig("sha256:"+tc.want, values) {
				t.Errorf("%s\nVerifyConfig: false", tc.reason)
			}
		})
	}
}

func TestConfigDigestNested(t *testing.T) {
	a := map[string]any{"l": []any{map[string]any{"b": int64(1), "a": nil}}, "m": map[string]any{"z": 1.5, "y": true}}
	b := map[string]any{"m": map[string]any{"y": true, "z": 1.5}, "l": []any{map[string]any{"a": nil, "b": float64(1)}}}
	da, errA := release.ConfigDigest(artifact.SHA512, a)
	db, errB := release.ConfigDigest(artifact.SHA512, b)
	if errA != nil || errB != nil || da != db {
		t.Errorf("ConfigDigest: %s (%v) and %s (%v) of the same values", da, errA, db, errB)
	}
	if release.VerifyConfig("", a) || release.VerifyConfig("sha256:00", a) {
		t.Error("VerifyConfig: true for a digest that is none")
	}
}

func TestSpecDigests(t *testing.T) {
	renderers := []helmv2.PostRenderer{{Kustomize: &helmv2.Kustomize{Images: []kustomize.Image{{Name: "a", NewTag: "b"}}}}}
	metadata := &helmv2.CommonMetadata{Labels: map[string]string{"a": "b"}}
	for name, tc := range map[string]struct{ got, want string }{
		"PostRenderers":    {release.PostRenderersDigest("", renderers), "sha256:9056cad4785d2754a268242c28796e50f940a41198feddfb6a0f512b6d078fc1"},
		"NoPostRenderers":  {release.PostRenderersDigest("", nil), ""},
		"CommonMetadata":   {release.CommonMetadataDigest("", metadata), "sha256:c7743adac9e28d2fb8f3013c0daf58ec5b66d7fd9015933d55334ba4f5e4dce5"},
		"NoCommonMetadata": {release.CommonMetadataDigest("", nil), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", name, tc.got, tc.want)
		}
	}
}

func TestDecode(t *testing.T) {
	cases := map[string]struct {
		reason string
		data   string
		want   *release.Revision
	}{
		"Times": {
			reason: "Helm 3 writes zero times as empty strings, Helm 4 leaves them out, and null is seen, too.",
			data: `{"name":"a","version":2,"namespace":"n","info":{"first_deployed":"","last_deployed":null,"deleted":"","status":"failed"},
				"hooks":[{"name":"h","last_run":{"started_at":"","completed_at":null,"phase":""}}]}`,
			want: &release.Revision{
				Name: "a", Version: 2, Namespace: "n", Info: release.Info{Status: helmrelease.StatusFailed}, Hooks: []release.Hook{{Name: "h"}},
			},
		},
		"Extras": {
			reason: "What Helm 4 and we add is read; what has another form is not there.",
			data:   `{"name":"a","apply_method":"ssa","weir":{"owner":"u","action":"upgrade"},"info":{"status":"deployed"},"other":[]}`,
			want: &release.Revision{
				Name: "a", ApplyMethod: "ssa", Info: release.Info{Status: helmrelease.StatusDeployed},
				Intent: &release.Intent{Owner: "u", Action: release.ActionUpgrade},
			},
		},
		"OddExtras": {
			reason: "Extras of another form do not make a release unreadable.",
			data:   `{"name":"a","apply_method":7,"weir":"x"}`,
			want:   &release.Revision{Name: "a", Info: release.Info{Status: helmrelease.StatusUnknown}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := release.Decode([]byte(tc.data))
			if err != nil {
				t.Fatalf("%s\nDecode: %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
	for _, bad := range []string{"", "[]", `{"info":{"deleted":"yesterday"}}`, `{"version":"1"}`} {
		if _, err := release.Decode([]byte(bad)); err == nil {
			t.Errorf("Decode(%q): no error", bad)
		}
	}
}

func FuzzDigest(f *testing.F) {
	f.Add([]byte(`{"name":"a","version":1,"info":{"status":"deployed","first_deployed":"2024-05-07T04:54:21+02:00"},"config":{"a":{"b":[1,2.5,null]}}}`))
	f.Add([]byte(`{"hooks":[null,{"events":["test"]}],"chart":{"metadata":{"name":"c","dependencies":[null]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := release.Decode(data)
		if err != nil {
			return
		}
		s := r.Snapshot(release.Made{Action: release.ActionInstall, Algorithm: artifact.SHA256})
		if s.Digest != "" && release.Verify(s, r) != nil {
			t.Errorf("Verify: own snapshot %s does not verify", s.Digest)
		}
		if s.ConfigDigest != "" && !release.VerifyConfig(s.ConfigDigest, r.Config) {
			t.Errorf("VerifyConfig: own digest %s does not verify", s.ConfigDigest)
		}
		if strings.Contains(s.ConfigDigest, " ") {
			t.Errorf("ConfigDigest: %q", s.ConfigDigest)
		}
	})
}
