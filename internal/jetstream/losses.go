package jetstream

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// losses is what a stream has lost to damage on disk. It is part of the stream's
// state, so that a restart does not forget it. It is told of until somebody purges
// the stream past it or deletes the sequence, or until limits have removed what was
// stored after it.
type losses struct {
	// Messages are sequences of messages that cannot be read: ranges, ascending,
	// with something between them.
	Messages []seqRange `json:"messages,omitempty"`
	// Entries are entries of the log that cannot be read and may have been anything:
	// it is not known that they were messages.
	Entries []lostEntry `json:"entries,omitempty"`

	removed uint64 // last sequence that was removed in this turn
}

type seqRange struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

type lostEntry struct {
	What string `json:"what"`
	// Before is the first sequence that was given out after it.
	Before uint64 `json:"before"`
}

// What a stream tells is bounded; what is beyond that stands in the log only.
const (
	lostRangesMax  = 1000
	lostEntriesMax = 16
	lostListedMax  = 10_000 // sequences in the stream's info
)

func (l *losses) empty() bool { return len(l.Messages) == 0 && len(l.Entries) == 0 }

// find returns the first range that ends at seq or later.
func (l *losses) find(seq uint64) int {
	i, _ := slices.BinarySearchFunc(l.Messages, seq, func(r seqRange, seq uint64) int {
		if r.Last < seq {
			return -1
		}
		return 1
	})
	return i
}

func (l *losses) has(seq uint64) bool {
	i := l.find(seq)
	return i < len(l.Messages) && l.Messages[i].First <= seq
}

// add notes the messages from first to last. It reports whether that is news.
func (l *losses) add(first, last uint64) bool {
	i := l.find(max(first, 1) - 1) // which may touch
	j := i
	r := seqRange{first, last}
	for ; j < len(l.Messages) && l.Messages[j].First <= last+1; j++ {
		if l.Messages[j].First <= first && last <= l.Messages[j].Last {
			return false
		}
		r.First, r.Last = min(r.First, l.Messages[j].First), max(r.Last, l.Messages[j].Last)
	}
	if i == j && len(l.Messages) >= lostRangesMax {
		return false
	}
	l.Messages = slices.Replace(l.Messages, i, j, r)
	return true
}

// remove forgets one message. It reports whether it was lost.
func (l *losses) remove(seq uint64) bool {
	if !l.has(seq) {
		return false
	}
	i := l.find(seq)
	r := l.Messages[i]
	var left []seqRange
	if r.First < seq {
		left = append(left, seqRange{r.First, seq - 1})
	}
	if seq < r.Last {
		left = append(left, seqRange{seq + 1, r.Last})
	}
	l.Messages = slices.Replace(l.Messages, i, i+1, left...)
	return true
}

// forget forgets what was before the stream's first message.
func (l *losses) forget(first uint64) {
	l.Messages = slices.Delete(l.Messages, 0, l.find(first))
	if len(l.Messages) > 0 {
		l.Messages[0].First = max(l.Messages[0].First, first)
	}
	l.Entries = slices.DeleteFunc(l.Entries, func(e lostEntry) bool { return e.Before <= first })
}

// entry notes an entry of the log.
func (l *losses) entry(what string) {
	if len(l.Entries) < lostEntriesMax {
		l.Entries = append(l.Entries, lostEntry{what, unsettled})
	}
}

// unsettled is the sequence after an entry as long as that is not known.
const unsettled = math.MaxUint64

// settle says which sequence was given out next after the entries that were lost
// last.
func (l *losses) settle(next uint64) {
	for i := range l.Entries {
		if e := &l.Entries[i]; e.Before == unsettled {
			e.Before = next
		}
	}
}

// explain says that the entries that were lost last had the messages from first to
// last.
func (l *losses) explain(first, last uint64) {
	l.add(first, last)
	l.Entries = slices.DeleteFunc(l.Entries, func(e lostEntry) bool { return e.Before == unsettled })
}

// listed returns the sequences one by one, as far as they are told.
func (l *losses) listed() []uint64 {
	var list []uint64
	for _, r := range l.Messages {
		for seq := r.First; seq <= r.Last && len(list) < lostListedMax; seq++ {
			list = append(list, seq)
		}
	}
	return list
}

// ranges writes the sequences down: 3-5, 9.
func (l *losses) ranges() string {
	const most = 10
	var b []byte
	for i, r := range l.Messages {
		if i > 0 {
			b = append(b, ", "...)
		}
		if i == most {
			return string(append(b, "..."...))
		}
		b = strconv.AppendUint(b, r.First, 10)
		if r.Last > r.First {
			b = strconv.AppendUint(append(b, '-'), r.Last, 10)
		}
	}
	return string(b)
}

