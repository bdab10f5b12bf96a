package jetstream

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
	"github.com/tidings-io/tidings/internal/wire"
)

// followMessages and followBytes bound what a follower copies at a time.
const (
	followMessages = 512
	followBytes    = 256 << 10
)

// followBatch is what was read from the origin at one time.
type followBatch struct {
	entries []index.Entry
	upTo    uint64 // everything that matters up to here is in entries
	last    uint64 // of the origin
}

// copy copies one batch. It reports whether there is more.
func (f *follower) copy(origin *Stream) (more bool, failed *jsapi.Error) {
	from, failed := f.position(origin)
	if failed != nil {
		return false, failed
	}
	b := f.look(origin, from)
	c := f.copying(origin)
	var buf []byte
	for _, found := range b.entries {
		var err error
		buf, err = origin.readAgain(buf[:0], found)
		if errors.Is(err, errRemoved) {
			continue
		}
		if err != nil {
			if f.passesOver(origin, found.Seq) {
				continue
			}
			if failed := c.store(); failed != nil {
				return true, failed
			}
			f.goOn(origin, found.Seq)
			return true, storeError(err)
		}
		m := record.View(buf)
		m.Seq = found.Seq
		c.add(&m)
	}
	if err := c.store(); err != nil {
		return true, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.origin != origin {
		return true, nil
	}
	f.mu.next, f.mu.seen, f.mu.looked = b.upTo+1, b.upTo, true
	if len(b.entries) > 0 {
		f.mu.active = time.Now()
	}
	return b.upTo < b.last, nil
}

// copyTries is how often a message of the origin is read that cannot be read.
const copyTries = 5

// passesOver reports whether a message of the origin that cannot be read is left
// out, so that it does not keep those behind it from being copied for ever: it is
// read a few times before, as the disk may have failed for a moment only.
func (f *follower) passesOver(origin *Stream, seq uint64) bool {
	if f.failing.seq != seq {
		f.failing.seq, f.failing.tries = seq, 0
	}
	if f.failing.tries++; f.failing.tries <= copyTries {
		return false
	}
	f.stream.node.log.Error("Message of an origin cannot be read and is not copied", "account", f.stream.account.Name(),
		"stream", f.stream.name, "origin", origin.name, "sequence", seq)
	return true
}

// goOn has the follower look at a sequence next.
func (f *follower) goOn(origin *Stream, seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.origin == origin {
		f.mu.next = seq
	}
}

// position returns the sequence of the origin to go on with.
func (f *follower) position(origin *Stream) (uint64, *jsapi.Error) {
	f.mu.Lock()
	next := f.mu.next
	f.mu.Unlock()
	done, err := f.done(origin)
	if err != nil || done > 0 {
		return max(done+1, next), err
	}
	return max(f.start(origin), next), nil
}

// done returns the last sequence of the origin that was copied. A source whose
// origin was created anew begins anew, and goes on from the end of one that was
// restored from a backup that ends earlier. A mirror does neither: it would mix two
// streams under one row of sequences.
func (f *follower) done(origin *Stream) (uint64, *jsapi.Error) {
	var known string
	var done, last uint64
	var end uint64
	origin.View(func(x *index.Index) { end = x.State().Last })
	f.stream.locked(func() {
		m := f.stream.mu.machine
		known, done = m.Source(f.key)
		last = m.Index().State().Last
	})
	id := origin.identity()
	switch {
	case !f.mirror && known == id && done > end:
		f.stream.node.log.Warn("Origin of a source was taken back, the source goes on at its end", "account", f.stream.account.Name(),
			"stream", f.stream.name, "origin", origin.name, "copied", done, "last", end)
		return end, f.stream.do(&command{Source: &sourceCommand{Key: f.key, Identity: id, Seq: end}}).err
	case !f.mirror && (known == id || known == ""):
		return done, nil
	case !f.mirror:
		f.stream.node.log.Warn("Origin of a source was created anew, all of it is copied", "account", f.stream.account.Name(),
			"stream", f.stream.name, "origin", origin.name)
		return 0, f.stream.do(&command{Source: &sourceCommand{Key: f.key, Identity: id}}).err
	case known == id && last > end:
		return 0, jsapi.ErrMirrorConsumerSetupFailed.New(errAhead)
	case known == id:
		return last, nil
	case known == "" || last == 0:
		return last, f.stream.do(&command{Source: &sourceCommand{Key: f.key, Identity: id}}).err
	}
	return 0, jsapi.ErrMirrorConsumerSetupFailed.New(errOther)
}

var errAhead = errors.New("the mirror has sequences that its origin does not have: " +
	"the origin was taken back, delete the mirror and create it again")

var errOther = errors.New("the stream that was mirrored is gone, the one with its name now is another: " +
	"delete the mirror and create it again, or remove mirror from its configuration to keep what it has")

// start returns where a follower begins that has not copied anything.
func (f *follower) start(origin *Stream) uint64 {
	switch {
	case f.source.OptStartTime != nil:
		seq := uint64(1)
		origin.call(func() { seq = origin.seqAtLocked(f.source.OptStartTime.UnixNano()) })
		return seq
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
		filter := x.NewFilter(f.patterns...)
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

// copying makes entries of what a follower copies.
type copying struct {
	f        *follower
	identity string
	e        *entry // nil: nothing yet
}

func (f *follower) copying(origin *Stream) *copying {
	return &copying{f: f, identity: origin.identity()}
}

// add adds what becomes of a message of the origin.
func (c *copying) add(m *record.Message) {
	if c.e == nil {
		e := entryPool.Get().(*entry)
		e.stream, e.kind = c.f.stream, kindSourced
		if c.f.mirror {
			e.kind = kindNumbered
		}
		e.chunk = core.NewChunk(core.ChunkLarge)
		e.chunk.Bytes = append(e.chunk.Bytes, emptyHeader[:]...)
		c.e = e
	}
	c.e.chunk.Bytes = c.append(c.e.chunk.Bytes, m)
	c.e.replies = append(c.e.replies, 0, 0)
}

// full reports whether it is time to store what was added.
func (c *copying) full() bool {
	return c.e != nil && (len(c.e.replies) >= 2*followMessages || len(c.e.chunk.Bytes) >= followBytes)
}

func (c *copying) drop() {
	if c.e != nil {
		c.e.release()
		c.e = nil
	}
}

// store logs what was added and waits until it is applied. Only
// ErrStreamStoreFailed is returned: then a message and those behind it are not
// there, and another try may help. Others are of messages that the stream does not
// take, now or later.
func (c *copying) store() *jsapi.Error {
	if c.e == nil {
		return nil
	}
	var r result
	done := make(chan struct{})
	c.e.done = func(applied result) { r = applied; close(done) }
	c.f.stream.ingest(c.e)
	c.e = nil
	<-done
	if r.err != nil && !stalls(r.err) {
		c.f.stream.node.log.Warn("Stream does not take a message of its origin", "account", c.f.stream.account.Name(),
			"stream", c.f.stream.name, "origin", c.f.source.Name, "error", r.err)
		return nil
	}
	return r.err
}

// stalls reports whether a copied message was refused only for the moment, so that
// those behind it must wait.
func stalls(err *jsapi.Error) bool { return slices.Contains(passing, err.Code) }

// passing are the reasons that may go away.
var passing = []jsapi.Code{
	jsapi.ErrStreamStoreFailed, jsapi.ErrStreamSealed, jsapi.ErrInsufficientResources, jsapi.ErrAccountResourcesExceeded,
	jsapi.ErrStreamTooManyRequests,
}

// append appends the record of what becomes of a message of the origin.
func (c *copying) append(dst []byte, m *record.Message) []byte {
	f := c.f
	original := string(m.Subject)
	for _, t := range f.transforms {
		if !subject.Matches(t.source, original) {
			continue
		}
		if t.to != nil {
			if to, ok := t.to.Apply(original, m.Seq); ok && len(to) <= record.MaxSubject {
				m.Subject = []byte(to)
			}
		}
		break
	}
	if f.mirror {
		m.Header = copiedHeader(m.Header, "")
		return record.Build(dst, m)
	}
	header := copiedHeader(m.Header, strings.Join([]string{
		f.words[0], utoa(m.Seq), f.words[1], f.words[2], original, c.identity,
	}, " "))
	return record.Append(dst, m.Subject, append(header, m.Body...), len(header))
}

// copiedHeader returns the header block of a copied message: without what its
// publisher expected of the origin, and with where it comes from, unless that is
// empty, in place of where it came from before.
func copiedHeader(block []byte, from string) []byte {
	dropped := func(name []byte) bool {
		return bytes.HasPrefix(name, []byte("Nats-Expected-")) || bytes.HasPrefix(name, []byte("Nats-Batch-")) ||
			from != "" && string(name) == jsapi.HeaderStreamSource
	}
	if from == "" && !bytes.Contains(block, []byte("Nats-Expected-")) && !bytes.Contains(block, []byte("Nats-Batch-")) {
		return block
	}
	var h wire.Header
	if len(block) > 0 {
		if old, err := wire.ParseHeader(block); err == nil {
			h.Fields = slices.DeleteFunc(old.Fields, func(f wire.HeaderField) bool { return dropped(f.Key) })
		}
	}
	if from != "" {
		h.Fields = append(h.Fields, field(jsapi.HeaderStreamSource, from))
	}
	if len(h.Fields) == 0 {
		return nil
	}
	return h.Append(nil)
}
