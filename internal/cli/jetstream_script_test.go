package cli_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tidings-io/tidings/internal/testserver"
)

// jetStreamServerEnv names the address of another server with JetStream, which
// must be empty, to run the scripts against instead of one of our own.
const jetStreamServerEnv = "CLI_JETSTREAM_URL"

// The scripts run at the same time on one server, so each has streams and
// subjects of its own.
func TestCommandsWithJetStream(t *testing.T) {
	t.Parallel()
	url := os.Getenv(jetStreamServerEnv)
	if url == "" {
		url = testserver.StartConfig(t, fmt.Sprintf("jetstream { store_dir: %q }", t.TempDir())).URL
	}
	runScripts(t, "testdata/jetstream", func(env *testscript.Env) error {
		env.Setenv("NATS_URL", url)
		return nil
	})
}

// These scripts touch all streams there are, or what only this server does.
func TestCommandsWithJetStreamAlone(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"backup", "dead_letters"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			url := testserver.StartConfig(t, fmt.Sprintf("jetstream { store_dir: %q }", t.TempDir())).URL
			runScripts(t, "testdata/jetstream_"+script, func(env *testscript.Env) error {
				env.Setenv("NATS_URL", url)
				return nil
			})
		})
	}
}
