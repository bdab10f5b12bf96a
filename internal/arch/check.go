package arch

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// pkg is what the rules need to know of one directory of Go files.
type pkg struct {
	name    string // as in the table
	comment string // the longest package comment of its files
	files   []file
}

type file struct {
	path    string
	test    bool
	lines   int
	reason  bool // it says why it is long
	imports []string
}

// check returns what is wrong with the module whose root is fsys, one sentence
// each, in the order of the paths.
func check(fsys fs.FS) ([]string, error) {
	module, err := modulePath(fsys)
	if err != nil {
		return nil, err
	}
	pkgs, err := load(fsys)
	if err != nil {
		return nil, err
	}
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(pkgs)) {
		problems = append(problems, checkPackage(pkgs[name], module)...)
	}
	return problems, nil
}

// modulePath reads the name of the module from go.mod.
func modulePath(fsys fs.FS) (string, error) {
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mod)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return name, nil
		}
	}
	return "", errors.New("go.mod: no module line")
}

// load reads the heads of all Go files of the module.
func load(fsys fs.FS) (map[string]*pkg, error) {
	pkgs := map[string]*pkg{}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && !belongs(fsys, p) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(p) != ".go" || strings.HasPrefix(path.Base(p), "_") || strings.HasPrefix(path.Base(p), ".") {
			return nil
		}
		return loadFile(fsys, p, pkgs)
	})
	return pkgs, err
}

// belongs reports whether the Go tool would look for packages of this module in
// a directory.
func belongs(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" {
		return false
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err != nil
}

func loadFile(fsys fs.FS, p string, pkgs map[string]*pkg) error {
	src, err := fs.ReadFile(fsys, p)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	f := file{
		path:   p,
		test:   strings.HasSuffix(p, "_test.go"),
		lines:  bytes.Count(src, []byte("\n")),
		reason: slices.ContainsFunc(parsed.Comments, hasReason),
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: import %s: %w", p, spec.Path.Value, err)
		}
		f.imports = append(f.imports, imported)
	}
	name := strings.TrimPrefix(path.Dir(p), "internal/")
	if pkgs[name] == nil {
		pkgs[name] = &pkg{name: name}
	}
	pkgs[name].files = append(pkgs[name].files, f)
	if doc := parsed.Doc.Text(); len(doc) > len(pkgs[name].comment) {
		pkgs[name].comment = doc
	}
	return nil
}

func hasReason(c *ast.CommentGroup) bool {
	return strings.Contains(strings.Join(strings.Fields(c.Text()), " "), longFileMark)
}

func checkPackage(p *pkg, module string) []string {
	var problems []string
	own, known := layerOf(p.name)
	if !known {
		problems = append(problems, fmt.Sprintf("%s: unknown package: add it to the table in internal/arch/layers.go, in the lowest layer that can hold it", p.name))
	}
	if n := strings.Count(p.comment, "\n"); n < commentMinLines {
		problems = append(problems, fmt.Sprintf("%s: package comment of %d lines: say in %d or more what it is for, what it promises and what it does not do", p.name, n, commentMinLines))
	}
	for _, f := range p.files {
		limit := fileMaxLines
		if f.test {
			limit = testFileMaxLines
		}
		if f.lines > limit && !f.reason {
			problems = append(problems, fmt.Sprintf("%s: %d lines: split it by its nouns, or begin a comment above the first declaration with %q", f.path, f.lines, longFileMark))
		}
		if !known {
			continue
		}
		for _, imported := range f.imports {
			if why := refuse(p.name, own, f.test, imported, module); why != "" {
				problems = append(problems, fmt.Sprintf("%s: imports %s: %s", f.path, imported, why))
			}
		}
	}
	return problems
}

// refuse says why a package must not import another, or "".
func refuse(importer string, own int, test bool, imported, module string) string {
	if why, forbidden := forbiddenModule(imported); forbidden {
		return why
	}
	if imported == module {
		return refuseOurs(importer, own, test, ".")
	}
	if below, ours := strings.CutPrefix(imported, module+"/"); ours {
		return refuseOurs(importer, own, test, strings.TrimPrefix(below, "internal/"))
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	if within(imported, layers[own].modules) || test && within(imported, testModules) {
		return ""
	}
	if test {
		return "not in the list of modules for tests in internal/arch/layers.go"
	}
	return fmt.Sprintf("layer %q has no use for this module; move the code up, or add the module to internal/arch/layers.go and docs/dependencies.md", layers[own].name)
}

func forbiddenModule(imported string) (why string, forbidden bool) {
	for module, why := range never {
		if within(imported, []string{module}) {
			return why, true
		}
	}
	return "", false
}

func refuseOurs(importer string, own int, test bool, imported string) string {
	if test {
		return ""
	}
	target, known := layerOf(imported)
	switch {
	case !known:
		return "" // reported once, at the package itself
	case imported == importer:
		return "a package cannot import itself"
	case target == own:
		if slices.Contains(layers[own].arrows[importer], imported) {
			return ""
		}
		return fmt.Sprintf("no arrow %s → %s inside layer %q", importer, imported, layers[own].name)
	case target > own:
		return fmt.Sprintf("layer %q stands above %q", layers[target].name, layers[own].name)
	case layers[own].only != nil && !slices.Contains(layers[own].only, layers[target].name):
		return fmt.Sprintf("layer %q may use only %q", layers[own].name, layers[own].only)
	default:
		return ""
	}
}

// layerOf returns the index of the layer a package stands in.
func layerOf(name string) (int, bool) {
	i := slices.IndexFunc(layers, func(l layer) bool { return slices.Contains(l.packages, name) })
	return i, i >= 0
}

// within reports whether a package is one of the modules or below one.
func within(imported string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool {
		return imported == m || strings.HasPrefix(imported, m+"/")
	})
}
