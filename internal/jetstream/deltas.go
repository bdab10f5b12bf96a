package jetstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// deltaDelay is how long changes of consumers that nobody waits for gather before
// they are logged.
const deltaDelay = 5 * time.Millisecond

// A Deltas entry is, for each consumer that changed: the length of its name
// (u16), the name, the length of its delta (u32), the delta.

// logDeltasLocked logs what the consumers did: at once if somebody waits for it,
// else a little later.
func (s *Stream) logDeltasLocked() {
	if s.mu.refused != nil {
		if s.mu.deltasAt <= s.mu.now {
			s.logDeltasNowLocked()
		}
		return
	}
	if len(s.mu.dirty) == 0 {
		return
	}
	urgent := s.mu.deltasAt != 0 && s.mu.deltasAt <= s.mu.now
	for _, c := range s.mu.dirty {
		urgent = urgent || !c.logged || c.machine.Urgent()
	}
	if !urgent {
		if s.mu.deltasAt == 0 {
			s.mu.deltasAt = s.mu.now + int64(deltaDelay)
		}
		return
	}
	s.logDeltasNowLocked()
}

// deltasMax is the size of a Deltas entry from which others go into the next one.
const deltasMax = 1 << 20

// logDeltasNowLocked takes the changes of all consumers and logs them; those of
// consumers that have given messages up in one piece with the dead letters.
func (s *Stream) logDeltasNowLocked() {
	s.mu.deltasAt = 0
	if s.mu.refused != nil {
		s.logJointLocked(s.mu.refused)
	}
	if len(s.mu.letters) > 0 && s.mu.refused == nil {
		letters := s.mu.letters
		s.mu.letters, s.mu.letterBytes = nil, 0
		s.logWithLettersLocked(s.takeDeltasLocked(true), letters)
	}
	for len(s.mu.dirty) > 0 && s.mu.refused == nil {
		if e := s.takeDeltasLocked(false); e != nil {
			s.logWithLettersLocked(e, nil)
		}
	}
}

// takeDeltasLocked takes changes of consumers for one entry: of all that have given
// messages up, or of as many as it has room for. It returns nil if there are none.
func (s *Stream) takeDeltasLocked(buried bool) *entry {
	e := entryPool.Get().(*entry)
	e.stream, e.kind = s, kindDeltas
	rest := s.mu.dirty[:0]
	for _, c := range s.mu.dirty {
		switch {
		case c.gone:
			c.dirty = false
		case buried && !c.buried, !buried && len(e.payload) >= deltasMax:
			rest = append(rest, c)
		case c.logged:
			c.dirty, c.buried = false, false
			e.addDelta(c)
		default:
			c.dirty, c.buried = false, false
			s.deltaBuf = c.machine.Delta(s.deltaBuf[:0])
			s.finishDeltaLocked(c, s.deltaBuf)
		}
	}
	clear(s.mu.dirty[len(rest):])
	s.mu.dirty = rest
	if len(e.payload) == 0 {
		e.release()
		return nil
	}
	return e
}

// doStill logs a command whose effect depends on how far the consumer has come.
func (s *Stream) doStill(c *Consumer, cmd *command) result {
	if !c.logged {
		return s.doUnlogged(cmd)
	}
	if err := s.hush(&c.still); err != nil {
		return result{err: err}
	}
	defer s.call(func() {
		c.still--
		s.wakeLocked(c)
	})
	return s.do(cmd)
}

// hush logs what the consumers did, and adds one to a count that keeps one of them,
// or all, from delivering more. A command that is logged then finds them where they
// are after a restart, too. The caller takes it off when the command is applied.
func (s *Stream) hush(still *int) (err *jsapi.Error) {
	s.call(func() {
		if s.logDeltasNowLocked(); s.mu.refused != nil {
			err = jsapi.ErrInsufficientResources.New()
			return
		}
		*still++
	})
	return err
}

