package durability

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/cli"
)

// asServer is set for the process that is the server: this test's own program.
const asServer = "TIDINGS_TEST_IS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// process is a server that can be killed.
type process struct {
	cmd *exec.Cmd
	url string
	log *output
}

// output is what a process prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// launch starts a server on the store in dir and waits until it takes clients.
func launch(t testing.TB, dir string, more ...string) *process {
	t.Helper()
	port := freePort(t)
	args := append([]string{"serve", "-a", "127.0.0.1", "-p", strconv.Itoa(port), "-js", "-sd", dir}, more...)
	p := &process{
		cmd: exec.Command(os.Args[0], args...),
		url: fmt.Sprintf("nats://127.0.0.1:%d", port),
		log: &output{},
	}
	p.cmd.Env = append(os.Environ(), asServer+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	must(t, p.cmd.Start())
	t.Cleanup(p.kill)
	for {
		conn, err := net.Dial("tcp", p.url[len("nats://"):])
		if err == nil {
			must(t, conn.Close())
			return p
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatalf("the server does not start:\n%s", p.log)
		}
		if p.cmd.Process.Signal(nil) == nil && p.cmd.ProcessState != nil {
			t.Fatalf("the server has ended:\n%s", p.log)
		}
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// kill ends the process at whatever it is doing.
func (p *process) kill() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Kill() // SIGKILL; an error: it has ended already
	_ = p.cmd.Wait()         // says that it was killed
}

func (p *process) connect(t testing.TB) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(p.url, nats.NoReconnect(), nats.Timeout(10*time.Second))
	if err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	return nc
}
