//go:build unix

package conversation_test

import (
	"path/filepath"
	"testing"

	"github.com/tidings-io/tidings/internal/conversation"
)

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
