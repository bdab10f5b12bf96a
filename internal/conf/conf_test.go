package conf_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/conf"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// environment is what the golden cases see.
var environment = map[string]string{
	"ENV_PORT":     "4333",
	"ENV_EMPTY":    "",
	"ENV_TEXT":     `"two words"`,
	"ENV_LIST":     "[a, 2, yes]",
	"ENV_MAP":      "{a: 1, b: $a}",
	"ENV_CHAIN":    "$ENV_PORT",
	"ENV_SELF":     "$ENV_SELF",
	"ENV_RING":     "$ENV_RING_TOO",
	"ENV_RING_TOO": "$ENV_RING",
	"ENV_WORDS":    "two words",
	"ENV_OPEN":     `"no end`,
	"ENV_BCRYPT":   "$2a$11$ooo7xnWUK9gRHpJ.4aa4eOWuXbUpgeUX9jFoLZOL8YtJGxzGCqNZu",
	"ENV_COMMENT":  "text # with a comment",
}

func lookup(name string) (string, bool) {
	text, ok := environment[name]
	return text, ok
}

// TestGoldenConfigurations parses each testdata/*.conf and compares the tree,
// or the errors, with the .golden file of the same name. A new case is a new
// file; go test -run Golden -update writes what was parsed.
func TestGoldenConfigurations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			got := describe(conf.ParseFileWith(file, conf.Options{LookupEnv: lookup}))
			golden := strings.TrimSuffix(file, ".conf") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s\nrerun with -update if the change is meant", diff)
			}
		})
	}
}

// describe returns the tree, the warnings and the digest, or the error.
func describe(m *conf.Map, err error) string {
	if err != nil {
		return "error:\n" + strings.ReplaceAll(err.Error(), "testdata"+string(filepath.Separator), "") + "\n"
	}
	var out strings.Builder
	dumpMap(&out, m, 0)
	for _, w := range m.Warnings() {
		fmt.Fprintf(&out, "warning: %s\n", strings.ReplaceAll(w.String(), "testdata"+string(filepath.Separator), ""))
	}
	digest, err := m.Digest()
	if err != nil {
		return err.Error()
	}
	fmt.Fprintln(&out, digest)
	return out.String()
}

func dumpMap(out *strings.Builder, m *conf.Map, depth int) {
	for _, e := range m.Entries() {
		fmt.Fprintf(out, "%s%d:%d %q", strings.Repeat("  ", depth), e.Pos.Line, e.Pos.Col, e.Key)
		if e.Referenced {
			out.WriteString(" (used as variable)")
		}
		dumpValue(out, e.Value, depth)
	}
}

func dumpValue(out *strings.Builder, v *conf.Value, depth int) {
	fmt.Fprintf(out, " %d:%d", v.Pos.Line, v.Pos.Col)
	if v.Variable != "" {
		fmt.Fprintf(out, " $%s", v.Variable)
	}
	switch v.Kind {
	case conf.KindText:
		text, err := v.Text()
		fmt.Fprintf(out, " text %q%s\n", text, failure(err))
	case conf.KindInt:
		n, err := v.Int()
		fmt.Fprintf(out, " int %d%s\n", n, failure(err))
	case conf.KindFloat:
		f, err := v.Float()
		fmt.Fprintf(out, " float %v%s\n", f, failure(err))
	case conf.KindBool:
		b, err := v.Bool()
		fmt.Fprintf(out, " bool %v%s\n", b, failure(err))
	case conf.KindTime:
		when, err := v.Time()
		fmt.Fprintf(out, " time %v%s\n", when, failure(err))
	case conf.KindList:
		list, err := v.List()
		fmt.Fprintf(out, " list%s\n", failure(err))
		for _, element := range list {
			out.WriteString(strings.Repeat("  ", depth+1) + "-")
			dumpValue(out, element, depth+1)
		}
	case conf.KindMap:
		m, err := v.Map()
		fmt.Fprintf(out, " map%s\n", failure(err))
		dumpMap(out, m, depth+1)
	}
}

func failure(err error) string {
	if err == nil {
		return ""
	}
	return " error: " + err.Error()
}

func parse(text string) (*conf.Map, error) {
	return conf.Parse("test.conf", []byte(text), conf.Options{LookupEnv: lookup})
}

