package conversation

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"
)

// recordQuiet is how long nothing may come before ?? ends.
const recordQuiet = 700 * time.Millisecond

// recordAction is ? and ??: expectations that are still to be written.
type recordAction struct {
	conn string
	all  bool // everything that comes
}

func (a *recordAction) perform(s *session) error {
	if s.record == nil {
		return errors.New("an expectation is missing here; record it from the server that is the measure")
	}
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	for nothing := true; ; nothing = false {
		if a.all {
			_, err := c.lines(1, unasked, time.Now().Add(recordQuiet))
			if errors.Is(err, errTimeout) && nothing {
				s.record(s.line, a.conn+" sync")
			}
			if errors.Is(err, errTimeout) {
				return nil
			}
		}
		m, err := c.nextMessage(s)
		if err != nil {
			return err
		}
		s.record(s.line, a.conn+" "+recorded(m, c.inbox))
		c.take(m.lines)
		if !a.all {
			return nil
		}
	}
}

// recorded is the command that expects m.
func recorded(m message, inbox string) string {
	if m.headers == nil && strings.HasPrefix(m.body, "{") && json.Valid([]byte(m.body)) {
		body := m.body
		m.body, m.reply = "", ""
		if subject := mask(m.text(inbox)); subject != inboxMark {
			return "<json " + subject + " " + mask(body)
		}
		return "answer " + mask(body)
	}
	return "<msg " + mask(m.text(inbox))
}

// masks turn what differs from run to run into blanks.
var masks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`"0001-01-01T00:00:00Z"`), `"<zero>"`},
	{regexp.MustCompile(blanks["time"]), "<time>"},
	{regexp.MustCompile(`"<zero>"`), `"0001-01-01T00:00:00Z"`},
	{regexp.MustCompile(`(\$JS\.ACK\.\S+\.)\d{18,19}\.`), "$1<nano>."},
	{regexp.MustCompile(`\$JS\.FC\.(\S+)\.[A-Za-z0-9]{4,22}\b`), "$$JS.FC.$1.<any>"},
	{regexp.MustCompile(`"(active|last_active|pause_remaining|remaining|ack_time|delay|rtt|id|cid)":\d{4,}`), `"$1":"<num>"`},
	{regexp.MustCompile(`"(rtt|id|cid)":\d+`), `"$1":"<num>"`},
	{regexp.MustCompile(`("stream_name":"[^"]*","name":|"stream":"[^"]*","consumer":)"[A-Za-z0-9]{8}"`), `$1"<any>"`},
	{regexp.MustCompile(`(Nats-Stream-Source: \S+ \d+ \S+ \S+ \S+) [A-Za-z0-9]{8}\b`), "$1 <any>"},
	{regexp.MustCompile(`(\$JS\.ACK\.[^. ]+)\.[A-Za-z0-9]{8}\.`), "$1.<any>."},
	{regexp.MustCompile(`\bN[A-Z2-7]{55}\b`), "<any>"},
	{regexp.MustCompile(`\b[A-Za-z0-9]{22}\b`), "<any>"},
}

func mask(s string) string {
	for _, m := range masks {
		s = m.find.ReplaceAllString(s, m.put)
	}
	return s
}
