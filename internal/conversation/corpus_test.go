package conversation_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tidings-io/tidings/internal/conversation"
)

// corpus is where the scripts are that every server must pass.
const corpus = "../../test/conversations"

// TestServerHoldsEveryConversation runs the corpus against this module's
// server. With CONVERSATION_SERVER_BIN it runs against another one: the value
// is a command line that takes -c FILE, such as "/usr/bin/nats-server" or
// "/tmp/tidings serve".
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
			for _, c := range script.Cases {
				t.Run(c.Name, func(t *testing.T) {
					runner := conversation.Runner{Server: server.handle()}
					if err := runner.Run(t.Context(), c); err != nil {
						t.Errorf("%v\nrerun: go test ./internal/conversation -run '%s'", err, t.Name())
					}
				})
			}
			if t.Failed() {
				t.Logf("log of the server:\n%s", server.log())
			}
		})
	}
}

func readScript(t *testing.T, file string) *conversation.Script {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, err := conversation.Parse(file, string(src))
	if err != nil {
		t.Fatal(err)
	}
	return script
}
