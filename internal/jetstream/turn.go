package jetstream

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/index"
)

const (
	// turnsInARow is how many turns one goroutine runs of a stream before others
	// get theirs.
	turnsInARow = 16
	// warmFrom is the number of turns from which a stream is busy and keeps what a
	// turn needs for the next one, until it has been idle for a while.
	warmFrom = 8
)

// post gives s something to do. The caller may run the turn itself.
func (s *Stream) post(w work) {
	if s.box.put(w) {
		s.run()
	}
}

// postAside is post for callers that must not be held up.
func (s *Stream) postAside(w work) {
	if s.box.put(w) {
		s.node.pool.submit(s)
	}
}

// run runs turns until there is nothing to do. The inbox is marked as running.
func (s *Stream) run() {
	for range turnsInARow {
		w, ok := s.box.take(s.more)
		if !ok {
			return
		}
		s.more = s.turn(w)
		s.box.give(w)
	}
	s.node.pool.submit(s)
}

// turn does the work and hands over what came of it. It reports whether there is
// more to do at once.
func (s *Stream) turn(w []work) (more bool) {
	pub := s.kept
	if pub == nil {
		pub = s.node.accounts.Publisher(core.Sender{Self: s, Account: s.account.core, Echo: true, Patient: true})
		s.kept = pub
	}
	more = s.stage(w, pub)
	pub.Flush()
	s.afterTurn(w, more)
	return more
}

// stage does the work and leaves what came of it in the stages of pub, for the
// caller to flush.
func (s *Stream) stage(w []work, pub *core.Publisher) (more bool) {
	defer endIfPanicking()
	s.mu.Lock()
	s.mu.pub = pub
	s.mu.now = time.Now().UnixNano()
	for i := range w {
		s.workLocked(&w[i])
	}
	s.dueLocked()
	more = s.serveLocked()
	s.logDeltasLocked()
	s.settleLocked()
	s.armLocked()
	advice := s.mu.advice
	s.mu.advice, s.mu.pub = nil, nil
	s.mu.Unlock()

	for i := range advice {
		s.account.advise(pub, &advice[i])
	}
	return more
}

// endIfPanicking ends the process if the function that defers it panics. The
// goroutine may be that of a connection, which would survive it: with the stream's
// lock held for ever, and what is half done on its way to the next checkpoint. A
// restart goes on from what is on the disk.
func endIfPanicking() {
	x := recover()
	if x == nil {
		return
	}
	text := fmt.Sprintf("%v\n\n%s", x, debug.Stack())
	go panic(text)
	select {}
}

// afterTurn gives back what was used, when everything is flushed.
func (s *Stream) afterTurn(w []work, more bool) {
	s.releaseRecent()
	if s.turns++; s.turns == warmFrom {
		s.node.warm(s)
	}
	cool := len(w) == 1 && w[0].kind == workCool
	if more || !cool && s.turns >= warmFrom {
		return
	}
	if s.turns >= warmFrom {
		s.node.cold(s)
	}
	if cool {
		s.turns = 0
	}
	if s.kept != nil {
		s.kept.Release()
		s.kept = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.reader != nil {
		s.mu.reader.Release()
		s.mu.reader = nil
	}
	s.mu.readBuf = nil
}

func (s *Stream) workLocked(w *work) {
	switch w.kind {
	case workEntry:
		s.applyLocked(w.entry)
	case workAcks:
		s.acksLocked(w.chunk)
	case workPulls:
		s.pullsLocked(w.chunk)
	case workFlow:
		s.flowLocked(w.chunk)
	case workCall:
		w.do()
	case workTick, workCool:
	}
}

// call runs f in a turn and waits for it. It must not be called under s.mu.
func (s *Stream) call(f func()) {
	done := make(chan struct{})
	s.post(work{kind: workCall, do: func() { f(); close(done) }})
	<-done
}

// recent is an entry that was applied in this turn: consumers that were waiting
// get its messages without a read.
type recent struct {
	place index.Place // of the payload
	entry *entry
}

// recentRecord returns the record at e if it was applied in this turn.
func (s *Stream) recentRecord(e index.Entry) []byte {
	for i := range s.recent {
		r := &s.recent[i]
		if r.place.File != e.Place.File || e.Place.Offset < r.place.Offset {
			continue
		}
		b := r.entry.chunk.Bytes
		if from := int(e.Place.Offset - r.place.Offset); from+int(e.Size) <= len(b) {
			return b[from:][:e.Size]
		}
	}
	return nil
}

func (s *Stream) releaseRecent() {
	for i := range s.recent {
		s.recent[i].entry.release()
	}
	clear(s.recent)
	s.recent = s.recent[:0]
}

// armLocked sets the timer for the next thing that is due.
func (s *Stream) armLocked() {
	at := s.dueAtLocked()
	switch {
	case at == s.mu.armed:
		return
	case at == 0:
		s.mu.timer.Stop()
	default:
		wait := time.Duration(max(at-s.mu.now, 0))
		if s.mu.timer == nil {
			s.mu.timer = time.AfterFunc(wait, s.tick)
		} else {
			s.mu.timer.Reset(wait)
		}
	}
	s.mu.armed = at
}

// tick is called by the timer.
func (s *Stream) tick() {
	s.mu.Lock()
	s.mu.armed = 0
	s.mu.Unlock()
	s.post(work{kind: workTick})
}

// coolAfter has s give back what only busy streams need, unless it had a turn
// since t.
func (s *Stream) coolAfter(t time.Time) {
	s.mu.Lock()
	idle := s.mu.now < t.UnixNano()
	s.mu.Unlock()
	if idle {
		s.postAside(work{kind: workCool})
	}
}

// earlier returns the earlier of two times, of which 0 is never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
