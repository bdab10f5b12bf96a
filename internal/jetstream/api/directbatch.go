package api

import (
	"errors"
	"slices"
	"strconv"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
)

// run is a direct get with several answers, which end with a status of their own.
type run struct {
	door    *directDoor
	a       *answerer
	reply   []byte
	bare    bool   // without header blocks
	pending uint64 // messages after those that were sent
	last    uint64 // sequence sent last
	room    int    // bytes of messages
	most    int    // bytes of answers, with what is around the messages
}

func (d *directDoor) start(a *answerer, reply []byte, q *jsapi.MsgGetRequest) run {
	most := d.desk.server.cfg.BatchMaxBytes
	r := run{door: d, a: a, reply: slices.Clone(reply), room: most, most: most}
	if q.MaxBytes > 0 {
		r.room = min(r.room, q.MaxBytes)
	}
	return r
}

// lineSize is about what the protocol adds to a delivery, in bytes.
const lineSize = 32

// send sends one message of the run. It reports whether there is room for more.
func (r *run) send(m *record.Message) bool {
	r.pending--
	r.a.header = r.a.header[:0]
	if r.bare {
		r.a.send(r.reply, nil, nil, m.Body)
	} else {
		r.a.header = append(r.progress(r.door.head(r.a.header[:0], m)), "\r\n"...)
		r.a.send(r.reply, nil, r.a.header, m.Body)
	}
	r.last = m.Seq
	r.room -= len(m.Subject) + len(m.Header) + len(m.Body)
	r.most -= lineSize + len(r.reply) + len(r.a.header) + len(m.Body)
	return r.room > 0 && r.most > 0
}

// progress appends the headers that say what is left.
func (r *run) progress(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, jsapi.HeaderNumPending+": "...), r.pending, 10)
	dst = strconv.AppendUint(append(dst, "\r\n"+jsapi.HeaderLastSequence+": "...), r.last, 10)
	return append(dst, "\r\n"...)
}

// end sends the status that ends the run. upTo is 0 unless it belongs to it.
func (r *run) end(upTo uint64) {
	h := r.progress(append(r.a.header[:0], "NATS/1.0 "+jsapi.StatusEndOfBatch+"\r\n"...))
	if upTo > 0 {
		h = strconv.AppendUint(append(h, jsapi.HeaderUpToSequence+": "...), upTo, 10)
		h = append(h, "\r\n"...)
	}
	r.a.header = append(h, "\r\n"...)
	r.a.send(r.reply, nil, r.a.header, nil)
}

// batch answers with up to q.Batch messages in order.
func (d *directDoor) batch(a *answerer, reply []byte, q *jsapi.MsgGetRequest) {
	r := d.start(a, reply, q)
	r.bare = q.NoHeaders
	a.aim(d.stream, q)
	a.look.by = byNext
	d.stream.View(func(x *index.Index) {
		var f *index.Filter
		if len(a.look.subject) > 0 {
			f = a.look.made(x)
		}
		r.pending = x.Count(a.look.seq, f)
	})
	if r.pending == 0 {
		a.status(r.reply, jsapi.StatusMessageNotFound)
		return
	}
	for range max(q.Batch, 0) {
		m, err := a.find(d.stream)
		switch {
		case errors.Is(err, errNotFound) || r.pending == 0:
			r.pending = 0 // what was counted has been removed since
			r.end(0)
			return
		case err != nil:
			a.status(r.reply, jsapi.StatusInternal+err.Error())
			return
		}
		a.look.seq = m.Seq + 1
		if !r.send(&m) {
			break
		}
	}
	r.end(0)
}