func TestDigestIsThatOfNatsServer(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		m, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if got != "sha256:"+want {
			t.Errorf("digest of %q = %s, want %s", text, got, want)
		}
	}
	f("port: 4222\n", "797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e")
	f("# x\nport = 4222 // hello\n\n", "797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e")
	f(`{"port": 4222}`, "797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e")
	f(`host: "127.0.0.1", port: 4222`, "00c08c20cbad87a99fd56cc764a3dcd71ecc9c6c5a71ee2f0461fab0f72e8600")
	f("port: 4222\nhost: 127.0.0.1", "00c08c20cbad87a99fd56cc764a3dcd71ecc9c6c5a71ee2f0461fab0f72e8600")
	f(`client_advertise: "x:y"`, "e587fa456aa0c29e8166150b4512ddb2b1a7a2585221384d9a728ec5e5ae0041")
}

func TestErrorsNamePlaceOfEachProblem(t *testing.T) {
	t.Parallel()
	_, err := parse("a: 1\nb: \"\\q\"\nc: 2 3\nd: $NOT_THERE\n")
	var all conf.Errors
	if !errors.As(err, &all) {
		t.Fatalf("got %v, want conf.Errors", err)
	}
	var got []string
	for _, p := range all {
		got = append(got, p.Pos.String())
	}
	want := []string{"test.conf:2:5", "test.conf:3:6", "test.conf:4:4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLimitsEndTheParseWithTheirName(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		_, err := parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %.300v, want an error with %q", err, want)
		}
	}
	f("a: "+strings.Repeat("[", 100_000), "limit of 128 levels")
	f("a: "+strings.Repeat("{a:", 100_000), "limit of 128 levels")
	f(doubling("[%[1]s, %[1]s]", 40), "limit of 1048576 values")
	f(doubling("{a: %[1]s, b: %[1]s}", 40), "limit of 1048576 values")
	f(doubling("[%[1]s]", 1000), "limit of 128 levels")
	f(strings.Repeat("a: }\n", 1000), "more errors are not listed")
	f(strings.Repeat(" ", conf.MaxBytes+1), "limit of 16777216")
	f("a: ["+strings.Repeat("1,", conf.MaxValues+1)+"]", "limit of 1048576 values")
}

// TestHostileInputEndsSoon runs inputs that cost quadratic time if a list of
// errors, keys or includes were searched from end to end; the deadline of the
// test run is what would fail.
func TestHostileInputEndsSoon(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"a:$b,", "a b c\n", "a:[b c\n", "a:}", "'x", "include x\n", "\"a\":\n", "a: \"\\q\",", ",", "(\n"} {
		if _, err := parse(strings.Repeat(unit, (8<<20)/len(unit))); err == nil {
			t.Errorf("%q repeated was accepted", unit)
		}
	}
}

// doubling returns n lines, each of whose values use that of the line before.
func doubling(form string, n int) string {
	lines := []string{"v0: 1"}
	for i := range n {
		lines = append(lines, fmt.Sprintf("v%d: %s", i+1, fmt.Sprintf(form, fmt.Sprintf("$v%d ", i))))
	}
	return strings.Join(lines, "\n")
}

func TestIncludesAreBounded(t *testing.T) {
	t.Parallel()
	f := func(read func(string, int64) ([]byte, error), want string) {
		t.Helper()
		_, err := conf.Parse("main.conf", []byte("include next0.conf"), conf.Options{ReadFile: read})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %.300v, want an error with %q", err, want)
		}
	}
	f(func(path string, _ int64) ([]byte, error) {
		return []byte("include x" + path), nil
	}, "limit of 16")
	f(func(path string, _ int64) ([]byte, error) {
		return []byte("include " + path), nil
	}, "includes itself (main.conf -> next0.conf -> next0.conf)")
	f(func(path string, _ int64) ([]byte, error) {
		if path == "next0.conf" {
			return []byte(strings.Repeat("include empty.conf\n", 2000)), nil
		}
		return nil, nil
	}, "more than 1000 include statements")
	f(func(path string, limit int64) ([]byte, error) {
		return make([]byte, limit), nil
	}, "limit of 16777216 bytes")
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.conf")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	noFiles := func(path string, _ int64) ([]byte, error) {
		if strings.HasSuffix(path, "self") {
			return []byte("include self"), nil
		}
		return nil, os.ErrNotExist
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		opts := conf.Options{LookupEnv: lookup, ReadFile: noFiles}
		first := describe(conf.Parse("fuzz", text, opts))
		if second := describe(conf.Parse("fuzz", text, opts)); first != second {
			t.Errorf("two parses differ:\n%s\n%s", first, second)
		}
	})
}
