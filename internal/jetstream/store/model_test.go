package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
)

// The kinds of entries of the tests.
const (
	kindPublish wal.Kind = 1 + iota
	kindRemove           // the payload is a sequence
	kindPurge            // messages before the sequence
	kindCreate           // of the node: the payload is a group
	kindDelete
	kindPublishAt // begins with the sequence of the first message
)

// command is one entry of a group's history.
type command struct {
	kind    wal.Kind
	payload []byte
}

// records are those of an entry that publishes.
func (c command) records() []byte {
	if c.kind == kindPublishAt {
		return c.payload[8:]
	}
	return c.payload
}

// derived says which published records a stream stores in a form of its own.
func derived(m record.Message) bool { return len(m.Body)%5 == 3 }

func derive(m record.Message) []byte {
	m.Body = append([]byte("derived "), m.Body...)
	return record.Build(nil, &m)
}

// naive is what a history comes to.
type naive struct {
	last uint64
	live map[uint64]string // sequence to subject and body
}

func replayNaive(history []command) naive {
	n := naive{live: map[uint64]string{}}
	for _, c := range history {
		switch c.kind {
		case kindPublish, kindPublishAt:
			for b := c.records(); len(b) > 0; b = b[record.Length(b):] {
				m := record.View(b)
				n.last++
				body := string(m.Body)
				if derived(m) {
					body = "derived " + body
				}
				n.live[n.last] = string(m.Subject) + " " + body
			}
		case kindRemove:
			delete(n.live, binary.LittleEndian.Uint64(c.payload))
		case kindPurge:
			maps.DeleteFunc(n.live, func(seq uint64, _ string) bool { return seq < binary.LittleEndian.Uint64(c.payload) })
		}
	}
	return n
}

// stream is a stream as far as the store sees it.
type stream struct {
	mu      sync.Mutex
	group   store.Group
	files   *store.Files
	x       *index.Index
	applied wal.Index

	history []command // all that was logged
	acked   int       // entries of it that are durable
	queue   []queued  // durable, not applied yet
	more    bool      // there was a part, and it was not the last one
	between func()    // called between two parts of the state; nil: nothing happens
}

type queued struct {
	command command
	index   wal.Index
	place   index.Place
}

func (s *stream) View(f func(store.View)) {
	s.mu.Lock()
	f(store.View{Index: s.x, Applied: s.applied, State: func() store.State { return &parts{s.x.Capture(), s} }})
	more, between := s.more, s.between
	s.more = false
	s.mu.Unlock()
	if more && between != nil {
		between()
	}
}

// parts takes the state of a stream.
type parts struct {
	*index.Capture
	s *stream
}

func (p *parts) Next(dst []byte, size int) (all []byte, last bool) {
	all, last = p.Capture.Next(dst, size)
	p.s.more = !last
	return all, last
}

// apply is deterministic: the same at run time and in recovery.
func (s *stream) apply(c command, i wal.Index, at index.Place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i <= s.applied {
		return fmt.Errorf("group %d: entry %d is applied a second time, %d was the last", s.group, i, s.applied)
	}
	s.applied = i
	switch c.kind {
	case kindPublish, kindPublishAt:
		b := c.records()
		at.Offset += uint32(len(c.payload) - len(b))
		if c.kind == kindPublishAt {
			s.x.Skip(max(s.x.State().Last, binary.LittleEndian.Uint64(c.payload)-1)) // what was lost before
		}
		for len(b) > 0 {
			m, n, err := record.Parse(b)
			if err != nil {
				return err
			}
			place, size := at, uint32(n)
			if derived(m) {
				rec := derive(m)
				place, size = s.files.Keep(rec), uint32(len(rec))
			}
			s.x.Append(s.x.State().Last+1, m.Subject, size, place)
			b, at.Offset = b[n:], at.Offset+uint32(n)
		}
	case kindRemove:
		if e, ok := s.x.Remove(binary.LittleEndian.Uint64(c.payload)); ok {
			if e.Seq%2 == 0 {
				s.files.Erase(e)
			}
			s.files.Free(e)
		}
	case kindPurge:
		s.x.RemoveBefore(binary.LittleEndian.Uint64(c.payload), s.files.Free)
	}
	return nil
}

