package stream_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

var (
	seedFlag = flag.Uint64("seed", 0, "run only the history with this seed")
	seeds    = flag.Uint64("seeds", 2000, "number of histories")
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// eachSeed runs f for each history that is wanted.
func eachSeed(t *testing.T, f func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	first, last := uint64(1), *seeds
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last && !t.Failed(); seed++ {
		f(t, rand.New(rand.NewPCG(seed, 0)))
		if t.Failed() {
			t.Logf("again with -run %s -seed %d", t.Name(), seed)
		}
	}
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func randomConfig(r *rand.Rand) jsapi.StreamConfig {
	cfg := jsapi.StreamConfig{
		Name: "S", Subjects: []string{"a.>"}, AllowRollup: true, AllowMsgTTL: true,
		Storage:           pick(r, jsapi.FileStorage, jsapi.MemoryStorage),
		MaxMsgs:           pick[int64](r, -1, -1, 3, 7),
		MaxBytes:          pick[int64](r, -1, -1, 400, 900),
		MaxMsgsPerSubject: pick[int64](r, -1, -1, 1, 2),
		MaxMsgSize:        pick[int32](r, -1, -1, 120),
		MaxAge:            pick(r, 0, 0, 5*time.Second),
		DuplicateWindow:   pick(r, time.Second, 3*time.Second),
		FirstSeq:          pick[uint64](r, 0, 0, 10),
		Discard:           pick(r, jsapi.DiscardOld, jsapi.DiscardOld, jsapi.DiscardNew),
	}
	if r.IntN(4) == 0 {
		cfg.SubjectDeleteMarkerTTL = 2 * time.Second
	}
	cfg.DiscardNewPerSubject = cfg.Discard == jsapi.DiscardNew && cfg.MaxMsgsPerSubject > 0 && r.IntN(2) == 0
	return cfg
}

// A random history leads to what a naive stream would have, whatever is written to
// bytes and read back in between.
func TestHistoriesAreAsTheNaiveStreamTellsThem(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		w := newWorld(t, randomConfig(r))
		n := &naive{cfg: *w.m.Config(), ids: map[string]naiveID{}}
		if n.cfg.Storage == jsapi.MemoryStorage {
			n.cfg.MaxBytes = -1 // counted in another way: compared for files
			w = newWorld(t, n.cfg)
			n.cfg = *w.m.Config()
		}
		n.last = max(n.cfg.FirstSeq, 1) - 1
		for step := range 120 {
			what := randomStep(r, w, n)
			if diff := compare(w, n); diff != "" {
				t.Errorf("step %d, %s: %s\nconfiguration %+v", step, what, diff, n.cfg)
				return
			}
		}
	})
}

// randomStep does the same to both and returns what, with the difference if the
// answers are not the same.
func randomStep(r *rand.Rand, w *world, n *naive) string {
	switch r.IntN(16) {
	case 0:
		w.reload()
		return "reload"
	case 1:
		span := time.Duration(1+r.IntN(3000)) * time.Millisecond
		until := w.now + int64(span)
		for at := w.m.Deadline(); at != 0 && at <= until; at = w.m.Deadline() {
			w.now = max(w.now, at)
			w.m.Expire(w.now)
			n.expire(w.now)
		}
		w.now = until
		return "wait " + span.String()
	case 2:
		return purgeBoth(r, w, n)
	case 3:
		w.now += int64(time.Millisecond)
		seq := w.m.Index().State().First + uint64(r.IntN(6))
		err := w.m.Delete(seq, false, w.now)
		if found := n.delete(seq, w.now); found != (err == nil) {
			w.t.Errorf("delete %d: %v, naive %v", seq, err, found)
		}
		return fmt.Sprintf("delete %d", seq)
	case 4:
		w.now += int64(time.Millisecond)
		cfg := *w.m.Config()
		cfg.MaxMsgs = pick[int64](r, -1, 5)
		cfg.MaxAge = pick(r, 0, 5*time.Second)
		n.expire(w.now)
		w.m.Update(cfg, w.now)
		n.cfg = *w.m.Config()
		n.enforce()
		n.expire(w.now)
		return fmt.Sprintf("update max_msgs %d, max_age %v", cfg.MaxMsgs, cfg.MaxAge)
	}
	return publishBoth(r, w, n)
}

