//go:build unix

package conversation_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/conversation"
)

// startAttempts is how often a server may lose its port to another process.
const startAttempts = 5

// readyLine is what a server logs when it takes connections.
var readyLine = regexp.MustCompile(`(?i)server is ready`)

// serverCommand is the command line of the server under test.
func serverCommand(t *testing.T) []string {
	t.Helper()
	if words := strings.Fields(os.Getenv("CONVERSATION_SERVER_BIN")); len(words) > 0 {
		return words
	}
	binary := filepath.Join(t.TempDir(), "tidings")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/tidings")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build ./cmd/tidings: %v\n%s", err, out)
	}
	return []string{binary, "serve"}
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	addr   string
	output output
	exited chan struct{}
}

// startProcess starts command with config and returns once it takes
// connections. The end of the test kills it.
func startProcess(t *testing.T, command []string, config string, keys certificate) *process {
	t.Helper()
	var err error
	for range startAttempts {
		var p *process
		if p, err = tryProcess(t, command, config, keys); err == nil {
			return p
		}
		if !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	t.Fatalf("start %s: %v", strings.Join(command, " "), err)
	return nil
}

func tryProcess(t *testing.T, command []string, config string, keys certificate) (*process, error) {
	t.Helper()
	p := &process{addr: freeAddr(t), exited: make(chan struct{})}
	file := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(file, []byte(preamble(p.addr, filepath.Join(filepath.Dir(file), "store"), config, keys)+config), 0o600); err != nil {
		return nil, err
	}
	p.cmd = exec.Command(command[0], append(command[1:len(command):len(command)], "-c", file)...)
	stdout, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, w.Close(), stdout.Close())
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go p.read(stdout, ready)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended by itself
		_ = p.cmd.Wait()         // "signal: killed"
		<-p.exited
	})
	select {
	case <-ready:
		return p, nil
	case <-p.exited:
		return nil, fmt.Errorf("ended before it was ready:\n%s", p.log())
	case <-time.After(20 * time.Second):
		return nil, fmt.Errorf("did not log %q in 20s:\n%s", readyLine, p.log())
	}
}

// read collects what the server logs until it ends.
func (p *process) read(r io.ReadCloser, ready chan struct{}) {
	defer close(p.exited)
	defer func() { _ = r.Close() }() // only read from
	seen := false
	for lines := bufio.NewScanner(r); lines.Scan(); {
		p.output.add(lines.Text())
		if !seen && readyLine.MatchString(lines.Text()) {
			seen = true
			close(ready)
		}
	}
}

// log is what the server has logged so far.
func (p *process) log() string { return p.output.String() }

// handle is the server as a runner sees it.
func (p *process) handle() conversation.Server {
	return conversation.Server{
		Addr:     p.addr,
		LameDuck: func() error { return p.cmd.Process.Signal(syscall.SIGUSR2) },
		Stop:     func() error { return p.cmd.Process.Signal(syscall.SIGTERM) },
	}
}

// output is text that one goroutine writes and others read.
type output struct {
	mu struct {
		sync.Mutex
		bytes.Buffer
	}
}

func (o *output) add(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.WriteString(line + "\n")
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.Buffer.String()
}

// preamble is what stands before the configuration of a script: the address
// and, where the script uses them, variables with the paths of certificates and of
// an empty place for stored messages.
func preamble(addr, store, config string, keys certificate) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: %q\n", addr)
	if strings.Contains(config, "$TLS_CERT") {
		fmt.Fprintf(&b, "TLS_CERT: %q\n", keys.certFile)
	}
	if strings.Contains(config, "$TLS_CA") {
		fmt.Fprintf(&b, "TLS_CA: %q\n", keys.certFile) // signed by itself
	}
	if strings.Contains(config, "$TLS_KEY") {
		fmt.Fprintf(&b, "TLS_KEY: %q\n", keys.keyFile)
	}
	if strings.Contains(config, "$STORE") {
		fmt.Fprintf(&b, "STORE: %q\n", store)
	}
	return b.String()
}

// freeAddr is a loopback address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // never accepted anything
	return l.Addr().String()
}

// certificate is a self-signed server certificate for 127.0.0.1, in files.
type certificate struct{ certFile, keyFile string }

func newCertificate(t *testing.T) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "127.0.0.1"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		// A certificate that is its own authority.
		IsCA:                  true,
		BasicConstraintsValid: true,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := certificate{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem")}
	writePEM(t, c.certFile, "CERTIFICATE", der)
	writePEM(t, c.keyFile, "PRIVATE KEY", keyDER)
	return c
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
