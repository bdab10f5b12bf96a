//go:build unix

package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// terminalPatience ends a program that does not say what is expected of it.
const terminalPatience = 2 * time.Minute

// terminal is a command that runs on a pseudo terminal, and the person before
// it.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	keys   *os.File    // what is typed; the other end of what is shown
	shown  chan []byte // closed when the command has ended
	screen []byte      // shown and not expected yet
	all    []byte      // shown

	// When shown is closed:
	err      error // of the command
	restored bool  // the terminal is in the mode it was in
}

// startTerminal runs a command of the tool against the server at url. Further
// variables of its environment are in env.
func startTerminal(t *testing.T, url string, env []string, args ...string) *terminal {
	t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	c := &terminal{t: t, keys: keys, shown: make(chan []byte)}
	c.cmd = exec.Command("tidings", args...)
	c.cmd.Env = append([]string{
		"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "NATS_URL=" + url, "TERM=xterm", "NO_COLOR=1",
		"GORACE=atexit_sleep_ms=0",
	}, env...)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = tty, tty, tty
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // or Ctrl-C would be no signal
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(terminalPatience, func() { _ = c.cmd.Process.Kill() }) // it may have ended meanwhile
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		c.err = c.cmd.Wait()
		late.Stop()
		after, err := term.GetState(int(tty.Fd()))
		c.restored = err == nil && *after == *before
		_ = tty.Close() // ends readLoop
	}()
	go c.readLoop(waited)
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // only if the test failed before its end
		for range c.shown {
		}
		_ = keys.Close() // nobody is there any more
	})
	return c
}

// readLoop hands on what is shown until the terminal is closed by who waits for
// the command.
func (c *terminal) readLoop(waited <-chan struct{}) {
	defer close(c.shown)
	defer func() { <-waited }()
	for {
		chunk := make([]byte, 4096)
		n, err := c.keys.Read(chunk)
		if n > 0 {
			c.shown <- chunk[:n]
		}
		if err != nil {
			return
		}
	}
}

// expect waits until the texts are shown, one after the other.
func (c *terminal) expect(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		for !bytes.Contains(c.screen, []byte(text)) {
			chunk, open := <-c.shown
			if !open {
				c.t.Fatalf("%v ended (%v) without showing %q, but:\n%s", c.cmd.Args[1:], c.err, text, c.screen)
			}
			c.see(chunk)
		}
		_, c.screen, _ = bytes.Cut(c.screen, []byte(text))
	}
}

func (c *terminal) see(chunk []byte) {
	c.screen, c.all = append(c.screen, chunk...), append(c.all, chunk...)
}

// press types keys as they are.
func (c *terminal) press(keys string) {
	c.t.Helper()
	if _, err := c.keys.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// answer waits for a prompt and answers it.
func (c *terminal) answer(prompt, text string) {
	c.t.Helper()
	c.expect(prompt)
	c.press(text + "\r")
}

// answers answers prompts: a prompt, its answer, and so on.
func (c *terminal) answers(pairs ...string) {
	c.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		c.answer(pairs[i], pairs[i+1])
	}
}

// ends waits for the end of the command with an exit code, and returns what it
// has shown since the last text that was expected.
func (c *terminal) ends(code int) string {
	c.t.Helper()
	for chunk := range c.shown {
		c.see(chunk)
	}
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		c.t.Fatalf("%v: exit code %d, want %d:\n%s", c.cmd.Args[1:], got, code, c.screen)
	}
	if !c.restored {
		c.t.Errorf("%v leaves the terminal in another mode", c.cmd.Args[1:])
	}
	return strings.ReplaceAll(string(c.screen), "\r\n", "\n")
}
