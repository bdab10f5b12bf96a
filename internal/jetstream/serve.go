package jetstream

import (
	"bytes"
	"slices"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/wire"
)

// wakeLocked has c run in this turn, or in the next.
func (s *Stream) wakeLocked(c *Consumer) {
	if !c.runnable && !c.gone {
		c.runnable = true
		s.mu.runnable = append(s.mu.runnable, c)
	}
}

// touchLocked notes that c was used: it is run and its changes are logged.
func (s *Stream) touchLocked(c *Consumer) {
	s.wakeLocked(c)
	if !c.dirty {
		c.dirty = true
		s.mu.dirty = append(s.mu.dirty, c)
	}
}

// storedLocked notes that a message of a subject was stored in this turn.
func (s *Stream) storedLocked(id index.ID) {
	if len(s.mu.hungry) == 0 {
		return
	}
	if n := len(s.mu.stored); n > 0 && s.mu.stored[n-1] == id {
		return
	}
	s.mu.stored = append(s.mu.stored, id)
}

// feedLocked wakes the consumers that wait for what was stored.
func (s *Stream) feedLocked() {
	if len(s.mu.stored) == 0 {
		return
	}
	hungry := s.mu.hungry[:0]
	for _, c := range s.mu.hungry {
		switch {
		case c.gone:
			c.hungry = false
		case s.wantedLocked(c):
			c.hungry = false
			s.wakeLocked(c)
		default:
			hungry = append(hungry, c)
		}
	}
	clear(s.mu.hungry[len(hungry):])
	s.mu.hungry = hungry
	s.mu.stored = s.mu.stored[:0]
}

func (s *Stream) wantedLocked(c *Consumer) bool {
	if len(c.machine.Filters()) == 0 {
		return true
	}
	return slices.ContainsFunc(s.mu.stored, c.machine.Wants)
}

// outlivedLocked wakes the consumers that max_ack_pending kept from delivering, if
// what is pending may have left the stream.
func (s *Stream) outlivedLocked() {
	full := s.mu.full[:0]
	for _, c := range s.mu.full {
		switch {
		case c.gone || !c.machine.Full():
			c.full = false
		case c.machine.Outlived():
			c.full = false
			s.wakeLocked(c)
		default:
			full = append(full, c)
		}
	}
	clear(s.mu.full[len(full):])
	s.mu.full = full
}

// serveLocked runs the consumers that have something to do. It reports whether
// some have more than one turn's worth.
func (s *Stream) serveLocked() (more bool) {
	s.feedLocked()
	s.outlivedLocked()
	for len(s.mu.queue.list) > 0 && s.mu.queue.next() <= s.mu.now {
		c := s.mu.queue.list[0]
		s.mu.queue.remove(c)
		s.wakeLocked(c)
	}
	if s.mu.closed || s.mu.still > 0 || len(s.mu.runnable) == 0 {
		return false
	}
	run := s.mu.runnable
	s.mu.runnable = s.mu.resting[:0]
	for i, c := range run {
		run[i] = nil
		c.runnable = false
		if c.gone || c.still > 0 {
			continue
		}
		more = s.runLocked(c) || more
	}
	s.mu.resting = run[:0]
	return more
}

// runLocked has one consumer deliver what it may.
func (s *Stream) runLocked(c *Consumer) (more bool) {
	if more = c.machine.Run(s.mu.now); more {
		s.wakeLocked(c)
	}
	if !c.dirty {
		c.dirty = true
		s.mu.dirty = append(s.mu.dirty, c)
	}
	if c.machine.Expired(s.mu.now) {
		s.expireConsumerLocked(c)
		return more
	}
	s.mu.queue.set(c, c.machine.Deadline())
	if !c.hungry && c.machine.Hungry() {
		c.hungry = true
		s.mu.hungry = append(s.mu.hungry, c)
	}
	if !c.full && c.machine.Full() {
		c.full = true
		s.mu.full = append(s.mu.full, c)
	}
	return more
}

// acksLocked gives acknowledgements to the consumers that they are for.
func (s *Stream) acksLocked(chunk *core.Chunk) {
	eachRequest(chunk, func(r *request) {
		a, ok := jsapi.ParseAckSubject(view(r.subject))
		if !ok || a.Stream != s.name {
			return
		}
		c := s.mu.consumers[a.Consumer]
		if c == nil || c.machine.Rules().AckPolicy == jsapi.AckNone {
			s.unheardLocked(r)
			return
		}
		c.machine.Ack(s.mu.now, &a, r.body, r.reply)
		s.touchLocked(c)
	})
}

// unheardLocked tells who speaks to a consumer that is not there that nobody heard
// it.
func (s *Stream) unheardLocked(r *request) {
	if len(r.reply) > 0 {
		s.status(r.reply, jsapi.StatusNoResponders, "", consumer.Header{Name: jsapi.HeaderSubject, Value: string(r.subject)})
	}
}

// pullsLocked gives pull requests to the consumers that they are for, which is the
// last token of their subject. Push consumers get them, too, and say what they are.
func (s *Stream) pullsLocked(chunk *core.Chunk) {
	eachRequest(chunk, func(r *request) {
		if len(r.reply) == 0 {
			return
		}
		c := s.mu.consumers[view(r.subject[bytes.LastIndexByte(r.subject, '.')+1:])]
		switch {
		case c == nil:
			s.unheardLocked(r)
		case len(r.header) > 0 && !levelSupported(r.header):
			s.status(r.reply, jsapi.StatusRequiredAPILevel, "")
		default:
			c.machine.Pull(s.mu.now, r.reply, r.body)
			s.touchLocked(c)
		}
	})
}

// flowLocked gives responses to flow control requests to their consumers.
func (s *Stream) flowLocked(chunk *core.Chunk) {
	eachRequest(chunk, func(r *request) {
		f, ok := jsapi.ParseFlowSubject(view(r.subject))
		if !ok || f.Stream != s.name {
			return
		}
		c := s.mu.consumers[f.Consumer]
		if c == nil {
			return
		}
		c.machine.FlowResponse(s.mu.now, f.ID, received(r.header))
		s.touchLocked(c)
	})
}

// received reads how far a client has come from the header of its response.
func received(header []byte) (f consumer.Received) {
	if len(header) == 0 {
		return f
	}
	h, err := wire.ParseHeader(header)
	if err != nil {
		return f
	}
	for _, field := range h.Fields {
		switch string(field.Key) {
		case jsapi.HeaderLastConsumer:
			f.ConsumerSeq, f.Set = parseSeq(field.Value), true
		case jsapi.HeaderLastStream:
			f.StreamSeq, f.Set = parseSeq(field.Value), true
		}
	}
	return f
}
