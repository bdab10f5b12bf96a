//go:build !windows && !plan9

package serverlog_test

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/serverlog"
)

func TestRemoteSyslogGetsSeverityAndText(t *testing.T) {
	t.Parallel()
	daemon, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Close() }() // only read from
	l, rec := open(t, serverlog.Config{Trace: true, RemoteSyslog: "udp://" + daemon.LocalAddr().String()})
	f := func(level slog.Level, priority string) {
		t.Helper()
		l.Logger().Log(context.Background(), level, "two words", "k", 1)
		datagram := make([]byte, 1<<10)
		n, _, err := daemon.ReadFrom(datagram)
		if err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(`^<` + priority + `>\S+ .*\[\d+\]: two words k=1\n$`)
		if !want.Match(datagram[:n]) {
			t.Errorf("got %q, want it to match %s", datagram[:n], want)
		}
	}
	// facility daemon (3) times 8, plus the severity
	f(serverlog.LevelTrace, "31")
	f(slog.LevelInfo, "29")
	f(slog.LevelWarn, "28")
	f(slog.LevelError, "27")
	f(serverlog.LevelFatal, "26")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if rec.writes != nil {
		t.Errorf("stderr: got %q, want nothing", rec.writes)
	}
}

func TestUnreachableSyslogIsAnErrorAtTheStart(t *testing.T) {
	t.Parallel()
	_, err := serverlog.Open(serverlog.Config{RemoteSyslog: "unix://" + filepath.Join(t.TempDir(), "none")})
	if err == nil || !strings.HasPrefix(err.Error(), "remote_syslog: dial unix ") {
		t.Errorf("got %v, want an error that names remote_syslog and the address", err)
	}
}

func TestEveryConfiguredOutputGetsEveryLine(t *testing.T) {
	t.Parallel()
	daemon, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Close() }() // only read from
	path := filepath.Join(t.TempDir(), "x.log")
	l, _ := open(t, serverlog.Config{HideTime: true, File: path, RemoteSyslog: "udp://" + daemon.LocalAddr().String()})
	l.Logger().Info("both")
	if got, want := readFile(t, path), pid()+"[INF] both\n"; got != want {
		t.Errorf("file: got %q, want %q", got, want)
	}
	datagram := make([]byte, 1<<10)
	n, _, err := daemon.ReadFrom(datagram)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(datagram[:n]), ": both\n") {
		t.Errorf("syslog: got %q", datagram[:n])
	}
}
