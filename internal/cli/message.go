package cli

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

// messageView is a message as JSON. Exactly one of Data and DataBase64 is
// there if the body is: text as it is, anything that is not UTF-8 as base64.
type messageView struct {
	Number     int         `json:"number"`
	Subject    string      `json:"subject"`
	Reply      string      `json:"reply,omitempty"`
	Headers    nats.Header `json:"headers,omitempty"`
	Data       *string     `json:"data,omitempty"`
	DataBase64 []byte      `json:"data_base64,omitempty"`
	Bytes      int         `json:"bytes"`
	Time       string      `json:"time"`

	RoundTrip int64 `json:"round_trip_ns,omitempty"` // answers to a request only
}

func newMessageView(number int, m *nats.Msg, at time.Time) messageView {
	v := messageView{
		Number: number, Subject: m.Subject, Reply: m.Reply, Headers: m.Header,
		Bytes: len(m.Data), Time: at.UTC().Format(time.RFC3339Nano),
	}
	if utf8.Valid(m.Data) {
		data := string(m.Data)
		v.Data = &data
	} else {
		v.DataBase64 = m.Data
	}
	return v
}

// showMessage prints a message for a person: a line that says what it is,
// headers, the body.
func showMessage(w io.Writer, s *ui.Screen, title string, m *nats.Msg, body bool) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s", s.Faint(title), s.Subject(ui.Printable(m.Subject)))
	if m.Reply != "" {
		fmt.Fprint(&out, s.Faint(" reply "+ui.Printable(m.Reply)))
	}
	fmt.Fprintln(&out)
	showHeaders(&out, m.Header)
	if body {
		fmt.Fprintln(&out, ui.Printable(string(m.Data)))
	}
	_, err := w.Write(out.Bytes())
	return err
}

func showHeaders(w *bytes.Buffer, h nats.Header) {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range h[name] {
			fmt.Fprintf(w, "%s: %s\n", ui.Printable(name), ui.Printable(value))
		}
	}
	if len(names) > 0 {
		fmt.Fprintln(w)
	}
}

// printRaw prints a body and a newline, nothing else.
func printRaw(w io.Writer, body []byte) error {
	_, err := w.Write(append(slices.Clip(body), '\n'))
	return err
}
