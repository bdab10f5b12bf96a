package stream_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// command is an entry of the log.
type command struct {
	at     int64
	expire bool
	purge  *jsapi.StreamPurgeRequest
	delete uint64
	fast   *jsapi.BatchReply
	rec    record.Message
	place  index.Place
}

func (c *command) apply(m *stream.Machine) string {
	switch {
	case c.expire:
		m.Expire(c.at)
		return ""
	case c.purge != nil:
		n, err := m.Purge(*c.purge, c.at)
		return fmt.Sprint(n, err)
	case c.delete != 0:
		err := m.Delete(c.delete, false, c.at)
		return fmt.Sprint(err)
	case c.fast != nil:
		return answer(m.PublishFast(c.rec, c.place, *c.fast))
	}
	return answer(m.Publish(c.rec, c.place))
}

// The same log leads to the same answers and messages, whether or not what is due
// was done in between, and whether or not the state was written and read.
func TestTheSameLogLeadsToTheSameStream(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		cfg := replayConfig(r)
		live := newWorld(t, cfg)
		log, answers := writeLog(r, live)

		again := newWorld(t, cfg)
		again.space.records, again.space.offset = live.space.records, live.space.offset+1
		for i := range log {
			if r.IntN(10) == 0 {
				again.reload()
			}
			if got := log[i].apply(again.m); got != answers[i] {
				t.Errorf("command %d: %s, the first time %s", i, got, answers[i])
				return
			}
		}
		again.m.Expire(live.now)
		if diff := cmp.Diff(contents(live), contents(again)); diff != "" {
			t.Errorf("messages (-first +again):\n%s", diff)
		}
	})
}

func replayConfig(r *rand.Rand) jsapi.StreamConfig {
	cfg := randomConfig(r)
	cfg.Storage, cfg.MaxBytes = jsapi.FileStorage, -1
	cfg.AllowAtomicPublish, cfg.AllowBatchPublish = true, true
	switch r.IntN(3) {
	case 0:
		cfg.AllowMsgCounter = true
		cfg.Discard, cfg.DiscardNewPerSubject = jsapi.DiscardOld, false
		cfg.AllowMsgTTL = cfg.SubjectDeleteMarkerTTL > 0
	case 1:
		cfg.AllowMsgSchedules = true
		cfg.Discard, cfg.DiscardNewPerSubject = jsapi.DiscardOld, false
	}
	return cfg
}

// writeLog runs a random history and returns the commands that the driver would
// have logged, with the answers.
func writeLog(r *rand.Rand, w *world) (log []command, answers []string) {
	do := func(c command) {
		answers = append(answers, c.apply(w.m))
		log = append(log, c)
	}
	for range 150 {
		w.now += int64(1+r.IntN(400)) * int64(time.Millisecond)
		if at := w.m.Deadline(); at != 0 && at <= w.now && r.IntN(2) == 0 {
			if w.m.Produces(w.now) {
				do(command{at: w.now, expire: true})
			} else {
				w.m.Expire(w.now)
			}
		}
		switch r.IntN(12) {
		case 0:
			do(command{at: w.now, purge: &jsapi.StreamPurgeRequest{Filter: "a.1"}})
		case 1:
			do(command{at: w.now, delete: w.m.Index().State().First})
		case 2, 3:
			c := command{fast: &jsapi.BatchReply{
				ID: pick(r, "f", "g"), Flow: 2, FailOnGap: r.IntN(2) == 0, Seq: uint64(1 + r.IntN(4)), Op: jsapi.BatchOp(r.IntN(5)),
			}}
			c.rec, c.place = w.message("a.2", "fast", randomHeaders(r)...)
			do(c)
		default:
			c := command{}
			c.rec, c.place = w.message("a."+itoa(int64(r.IntN(4))), pick(r, "", "body"), randomHeaders(r)...)
			do(c)
		}
	}
	w.m.Expire(w.now)
	return log, answers
}

func randomHeaders(r *rand.Rand) (h []string) {
	some := func(one int, line string) {
		if r.IntN(one) == 0 {
			h = append(h, line)
		}
	}
	if r.IntN(3) == 0 {
		h = append(h, "Nats-Batch-Id: "+pick(r, "x", "y"), "Nats-Batch-Sequence: "+itoa(int64(1+r.IntN(3))))
		some(3, "Nats-Batch-Commit: "+pick(r, "1", "eob", "0"))
	}
	some(2, "Nats-Incr: "+itoa(int64(r.IntN(20)-10)))
	some(4, "Nats-Msg-Id: "+itoa(int64(r.IntN(9))))
	some(6, "Nats-TTL: "+pick(r, "1", "2s", "never"))
	some(8, "Nats-Rollup: "+pick(r, "sub", "all"))
	some(8, "Nats-Expected-Last-Subject-Sequence: "+itoa(int64(r.IntN(30))))
	some(8, "Nats-Expected-Last-Sequence: "+itoa(int64(r.IntN(30))))
	if r.IntN(6) == 0 {
		h = append(h, "Nats-Schedule-Target: a.target", "Nats-Schedule: "+pick(r, "@every 2s", "* * * * * *", "@at 2030-01-01T00:00:09Z"))
		some(2, "Nats-Schedule-Source: a.0")
	}
	if r.IntN(12) == 0 {
		h = append(h, "Nats-Scheduler: a."+itoa(int64(r.IntN(4))), "Nats-Schedule-Next: purge")
	}
	return h
}

// contents is what is in the stream, in words.
func contents(w *world) (lines []string) {
	x := w.m.Index()
	lines = append(lines, fmt.Sprintf("%+v", x.State()))
	for e, ok := x.Next(0, nil); ok; e, ok = x.Next(e.Seq+1, nil) {
		m, readable := w.read(e.Seq)
		lines = append(lines, fmt.Sprintf("%d %v %s %d %q %q", e.Seq, readable, m.Subject, m.Time, m.Header, m.Body))
	}
	return lines
}

// A stream with nothing to read from still decides, and says that its counters are
// broken.
func TestUnreadableMessagesDoNotStopTheStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jsapi.StreamConfig{
		Name: "S", Subjects: []string{"a.>"}, AllowMsgSchedules: true, AllowMsgTTL: true, AllowRollup: true,
		SubjectDeleteMarkerTTL: time.Second,
	})
	w.publish("a.x", "", "Nats-Schedule: @every 1s", "Nats-Schedule-Target: a.y")
	w.publish("a.z", "", "Nats-TTL: 1s")
	w.space.broken = true
	w.m.Expire(w.now + int64(10*time.Second))
	cfg := *w.m.Config()
	cfg.MaxAge = time.Minute
	w.m.Update(cfg, w.now+int64(10*time.Second))
	if d := w.publish("a.y", ""); d.Err != nil {
		t.Errorf("publish: %v", d.Err)
	}

	k := newWorld(t, jsapi.StreamConfig{Name: "S", Subjects: []string{"a.>"}, AllowMsgCounter: true})
	k.publish("a.x", "", "Nats-Incr: 1")
	k.space.broken = true
	if d := k.publish("a.x", "", "Nats-Incr: 1"); d.Err == nil || d.Err.Code != jsapi.ErrMessageCounterBroken {
		t.Errorf("counter: %+v, want %v", d, jsapi.ErrMessageCounterBroken)
	}
}