// appendState appends the form that stands in checkpoints: nothing if nothing is
// lost.
func (l *losses) appendState(dst []byte) []byte {
	if l.empty() {
		return dst
	}
	b, err := json.Marshal(l)
	if err != nil {
		panic("losses do not marshal: " + err.Error()) // numbers and texts do
	}
	return append(dst, b...)
}

func (l *losses) restore(b []byte) error {
	*l = losses{}
	if len(b) == 0 {
		return nil
	}
	return json.Unmarshal(b, l) //nolint:wrapcheck // restore of the stream says what it is
}

// lostLocked notes that something is lost, or no longer. It goes into the next
// checkpoint.
func (s *Stream) lostLocked() {
	s.unread.Store(len(s.mu.lost.Messages) > 0)
	s.mu.machine.OnRemoved = nil
	if !s.mu.lost.empty() {
		s.mu.machine.OnRemoved = s.lostRemovedLocked
	}
	s.attach()
}

// lostRemovedLocked is called for each message that is removed while something is
// lost. A message that could not be read and is removed is no loss any more.
func (s *Stream) lostRemovedLocked(e index.Entry) {
	s.foundLostLocked(e.Seq)
	s.mu.lost.removed = max(s.mu.lost.removed, e.Seq)
}

// foundLostLocked forgets the loss of one message. It reports whether there was one.
func (s *Stream) foundLostLocked(seq uint64) bool {
	found := s.mu.lost.remove(seq)
	if found {
		s.lostLocked()
	}
	return found
}

// agedLostLocked forgets losses when a limit of the whole stream has removed what
// was stored after them. That somebody acknowledged it, or stored another message on
// its subject, says nothing of them.
func (s *Stream) agedLostLocked(first uint64) {
	removed := s.mu.lost.removed
	s.mu.lost.removed = 0
	if removed > 0 && removed < first && !s.retained() && s.config.Load().MaxMsgsPerSubject <= 0 {
		s.forgetLostLocked(removed)
	}
}

// purgedLostLocked forgets what a purge has gone past.
func (s *Stream) purgedLostLocked(req *jsapi.StreamPurgeRequest) {
	st := s.mu.machine.Index().State()
	switch {
	case req.Filter != "" && req.Filter != ">":
	case req.Keep > 0:
		s.forgetLostLocked(st.First)
	case req.Sequence > 0:
		s.forgetLostLocked(req.Sequence)
	default:
		s.forgetLostLocked(math.MaxUint64)
	}
}

// forgetLostLocked forgets what was lost before a sequence.
func (s *Stream) forgetLostLocked(first uint64) {
	if !s.mu.lost.empty() {
		s.mu.lost.forget(first)
		s.lostLocked()
	}
}

// readFailedLocked notes a message that cannot be read. It stays in the index:
// a sequence is never given out twice, and what is on the disk is left alone.
func (s *Stream) readFailedLocked(e index.Entry, err error) {
	if _, ok := s.mu.machine.Index().Get(e.Seq); !ok || !s.mu.lost.add(e.Seq, e.Seq) {
		return // it was removed meanwhile, or is known
	}
	s.lostLocked()
	s.node.log.Error("Message cannot be read", "account", s.account.Name(), "stream", s.name, "sequence", e.Seq, "error", err)
}

// readWorked notes that a message can be read after all.
func (s *Stream) readWorked(e index.Entry) {
	if s.unread.Load() {
		s.locked(func() { s.foundLostLocked(e.Seq) })
	}
}

// lostAgainMax bounds the messages that are read again after a restart.
const lostAgainMax = 1000

// readLostAgainLocked reads what could not be read before a restart: the disk may
// have failed for a moment only.
func (s *Stream) readLostAgainLocked() {
	var buf []byte
	list := s.mu.lost.listed()
	for _, seq := range list[:min(len(list), lostAgainMax)] {
		e, ok := s.mu.machine.Index().Get(seq)
		if !ok {
			continue
		}
		b, err := s.space.Read(buf[:0], e)
		if buf = b; err == nil {
			s.mu.lost.remove(seq)
		}
	}
}

// tellLostLocked says after a restart what the stream had lost before.
func (s *Stream) tellLostLocked() {
	l := &s.mu.lost
	if l.empty() {
		return
	}
	damage := make([]string, 0, len(l.Entries))
	for _, e := range l.Entries {
		damage = append(damage, e.What)
	}
	s.node.log.Warn("Stream has lost messages to damage on disk: purge it past them, or delete their sequences, when that is dealt with",
		"account", s.account.Name(), "stream", s.name, "sequences", l.ranges(), "damage", strings.Join(damage, "; "))
}