// addDelta appends the changes of a consumer, if there are any.
func (e *entry) addDelta(c *Consumer) {
	from := len(e.payload)
	b := binary.LittleEndian.AppendUint16(e.payload, uint16(len(c.name)))
	b = append(b, c.name...)
	b = binary.LittleEndian.AppendUint32(b, 0)
	at := len(b)
	b = c.machine.Delta(b)
	if len(b) == at {
		e.payload = b[:from]
		return
	}
	binary.LittleEndian.PutUint32(b[at-4:], uint32(len(b)-at))
	e.payload = b
}

var errDeltas = errors.New("changes of consumers cannot be read")

// eachDelta calls f for the parts of a Deltas entry.
func eachDelta(b []byte, f func(name string, delta []byte) error) error {
	for len(b) > 0 {
		if len(b) < 2 {
			return errDeltas
		}
		n := int(binary.LittleEndian.Uint16(b))
		if b = b[2:]; len(b) < n+4 {
			return errDeltas
		}
		name := string(b[:n])
		size := int(binary.LittleEndian.Uint32(b[n:]))
		if b = b[n+4:]; len(b) < size {
			return errDeltas
		}
		if err := f(name, b[:size:size]); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// deltasDurableLocked applies what the consumers did, now that it survives.
func (s *Stream) deltasDurableLocked(e *entry) {
	if e.err != nil {
		s.failLocked(e.err)
		if s.mu.failed == nil && !errors.Is(e.err, wal.ErrClosed) {
			s.node.log.Error("What consumers have done cannot be stored", "account", s.account.Name(), "stream", s.name, "error", e.err)
		}
		return
	}
	_ = eachDelta(e.payload, func(name string, delta []byte) error {
		if c := s.mu.consumers[name]; c != nil {
			s.finishDeltaLocked(c, delta)
		}
		return nil
	})
}

// finishDeltaLocked applies a consumer's own changes and tells those who wait.
func (s *Stream) finishDeltaLocked(c *Consumer, delta []byte) {
	if len(delta) > 0 {
		if err := c.machine.ApplyDelta(delta, s.ackedLocked); err != nil {
			s.node.log.Error("Consumer does not understand its own changes", "stream", s.name, "consumer", c.name, "error", err)
		}
	}
	c.machine.Committed()
	s.wakeLocked(c)
}

// replayDeltas applies a Deltas entry after a restart.
func (s *Stream) replayDeltas(b []byte) error {
	return eachDelta(b, func(name string, delta []byte) error {
		c := s.mu.consumers[name]
		if c == nil {
			return nil // deleted before the entry was logged
		}
		if err := c.machine.ApplyDelta(delta, s.ackedLocked); err != nil {
			return fmt.Errorf("%w: consumer %s of stream %s: %w", errEntry, name, s.name, err)
		}
		return nil
	})
}

// ackedLocked takes a message out that one consumer is done with, if the others
// are, too.
func (s *Stream) ackedLocked(seq uint64) {
	switch s.config.Load().Retention {
	case jsapi.RetainLimits:
		return
	case jsapi.RetainInterest:
		if s.neededLocked(seq) {
			return
		}
	case jsapi.RetainWorkQueue:
		// Whoever works and the streams that copy from here both get all messages.
		if s.mu.sourcing > 0 && s.neededLocked(seq) {
			return
		}
	}
	s.mu.machine.Remove(seq)
}

// neededLocked reports whether a consumer still needs the message.
func (s *Stream) neededLocked(seq uint64) bool {
	for _, c := range s.mu.consumers {
		if c.machine.Needs(seq) {
			return true
		}
	}
	return false
}

// failLocked stops the stream after the log has failed.
func (s *Stream) failLocked(err error) {
	if s.mu.failed == nil && errors.Is(err, wal.ErrPoisoned) {
		s.mu.failed = err
		kind := jsapi.EventStreamStoreFailed
		s.mu.advice = append(s.mu.advice, event{kind.For(s.name), &jsapi.StreamStoreFailed{
			Event: newEvent(kind), Stream: s.name, Error: err.Error(), Domain: s.node.cfg.Domain,
		}})
		s.node.log.Error("Stream is stopped, restart the server to recover it", "account", s.account.Name(), "stream", s.name, "error", err)
	}
}
