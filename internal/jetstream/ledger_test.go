package jetstream_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/subject"
)

// ledger is what a client knows, in the order in which it came to know it: what it
// has asked for, and what it was told. What it knew at an earlier moment is a
// prefix.
type ledger struct {
	mu    sync.Mutex
	facts []func(*known)
}

func (l *ledger) add(fact func(*known)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.facts = append(l.facts, fact)
}

// upTo returns what was known after n facts.
func (l *ledger) upTo(n int) *known {
	k := &known{streams: map[string]*knownStream{}}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, fact := range l.facts[:n] {
		fact(k)
	}
	return k
}

// known is what a client may say about a server.
type known struct {
	streams map[string]*knownStream
}

// existence is whether something is there; both: nobody knows.
type existence struct{ maybeThere, maybeAbsent bool }

var (
	there   = existence{maybeThere: true}
	absent  = existence{maybeAbsent: true}
	unknown = existence{true, true}
)

func (e existence) check(what string, is bool) error {
	switch {
	case is && !e.maybeThere:
		return fmt.Errorf("%s is there although it was deleted", what)
	case !is && !e.maybeAbsent:
		return fmt.Errorf("%s is lost", what)
	}
	return nil
}

type knownStream struct {
	existence
	cfg       jsapi.StreamConfig
	asked     *jsapi.StreamConfig // an update on its way
	published map[string]*fact    // by id
	acked     map[uint64]*fact    // by sequence
	consumers map[string]*knownConsumer
}

// fact is what is known of one publish.
type fact struct {
	id, subject string
	seq         uint64 // 0: nobody knows
	refused     bool
	mayGo       bool // a removal was asked for
	gone        bool // and confirmed
	batch       string
	short       bool // it lives for a second
}

type knownConsumer struct {
	existence
	cfg       jsapi.ConsumerConfig
	acking    map[uint64]bool // acknowledged, without knowing whether it counts
	acked     map[uint64]bool // confirmed
	delivered map[uint64]bool
}

func newKnownStream(cfg jsapi.StreamConfig) *knownStream {
	return &knownStream{
		existence: unknown, cfg: cfg, published: map[string]*fact{}, acked: map[uint64]*fact{},
		consumers: map[string]*knownConsumer{},
	}
}

func (c *knownConsumer) wants(on string) bool {
	filters := c.cfg.Filters()
	for _, f := range filters {
		if subject.Matches(f, on) {
			return true
		}
	}
	return len(filters) == 0
}

// highest is the highest sequence that anybody has seen.
func (s *knownStream) highest() (seq uint64) {
	for n := range s.acked {
		seq = max(seq, n)
	}
	for _, c := range s.consumers {
		for n := range c.delivered {
			seq = max(seq, n)
		}
	}
	return seq
}

// letters reports whether the stream is where dead letters go.
func (s *knownStream) letters() bool { return strings.HasPrefix(s.cfg.Name, "DEAD") }

// copies reports whether the stream gets its messages from others.
func (s *knownStream) copies() bool { return s.cfg.Mirror != nil || len(s.cfg.Sources) > 0 }

// doneWith marks what the consumers of a stream that keeps messages only for them
// are done with.
func (s *knownStream) doneWith() {
	if s.cfg.Retention == jsapi.RetainLimits {
		return
	}
	for seq, f := range s.acked {
		asked, confirmed, wanted := true, true, false
		for _, c := range s.consumers {
			if !c.maybeThere || !c.wants(f.subject) {
				continue
			}
			wanted = true
			asked = asked && (c.acking[seq] || c.acked[seq])
			confirmed = confirmed && c.acked[seq]
		}
		switch {
		case wanted && confirmed:
			f.gone = true
		case asked && (wanted || s.cfg.Retention == jsapi.RetainInterest):
			f.mayGo = true
		}
	}
}

// live is a message as a server has it.
type live struct{ id, subject, header string }

