// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Weigh prints how large each binary is, which modules it is made of, and through which imports each of them came in.
//
// A module's size is the sum of its symbols in a binary linked with its symbol table. Type descriptors and line tables belong to no
// module in that table; they have a line of their own.
package main

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

const (
	ours     = "github.com/weir-gitops/weir/"
	standard = "the standard library"
)

func main() {
	root := flag.String("root", ".", "top of the repository")
	top := flag.Int("top", 15, "how many modules to list for each binary")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for _, name := range flag.Args() {
		if err := weigh(ctx, *root, name, *top); err != nil {
			fmt.Fprintf(os.Stderr, "weigh %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// weigh prints the report of the binary whose main package is the folder name below root.
func weigh(ctx context.Context, root, name string, top int) error {
	pkgs, err := listPackages(ctx, root, name)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "weigh-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	stripped := filepath.Join(dir, "stripped")
	if err := link(ctx, root, name, stripped, "-s -w"); err != nil {
		return err
	}
	info, err := os.Stat(stripped)
	if err != nil {
		return err
	}
	whole := filepath.Join(dir, "whole")
	if err := link(ctx, root, name, whole, "-w"); err != nil {
		return err
	}
	symbols, err := readSymbols(whole)
	if err != nil {
		return err
	}
	sizes, rest := moduleSizes(symbols, pkgs)

	fmt.Printf("%s  %s\n", name, megabytes(info.Size()))
	for i, module := range slices.SortedFunc(maps.Keys(sizes), func(a, b string) int { return cmp.Compare(sizes[b], sizes[a]) }) {
		if i == top {
			break
		}
		fmt.Printf("  %9s  %-45s %s\n", megabytes(sizes[module]), module, chain(pkgs, module))
	}
	fmt.Printf("  %9s  type descriptors and line tables (%d modules in all)\n\n", megabytes(rest), len(sizes))
	return nil
}

// link builds the binary as it ships, static and for Linux, with the given linker flags.
func link(ctx context.Context, root, name, out, ldflags string) error {
	_, err := run(ctx, root, "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", out, "./"+name)
	return err
}

// symbol is a piece of a binary.
type symbol struct {
	name  string
	bytes int64
}

// readSymbols lists what takes room in a binary's file; zeroed memory takes none.
func readSymbols(path string) ([]symbol, error) {
	binary, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer binary.Close()
	all, err := binary.Symbols()
	if err != nil {
		return nil, err
	}
	var symbols []symbol
	for _, s := range all {
		if i := int(s.Section); i < len(binary.Sections) && binary.Sections[i].Type == elf.SHT_PROGBITS {
			symbols = append(symbols, symbol{name: s.Name, bytes: int64(s.Size)}) //nolint:gosec // no symbol has 2^63 bytes
		}
	}
	return symbols, nil
}

// goPackage is what `go list -json` says about one package.
type goPackage struct {
	ImportPath string
	Imports    []string
	Module     *struct{ Path string }
}

// module returns the module that the package is counted under.
func (p goPackage) module() string {
	if p.Module == nil {
		return standard
	}
	return p.Module.Path
}

// packages is everything that a binary links, by import path, in dependency order: the main package is last.
type packages struct {
	byPath map[string]goPackage
	main   string
}

func listPackages(ctx context.Context, root, name string) (packages, error) {
	out, err := run(ctx, root, "list", "-deps", "-json=ImportPath,Imports,Module", "./"+name)
	if err != nil {
		return packages{}, err
	}
	pkgs := packages{byPath: map[string]goPackage{}}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return packages{}, err
		}
		pkgs.byPath[p.ImportPath], pkgs.main = p, p.ImportPath
	}
}

// moduleSizes adds up the symbols of each module; rest is what belongs to none.
func moduleSizes(symbols []symbol, pkgs packages) (sizes map[string]int64, rest int64) {
	sizes = map[string]int64{}
	for _, s := range symbols {
		if p, ok := pkgs.byPath[symbolPackage(s.name)]; ok {
			sizes[p.module()] += s.bytes
		} else {
			rest += s.bytes
		}
	}
	return sizes, rest
}

// symbolPackage cuts the import path off a symbol such as "gopkg.in/inf%2ev0.(*Dec).Add": it ends at the first dot after its last slash.
func symbolPackage(symbol string) string {
	name, _, _ := strings.Cut(symbol, "[") // type arguments have slashes of their own
	slash := strings.LastIndexByte(name, '/') + 1
	last, _, _ := strings.Cut(name[slash:], ".")
	return strings.ReplaceAll(name[:slash]+last, "%2e", ".")
}

// chain is the shortest way of imports from the main package into a module, one package for each module that it crosses.
func chain(pkgs packages, module string) string {
	if module == standard {
		return ""
	}
	from := map[string]string{pkgs.main: ""}
	for queue := []string{pkgs.main}; len(queue) > 0; queue = queue[1:] {
		at := pkgs.byPath[queue[0]]
		if at.module() == module {
			return describe(pkgs, from, at)
		}
		for _, next := range at.Imports {
			if _, seen := from[next]; !seen {
				from[next] = at.ImportPath
				queue = append(queue, next)
			}
		}
	}
	return ""
}

// describe walks the found way back and keeps every package of ours and the first package of each other module.
func describe(pkgs packages, from map[string]string, at goPackage) string {
	var way []string
	for path := at.ImportPath; path != pkgs.main && path != ""; path = from[path] {
		before := pkgs.byPath[from[path]]
		if own, ok := strings.CutPrefix(path, ours); ok {
			way = append(way, own)
		} else if before.module() != pkgs.byPath[path].module() {
			way = append(way, path)
		}
	}
	slices.Reverse(way)
	return strings.Join(way, " > ")
}

// run runs the go command in the workspace, also where the caller has switched it off, for Linux.
func run(ctx context.Context, root string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=", "GOOS=linux", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Output()
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
