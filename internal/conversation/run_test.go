package conversation_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/conversation"
)

// puppet answers each line it is sent with a fixed text and greets with INFO.
// A line without an answer ends the connection.
func puppet(t *testing.T, answers map[string]string) conversation.Server {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			play(conn, answers)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // ends Accept
		<-done
	})
	return conversation.Server{Addr: l.Addr().String()}
}

func play(conn net.Conn, answers map[string]string) {
	defer func() { _ = conn.Close() }() // the other side judges
	_, _ = io.WriteString(conn, "INFO {\"proto\":1,\"name\":\"p\",\"n\":[1,2]}\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		answer, ok := answers[lines.Text()]
		if !ok {
			return
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

// run parses src as the body of one case and runs it.
func run(t *testing.T, answers map[string]string, src string) error {
	t.Helper()
	script, err := conversation.Parse("x.conv", "case x\n"+src)
	if err != nil {
		t.Fatal(err)
	}
	runner := conversation.Runner{Server: puppet(t, answers), Timeout: 200 * time.Millisecond}
	return runner.Run(t.Context(), script.Cases[0])
}

var answers = map[string]string{
	"PING":  "PONG\r\n",
	"msg":   "MSG foo 1 4\r\na\r\nb\r\n",
	"two":   "MSG a 1 1\r\nx\r\nMSG b 2 1\r\ny\r\n",
	"chat":  "PING\r\nINFO {\"ldm\":true}\r\n+OK\r\n",
	"trick": "MSG foo 1 4\r\nPING\r\n",
	"id":    "+OK abc.1\r\n",
	"half":  "+O",
	"none":  "",
	"bad":   "MSG foo 1 2\r\nabcd\r\n",
	// What the connect command sends, with the fields in the order of JSON maps.
	`CONNECT {"headers":true,"no_responders":true,"pedantic":false,"protocol":1,"verbose":false}`:           "",
	`CONNECT {"headers":true,"name":"n","no_responders":true,"pedantic":false,"protocol":1,"verbose":true}`: "+OK\r\n",
	"abc.1": "+OK\r\n",
	"xxxyz": "+OK\r\n",
}

func TestRunPassesWhenEverythingComesAsWritten(t *testing.T) {
	t.Parallel()
	f := func(src string) {
		t.Helper()
		if err := run(t, answers, src); err != nil {
			t.Error(err)
		}
	}
	f("open a\na sync")
	f("connect a\na sync")
	f("open a\na <info {\"proto\":1,\"name\":\"/p/\",\"n\":[1,2],\"gone\":null}\na <fields n name proto maybe?")
	f("open a\na > msg\na < MSG foo 1 4\na < a\na < b\na sync")
	f("open a\na > msg\na < MSG foo 1 4\\r\\na\\r\\nb\na sync")
	f("open a\na [repeat 3] > msg\na [repeat 3] < MSG foo 1 4\\r\\na\\r\\nb\na sync")
	f("open a\na > two\na <+ MSG b 2 1\\r\\ny\na <+ MSG a 1 1\\r\\nx\na sync")
	f("open a\na > chat\na < +OK\na sync")
	f("open a\na > chat\na < PING\na <info {\"ldm\":true}\na < +OK\na sync")
	f("open a\na > trick\na < MSG foo 1 4\na < PING\na sync")
	f("open a\na > id\na <~ \\+OK (?P<id>\\w+\\.\\d)\na > ${id}\na < +OK")
	f("open a\na <info {\"name\":\"/(?P<id>.*)/\"}\na > id\na <~ \\+OK .${id}?.*")
	f("open a\na > quit\na <? +OK\na closed")
	f("open a\na > msg\na <? +OK\na < MSG foo 1 4\\r\\na\\r\\nb")
	f("open a\na > id\na <? +OK abc.1\na sync")
	f("open a\na > quit\na closed")
	f("open a\na shut\na closed")
	f("open a\na [bytewise] > msg\na [pieces 1 2] > none\na [repeat 1] < MSG foo 1 4\\r\\na\\r\\nb\na sync")
	f("open a\na > \\{x*3}y\\x7a\na < +OK")
	f("open a\na > id\na > quit\na gone")
	f("open a\nclose a\nopen a\na sync")
}

func TestRunSaysWhatCameInsteadAndWhere(t *testing.T) {
	t.Parallel()
	f := func(src string, want ...string) {
		t.Helper()
		err := run(t, answers, src)
		if err == nil {
			t.Errorf("%q: no error, want %q", src, want)
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: error\n%v\nwant %q in it", src, err, w)
			}
		}
	}
	f("open a\na > id\na < +OK", "x.conv:4: a: not what was expected", "want: +OK\n", "got:  +OK abc.1\n", "> id\\r\\n", "? +OK abc.1")
	f("open a\na > none\na < +OK", "want: +OK", "got:  (nothing in time)")
	f("open a\na > quit\na < +OK", "got:  (the server closed the connection)")
	f("open a\na > id\na sync", "want: PONG", "got:  +OK abc.1")
	f("open a\na > id\na closed", "want: (the connection closed)", "got:  +OK abc.1")
	f("open a\na closed", "got:  (nothing in time)")
	f("open a\na > half\na > quit\na < +OK", "got:  +O\n")
	f("open a\na > bad\na < MSG foo 1 2\na < ab\na sync", `"cd" instead of CRLF after 2 bytes`)
	f("open a\na > id\na <~ \\+OK", `want: /\+OK/`)
	f("open a\na > two\na <+ MSG b 2 1\\r\\ny\na <+ MSG a 1 1\\r\\nz", "want: any of\n", "got:  MSG a 1 1\\r\\nx")
	f("open a\na <info {\"proto\":2}", "want: INFO field proto: 2", "got:  1")
	f("open a\na <info {\"proto\":null}", "want: no INFO field proto")
	f("open a\na <info {\"other\":1}", "got:  no such field")
	f("open a\na <info {\"name\":\"/q/\"}", "want: INFO field name: /q/")
	f("open a\na <info {}\na <fields proto", "want: fields proto", "got:  fields n name proto")
	f("open a\na <fields proto", "no INFO taken yet")
	f("open a\na > id\na gone", "want: (the connection closed)", "got:  (nothing in time)", "< +OK abc.1")
	f("open a refused", "open a refused: the server took the connection")
	f("a sync", "no connection a; open it with: open a")
	f("open a\nopen a", "connection a is open already")
	f("open a\na > ${no}", "variable ${no} has no value")
	f("open a\na <~ ${no}", "variable ${no} has no value")
	f("open a\na [pieces 9] > msg", "[pieces]: offset 9, but the text has 5 bytes")
	f("server lame-duck", "the runner has no hold of this server")
	f("server stop", "the runner has no hold of this server")
}

func TestRunDoesNotBlockWhenBothSidesWriteMuch(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("y", 4000)
	err := run(t, map[string]string{"x": long + "\r\n"}, "open a\na [repeat 4000] > x\na [repeat 4000] < "+long)
	if err != nil {
		t.Error(err)
	}
}