// messages reads all of a stream.
func (s *server) messages(name string) (map[uint64]live, error) {
	st := s.stream(name)
	var seqs []uint64
	var size uint64
	var x index.State
	st.View(func(i *index.Index) {
		x = i.State()
		for e, ok := i.Next(0, nil); ok; e, ok = i.Next(e.Seq+1, nil) {
			seqs = append(seqs, e.Seq)
			size += index.FileCharge.Of(e.Size, e.Header)
		}
	})
	all := make(map[uint64]live, len(seqs))
	for _, seq := range seqs {
		m, ok := message(st, seq)
		if !ok {
			return nil, fmt.Errorf("stream %s: message %d is there and cannot be read", name, seq)
		}
		id, _, _ := strings.Cut(string(m.Body), "|")
		all[seq] = live{id, string(m.Subject), string(m.Header)}
	}
	state := st.State()
	switch {
	case state.Msgs != uint64(len(seqs)):
		return nil, fmt.Errorf("stream %s: state counts %d messages, there are %d", name, state.Msgs, len(seqs))
	case state.Bytes != size && st.Config().Storage == jsapi.FileStorage:
		return nil, fmt.Errorf("stream %s: state counts %d bytes, there are %d", name, state.Bytes, size)
	case len(seqs) > 0 && (state.FirstSeq != seqs[0] || state.LastSeq < seqs[len(seqs)-1]):
		return nil, fmt.Errorf("stream %s: state says %d to %d, there is %d to %d", name, state.FirstSeq, state.LastSeq, seqs[0], seqs[len(seqs)-1])
	case len(seqs) == 0 && state.FirstSeq != state.LastSeq+1 && state.LastSeq != 0:
		return nil, fmt.Errorf("stream %s: empty, state says %d to %d", name, state.FirstSeq, state.LastSeq)
	case x.Deleted != x.Last+1-x.First-x.Messages:
		return nil, fmt.Errorf("stream %s: state counts %d holes", name, x.Deleted)
	}
	return all, nil
}

// check compares a server that has just started with what is known.
func (k *known) check(s *server) error {
	var errs []error
	for _, ks := range k.streams {
		errs = append(errs, ks.check(s))
	}
	for name, ks := range k.streams {
		if ks.copies() && s.stream(name) != nil {
			errs = append(errs, ks.checkCopies(s))
		}
	}
	return errors.Join(errs...)
}

func (s *knownStream) check(srv *server) error {
	name := s.cfg.Name
	st := srv.stream(name)
	if err := s.existence.check("stream "+name, st != nil); err != nil || st == nil {
		return err
	}
	for consumerName, c := range s.consumers {
		is := st.Consumer(consumerName) != nil
		if err := c.existence.check("consumer "+name+" > "+consumerName, is); err != nil {
			return err
		}
		c.existence = existence{is, !is}
	}
	s.doneWith()
	cfg := st.Config()
	if cfg.Description != s.cfg.Description && (s.asked == nil || cfg.Description != s.asked.Description) {
		return fmt.Errorf("stream %s: an update is lost: %q, want %q", name, cfg.Description, s.cfg.Description)
	}
	all, err := srv.messages(name)
	if err != nil {
		return err
	}
	if s.letters() || s.copies() {
		return nil
	}
	if last := st.State().LastSeq; last < s.highest() {
		return fmt.Errorf("stream %s: last sequence %d, there was %d", name, last, s.highest())
	}
	var errs []error
	seen := map[string]uint64{}
	for seq, m := range all {
		if strings.Contains(m.header, "Nats-Marker-Reason") {
			continue
		}
		if other, again := seen[m.id]; again {
			errs = append(errs, fmt.Errorf("stream %s: %s is at %d and %d", name, m.id, other, seq))
		}
		seen[m.id] = seq
		errs = append(errs, s.checkLive(seq, m))
	}
	for seq, f := range s.acked {
		if _, ok := all[seq]; !ok && !f.mayGo && !f.gone && !f.short && !s.limited(f, all) {
			errs = append(errs, fmt.Errorf("stream %s: %s is lost, it was acknowledged as %d", name, f.id, seq))
		}
	}
	errs = append(errs, s.checkBatches(seen))
	for _, c := range s.consumers {
		errs = append(errs, c.check(srv, s, all))
	}
	return errors.Join(errs...)
}