// multiLast answers with the last messages of subjects, as they were up to some
// sequence.
func (d *directDoor) multiLast(a *answerer, reply []byte, q *jsapi.MsgGetRequest) {
	r := d.start(a, reply, q)
	from := q.Seq
	if q.StartTime != nil {
		from = a.since(d.stream, *q.StartTime)
	}
	upTo := d.upTo(a, q)
	seqs, fits := d.lasts(q.MultiLast, upTo)
	switch {
	case !fits:
		a.status(r.reply, jsapi.StatusTooManyResults)
		return
	case len(seqs) == 0:
		a.status(r.reply, jsapi.StatusNoResults)
		return
	}
	slices.Sort(seqs)
	first, _ := slices.BinarySearch(seqs, from)
	seqs = seqs[first:]
	r.pending = uint64(len(seqs))
	for i, seq := range seqs {
		if q.Batch > 0 && i >= q.Batch {
			break
		}
		m, err := a.get(d.stream, seq)
		switch {
		case errors.Is(err, errNotFound): // removed since
			r.pending--
			continue
		case err != nil:
			a.status(r.reply, jsapi.StatusInternal+err.Error())
			return
		}
		if !r.send(&m) {
			break
		}
	}
	r.end(upTo)
}

// upTo is the last sequence that a request for several subjects looks at; 0: none.
func (d *directDoor) upTo(a *answerer, q *jsapi.MsgGetRequest) uint64 {
	last := uint64(0)
	d.stream.View(func(x *index.Index) { last = x.State().Last })
	switch {
	case q.UpToTime != nil:
		return a.since(d.stream, *q.UpToTime) - 1
	case q.UpToSeq > 0:
		return min(q.UpToSeq, last)
	}
	return last
}

// scanMax is how many messages are looked at while the stream's lock is held.
const scanMax = 4096

// lasts returns the sequences of the last messages of subjects up to a sequence.
// It reports false if there are more than [jsapi.MultiLastLimit].
func (d *directDoor) lasts(patterns []string, upTo uint64) (seqs []uint64, fits bool) {
	older := map[index.ID]struct{}{} // subjects whose last message came later
	fits = true
	d.stream.View(func(x *index.Index) { seqs, fits = current(x, patterns, upTo, older) })
	if !fits {
		return nil, false
	}
	for at := upTo; len(older) > 0 && at > 0; {
		d.stream.View(func(x *index.Index) { seqs, at = earlier(x, patterns, at, older, seqs) })
	}
	return seqs, len(seqs) <= jsapi.MultiLastLimit
}

// current returns the last messages of subjects, and puts those into older whose
// last message came after upTo.
func current(x *index.Index, patterns []string, upTo uint64, older map[index.ID]struct{}) ([]uint64, bool) {
	seen := map[index.ID]struct{}{}
	var seqs []uint64
	take := func(st index.SubjectState) bool {
		if _, again := seen[st.ID]; again || st.First > upTo {
			return true
		}
		if len(seen) == jsapi.MultiLastLimit {
			return false
		}
		seen[st.ID] = struct{}{}
		if st.Last <= upTo {
			seqs = append(seqs, st.Last)
		} else {
			older[st.ID] = struct{}{}
		}
		return true
	}
	for _, pattern := range patterns {
		if !subject.HasWildcard(pattern) {
			if st, ok := x.Subject([]byte(pattern)); ok && !take(st) {
				return nil, false
			}
			continue
		}
		for _, st := range x.Subjects(pattern) {
			if !take(st) {
				return nil, false
			}
		}
	}
	return seqs, true
}

// earlier goes back from at, for a while, and takes the last message of each
// subject in older. It returns where to go on, 0 at the beginning.
func earlier(x *index.Index, patterns []string, at uint64, older map[index.ID]struct{}, seqs []uint64) ([]uint64, uint64) {
	f := x.NewFilter(patterns...)
	for range scanMax {
		e, ok := x.Prev(at, f)
		if !ok {
			return seqs, 0
		}
		if _, wanted := older[e.ID]; wanted {
			delete(older, e.ID)
			seqs = append(seqs, e.Seq)
		}
		if at = e.Seq - 1; at == 0 || len(older) == 0 {
			return seqs, 0
		}
	}
	return seqs, at
}