// check compares the stream with what its history comes to. lost are sequences
// that may be missing.
func (s *stream) check(lost map[uint64]bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	want := replayNaive(s.history[:s.applied])
	if got := s.x.State(); got.Last != want.last || got.Messages != uint64(len(want.live)) {
		return fmt.Errorf("group %d after %d entries: last %d and %d messages, want %d and %d",
			s.group, s.applied, got.Last, got.Messages, want.last, len(want.live))
	}
	r := s.files.Reader()
	defer r.Release()
	for _, seq := range slices.Sorted(maps.Keys(want.live)) {
		e, ok := s.x.Get(seq)
		if !ok {
			return fmt.Errorf("group %d: message %d is missing", s.group, seq)
		}
		m, err := r.Read(e)
		raw, rawErr := s.files.Read(nil, e)
		if (err == nil) != (rawErr == nil) {
			return fmt.Errorf("group %d: message %d: reader says %w, files %w", s.group, seq, err, rawErr)
		}
		var damage *store.DamageError
		if lost[seq] && errors.As(err, &damage) && damage.Seq == seq {
			continue
		}
		if err != nil {
			return fmt.Errorf("group %d at %+v: %w", s.group, e.Place, err)
		}
		if got := string(m.Subject) + " " + string(m.Body); got != want.live[seq] || m.Seq != seq {
			return fmt.Errorf("group %d: message %d is %.60q, want %.60q", s.group, seq, got, want.live[seq])
		}
		if !bytes.Equal(record.View(raw).Body, m.Body) {
			return fmt.Errorf("group %d: message %d is read in two ways", s.group, seq)
		}
	}
	return nil
}

// node is a server with streams, as far as the store sees it.
type node struct {
	s       *store.Store
	mu      sync.Mutex
	streams map[store.Group]*stream
	// histories survive restarts: they are what the test knows.
	histories map[store.Group]*stream
	deleted   map[store.Group]bool // durably
	deleting  map[store.Group]bool // perhaps
	applied   wal.Index            // of the node's group
	next      store.Group
	damage    []error
	compress  bool
	key       string // of an encrypted store
	weak      bool   // acknowledged entries may be lost with the power
}

func newNode() *node {
	return &node{histories: map[store.Group]*stream{}, deleted: map[store.Group]bool{}, deleting: map[store.Group]bool{}, next: store.NodeGroup + 1}
}

// open opens a store and recovers it.
func (n *node) open(opts store.Options) error {
	if n.key != "" {
		opts.Encrypt(n.key, "")
	}
	s, err := store.Open(opts)
	if err != nil {
		return err
	}
	n.s, n.applied, n.damage = s, 0, nil
	n.streams = map[store.Group]*stream{}
	s.Attach(store.NodeGroup, n)
	if err := s.Recover(n); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

func (n *node) View(f func(store.View)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(store.View{Applied: n.applied, State: func() store.State { return store.Whole(n.appendState) }})
}

func (n *node) appendState(dst []byte) []byte {
	for _, g := range slices.Sorted(maps.Keys(n.streams)) {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(g))
	}
	return dst
}

// attach makes a stream known; i is the index of the entry that says so.
func (n *node) attach(g store.Group, i wal.Index) *stream {
	st := &stream{group: g, files: n.s.Files(g), x: index.New(1)}
	st.files.Compress(n.compress && g%2 == 0)
	if known := n.histories[g]; known != nil {
		st.history, st.acked = known.history, known.acked
	}
	n.mu.Lock()
	n.streams[g], n.applied = st, i
	n.histories[g] = st
	n.mu.Unlock()
	n.s.Attach(g, st)
	return st
}

func (n *node) Restore(g store.Group, applied wal.Index, parts *store.Parts, files *store.Files) error {
	if g == store.NodeGroup {
		state, err := parts.Next()
		if err != nil {
			return err
		}
		n.applied = applied
		for ; len(state) >= 8; state = state[8:] {
			n.attach(store.Group(binary.LittleEndian.Uint64(state)), applied)
		}
		return nil
	}
	st := n.streams[g]
	if st == nil {
		return store.ErrDropped
	}
	x, err := decodeParts(parts)
	if err != nil {
		return err
	}
	st.x, st.applied = x, applied
	return nil
}

func (n *node) Apply(rec wal.Record, _ *store.Files) error {
	if rec.Group == store.NodeGroup {
		g := store.Group(binary.LittleEndian.Uint64(rec.Payload))
		if rec.Kind == kindCreate {
			n.attach(g, rec.Index)
		} else {
			n.drop(g, rec.Index)
		}
		return nil
	}
	st := n.streams[rec.Group]
	if st == nil {
		return store.ErrDropped
	}
	return st.apply(command{rec.Kind, rec.Payload}, rec.Index, index.Place{File: uint32(rec.Place.File), Offset: rec.Place.Offset})
}