func (s *knownStream) checkLive(seq uint64, m live) error {
	f := s.published[m.id]
	switch {
	case f == nil:
		return fmt.Errorf("stream %s: %d is %q on %s, which nobody published", s.cfg.Name, seq, m.id, m.subject)
	case f.refused:
		return fmt.Errorf("stream %s: %d is %s, which was refused", s.cfg.Name, seq, m.id)
	case f.seq != 0 && f.seq != seq:
		return fmt.Errorf("stream %s: %d is %s, which was acknowledged as %d", s.cfg.Name, seq, m.id, f.seq)
	case s.acked[seq] != nil && s.acked[seq].id != m.id:
		return fmt.Errorf("stream %s: %d is %s, and was %s", s.cfg.Name, seq, m.id, s.acked[seq].id)
	case f.short:
		return fmt.Errorf("stream %s: %s is at %d, it lives for a second", s.cfg.Name, m.id, seq)
	case f.gone:
		return fmt.Errorf("stream %s: %s is back at %d", s.cfg.Name, m.id, seq)
	}
	return nil
}

// checkBatches: of an atomic batch there is all or nothing.
func (s *knownStream) checkBatches(seen map[string]uint64) error {
	parts := map[string][2]int{}
	for id, f := range s.published {
		if f.batch == "" || f.mayGo {
			continue
		}
		n := parts[f.batch]
		n[0]++
		if seen[id] != 0 {
			n[1]++
		}
		parts[f.batch] = n
	}
	for batch, n := range parts {
		if n[1] != 0 && n[0] != n[1] {
			return fmt.Errorf("stream %s: of batch %s with %d messages there are %d", s.cfg.Name, batch, n[0], n[1])
		}
	}
	return nil
}

// limited reports whether the limits of the stream explain that a message is not
// there.
func (s *knownStream) limited(f *fact, all map[uint64]live) bool {
	if s.cfg.MaxAge > 0 {
		return true
	}
	later, sameSubject := int64(0), int64(0)
	for seq, m := range all {
		if seq > f.seq {
			later++
			if m.subject == f.subject {
				sameSubject++
			}
		}
	}
	return s.cfg.MaxMsgs > 0 && later >= s.cfg.MaxMsgs || s.cfg.MaxMsgsPerSubject > 0 && sameSubject >= s.cfg.MaxMsgsPerSubject
}

// checkCopies: a mirror, or a stream with sources, has in the end what its origins
// have.
func (s *knownStream) checkCopies(srv *server) error {
	origins := s.cfg.Sources
	if s.cfg.Mirror != nil {
		origins = []*jsapi.StreamSource{s.cfg.Mirror}
	}
	all, err := srv.messages(s.cfg.Name)
	if err != nil {
		return err
	}
	copied := map[string]int{}
	for _, m := range all {
		copied[m.id]++
	}
	var errs []error
	for _, o := range origins {
		if srv.stream(o.Name) == nil {
			continue
		}
		original, err := srv.messages(o.Name)
		if err != nil {
			return err
		}
		for seq, m := range original {
			if o.FilterSubject != "" && !subject.Matches(o.FilterSubject, m.subject) {
				continue
			}
			if s.cfg.Mirror != nil && all[seq].id != m.id {
				errs = append(errs, fmt.Errorf("mirror %s: %d is %q, its origin has %q", s.cfg.Name, seq, all[seq].id, m.id))
			}
			if copied[m.id] != 1 {
				errs = append(errs, fmt.Errorf("stream %s has %s of %s %d times", s.cfg.Name, m.id, o.Name, copied[m.id]))
			}
		}
	}
	return errors.Join(errs...)
}

