package conversation

import (
	"fmt"
)

type (
	// publishAction is pub, call and do.
	publishAction struct {
		conn    string
		message envelope
		call    bool // with a reply subject of its own
		succeed bool // the answer must be JSON without an error
	}
	// messageAction is <msg.
	messageAction struct {
		conn     string
		template string
	}
	// jsonAction is answer and <json.
	jsonAction struct {
		conn    string
		subject string // a template; @ for answer
		want    any
	}
)

func parsePublish(conn, operator, argument string) (action, error) {
	e, err := parseEnvelope(argument)
	if err == nil && operator != "pub" && e.reply != nil {
		err = fmt.Errorf("%s makes the reply subject itself; use pub with ^REPLY", operator)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operator, err)
	}
	return &publishAction{conn: conn, message: e, call: operator != "pub", succeed: operator == "do"}, nil
}

func parseMessage(conn, template string) (action, error) {
	_, err := compileTemplate(template, nil)
	return &messageAction{conn: conn, template: template}, err
}

func parseJSON(conn, subject, body string) (action, error) {
	if _, err := compileTemplate(subject, nil); err != nil {
		return nil, err
	}
	want, err := decodeJSON(body)
	if err != nil {
		return nil, fmt.Errorf("expected JSON: %w", err)
	}
	return &jsonAction{conn: conn, subject: subject, want: want}, nil
}

func (a *publishAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	before := ""
	if a.call {
		if c.inbox == "" {
			before = "SUB " + inboxPrefix + c.name + ".* " + inboxSID + "\r\n"
		}
		c.calls++
		c.inbox = fmt.Sprintf("%s%s.%d", inboxPrefix, c.name, c.calls)
	}
	reply := ""
	if a.call {
		reply = c.inbox
	}
	frame, err := a.message.frame(s.vars, reply)
	if err != nil {
		return err
	}
	c.send(before+frame, nil, s.deadline())
	if a.succeed {
		return (&jsonAction{conn: a.conn, subject: inboxMark, want: success{}}).perform(s)
	}
	return nil
}

func (a *messageAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	re, err := compileTemplate(a.template, s.vars)
	if err != nil {
		return err
	}
	m, err := c.nextMessage(s)
	if err != nil {
		return err
	}
	if got := m.text(c.inbox); !s.capture(re, got) {
		return c.mismatch(a.template, got)
	}
	c.take(m.lines)
	return nil
}

// success is the expectation of any JSON object without an error.
type success struct{}

func (a *jsonAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	subject, err := compileTemplate(a.subject, s.vars)
	if err != nil {
		return err
	}
	m, err := c.nextMessage(s)
	if err != nil {
		return err
	}
	all := m.text(c.inbox)
	m.body, m.headers, m.reply = "", nil, ""
	if head := m.text(c.inbox); !s.capture(subject, head) {
		return c.mismatch(a.subject+" with JSON", all)
	}
	body, _ := c.pendingMessage()
	got, err := decodeJSON(body.body)
	if err != nil || body.headers != nil {
		return c.mismatch(a.subject+" with JSON and no headers", all)
	}
	difference := ""
	if _, ok := a.want.(success); ok {
		if object, isObject := got.(map[string]any); !isObject || object["error"] != nil {
			difference = "success"
		}
	} else if difference, err = s.matchJSON("", a.want, got); err != nil {
		return err
	}
	if difference != "" {
		return c.mismatch("JSON that fits ("+difference+")", body.body)
	}
	c.take(m.lines)
	return nil
}
