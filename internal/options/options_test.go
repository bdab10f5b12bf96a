package options_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/options"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestGoldenOptions loads each testdata/*.conf and compares what differs from
// the defaults, the warnings, or the errors with the .golden file of the same
// name. A first line "# flags: ..." gives command-line flags too. A new case is
// a new file; go test -run Golden -update writes what was loaded.
func TestGoldenOptions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			flags, err := options.ParseServeArgs(append([]string{"-c", file}, flagLine(t, file)...))
			if err != nil {
				t.Fatal(err)
			}
			got := describe(t, flags)
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

// flagLine returns the flags in the first line of file.
func flagLine(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	scanner.Scan()
	line, _ := strings.CutPrefix(scanner.Text(), "# flags:")
	if line == scanner.Text() {
		return nil
	}
	return strings.Fields(line)
}

// describe loads and returns what differs from the defaults, or the error.
func describe(t *testing.T, flags options.Flags) string {
	t.Helper()
	clean := strings.NewReplacer("testdata"+string(filepath.Separator), "", certDir, "CERTS")
	o, err := options.Load(flags)
	if err != nil {
		return "error:\n" + clean.Replace(err.Error()) + "\n"
	}
	var out strings.Builder
	loaded, defaults := flat(t, *o), flat(t, options.Defaults())
	for _, key := range keys(loaded) {
		if loaded[key] != defaults[key] && key != "ConfigFile" && key != "ConfigDigest" && !strings.HasPrefix(key, "Warnings") {
			fmt.Fprintf(&out, "%s = %s\n", key, loaded[key])
		}
	}
	for _, w := range o.Warnings {
		kind := "warning"
		if w.Unsafe {
			kind = "unsafe"
		}
		fmt.Fprintf(&out, "%s: %s\n", kind, w)
	}
	return clean.Replace(out.String())
}

// flat returns the leaves of the JSON form of o by their path.
func flat(t *testing.T, o options.Options) map[string]string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	leaves := map[string]string{}
	addLeaves(leaves, "", tree)
	return leaves
}

func addLeaves(leaves map[string]string, path string, node any) {
	switch node := node.(type) {
	case map[string]any:
		for key, child := range node {
			addLeaves(leaves, strings.TrimPrefix(path+"."+key, "."), child)
		}
	case []any:
		for i, child := range node {
			addLeaves(leaves, fmt.Sprintf("%s[%d]", path, i), child)
		}
	case nil:
	default:
		leaves[path] = fmt.Sprint(node)
	}
}

func keys(m map[string]string) []string {
	var out []string
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

func TestDefaultsListenOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	o, err := options.Load(options.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if o.Server.Host != "127.0.0.1" || o.Server.Port != 4222 || o.Monitor.Enabled() {
		t.Errorf("got %s:%d, monitor %v; want 127.0.0.1:4222 and no monitor", o.Server.Host, o.Server.Port, o.Monitor)
	}
	if len(o.Warnings) != 0 {
		t.Errorf("warnings: %v", o.Warnings)
	}
	defaults := options.Defaults()
	if err := defaults.Validate(); err != nil {
		t.Error(err)
	}
}

func TestListenerBeyondLoopbackNeedsAuthenticationOrConsent(t *testing.T) {
	t.Parallel()
	f := func(want string, args ...string) {
		t.Helper()
		flags, err := options.ParseServeArgs(args)
		if err != nil {
			t.Fatal(err)
		}
		got := describe(t, flags)
		if !strings.Contains(got, want) {
			t.Errorf("%v: got %s, want %q", args, got, want)
		}
	}
	f("error:\nthe server would listen on 0.0.0.0 without authentication", "-a", "0.0.0.0")
	f("unsafe: clients connect on 0.0.0.0 without authentication", "-a", "0.0.0.0", "--insecure")
	f("(refused by --strict)", "-a", "0.0.0.0", "--insecure", "--strict")
	f("Server.Host = 0.0.0.0\nunsafe: credentials cross the network in the clear", "-a", "0.0.0.0", "--auth", "$2a$11$ooo7xnWUK9gRHpJ.4aa4eOWuXbUpgeUX9jFoLZOL8YtJGxzGCqNZu")
	f("Server.Host = ::1\n", "-a", "::1")
	f("Server.Host = localhost\n", "-a", "localhost")
	f("Monitor.HTTPPort = 8222\n", "-m", "8222")
	f("unsafe: monitoring listens on 0.0.0.0 without a login", "-a", "0.0.0.0", "--insecure", "-m", "8222")
}

func TestSecretsDoNotShow(t *testing.T) {
	t.Parallel()
	password, user := auth.Secret("hidden-word"), "me"
	o, err := options.Load(options.Flags{User: &user, Password: &password})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, *o); strings.Contains(text, "hidden-word") {
			t.Errorf("%s shows the password: %s", verb, text)
		}
	}
}

func TestValidateChecksOptionsOfPrograms(t *testing.T) {
	t.Parallel()
	f := func(want string, change func(*options.Options)) {
		t.Helper()
		o := options.Defaults()
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f("port is 0", func(o *options.Options) { o.Server.Port = 0 })
	f("server_name", func(o *options.Options) { o.Server.Name = "a b" })
	f("max_payload is 0", func(o *options.Options) { o.Limits.MaxPayload = 0 })
	f("larger than max_pending", func(o *options.Options) { o.Limits.MaxPending = 10 })
	f("ping_interval is 0s", func(o *options.Options) { o.Timing.PingInterval = 0 })
	f("write_timeout", func(o *options.Options) { o.Timing.WriteTimeout = "" })
	f("keep one", func(o *options.Options) { o.Monitor.HTTPPort, o.Monitor.HTTPSPort = 1, 2 })
	f("no certificate", func(o *options.Options) { o.TLS = &options.TLS{} })
	f("password without user", func(o *options.Options) { o.Auth.Password = "x" })
}

func TestMissingFileIsNamed(t *testing.T) {
	t.Parallel()
	_, err := options.Load(options.Flags{ConfigFile: "testdata/missing.conf"})
	if err == nil || !strings.Contains(err.Error(), "testdata/missing.conf") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}
