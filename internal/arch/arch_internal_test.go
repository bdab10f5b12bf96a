package arch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestSourceTreeKeepsItsRules(t *testing.T) {
	t.Parallel()
	problems, err := check(os.DirFS(filepath.Join("..", "..")))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}

func TestTableNamesEachPackageOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, l := range layers {
		for _, name := range l.packages {
			if seen[name] {
				t.Errorf("%s stands in two layers", name)
			}
			seen[name] = true
		}
		for from, to := range l.arrows {
			for _, name := range append([]string{from}, to...) {
				if !slices.Contains(l.packages, name) {
					t.Errorf("layer %q: the arrow %s → %s leaves it", l.name, from, name)
				}
			}
		}
		for _, name := range l.only {
			if !slices.ContainsFunc(layers, func(other layer) bool { return other.name == name }) {
				t.Errorf("layer %q: there is no layer %q", l.name, name)
			}
		}
	}
}

const comment = "// Package x is for the test.\n// It has a comment\n// of three lines.\n"

// tree returns a module of the given files, each with a package comment.
func tree(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module example.com/m\n\ngo 1.26\n")}}
	for name, body := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(body)}
	}
	return fsys
}

func TestEachRuleReportsItsBreach(t *testing.T) {
	t.Parallel()
	// f expects one problem that holds all of want, or none without want.
	f := func(path, body string, want ...string) {
		t.Helper()
		problems, err := check(tree(map[string]string{path: body}))
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 && len(problems) == 0 {
			return
		}
		if len(problems) != 1 || len(want) == 0 {
			t.Errorf("got %q, want one problem with %q", problems, want)
			return
		}
		for _, part := range want {
			if !strings.Contains(problems[0], part) {
				t.Errorf("got %q, want it to hold %q", problems[0], part)
			}
		}
	}
	imports := func(imported string) string { return comment + "package x\n\nimport _ \"" + imported + "\"\n" }
	long := func(head string, lines int) string {
		return comment + "package x\n\n" + head + strings.Repeat("\n", lines) + "var x int\n"
	}

	// direction
	f("internal/core/x.go", imports("example.com/m/internal/interest"))
	f("internal/core/x.go", imports("example.com/m/internal/auth"), `internal/core/x.go: imports`, `layer "auth and transport" stands above "core"`)
	f("internal/core/x_test.go", imports("example.com/m/internal/testserver"))
	f("internal/options/x.go", imports("example.com/m"), `layer "assembly" stands above "options"`)
	f("x.go", imports("example.com/m/internal/options"))
	f("cmd/tidings/x.go", imports("example.com/m/internal/cli"))
	f("internal/link/route/x.go", imports("example.com/m/internal/link"))
	f("internal/link/route/x.go", imports("example.com/m/internal/link/leaf"), `no arrow link/route → link/leaf`)
	f("internal/jetstream/stream/x.go", imports("example.com/m/internal/core"), `may use only ["words and seams" "files"]`)
	f("internal/jetstream/raftgroup/x.go", imports("example.com/m/internal/jetstream/store"))
	f("internal/client/x.go", imports("example.com/m"), `may use only`)
	f("internal/core/x_windows.go", imports("example.com/m/internal/conn"), "stands above")

	// placement
	f("internal/helpers/x.go", imports("fmt"), "helpers: unknown package: add it to the table")

	// modules
	f("internal/wire/x.go", imports("net/http"))
	f("internal/wire/x.go", imports("golang.org/x/sys/unix"), `layer "words and seams" has no use for this module`)
	f("internal/transport/x.go", imports("golang.org/x/sys/unix"))
	f("internal/wire/x_test.go", imports("github.com/google/go-cmp/cmp"))
	f("internal/wire/x_test.go", imports("github.com/some/thing"), "not in the list of modules for tests")
	f("internal/cli/x_test.go", imports("github.com/nats-io/nats-server/v2/server"), "implementation of its own")
	f("x.go", imports("github.com/nats-io/jsm.go/api"), "it links nats-server")

	// comments
	f("internal/core/x.go", "package core\n", "core: package comment of 0 lines")
	f("internal/core/x.go", "// Package core is short.\npackage core\n", "core: package comment of 1 lines")
	f("internal/core/x.go", "// Copyright of somebody\n\n"+comment+"package core\n")

	// size
	f("internal/core/x.go", long("", 700))
	f("internal/core/x.go", long("", 900), "internal/core/x.go: 906 lines", "split it")
	f("internal/core/x.go", long("// This file is long\n// because it is a table.\n", 900))
	f("internal/core/x_test.go", long("", 900))
	f("internal/core/x_test.go", long("", 1300), "internal/core/x_test.go: 1306 lines")

	// what is not looked at
	f("internal/core/testdata/x.go", "package y\n")
	f("_old/x.go", "package y\n")
}

func TestModulesBelowTheRootAreLeftOut(t *testing.T) {
	t.Parallel()
	problems, err := check(tree(map[string]string{
		"test/go.mod":        "module example.com/m/test\n",
		"test/deep/x.go":     "package y\n\nimport _ \"github.com/other/client\"\n",
		"internal/wire/x.go": comment + "package wire\n",
	}))
	if err != nil || problems != nil {
		t.Errorf("got %q, %v, want nothing", problems, err)
	}
}

func TestTwoFilesShareOnePackageComment(t *testing.T) {
	t.Parallel()
	problems, err := check(tree(map[string]string{
		"internal/wire/a.go":      "package wire\n",
		"internal/wire/doc.go":    comment + "package wire\n",
		"internal/wire/b_test.go": "package wire_test\n",
	}))
	if err != nil || problems != nil {
		t.Errorf("got %q, %v, want nothing", problems, err)
	}
}
