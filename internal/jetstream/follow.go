package jetstream

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
	"github.com/tidings-io/tidings/internal/wire"
)

const (
	// followMessages and followBytes bound what a follower copies at a time.
	followMessages = 512
	followBytes    = 256 << 10
	// followRetry is how long a follower waits after something that may pass.
	followRetry = time.Second
)

// follower copies the messages of one stream, its origin, into another one: as a
// mirror, or as one of its sources (ADR-59). The origin wakes it when it has
// something new; it reads the origin as a client with direct gets would, and logs
// what it has copied as an entry of its own stream. How far it has come is part of
// that stream's state, so nothing is copied twice or left out, whatever happens.
// It has a goroutine only while there is something to copy.
type follower struct {
	// immutable
	stream     *Stream // that is copied into
	source     *jsapi.StreamSource
	mirror     bool
	key        string // of the source in the stream's state
	transforms []sourceTransform

	dirty   atomic.Bool // there may be something to copy
	running atomic.Bool
	over    atomic.Bool
	stopped chan struct{} // closed when it is over
	work    sync.WaitGroup

	mu struct {
		sync.Mutex
		origin *Stream // nil: there is none
		err    *jsapi.Error
		next   uint64 // sequence of the origin to look at; 0: not known yet
		seen   uint64 // last sequence of the origin that was copied
		lag    uint64
		active time.Time
	}
}

// sourceTransform is a filter and what becomes of the subjects that it lets pass.
type sourceTransform struct {
	source string
	to     *subject.Transform // nil: as it is
}

func newFollower(s *Stream, source *jsapi.StreamSource, mirror bool) *follower {
	f := &follower{stream: s, source: source, mirror: mirror, stopped: make(chan struct{})}
	var sources, destinations []string
	for _, t := range source.SubjectTransforms {
		st := sourceTransform{source: t.Source}
		if t.Destination != "" {
			st.to, _ = subject.NewTransform(t.Source, t.Destination) // it was checked
		}
		f.transforms = append(f.transforms, st)
		sources, destinations = append(sources, t.Source), append(destinations, t.Destination)
	}
	if len(sources) == 0 {
		sources, destinations = []string{orAll(source.FilterSubject)}, []string{">"}
	}
	f.key = stream.SourceKey(source.Name, strings.Join(sources, "\f"), strings.Join(destinations, "\f"))
	return f
}

func orAll(filter string) string {
	if filter == "" {
		return ">"
	}
	return filter
}

// patterns are the subjects of the origin that are copied; none: all.
func (f *follower) patterns() []string {
	if f.source.FilterSubject != "" {
		return []string{f.source.FilterSubject}
	}
	var list []string
	for _, t := range f.transforms {
		list = append(list, t.source)
	}
	return list
}

// wants reports whether messages of the origin on a subject are copied.
func (f *follower) wants(text []byte) bool {
	patterns := f.patterns()
	for _, p := range patterns {
		if subject.Matches(p, text) {
			return true
		}
	}
	return len(patterns) == 0
}

// needs reports whether a message of the origin is still to be copied.
func (f *follower) needs(seq uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return seq > f.mu.seen
}

// wake has the follower look for something to copy. It does not block.
func (f *follower) wake() {
	f.dirty.Store(true)
	if f.over.Load() || f.running.Swap(true) {
		return
	}
	f.work.Go(f.run)
}

func (f *follower) run() {
	for {
		for f.dirty.Swap(false) && !f.over.Load() {
			more, err := f.copy()
			if more {
				f.dirty.Store(true)
			}
			f.setError(err)
			if err != nil && !f.pause() {
				break
			}
		}
		f.running.Store(false)
		if !f.dirty.Load() || f.over.Load() || f.running.Swap(true) {
			return
		}
	}
}

// pause waits before another try. It reports false when the follower is over.
func (f *follower) pause() bool {
	timer := time.NewTimer(followRetry)
	defer timer.Stop()
	select {
	case <-f.stopped:
		return false
	case <-timer.C:
		return true
	}
}

