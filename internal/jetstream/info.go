package jetstream

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// Info returns what there is to know of the stream.
func (s *Stream) Info(req jsapi.StreamInfoRequest) (*jsapi.StreamInfo, *jsapi.Error) {
	cfg := *s.config.Load()
	if every := s.node.cfg.SyncInterval; every > 0 && s.logged {
		cfg.Metadata = maps.Clone(cfg.Metadata)
		if cfg.Metadata == nil {
			cfg.Metadata = map[string]string{}
		}
		cfg.Metadata[jsapi.MetaSyncInterval] = every.String()
	}
	info := &jsapi.StreamInfo{
		Config: cfg, Created: s.created, Domain: s.node.cfg.Domain,
		Cluster:   &jsapi.ClusterInfo{Leader: s.node.cfg.Server},
		Timestamp: time.Now().UTC(),
	}
	s.Settle()
	s.mu.Lock()
	copying := s.mu.copying
	s.mu.Unlock()
	for _, f := range copying {
		f.measure()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	info.State = s.stateLocked()
	x := s.mu.machine.Index()
	if req.DeletedDetails {
		info.State.Deleted = x.Deleted(info.State.FirstSeq, info.State.NumDeleted)
	}
	if req.SubjectsFilter != "" {
		info.State.Subjects = subjectsPage(x, req.SubjectsFilter, req.Offset)
	}
	s.sourcesInfoLocked(info)
	if d := s.mu.machine.Delayed(); d.Messages > 0 {
		info.Delayed = &jsapi.DelayedMessages{Messages: d.Messages, Bytes: d.Bytes, Next: time.Unix(0, d.Next).UTC()}
	}
	for _, e := range s.mu.lost.Entries {
		info.Damage = append(info.Damage, e.What)
	}
	return info, nil
}

// subjectsPage returns the message counts of one page of subjects.
func subjectsPage(x *index.Index, filter string, offset int) map[string]uint64 {
	page := map[string]uint64{}
	i := 0
	for subject, st := range x.Subjects(filter) {
		if i++; i <= offset {
			continue
		}
		page[string(subject)] = st.Count
		if len(page) == jsapi.SubjectDetailsLimit {
			break
		}
	}
	return page
}

// SubjectCount returns the number of subjects that match filter.
func (s *Stream) SubjectCount(filter string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for range s.mu.machine.Index().Subjects(filter) {
		n++
	}
	return n
}

// settleMax is how long Settle waits at most.
const settleMax = 5 * time.Second

// Settle waits, for a bounded time, until everything is applied that the stream
// has accepted before, so that clients see what they have published.
func (s *Stream) Settle() {
	if !s.logged {
		s.call(func() {})
		return
	}
	s.order.Lock()
	upTo := s.order.index
	s.order.Unlock()
	s.mu.Lock()
	if s.mu.applied >= upTo || s.mu.closed || s.mu.failed != nil {
		s.mu.Unlock()
		return
	}
	w := &settling{upTo: upTo, done: make(chan struct{})}
	s.mu.settling = append(s.mu.settling, w)
	s.mu.Unlock()
	timer := time.NewTimer(settleMax)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
	}
}

// settling is somebody who waits for an entry to be applied.
type settling struct {
	upTo wal.Index
	done chan struct{}
}

// settledLocked tells those whose entry is applied.
func (s *Stream) settledLocked() {
	waiting := s.mu.settling[:0]
	for _, w := range s.mu.settling {
		if s.mu.applied >= w.upTo || s.mu.failed != nil {
			close(w.done)
		} else {
			waiting = append(waiting, w)
		}
	}
	clear(s.mu.settling[len(waiting):])
	s.mu.settling = waiting
}

// stateLocked returns the state without details.
func (s *Stream) stateLocked() jsapi.StreamState {
	x := s.mu.machine.Index().State()
	st := jsapi.StreamState{
		Msgs: x.Messages, Bytes: x.Bytes, FirstSeq: x.First, LastSeq: x.Last,
		NumSubjects: int(x.Subjects), NumDeleted: int(x.Deleted), Consumers: int(s.consumerCount.Load()),
	}
	if x.Last == 0 {
		st.FirstSeq = 0 // there never was a message
	}
	if x.Messages > 0 {
		st.FirstTime = s.timeOfLocked(x.First)
	}
	if last := s.mu.machine.LastTime(); last != 0 {
		st.LastTime = time.Unix(0, last).UTC()
	}
	if lost := s.mu.lost.listed(); len(lost) > 0 {
		st.Lost = &jsapi.LostMessages{Msgs: lost}
	}
	return st
}

// State returns the state without details.
func (s *Stream) State() jsapi.StreamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stateLocked()
}

// timeOfLocked returns when the message with that sequence was stored, the zero
// time if it cannot be read.
func (s *Stream) timeOfLocked(seq uint64) time.Time {
	m, ok := s.messageLocked(seq)
	if !ok {
		return time.Time{}
	}
	return time.Unix(0, m.Time).UTC()
}

// messageLocked reads a message, which is the caller's.
func (s *Stream) messageLocked(seq uint64) (record.Message, bool) {
	e, ok := s.mu.machine.Index().Get(seq)
	if !ok {
		return record.Message{}, false
	}
	b, err := s.space.Read(nil, e)
	if err != nil {
		s.readFailedLocked(e, err)
		return record.Message{}, false
	}
	m := record.View(b)
	m.Seq = seq
	return m, true
}

// health says what is wrong with the stream.
func (s *Stream) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.mu.failed != nil:
		return &StreamError{s.account.Name(), s.name, s.mu.failed}
	case len(s.mu.lost.Messages) > 0:
		return &StreamError{s.account.Name(), s.name, fmt.Errorf("%w: %s", errLost, s.mu.lost.ranges())}
	case len(s.mu.lost.Entries) > 0:
		return &StreamError{s.account.Name(), s.name, fmt.Errorf("%w: %s", errLostEntry, s.mu.lost.Entries[0].What)}
	}
	return nil
}

var (
	errLost      = errors.New("messages are lost")
	errLostEntry = errors.New("the log has lost something of it")
)

// StreamError says what is wrong with a stream.
type StreamError struct {
	Account, Stream string
	Err             error
}

func (e *StreamError) Error() string {
	return "stream " + e.Account + " > " + e.Stream + ": " + e.Err.Error()
}

func (e *StreamError) Unwrap() error { return e.Err }

// Purge removes messages, durably.
func (s *Stream) Purge(req jsapi.StreamPurgeRequest) (uint64, *jsapi.Error) {
	r := s.do(&command{Purge: &req})
	return r.purged, r.err
}

// DeleteMessage removes one message, durably.
func (s *Stream) DeleteMessage(seq uint64, noErase bool) *jsapi.Error {
	r := s.do(&command{Delete: &deleteMessage{seq, !noErase}})
	if r.err == nil && !noErase && s.logged {
		if err := s.node.store.FlushErased(); err != nil {
			return storeError(err)
		}
	}
	return r.err
}
