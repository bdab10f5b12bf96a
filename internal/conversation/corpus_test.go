//go:build unix

package conversation_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/conversation"
)

// TestServerHoldsEveryConversation runs the corpus against this module's
// server. With CONVERSATION_SERVER_BIN it runs against another one: the value
// is a command line that takes -c FILE, such as "nats-server" or "tidings
// serve". With CONVERSATION_RECORD set, lines ? and ?? of the
// scripts are replaced by what the server answers.
func TestServerHoldsEveryConversation(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpus, "*.conv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s (%v)", corpus, err)
	}
	command := serverCommand(t)
	keys := newCertificate(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			script := readScript(t, file)
			server := startProcess(t, command, script.Config, keys)
			recorded := map[int][]string{}
			for _, c := range script.Cases {
				t.Run(c.Name, func(t *testing.T) {
					runner := conversation.Runner{Server: server.handle()}
					if os.Getenv("CONVERSATION_RECORD") != "" {
						runner.Record = func(line int, command string) {
							recorded[line] = append(recorded[line], command)
						}
					}
					if err := runner.Run(t.Context(), c); err != nil {
						t.Errorf("%v\nrerun: go test ./internal/conversation -run '%s'", err, t.Name())
					}
				})
			}
			writeRecorded(t, file, recorded)
			if t.Failed() {
				t.Logf("log of the server:\n%s", server.log())
			}
		})
	}
}

// writeRecorded puts commands into the place of the lines they were recorded for.
func writeRecorded(t *testing.T, file string, recorded map[int][]string) {
	t.Helper()
	if len(recorded) == 0 {
		return
	}
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(src), "\n")
	for i := len(lines); i > 0; i-- {
		if commands, ok := recorded[i]; ok {
			lines = slices.Replace(lines, i-1, i, commands...)
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}
