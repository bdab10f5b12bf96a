package cli_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestServe(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata/serve", nil)
}

// runningServer is the server of one script and its log from "ready" on.
type runningServer struct {
	cmd *exec.Cmd
	log *bufio.Scanner
}

// servers holds the running server of each script.
var servers sync.Map // *testscript.TestScript to *runningServer

// serve starts a server and waits until it is ready: serve PROGRAM ARGUMENT...
// It sets NATS_URL and PID. The server is killed at the end of the script.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: serve PROGRAM [ARGUMENT...]")
	}
	cmd := exec.Command(findProgram(ts, args[0]), args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH")}
	log, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill() // it has stopped already if the script stopped it
		_ = cmd.Wait()         // likewise
	})
	lines := bufio.NewScanner(log)
	var text strings.Builder
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if _, address, ok := strings.Cut(lines.Text(), "Listening for client connections address="); ok {
			ts.Setenv("NATS_URL", "nats://"+address)
		}
		if strings.Contains(lines.Text(), "Server is ready") {
			ts.Setenv("PID", strings.TrimSpace(strings.Trim(strings.Fields(lines.Text())[0], "[]")))
			ts.Check(os.WriteFile(ts.MkAbs("server.pid"), []byte(ts.Getenv("PID")), 0o600))
			servers.Store(ts, &runningServer{cmd, lines})
			return
		}
	}
	ts.Fatalf("%v did not become ready:\n%s", args, text.String())
}

// ended waits until the server of the script has ended with exit code 0 and
// checks that its log has the text: ended TEXT.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ended TEXT")
	}
	value, ok := servers.LoadAndDelete(ts)
	if !ok {
		ts.Fatalf("no server was started")
	}
	s := value.(*runningServer)
	var log strings.Builder
	for s.log.Scan() {
		log.WriteString(s.log.Text() + "\n")
	}
	if err := s.cmd.Wait(); err != nil {
		ts.Fatalf("server: %v\n%s", err, log.String())
	}
	if !strings.Contains(log.String(), args[0]) {
		ts.Fatalf("the log does not contain %q:\n%s", args[0], log.String())
	}
}

// findProgram looks in the script's own search path.
func findProgram(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
	}
	ts.Fatalf("%s: no such program", name)
	return ""
}
