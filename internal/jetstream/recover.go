package jetstream

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/record"
)

// recover brings the state back that the store holds.
func (n *Node) recover() error {
	n.store.Attach(nodeGroup, (*catalogueOwner)(n))
	r := &recovery{node: n, lost: map[store.Group]error{}}
	if err := n.store.Recover(r); err != nil {
		return err
	}
	if err := r.lost[nodeGroup]; err != nil {
		return fmt.Errorf("nobody knows which streams there are: %w", err)
	}
	if err := n.dropUnfinished(); err != nil {
		return err
	}
	for _, s := range n.streams() {
		s.recovered()
	}
	return nil
}

// recovery is what the store calls while it recovers.
type recovery struct {
	node *Node
	lost map[store.Group]error // groups whose state cannot be read
	gap  error                 // entries of unknown groups that cannot be read
}

// Restore implements [store.Recovery].
func (r *recovery) Restore(g store.Group, applied wal.Index, state *store.Parts, _ *store.Files) error {
	n := r.node
	if g == nodeGroup {
		all, err := state.Next()
		if err == nil {
			err = n.catalogue.restore(all, applied)
		}
		if err != nil {
			return err
		}
		for _, e := range n.catalogue.streams {
			r.add(e)
		}
		return nil
	}
	s := n.mu.groups[g]
	if s == nil {
		return store.ErrDropped
	}
	return s.restore(state, applied)
}

func (r *recovery) add(e *catalogueEntry) {
	a := r.node.account(e.Account)
	s := newStream(r.node, a, e)
	r.node.mu.groups[e.Group] = s
	if err := r.lost[e.Group]; err != nil {
		s.freeze(err)
		return
	}
	s.attach()
}

// freeze keeps a stream as it is on the disk, whose state cannot be read: nothing
// is stored in it, and it goes only if somebody deletes it.
func (s *Stream) freeze(err error) {
	s.order.frozen, s.mu.failed = err, err
}

func (s *Stream) frozen() bool {
	s.order.Lock()
	defer s.order.Unlock()
	return s.order.frozen != nil
}

// Apply implements [store.Recovery].
func (r *recovery) Apply(rec wal.Record, _ *store.Files) error {
	n := r.node
	if rec.Group == nodeGroup {
		return r.catalogue(rec)
	}
	s := n.mu.groups[rec.Group]
	switch {
	case s == nil && r.gap != nil:
		return nil //nolint:nilerr // what created the stream may be lost: its entries stay where they are
	case s == nil:
		return store.ErrDropped
	}
	return s.replay(rec)
}

func (r *recovery) catalogue(rec wal.Record) error {
	var e catalogueEntry
	if err := json.Unmarshal(rec.Payload, &e); err != nil {
		return fmt.Errorf("catalogue entry %d: %w", rec.Index, err)
	}
	n := r.node
	n.catalogue.applyLocked(&e)
	n.catalogue.index = rec.Index
	old := n.mu.groups[e.Group]
	switch {
	case e.Deleted && old != nil:
		delete(n.mu.groups, e.Group)
		n.store.Drop(e.Group)
	case !e.Deleted && old == nil:
		r.add(&e)
	case !e.Deleted:
		// The stream's own command, in the same piece of the log, changes it.
		old.config.Store(e.Config)
		if !old.logged {
			old.setMachineLocked(stream.New(*e.Config, e.Created.UnixNano(), old.space))
		}
	}
	return nil
}

// Damaged implements [store.Recovery].
func (r *recovery) Damaged(g store.Group, err error) {
	n := r.node
	if whole := (*store.DamageError)(nil); errors.As(err, &whole) && whole.Seq == 0 && g != 0 {
		n.log.Error("The state of a stream is lost", "group", g, "error", err)
		r.lost[g] = err
		if s := n.mu.groups[g]; s != nil {
			s.freeze(err)
		}
		return
	}
	if s := n.mu.groups[g]; s != nil {
		n.log.Error("The log has lost an entry of a stream", "account", s.account.Name(), "stream", s.name, "error", err)
		s.lostEntry(err)
		return
	}
	n.log.Error("The log has lost entries", "error", err)
	r.gap = errors.Join(r.gap, err)
	for _, s := range n.mu.groups {
		s.lostEntry(err)
	}
}

