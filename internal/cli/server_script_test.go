package cli_test

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tidings-io/tidings/internal/testserver"
)

// The scripts run at the same time on one server, so each has subjects of its own.
func TestCommandsWithServer(t *testing.T) {
	t.Parallel()
	s := testserver.Start(t)
	runScripts(t, "testdata/server", func(env *testscript.Env) error {
		env.Setenv("NATS_URL", s.URL)
		return nil
	})
}

func TestCommandsWithPermissions(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, `authorization { users = [
		{ user: ann, password: geheim, permissions: { publish: "ok.>", subscribe: ["ok.>", "_INBOX.>"] } }
	] }`)
	runScripts(t, "testdata/permissions", func(env *testscript.Env) error {
		env.Setenv("NATS_URL", s.URL)
		return nil
	})
}