func purgeBoth(r *rand.Rand, w *world, n *naive) string {
	w.now += int64(time.Millisecond)
	last := w.m.Index().State().Last
	req := pick(r,
		jsapi.StreamPurgeRequest{},
		jsapi.StreamPurgeRequest{Keep: 2},
		jsapi.StreamPurgeRequest{Sequence: max(last, 3) - 2},
		jsapi.StreamPurgeRequest{Sequence: last + 5},
		jsapi.StreamPurgeRequest{Filter: "a.1"},
		jsapi.StreamPurgeRequest{Filter: "a.1", Keep: 1},
		jsapi.StreamPurgeRequest{Filter: "a.*", Sequence: max(last, 2) - 1},
		jsapi.StreamPurgeRequest{Filter: "*.2", Keep: 1},
	)
	purged, err := w.m.Purge(req, w.now)
	if want := n.purge(req, w.now); purged != want || err != nil {
		w.t.Errorf("purge %+v: %d, %v, naive %d", req, purged, err, want)
	}
	return fmt.Sprintf("purge %+v", req)
}

func publishBoth(r *rand.Rand, w *world, n *naive) string {
	p := &naivePublish{
		subject: "a." + itoa(int64(r.IntN(4))), body: fmt.Sprintf("%0*d", r.IntN(40), r.IntN(10)),
		id:         pick(r, "", "", "m"+itoa(int64(r.IntN(5)))),
		expectLast: -1, expectHere: -1,
		ttl: pick[int64](r, 0, 0, 0, 1, 3, -1),
	}
	last := int64(n.last)
	switch r.IntN(8) {
	case 0:
		p.expectLast = last - int64(r.IntN(2))
	case 1:
		p.expectHere = int64(n.lastOn(p.subject)) + int64(r.IntN(2))
	case 2:
		p.rollup = pick(r, "sub", "all")
	}
	p.expectLast = max(p.expectLast, -1)
	rec, at := w.message(p.subject, p.body, p.headers()...)
	d := w.m.Publish(rec, at)
	seq, duplicate, code := n.publish(p, len(rec.Header), w.now)
	got := jsapi.Code(0)
	if d.Err != nil {
		got = d.Err.Code
	}
	if d.Seq != seq || d.Duplicate != duplicate || got != code {
		w.t.Errorf("publish %+v: %+v, naive sequence %d, duplicate %v, error %v", p, d, seq, duplicate, code)
	}
	return fmt.Sprintf("publish %+v", p)
}

// compare returns how the stream differs from the naive one.
func compare(w *world, n *naive) string {
	st := w.m.Index().State()
	if st.Messages != uint64(len(n.msgs)) || st.Last != n.last || st.Subjects != uint64(len(n.subjects())) {
		return fmt.Sprintf("state %+v, naive %d messages %+v, last %d", st, len(n.msgs), n.msgs, n.last)
	}
	if n.cfg.Storage == jsapi.FileStorage && st.Bytes != n.bytes() {
		return fmt.Sprintf("%d bytes, naive %d", st.Bytes, n.bytes())
	}
	for _, want := range n.msgs {
		m, ok := w.read(want.seq)
		if !ok || string(m.Subject) != want.subject || string(m.Body) != want.body || m.Time != want.at {
			return fmt.Sprintf("message %d is %v %s %q at %d, naive %+v", want.seq, ok, m.Subject, m.Body, m.Time, want)
		}
	}
	if kept := len(w.space.records); n.cfg.Storage == jsapi.MemoryStorage && kept != len(n.msgs) {
		return fmt.Sprintf("%d records are kept for %d messages", kept, len(n.msgs))
	}
	return ""
}
