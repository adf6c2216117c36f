// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/oci"
)

// pack makes a tar.gz of headers; a file has as many x as its size says.
func pack(tb testing.TB, headers ...tar.Header) []byte {
	tb.Helper()
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	tw := tar.NewWriter(gz)
	for _, h := range headers {
		if err := tw.WriteHeader(&h); err != nil {
			tb.Fatal(err)
		}
		if _, err := tw.Write(bytes.Repeat([]byte("x"), int(h.Size))); err != nil {
			tb.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), gz.Close()); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func file(name string) tar.Header { return tar.Header{Name: name, Mode: 0o644, Size: 3} }

// tree lists what is below dir: directories end in a slash, files show their permissions.
func tree(tb testing.TB, dir string) []string {
	tb.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all = append(all, name+" "+info.Mode().String())
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func TestUnpack(t *testing.T) {
	limits := oci.Limits{Bytes: 1000, Entries: 10}
	deep := strings.Repeat("d/", 20) + "f"
	cases := map[string]struct {
		reason  string
		archive []byte
		want    []string
		wantErr error
	}{
		"Files": {
			"Files and directories, those without an entry too. Permissions are ours.",
			pack(t, tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0}, tar.Header{Name: "empty/", Typeflag: tar.TypeDir, Mode: 0o777}, file("./a/b"), tar.Header{Name: "run", Mode: 0o4755}),
			[]string{"a drwx------", "a/b -rw-------", "empty drwx------", "run -rwx------"},
			nil,
		},
		"Twice":        {"The last entry of a name wins.", pack(t, tar.Header{Name: "a", Mode: 0o755, Size: 9}, file("a")), []string{"a -rw-------"}, nil},
		"Symlink":      {"Symbolic links are skipped.", pack(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, file("a")), []string{"a -rw-------"}, nil},
		"ThroughLink":  {"So nothing is written through them.", pack(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}, file("l/a")), []string{"l drwx------", "l/a -rw-------"}, nil},
		"GlobalHeader": {"git archive begins with a header for all.", pack(t, tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "x"}}, file("a")), []string{"a -rw-------"}, nil},
		"Empty":        {"An empty archive is an archive.", pack(t), nil, nil},
		"Absolute":     {"An absolute name.", pack(t, file("/etc/passwd")), nil, oci.ErrContent},
		"Climbing":     {"A name that climbs.", pack(t, file("a/../../b")), nil, oci.ErrContent},
		"Parent":       {"Or is the directory above.", pack(t, tar.Header{Name: "..", Typeflag: tar.TypeDir}), nil, oci.ErrContent},
		"Backslash":    {"A name for another system.", pack(t, file(`..\a`)), nil, oci.ErrContent},
		"LongName":     {"A name no file can have.", pack(t, file(strings.Repeat("x", 300))), nil, oci.ErrContent},
		"LongPath":     {"A path no file can have.", pack(t, file(strings.Repeat("d/", 3000)+"f")), nil, oci.ErrContent},
		"HardLink":     {"A hard link.", pack(t, tar.Header{Name: "l", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}), nil, oci.ErrContent},
		"Device":       {"A device.", pack(t, tar.Header{Name: "d", Typeflag: tar.TypeChar}), nil, oci.ErrContent},
		"Pipe":         {"A pipe.", pack(t, tar.Header{Name: "p", Typeflag: tar.TypeFifo}), nil, oci.ErrContent},
		"FileAsDir":    {"A file that is a directory as well.", pack(t, file("a"), file("a/b")), nil, oci.ErrContent},
		"FileThenDir":  {"The same, said otherwise.", pack(t, file("a"), tar.Header{Name: "a/", Typeflag: tar.TypeDir}), nil, oci.ErrContent},
		"DirAsFile":    {"A directory that is a file as well.", pack(t, file("a/b"), file("a")), nil, oci.ErrContent},
		"RootAsFile":   {"A file in place of the root.", pack(t, file(".")), nil, oci.ErrContent},
		"TooManyBytes": {"More than the limit, though it compresses well.", pack(t, tar.Header{Name: "bomb", Size: 1001}), nil, oci.ErrTooLarge},
		"TooMany":      {"More entries than the limit.", pack(t, file("1"), file("2"), file("3"), file("4"), file("5"), file("6"), file("7"), file("8"), file("9"), file("10"), file("11")), nil, oci.ErrTooLarge},
		"TooDeep":      {"Directories count, announced or not.", pack(t, file(deep)), nil, oci.ErrTooLarge},
		"NotGzip":      {"What is not compressed.", []byte("plain text"), nil, oci.ErrContent},
		"Nothing":      {"What is not there.", nil, nil, oci.ErrContent},
		"NotTar":       {"What is no archive.", gzipped(t, []byte("plain text")), nil, oci.ErrContent},
		"CutOff":       {"What is half of one.", pack(t, file("a"))[:40], nil, oci.ErrContent},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "in")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			err = oci.Unpack(t.Context(), bytes.NewReader(tc.archive), root, limits)
			if !errors.Is(err, tc.wantErr) {
				t.Fatalf("%s\nerror %v, want %v", tc.reason, err, tc.wantErr)
			}
			if err != nil {
				if strings.Contains(err.Error(), dir) || len(err.Error()) > 1000 {
					t.Errorf("%s\nerror %v", tc.reason, err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, tree(t, dir)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// The sum of the sizes that an archive says its entries have does not wrap around.
func TestUnpackHugeSize(t *testing.T) {
	var content bytes.Buffer
	tw := tar.NewWriter(&content)
	if err := tw.WriteHeader(&tar.Header{Name: "a", Size: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := tw.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := tw.WriteHeader(&tar.Header{Name: "b", Size: math.MaxInt64, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	if _, err := tw.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	err = oci.Unpack(t.Context(), bytes.NewReader(gzipped(t, content.Bytes())), root, oci.Limits{Bytes: 1000, Entries: 10})
	if !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	if info, err := root.Stat("b"); err == nil {
		t.Errorf("%d bytes were written", info.Size())
	}
}

func gzipped(tb testing.TB, content []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	if _, err := gz.Write(content); err != nil {
		tb.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// broken fails after what it holds.
type broken struct {
	content *bytes.Reader
	err     error
}

func (b broken) Read(to []byte) (int, error) {
	if b.content.Len() == 0 {
		return 0, b.err
	}
	return b.content.Read(to)
}

// The fault of the layer is told, not what unpacking makes of it; and all of the layer is read, so that its digest is checked.
func TestUnpackTellsFaultOfReader(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	errLayer := errors.New("layer is not what it says")
	whole := pack(t, file("a"))
	for _, n := range []int{0, 10, 40, len(whole)} {
		err := oci.Unpack(t.Context(), broken{bytes.NewReader(whole[:n]), errLayer}, root, oci.Limits{Bytes: 1000, Entries: 10})
		if !errors.Is(err, errLayer) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	errEnd := errors.New("timeout")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnd)
	if err := oci.Unpack(ctx, bytes.NewReader(whole), root, oci.Limits{Bytes: 1000, Entries: 10}); !errors.Is(err, errEnd) {
		t.Errorf("after its end: %v", err)
	}
}

// FuzzUnpack holds that no archive leads out of its directory, makes links, or passes the limits.
func FuzzUnpack(f *testing.F) {
	f.Add("a/b", "c", "l", byte(tar.TypeSymlink))
	f.Add("../x", "/y", "a", byte(tar.TypeLink))
	f.Add("a", "a/b", "..", byte(tar.TypeDir))
	f.Fuzz(func(t *testing.T, first, second, third string, kind byte) {
		var out bytes.Buffer
		gz := gzip.NewWriter(&out)
		tw := tar.NewWriter(gz)
		for _, h := range []tar.Header{file(first), {Name: third, Typeflag: kind, Linkname: "../../outside"}, file(third + "/" + second), file(second)} {
			if err := tw.WriteHeader(&h); err != nil {
				continue
			}
			_, _ = tw.Write(bytes.Repeat([]byte("x"), int(h.Size)))
		}
		_ = tw.Close()
		_ = gz.Close()
		parent := t.TempDir()
		dir := filepath.Join(parent, "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_ = oci.Unpack(t.Context(), &out, root, oci.Limits{Bytes: 100, Entries: 50})
		entries := 0
		err = filepath.WalkDir(parent, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			entries++
			if !d.IsDir() && !d.Type().IsRegular() || p != parent && p != dir && !strings.HasPrefix(p, dir+string(filepath.Separator)) {
				t.Errorf("there is %s, %s", p, d.Type())
			}
			return nil
		})
		if err != nil || entries > 52 {
			t.Errorf("%d entries, %v", entries, err)
		}
	})
}

// FuzzUnpackBytes holds that no bytes break the reader.
func FuzzUnpackBytes(f *testing.F) {
	f.Add(pack(f, file("a")))
	f.Add(gzipped(f, []byte("x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_ = oci.Unpack(t.Context(), bytes.NewReader(b), root, oci.Limits{Bytes: 1 << 16, Entries: 100})
	})
}

// endOf cancels once all of an archive was handed out, at which time nothing of it has been unpacked.
type endOf struct {
	*bytes.Reader

	cancel func()
}

func (e *endOf) Read(to []byte) (int, error) {
	n, err := e.Reader.Read(to)
	if e.Len() == 0 {
		e.cancel()
	}
	return n, err
}

// The end of the time is noticed between two entries, of which many fit into the buffers of the archive.
func TestUnpackEnds(t *testing.T) {
	late := errors.New("late")
	headers := make([]tar.Header, 200)
	for i := range headers {
		headers[i] = file("d/f")
	}
	archive := pack(t, headers...)
	ctx, cancel := context.WithCancelCause(t.Context())
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	err = oci.Unpack(ctx, &endOf{bytes.NewReader(archive), func() { cancel(late) }}, root, oci.Limits{Bytes: 1 << 20, Entries: 10_000})
	if !errors.Is(err, late) || errors.Is(err, oci.ErrContent) {
		t.Errorf("got %v", err)
	}
	if _, err := root.Stat("d"); len(archive) > 4<<10 || err == nil {
		t.Errorf("an archive of %d bytes was unpacked all the same", len(archive))
	}
}
