package conn

import (
	"encoding/json"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/serverlog"
	"github.com/tidings-io/tidings/internal/wire"
)

// traceOp logs an operation of the client, without secrets.
func (c *Conn) traceOp(op *wire.Op) {
	attrs := []any{"verb", op.Kind.String(), "cid", c.id}
	switch op.Kind {
	case wire.Connect:
		attrs = append(attrs, "options", redact(op.Arg))
	case wire.Sub:
		attrs = append(attrs, "subject", string(op.Subject), "queue", string(op.Queue), "sid", string(op.SID))
	case wire.Unsub:
		attrs = append(attrs, "sid", string(op.SID), "max", op.Max)
	case wire.Pub, wire.HPub:
		attrs = append(attrs, "subject", string(op.Subject), "reply", string(op.Reply),
			"size", len(op.Payload), "payload", c.server.traced(op.Payload, op.HeaderLen))
	case wire.None, wire.Ping, wire.Pong, wire.Info, wire.OK, wire.Err:
	}
	c.server.log.Log(c.server.ctx, serverlog.LevelTrace, "<<- operation", attrs...)
}

// traceDelivery logs a message to the client.
func (c *Conn) traceDelivery(sub *core.Subscription, m *core.Message) {
	c.server.log.Log(c.server.ctx, serverlog.LevelTrace, "->> message",
		"cid", c.id, "subject", string(m.Subject), "sid", sub.ID(), "reply", string(m.Reply),
		"size", len(m.Payload), "payload", c.server.traced(m.Payload, m.HeaderLen))
}

// traceReply logs protocol text to the client.
func (c *Conn) traceReply(text string) {
	c.server.log.Log(c.server.ctx, serverlog.LevelTrace, "->> reply", "cid", c.id, "text", text)
}

// traced is what a trace shows of a payload with a header block of headerLen
// bytes, or -1: all, the headers only, or the beginning.
func (s *Server) traced(payload []byte, headerLen int) string {
	if s.cfg.TraceHeaders {
		payload = payload[:max(headerLen, 0)]
	}
	if most := s.cfg.TraceMax; most > 0 && len(payload) > most {
		return string(payload[:most]) + "..."
	}
	return string(payload)
}

// redact hides the secrets of CONNECT options.
func redact(arg []byte) string {
	var fields map[string]any
	if json.Unmarshal(arg, &fields) != nil {
		return "[not JSON]"
	}
	for _, secret := range []string{"pass", "auth_token", "jwt", "sig", "nkey", "proxy_sig"} {
		if _, ok := fields[secret]; ok {
			fields[secret] = "[REDACTED]"
		}
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return "[not JSON]"
	}
	return string(b)
}