// ackWait is that of all consumers; patience is longer than any of them waits.
const (
	ackWait  = 2 * time.Second
	patience = time.Minute
)

func (c *knownConsumer) check(srv *server, s *knownStream, all map[uint64]live) error {
	name := c.cfg.Durable
	what := "consumer " + s.cfg.Name + " > " + name
	cons := srv.consumer(s.cfg.Name, name)
	if cons == nil {
		return nil
	}
	info := cons.Info()
	pending := uint64(0)
	for seq, m := range all {
		if c.wants(m.subject) && seq > info.Delivered.StreamSeq {
			pending++
		}
		if c.wants(m.subject) && seq <= info.AckFloor.StreamSeq && !c.acking[seq] && !c.acked[seq] && !c.deadLetter() {
			return fmt.Errorf("%s: ack floor %d, but nobody acknowledged %d", what, info.AckFloor.StreamSeq, seq)
		}
	}
	if pending != info.NumPending {
		return fmt.Errorf("%s: num_pending %d, there are %d above %d", what, info.NumPending, pending, info.Delivered.StreamSeq)
	}
	delivered, err := c.drain(srv, s, all)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for seq, m := range all {
		if !c.wants(m.subject) || c.acking[seq] || c.acked[seq] {
			continue
		}
		if !delivered[seq] && !c.deadLetter() {
			return fmt.Errorf("%s: %d is neither acknowledged nor delivered", what, seq)
		}
	}
	return c.checkLetters(srv, s, all)
}

func (c *knownConsumer) deadLetter() bool { return c.cfg.Metadata[consumer.MetadataDeadLetter] != "" }

// drain takes everything that the consumer has.
func (c *knownConsumer) drain(srv *server, s *knownStream, all map[uint64]live) (map[uint64]bool, error) {
	delivered := map[uint64]bool{}
	var errs []error
	rounds := 2 + max(c.cfg.MaxDeliver, 0)
	for range rounds {
		srv.pull(s.cfg.Name, c.cfg.Durable, 1000, 0, func(g got) {
			a, ok := jsapi.ParseAckSubject(g.reply)
			id, _, _ := strings.Cut(g.body, "|")
			switch {
			case !ok:
				errs = append(errs, fmt.Errorf("delivery with %q", g.reply))
			case c.acked[a.StreamSeq]:
				errs = append(errs, fmt.Errorf("%d is delivered again after its acknowledgement was confirmed", a.StreamSeq))
			case all[a.StreamSeq].id != id:
				errs = append(errs, fmt.Errorf("%d is delivered as %q, the stream has %q", a.StreamSeq, id, all[a.StreamSeq].id))
			}
			delivered[a.StreamSeq] = true
		})
		pass(patience)
		synctest.Wait()
	}
	return delivered, errors.Join(errs...)
}

// checkLetters: of each message that nobody acknowledged there is one letter now.
func (c *knownConsumer) checkLetters(srv *server, s *knownStream, all map[uint64]live) error {
	if !c.deadLetter() {
		return nil
	}
	dead, err := srv.messages("DEAD")
	if err != nil {
		return err
	}
	letters := map[string]int{}
	for _, m := range dead {
		letters[m.id]++
	}
	for seq, m := range all {
		switch n := letters[m.id]; {
		case n > 1:
			return fmt.Errorf("%s: %d letters of %d", s.cfg.Name, n, seq)
		case n > 0 && c.acked[seq]:
			return fmt.Errorf("%s: a letter of %d, whose acknowledgement was confirmed", s.cfg.Name, seq)
		case n == 0 && !c.acking[seq] && !c.acked[seq]:
			return fmt.Errorf("%s: %d is neither acknowledged nor delivered nor a dead letter", s.cfg.Name, seq)
		}
	}
	return nil
}