// lostEntry notes that the log has lost an entry that may be of the stream.
func (s *Stream) lostEntry(err error) {
	if s.logged { // others have lost everything with the restart
		s.mu.gaps = true
		s.mu.lost.entry(err.Error())
	}
}

// errEntry is part of errors about entries that this program cannot read although
// their checksums are right.
var errEntry = errors.New("entry cannot be read")

// replay applies an entry of the log after a restart.
func (s *Stream) replay(rec wal.Record) error {
	s.mu.applied = rec.Index
	switch rec.Kind {
	case kindPublish, kindReplies, kindSourced, kindNumbered, kindLetter, kindRestored:
		return s.replayPublish(rec)
	case kindCommand:
		var c command
		if err := json.Unmarshal(rec.Payload, &c); err != nil {
			return fmt.Errorf("%w: command %d of stream %s: %w", errEntry, rec.Index, s.name, err)
		}
		s.mu.now = c.Time
		s.commandLocked(&c)
		return nil
	case kindDeltas:
		return s.replayDeltas(rec.Payload)
	}
	return fmt.Errorf("%w: kind %d at index %d of stream %s: use the program that wrote it", errEntry, rec.Kind, rec.Index, s.name)
}

func (s *Stream) replayPublish(rec wal.Record) error {
	b := rec.Payload
	if len(b) < publishHeader || b[0] != publishVersion {
		return fmt.Errorf("%w: publish %d of stream %s", errEntry, rec.Index, s.name)
	}
	if s.mu.gaps {
		s.skipLostLocked(binary.LittleEndian.Uint64(b[8:]))
	}
	count := int(binary.LittleEndian.Uint32(b[4:]))
	replies, err := repliesOf(b, count, rec.Kind)
	if err != nil {
		return fmt.Errorf("%w: publish %d of stream %s: %w", errEntry, rec.Index, s.name, err)
	}
	at := publishHeader
	for range count {
		m, n, err := record.Parse(b[at:])
		if err != nil {
			return fmt.Errorf("%w: publish %d of stream %s at %d: %w", errEntry, rec.Index, s.name, at, err)
		}
		place := index.Place{File: uint32(rec.Place.File), Offset: rec.Place.Offset + uint32(at)}
		var reply []byte
		if len(replies) > 0 {
			if reply, replies, err = cutReply(replies); err != nil {
				return fmt.Errorf("%w: publish %d of stream %s: %w", errEntry, rec.Index, s.name, err)
			}
		}
		if d := s.publishLocked(m, place, rec.Kind, reply); ends(rec.Kind, &d) {
			break
		}
		at += n
	}
	return nil
}

// skipLostLocked gives sequences up that entries had which are lost, up to the one
// that the next entry says was given out before it.
func (s *Stream) skipLostLocked(before uint64) {
	if last := s.mu.machine.Index().State().Last; last < before {
		s.mu.lost.explain(last+1, before)
		s.mu.machine.SkipTo(before)
	}
	s.mu.lost.settle(before + 1)
}

// repliesOf returns the reply subjects behind the records of an entry.
func repliesOf(b []byte, count int, kind wal.Kind) ([]byte, error) {
	if kind != kindReplies {
		return nil, nil
	}
	at := publishHeader
	for range count {
		if len(b)-at < record.HeaderSize || record.Length(b[at:]) > len(b)-at {
			return nil, record.ErrDamaged
		}
		at += record.Length(b[at:])
	}
	return b[at:], nil
}

func cutReply(b []byte) (reply, rest []byte, err error) {
	if len(b) < 2 || len(b)-2 < int(binary.LittleEndian.Uint16(b)) {
		return nil, nil, record.ErrDamaged
	}
	n := 2 + int(binary.LittleEndian.Uint16(b))
	return b[2:n:n], b[n:], nil
}

// recovered completes a stream after its last entry, and puts it into the tables of
// its account: only now its configuration is known.
func (s *Stream) recovered() {
	s.mu.Lock() // the store may write a checkpoint already
	defer s.mu.Unlock()
	s.config.Store(s.mu.machine.Config())
	s.account.addLocked(s)
	s.order.index = s.mu.applied
	s.order.appliedSeq = s.mu.machine.Index().State().Last
	s.order.last = s.mu.machine.LastTime()
	s.mu.machine.Abandoned() // told before the restart
	s.mu.lost.settle(s.order.appliedSeq + 1)
	s.readLostAgainLocked()
	s.lostLocked()
	s.tellLostLocked()
	s.settleLocked()
}
