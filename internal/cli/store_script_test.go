package cli_test

import (
	"fmt"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tidings-io/tidings/internal/testserver"
)

// The scripts run at the same time on one server, so each has buckets, streams
// and subjects of its own.
func TestCommandsWithStores(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, fmt.Sprintf("jetstream { store_dir: %q }", t.TempDir()))
	runScripts(t, "testdata/stores", func(env *testscript.Env) error {
		env.Setenv("NATS_URL", s.URL)
		return nil
	})
}