func (f *follower) setError(err *jsapi.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.err = err
}

// stop ends the follower and waits until it has ended.
func (f *follower) stop() {
	if !f.over.Swap(true) {
		close(f.stopped)
	}
	f.attach(nil, nil)
	f.work.Wait()
}

// attach makes origin the stream that is copied from; nil: there is none, because
// of err.
func (f *follower) attach(origin *Stream, err *jsapi.Error) {
	f.mu.Lock()
	old := f.mu.origin
	f.mu.origin, f.mu.err = origin, err
	if old != origin {
		f.mu.next = 0
	}
	f.mu.Unlock()
	if old == origin {
		return
	}
	if old != nil {
		old.unfollow(f)
	}
	if origin != nil {
		origin.follow(f)
		f.wake()
	}
}

// followBatch is what was read from the origin at one time.
type followBatch struct {
	entries []index.Entry
	upTo    uint64 // everything that matters up to here is in entries
	last    uint64 // of the origin
}

// copy copies one batch. It reports whether there is more.
func (f *follower) copy() (more bool, failed *jsapi.Error) {
	f.mu.Lock()
	origin := f.mu.origin
	f.mu.Unlock()
	if origin == nil {
		return false, nil
	}
	from, failed := f.position(origin)
	if failed != nil {
		return false, failed
	}
	b := f.look(origin, from)
	e, err := f.read(origin, b.entries)
	if err != nil {
		return true, storeError(err)
	}
	if e != nil {
		if err := f.store(e); err != nil {
			return true, err
		}
	}
	f.mu.Lock()
	f.mu.next = b.upTo + 1
	f.mu.seen = b.upTo
	if len(b.entries) > 0 {
		f.mu.active = time.Now()
	}
	f.mu.Unlock()
	if origin.retained() && len(b.entries) > 0 {
		origin.copied(b.entries)
	}
	return b.upTo < b.last, nil
}

// position returns the sequence of the origin to go on with.
func (f *follower) position(origin *Stream) (uint64, *jsapi.Error) {
	f.mu.Lock()
	next := f.mu.next
	f.mu.Unlock()
	var done uint64
	f.stream.locked(func() {
		m := f.stream.mu.machine
		if f.mirror {
			done = m.Index().State().Last
		} else {
			done = m.SourceSeq(f.key)
		}
	})
	var last, start uint64
	origin.locked(func() {
		last = origin.mu.machine.Index().State().Last
		start = f.startLocked(origin)
	})
	switch {
	case done > last && f.mirror:
		return 0, jsapi.ErrMirrorConsumerSetupFailed.New(errAhead)
	case done > last:
		// The origin was created anew: what it holds now is new, too.
		r := f.stream.do(&command{Source: &sourceCommand{Key: f.key}})
		if r.err != nil {
			return 0, r.err
		}
		done, next = 0, 0
	}
	if done == 0 {
		return max(start, next), nil
	}
	return max(done+1, next), nil
}

var errAhead = errors.New("the mirror has sequences that its origin has not: was the origin created anew?")

// startLocked returns where a source begins that has not copied anything.
func (f *follower) startLocked(origin *Stream) uint64 {
	switch {
	case f.source.OptStartTime != nil:
		return origin.seqAtLocked(f.source.OptStartTime.UnixNano())
	case f.source.OptStartSeq > 0:
		return f.source.OptStartSeq
	}
	return 1
}

// look finds the next messages to copy.
func (f *follower) look(origin *Stream, from uint64) followBatch {
	var b followBatch
	origin.View(func(x *index.Index) {
		b.last = x.State().Last
		filter := x.NewFilter(f.patterns()...)
		size := 0
		for seq := from; len(b.entries) < followMessages && size < followBytes; {
			e, ok := x.Next(seq, filter)
			if !ok {
				b.upTo = max(b.last, from-1)
				return
			}
			b.entries = append(b.entries, e)
			size += int(e.Size)
			b.upTo, seq = e.Seq, e.Seq+1
		}
	})
	return b
}