func (n *node) Damaged(_ store.Group, err error) { n.damage = append(n.damage, err) }

func (n *node) drop(g store.Group, i wal.Index) {
	n.mu.Lock()
	delete(n.streams, g)
	n.applied = i
	n.mu.Unlock()
	n.s.Drop(g)
}

// catalogue logs an entry of the node.
func (n *node) catalogue(kind wal.Kind, g store.Group) error {
	_, err := n.s.Commit([]wal.Entry{{
		Kind: kind, Group: store.NodeGroup, Index: n.applied + 1, Payload: binary.LittleEndian.AppendUint64(nil, uint64(g)),
	}}, wal.Essential)
	return err
}

func (n *node) create() (*stream, error) {
	n.mu.Lock()
	g := n.next
	n.next++
	n.mu.Unlock()
	if err := n.catalogue(kindCreate, g); err != nil {
		return nil, err
	}
	return n.attach(g, n.applied+1), nil
}

func (n *node) remove(g store.Group) error {
	n.mu.Lock()
	n.deleting[g] = true
	n.mu.Unlock()
	if err := n.catalogue(kindDelete, g); err != nil {
		return err
	}
	n.mu.Lock()
	n.deleted[g] = true
	n.mu.Unlock()
	n.drop(g, n.applied+1)
	return nil
}

// log makes an entry of a stream durable; apply does the rest.
func (n *node) log(st *stream, c command) error {
	n.mu.Lock()
	st.history = append(st.history, c)
	i := wal.Index(len(st.history))
	n.mu.Unlock()
	class := wal.Normal
	if c.kind != kindPublish {
		class = wal.Essential
	}
	places, err := n.s.Commit([]wal.Entry{{Kind: c.kind, Group: st.group, Index: i, Payload: c.payload}}, class)
	n.mu.Lock()
	defer n.mu.Unlock()
	if errors.Is(err, store.ErrFull) || errors.Is(err, wal.ErrTooLarge) {
		st.history = st.history[:len(st.history)-1]
	}
	if err != nil {
		return err
	}
	st.acked = len(st.history)
	st.queue = append(st.queue, queued{c, i, index.Place{File: uint32(places[0].File), Offset: places[0].Offset}})
	return nil
}

// applyQueue applies what is durable.
func (n *node) applyQueue(st *stream) error {
	for _, q := range st.queue {
		if err := st.apply(q.command, q.index, q.place); err != nil {
			return err
		}
	}
	st.queue = nil
	return nil
}

func (n *node) apply(st *stream) error {
	if err := n.applyQueue(st); err != nil {
		return err
	}
	if err := n.s.FlushErased(); err != nil && !errors.Is(err, vfs.ErrNoSpace) {
		return err
	}
	return nil
}

// check compares everything with what the test knows. After a restart histories
// end where the store's do.
func (n *node) check(restarted bool) error {
	for g, known := range n.histories {
		st := n.streams[g]
		switch {
		case st == nil && n.deleting[g]:
			continue
		case st == nil && n.weak:
			continue
		case st == nil && known.acked > 0:
			return fmt.Errorf("group %d is gone with %d entries", g, known.acked)
		case st == nil:
			continue // its creation was never acknowledged
		case n.deleted[g] && n.weak:
			delete(n.deleted, g)
		case n.deleted[g]:
			return fmt.Errorf("group %d was deleted and is back", g)
		}
		if restarted {
			if int(st.applied) < st.acked && !n.weak || int(st.applied) > len(st.history) {
				return fmt.Errorf("group %d has %d entries of %d, %d were acknowledged", g, st.applied, len(st.history), st.acked)
			}
			st.history = st.history[:st.applied]
			st.acked = len(st.history)
		}
		if err := st.check(nil); err != nil {
			return err
		}
	}
	return nil
}

// decodeParts returns the index that the parts are of.
func decodeParts(parts *store.Parts) (*index.Index, error) {
	d := index.NewDecoder()
	for {
		part, err := parts.Next()
		if err != nil {
			return nil, err
		}
		if rest, done, err := d.Part(part); err != nil || done {
			if len(rest) > 0 {
				return nil, fmt.Errorf("%d bytes behind the index: %w", len(rest), err)
			}
			return d.Index(), err
		}
	}
}
