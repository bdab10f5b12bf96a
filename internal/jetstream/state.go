package jetstream

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// The state of a stream in a checkpoint: version (u8), the length (u64) and the
// state of the machine, the length (u32) of its losses as JSON, these, then for each
// consumer the length (u32) of its name and
// configuration as JSON (a consumerCommand), these, the length (u32) of its
// machine's state and that.
const stateVersion = 1

// stateSize is how large the last state was, and with how many messages. The next
// one gets its memory in one piece: as large as it may be, it must not be copied
// from slice to slice while it grows.
type stateSize struct {
	bytes    int
	messages uint64
}

// expect returns the size to expect with a number of messages.
func (s stateSize) expect(messages uint64) int {
	if s.messages == 0 {
		return 0
	}
	n := float64(s.bytes) / float64(s.messages) * float64(messages)
	return int(n + n/16)
}

var errState = errors.New("state of a stream cannot be read")

func (s *Stream) appendStateLocked(dst []byte) (all []byte) {
	from := len(dst)
	messages := s.mu.machine.Index().State().Messages
	dst = slices.Grow(dst, s.mu.stateSize.expect(messages))
	defer func() { s.mu.stateSize = stateSize{len(all) - from, messages} }()
	dst = append(dst, stateVersion)
	at := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, 0)
	dst = s.mu.machine.AppendState(dst)
	binary.LittleEndian.PutUint64(dst[at:], uint64(len(dst)-at-8))
	at = len(dst)
	dst = s.mu.lost.appendState(binary.LittleEndian.AppendUint32(dst, 0))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	for _, c := range s.mu.consumers {
		if !c.logged {
			continue
		}
		head, err := json.Marshal(&consumerCommand{Name: c.name, Config: c.machine.Config()})
		if err != nil {
			panic("configuration of a consumer does not marshal: " + err.Error()) // it came from JSON
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(head)))
		dst = append(dst, head...)
		at := len(dst)
		dst = binary.LittleEndian.AppendUint32(dst, 0)
		dst = c.machine.AppendState(dst)
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		c.machine.Rest()
	}
	s.mu.home.Rest()
	return dst
}

// restore brings back the state of a checkpoint.
func (s *Stream) restore(b []byte, applied wal.Index) error {
	if len(b) < 9 || b[0] != stateVersion {
		return fmt.Errorf("%w: version", errState)
	}
	n := binary.LittleEndian.Uint64(b[1:])
	if b = b[9:]; uint64(len(b)) < n {
		return fmt.Errorf("%w: it ends early", errState)
	}
	m, err := stream.Decode(b[:n], s.space)
	if err != nil {
		return err
	}
	cfg := *m.Config()
	s.account.capture(s, s.config.Load().Subjects, cfg.Subjects)
	s.config.Store(&cfg)
	s.setMachineLocked(m)
	lost, b, ok := cut(b[n:])
	if !ok {
		return fmt.Errorf("%w: it ends before its losses", errState)
	}
	if err := s.mu.lost.restore(lost); err != nil {
		return fmt.Errorf("%w: losses: %w", errState, err)
	}
	s.lostLocked()
	for len(b) > 0 {
		var head, state []byte
		var ok bool
		if head, b, ok = cut(b); ok {
			state, b, ok = cut(b)
		}
		if !ok {
			return fmt.Errorf("%w: a consumer ends early", errState)
		}
		var c consumerCommand
		if err := json.Unmarshal(head, &c); err != nil {
			return fmt.Errorf("%w: %w", errState, err)
		}
		if _, err := s.newConsumerLocked(c.Name, &c.Config, 0, state); err != nil {
			return fmt.Errorf("consumer %s: %w", c.Name, err)
		}
	}
	s.mu.applied = applied
	return nil
}

// cut takes a part with its length before it.
func cut(b []byte) (part, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if b = b[4:]; uint64(len(b)) < n {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

// streamOwner is a stream as the store sees it.
type streamOwner Stream

// View implements [store.Owner].
func (o *streamOwner) View(f func(v store.View)) {
	s := (*Stream)(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	f(store.View{Index: s.mu.machine.Index(), Applied: s.mu.applied, State: s.appendStateLocked})
}

// catalogueOwner is the catalogue as the store sees it.
type catalogueOwner Node

// View implements [store.Owner].
func (o *catalogueOwner) View(f func(v store.View)) {
	c := &o.catalogue
	c.mu.Lock()
	defer c.mu.Unlock()
	f(store.View{Applied: c.index, State: c.appendStateLocked})
}

// attach gives the store access to the stream.
func (s *Stream) attach() {
	if s.logged && s.order.frozen == nil {
		s.node.store.Files(s.group).Compress(s.config.Load().Compression == jsapi.S2Compression)
		s.node.store.Attach(s.group, (*streamOwner)(s))
	}
}