// read returns the entry with what becomes of the messages; nil: nothing does.
func (f *follower) read(origin *Stream, entries []index.Entry) (*entry, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	e := entryPool.Get().(*entry)
	e.stream, e.kind = f.stream, kindSourced
	if f.mirror {
		e.kind = kindNumbered
	}
	e.chunk = core.NewChunk(core.ChunkLarge)
	e.chunk.Bytes = append(e.chunk.Bytes, emptyHeader[:]...)
	var buf []byte
	for _, found := range entries {
		var err error
		buf, err = origin.readAgain(buf[:0], found)
		if errors.Is(err, errRemoved) {
			continue
		}
		if err != nil {
			e.release()
			return nil, err
		}
		m := record.View(buf)
		m.Seq = found.Seq
		e.chunk.Bytes = f.append(e.chunk.Bytes, &m)
		e.replies = append(e.replies, 0, 0)
	}
	if len(e.replies) == 0 {
		e.release()
		return nil, nil
	}
	return e, nil
}

var errRemoved = errors.New("message is gone")

// readAgain reads the record of an entry, also if it was moved meanwhile.
func (s *Stream) readAgain(dst []byte, e index.Entry) ([]byte, error) {
	for {
		b, err := s.Read(dst, e)
		if !errors.Is(err, store.ErrMoved) {
			return b, err
		}
		var ok bool
		s.View(func(x *index.Index) { e, ok = x.Get(e.Seq) })
		if !ok {
			return dst, errRemoved
		}
	}
}

// append appends what becomes of a message of the origin.
func (f *follower) append(dst []byte, m *record.Message) []byte {
	original := string(m.Subject)
	for _, t := range f.transforms {
		if t.to != nil && subject.Matches(t.source, original) {
			if to, ok := t.to.Apply(original, m.Seq); ok && len(to) <= record.MaxSubject {
				m.Subject = []byte(to)
			}
			break
		}
	}
	if f.mirror {
		return record.Build(dst, m)
	}
	words := strings.Fields(f.key)
	header := sourceHeader(m.Header, strings.Join([]string{words[0], utoa(m.Seq), words[1], words[2], original}, " "))
	return record.Append(dst, m.Subject, append(header, m.Body...), len(header))
}

// sourceHeader returns a header block with where the message comes from, in place
// of where it came from before.
func sourceHeader(block []byte, from string) []byte {
	var h wire.Header
	if len(block) > 0 {
		if old, err := wire.ParseHeader(block); err == nil {
			for _, field := range old.Fields {
				if string(field.Key) != jsapi.HeaderStreamSource {
					h.Fields = append(h.Fields, field)
				}
			}
		}
	}
	h.Fields = append(h.Fields, field(jsapi.HeaderStreamSource, from))
	return h.Append(nil)
}

// store logs an entry and waits until it is applied.
func (f *follower) store(e *entry) *jsapi.Error {
	var r result
	done := make(chan struct{})
	e.done = func(applied result) { r = applied; close(done) }
	f.stream.ingest(e)
	<-done
	return r.err
}

// follow has f hear of new messages.
func (s *Stream) follow(f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.followers = append(s.mu.followers, f)
}

func (s *Stream) unfollow(f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.mu.followers {
		if other == f {
			s.mu.followers = append(s.mu.followers[:i:i], s.mu.followers[i+1:]...)
			return
		}
	}
}

// copied takes messages out of a stream that keeps them only until they are
// copied and acknowledged by all who want them.
func (s *Stream) copied(entries []index.Entry) {
	seqs := make([]uint64, len(entries))
	for i, e := range entries {
		seqs[i] = e.Seq
	}
	s.do(&command{Acked: seqs})
}

// locked runs f under the stream's lock.
func (s *Stream) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}
