package jetstream

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// The state of a stream in a checkpoint: version (u8), the parts of the machine's
// state, the length (u32) of its losses as JSON, these, then for each consumer the
// length (u32) of its name and configuration as JSON (a consumerCommand), these, the
// length (u32) of its machine's state and that.
const stateVersion = 2

var errState = errors.New("state of a stream cannot be read")

// streamState takes the state of a stream in parts. Those of the machine say how it
// can go on between them; losses and consumers are in the last one.
type streamState struct {
	s       *Stream
	begun   bool
	machine *stream.Capture
}

// Next implements [store.State].
func (c *streamState) Next(dst []byte, size int) (all []byte, last bool) {
	if !c.begun {
		c.begun = true
		dst = append(dst, stateVersion)
	}
	if dst, last = c.machine.Next(dst, size); last {
		at := len(dst)
		dst = c.s.mu.lost.appendState(binary.LittleEndian.AppendUint32(dst, 0))
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		dst = c.s.appendConsumersLocked(dst)
	}
	return dst, last
}

// Drop implements [store.State].
func (c *streamState) Drop() { c.machine.Drop() }

func (s *Stream) appendConsumersLocked(dst []byte) []byte {
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
func (s *Stream) restore(state *store.Parts, applied wal.Index) error {
	m, rest, err := s.decode(state)
	if err != nil {
		return err
	}
	cfg := *m.Config()
	s.config.Store(&cfg)
	s.setMachineLocked(m)
	lost, consumers, ok := cut(rest)
	if !ok {
		return fmt.Errorf("%w: it ends before its losses", errState)
	}
	if err := s.mu.lost.restore(lost); err != nil {
		return fmt.Errorf("%w: losses: %w", errState, err)
	}
	s.lostLocked()
	s.mu.applied = applied
	return s.restoreConsumers(consumers)
}

// decode returns the machine of a state, and what is behind it.
func (s *Stream) decode(state *store.Parts) (m *stream.Machine, rest []byte, err error) {
	d, begun := stream.NewDecoder(s.space), false
	for {
		b, err := state.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil, fmt.Errorf("%w: it ends early", errState)
		}
		if err != nil {
			return nil, nil, err
		}
		if len(b) == 0 {
			return nil, nil, fmt.Errorf("%w: an empty part", errState)
		}
		if !begun && b[0] != stateVersion {
			return nil, nil, fmt.Errorf("%w: it has version %d, this program reads %d: use the program that wrote it", errState, b[0], stateVersion)
		}
		if !begun {
			begun, b = true, b[1:]
		}
		rest, done, err := d.Part(b)
		if err != nil || done {
			return d.Machine(), rest, err
		}
	}
}

func (s *Stream) restoreConsumers(b []byte) error {
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
	f(store.View{Index: s.mu.machine.Index(), Applied: s.mu.applied, State: func() store.State {
		return &streamState{s: s, machine: s.mu.machine.Capture()}
	}})
}

// catalogueOwner is the catalogue as the store sees it.
type catalogueOwner Node

// View implements [store.Owner].
func (o *catalogueOwner) View(f func(v store.View)) {
	c := &o.catalogue
	c.mu.Lock()
	defer c.mu.Unlock()
	f(store.View{Applied: c.index, State: func() store.State { return store.Whole(c.appendStateLocked) }})
}

// attach gives the store access to the stream.
func (s *Stream) attach() {
	if s.logged && s.order.frozen == nil {
		s.node.store.Files(s.group).Compress(s.config.Load().Compression == jsapi.S2Compression)
		s.node.store.Attach(s.group, (*streamOwner)(s))
	}
}
