package cli_test

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tidings-io/tidings/internal/cli"
)

var update = flag.Bool("update", false, "write what commands print into the scripts' expected files")

// The scripts run this test's own binary under the names the tool has.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tidings":     run,
		"nats-server": run,
	})
}

func run() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }

func TestCommandsWithoutServer(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata/script", nil)
}

// runScripts runs the scripts of dir, each with a home directory of its own.
// setup may add to the environment.
func runScripts(t *testing.T, dir string, setup func(*testscript.Env) error) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir:                dir,
		RequireUniqueNames: true,
		UpdateScripts:      *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // or each command would end a second late
			if setup == nil {
				return nil
			}
			return setup(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"deliver": deliver,
			"serve":   serve,
			"ended":   ended,
		},
	})
}

// exits runs a program and checks its exit code: exits CODE PROGRAM ARGUMENT...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v: %v", args[1:], err)
	}
	if got != want {
		ts.Fatalf("%v: exit code %d, want %d", args[1:], got, want)
	}
}
