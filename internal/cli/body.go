package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

// contentFlags are the flags that say what a message contains.
type contentFlags struct {
	file      string
	headers   []string
	templates bool
}

func (f *contentFlags) add(cmd *cobra.Command) {
	f.addHeaders(cmd)
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "take the body from this `FILE`")
}

func (f *contentFlags) addHeaders(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.headers, "header", "H", nil, "add a header, \"`NAME:VALUE`\"; may be repeated")
	cmd.Flags().BoolVar(&f.templates, "templates", false, "fill in templates in body and headers (see tidings help templates)")
	completeFlag(cmd, "header", cobra.NoFileCompletions)
}

// readBody returns the body of a message: the argument after the subject, the
// file, or all of standard input.
func (a *app) readBody(ctx context.Context, args []string, file string) ([]byte, error) {
	switch {
	case len(args) > 1 && file != "":
		return nil, usage(errors.New("the body is given twice, as an argument and with --file; leave one out"))
	case len(args) > 1:
		return []byte(args[1]), nil
	case file != "":
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the body: %w", err)
		}
		return body, nil
	}
	if ui.IsTerminal(a.in) {
		a.note("type the body, end it with Ctrl-D")
	}
	body, err := io.ReadAll(a.input(ctx))
	if err != nil {
		return nil, fmt.Errorf("read the body from standard input: %w", err)
	}
	return body, nil
}

// content makes the bodies and headers of a sequence of messages.
type content struct {
	body    text
	headers []headerText
	reuse   bytes.Buffer
}

type headerText struct {
	name  string
	value text
}

// text is a fixed text or a template.
type text struct {
	fixed []byte
	tmpl  *template.Template
}

// newContent checks headers and templates.
func newContent(body []byte, f contentFlags) (*content, error) {
	c := &content{}
	var err error
	if c.body, err = newText("body", body, f.templates); err != nil {
		return nil, err
	}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || !isHeaderName(name) {
			return nil, usage(fmt.Errorf("--header %q: write NAME:VALUE; a name has no blanks and no colon", h))
		}
		value = strings.TrimSpace(value)
		if strings.ContainsAny(value, "\r\n") {
			return nil, usage(fmt.Errorf("--header %q: a value is one line", h))
		}
		v, err := newText("header "+name, []byte(value), f.templates)
		if err != nil {
			return nil, err
		}
		c.headers = append(c.headers, headerText{name, v})
	}
	return c, nil
}

// isHeaderName accepts what every client can read: visible ASCII, no colon.
func isHeaderName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return false
		}
	}
	return name != ""
}

func newText(name string, raw []byte, templates bool) (text, error) {
	if !templates {
		return text{fixed: raw}, nil
	}
	tmpl, err := template.New(name).Option("missingkey=error").Parse(string(raw))
	if err == nil {
		err = tmpl.Execute(io.Discard, &templateData{Count: 1}) // unknown fields show only when executed
	}
	if err != nil {
		return text{}, usage(fmt.Errorf("%w; `tidings help templates` lists what can be filled in", err))
	}
	return text{tmpl: tmpl}, nil
}

// message returns the message for the data. The body is valid until the next
// call unless it is fixed.
func (c *content) message(subject string, data *templateData) (*nats.Msg, error) {
	m := &nats.Msg{Subject: subject}
	for _, h := range c.headers {
		value, err := c.fill(h.value, data)
		if err != nil {
			return nil, err
		}
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header.Add(h.name, string(value))
	}
	var err error
	m.Data, err = c.fill(c.body, data)
	return m, err
}

func (c *content) fill(t text, data *templateData) ([]byte, error) {
	if t.tmpl == nil {
		return t.fixed, nil
	}
	c.reuse.Reset()
	if err := t.tmpl.Execute(&c.reuse, data); err != nil {
		return nil, err
	}
	return c.reuse.Bytes(), nil
}

// templateData is what a template can fill in.
type templateData struct {
	Count   int
	Subject string
	Body    string
}

// Time is the time of day in UTC.
func (*templateData) Time() string { return time.Now().UTC().Format(time.RFC3339) }

// UnixNano is the number of nanoseconds since 1970.
func (*templateData) UnixNano() int64 { return time.Now().UnixNano() }

// ID is a text no other call returns.
func (*templateData) ID() string { return nuid.Next() }

const (
	randomLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	randomMax     = 1 << 20
)

// Random is a text of least to most random letters and digits.
func (*templateData) Random(least, most int) (string, error) {
	if least < 0 || most < least || most > randomMax {
		return "", fmt.Errorf("{{.Random %d %d}}: give two lengths, the smaller one first, at most %d", least, most, randomMax)
	}
	out := make([]byte, least+rand.IntN(most-least+1))
	for i := range out {
		out[i] = randomLetters[rand.IntN(len(randomLetters))]
	}
	return string(out), nil
}
