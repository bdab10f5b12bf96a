package consumer_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

var (
	seedFlag = flag.Uint64("seed", 0, "run this random history only")
	seeds    = flag.Uint64("seeds", 2000, "number of random histories")
)

// TestRandomHistoriesAgreeWithModel runs random histories of publishes, removals,
// pulls, acknowledgements, time, checkpoints and crashes against a machine and a
// naive model of it. A failure names its seed: go test -run RandomHistories -seed N;
// more of them: -seeds 20000.
func TestRandomHistoriesAgreeWithModel(t *testing.T) {
	t.Parallel()
	if *seedFlag != 0 {
		history(t, *seedFlag)
		return
	}
	for seed := range *seeds {
		if history(t, seed+1); t.Failed() {
			return
		}
	}
}

// mpend is a pending message in the model.
type mpend struct {
	due        int64 // 0: at once
	dseq       uint64
	deliveries uint64
	epoch      int // of a dead letter
}

// mstate is what the model knows: everything in maps.
type mstate struct {
	version                int // grows with each step
	epoch                  int // grows with each reset
	consumerSeq, streamSeq uint64
	pending                map[uint64]mpend
	done                   map[uint64]bool // acknowledged, or given up
	first                  map[uint64]bool // of last_per_subject: what is left
	last                   uint64          // and where it ends
	skipped                uint64          // what is not above is not for this consumer
}

// reset has the model begin anew with a message.
func (m *mstate) reset(seq uint64) {
	m.epoch++
	m.consumerSeq, m.streamSeq, m.skipped, m.last = 0, seq-1, seq-1, 0
	clear(m.pending)
	clear(m.first)
	maps.DeleteFunc(m.done, func(s uint64, _ bool) bool { return s >= seq })
}

func (m *mstate) clone() mstate {
	c := *m
	c.pending, c.done, c.first = maps.Clone(m.pending), maps.Clone(m.done), maps.Clone(m.first)
	return c
}

// entry is one step in the log of the stream.
type entry struct {
	publish string // subject
	remove  uint64
	reset   uint64
	delta   []byte
	model   mstate           // when the delta was taken
	letters map[uint64]mpend // dead letters that are logged with it
	needs   map[uint64]bool  // after it was applied; nil: not known
}

// checkpoint is a state and its place in the log.
type checkpoint struct {
	at    int
	state []byte
	model mstate
}

// run is one history.
type run struct {
	*world
	t        *testing.T
	seed     uint64
	r        *rand.Rand
	cfg      *jsapi.ConsumerConfig
	retained bool
	created  int64
	c        *consumer.Machine
	m        mstate
	queue    bool // finished messages leave the stream
	log      []entry
	flying   []entry
	points   []checkpoint
	finished map[uint64]bool  // acked was called
	letters  map[uint64]mpend // dead letters that are in no delta
	stored   map[uint64]int   // dead letters in the log
	buried   map[uint64]mpend // what messages were when they were given up
	asked    int              // acknowledgements that wait for a confirmation
	steps    []string
	resets   bool // confirmations may have been dropped by a reset
	restored bool // the machine was decoded from the newest checkpoint
	// loose is set when the machine goes on from the checkpoint before one that it had
	// gone on from: redeliveries and refusals that only that one knew are forgotten.
	loose bool
}

func (h *run) fail(format string, args ...any) {
	h.t.Helper()
	from := max(len(h.steps)-25, 0)
	h.t.Fatalf("seed %d: %s\nconfig %+v\nlast steps:\n  %s", h.seed, fmt.Sprintf(format, args...), *h.cfg, strings.Join(h.steps[from:], "\n  "))
}

func (h *run) note(format string, args ...any) {
	h.steps = append(h.steps, fmt.Sprintf(format, args...))
}

var subjects = []string{"a.1", "a.2", "b.1", "b.2", "c"}

func history(t *testing.T, seed uint64) {
	t.Helper()
	h := &run{world: newWorld(), t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 1)), finished: map[uint64]bool{}, letters: map[uint64]mpend{}, stored: map[uint64]int{}, buried: map[uint64]mpend{}}
	h.quiet = true
	h.now = 1e15
	for range h.r.IntN(20) {
		h.step(entry{publish: subjects[h.r.IntN(len(subjects))]})
	}
	h.configure()
	h.create()
	for range 50 + h.r.IntN(200) {
		h.act()
		h.check()
	}
	h.drain()
}

func (h *run) configure() {
	pick := func(n int) bool { return h.r.IntN(n) == 0 }
	cfg := jsapi.ConsumerConfig{Durable: "C", AckPolicy: jsapi.AckExplicit, AckWait: time.Duration(1+h.r.IntN(50)) * time.Millisecond}
	cfg.FilterSubjects = [][]string{nil, {"a.>"}, {"a.1", "b.*"}, {"c"}, {"x"}, {"*.1", "c"}}[h.r.IntN(6)]
	switch {
	case pick(4):
		cfg.AckPolicy = jsapi.AckAll
	case pick(6):
		cfg.AckPolicy, cfg.AckWait = jsapi.AckNone, 0
	}
	if cfg.AckPolicy != jsapi.AckNone {
		cfg.MaxAckPending = []int{1, 3, 10, 1000}[h.r.IntN(4)]
		cfg.MaxDeliver = []int{-1, -1, 1, 2, 5}[h.r.IntN(5)]
		if pick(4) && cfg.MaxDeliver != 1 && cfg.MaxDeliver != 2 {
			cfg.Backoff = []time.Duration{1e6, 10e6, 20e6}
		}
		if pick(3) {
			cfg.Metadata = map[string]string{consumer.MetadataDeadLetter: "dead"}
		}
	}
	switch h.r.IntN(8) {
	case 0:
		cfg.DeliverPolicy = jsapi.DeliverNew
	case 1:
		cfg.DeliverPolicy, cfg.OptStartSeq = jsapi.DeliverByStartSequence, 1+h.r.Uint64N(20)
	case 2, 3:
		if cfg.FilterSubjects != nil {
			cfg.DeliverPolicy = jsapi.DeliverLastPerSubject
		}
	case 4:
		cfg.DeliverPolicy = jsapi.DeliverLast
	}
	checked, err := cfg.Checked(&jsapi.StreamConfig{Name: "S", Subjects: []string{">"}}, jsapi.ConsumerRules{})
	if err != nil {
		h.fail("%v", err)
	}
	h.cfg = &checked
	h.retained = h.r.IntN(2) == 0
	h.queue = h.retained && h.r.IntN(2) == 0
}

func (h *run) matches(seq uint64) bool {
	if len(h.cfg.Filters()) == 0 {
		return true
	}
	return h.x.NewFilter(h.cfg.Filters()...).Match([]byte(h.subject[seq]))
}

// live yields the messages of the stream that match.
func (h *run) live() []uint64 {
	var seqs []uint64
	for seq := h.x.State().First; seq <= h.x.State().Last; seq++ {
		if _, ok := h.x.Get(seq); ok && h.matches(seq) {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

func (h *run) there(seq uint64) bool { _, ok := h.x.Get(seq); return ok }

func (h *run) create() {
	h.m = mstate{pending: map[uint64]mpend{}, done: map[uint64]bool{}, first: map[uint64]bool{}}
	st, live := h.x.State(), h.live()
	start := st.First
	switch h.cfg.DeliverPolicy {
	case jsapi.DeliverNew:
		start = st.Last + 1
	case jsapi.DeliverByStartSequence:
		start = h.cfg.OptStartSeq
	case jsapi.DeliverLast:
		if start = st.Last + 1; len(live) > 0 {
			start = live[len(live)-1]
		}
	case jsapi.DeliverLastPerSubject:
		latest := map[string]uint64{}
		for _, seq := range live {
			latest[h.subject[seq]] = seq
		}
		start, h.m.last = st.Last+1, st.Last
		for _, seq := range latest {
			h.m.first[seq] = true
			start = min(start, seq)
		}
	case jsapi.DeliverAll, jsapi.DeliverByStartTime:
	}
	h.m.streamSeq, h.m.skipped = start-1, start-1
	h.created = h.now
	h.c = homeOf(h.x, h.retained).New(h.cfg, "C", h.created, h)
	h.points = []checkpoint{{len(h.log), h.c.AppendState(nil), h.m.clone()}}
}

// toCome is what the model has still to deliver for the first time.
func (h *run) toCome(m *mstate) []uint64 {
	var seqs []uint64
	for _, seq := range h.live() {
		if seq > m.streamSeq && (seq > m.last || m.first[seq]) {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// Deliver checks that the model would deliver that.
func (h *run) Deliver(to []byte, e index.Entry, d *consumer.Delivery) (int, consumer.Result) {
	p, again := h.m.pending[e.Seq]
	h.note("%d deliver #%d dc %d cseq %d", h.now, e.Seq, d.Deliveries, d.ConsumerSeq)
	switch {
	case !h.there(e.Seq):
		h.fail("#%d is not in the stream", e.Seq)
	case h.m.done[e.Seq]:
		h.fail("#%d is finished with", e.Seq)
	case d.ConsumerSeq != h.m.consumerSeq+1:
		h.fail("#%d has the consumer sequence %d, want %d", e.Seq, d.ConsumerSeq, h.m.consumerSeq+1)
	case h.loose && d.Deliveries <= p.deliveries:
		p.deliveries = d.Deliveries - 1
	case d.Deliveries != p.deliveries+1:
		h.fail("#%d has %d deliveries, want %d", e.Seq, d.Deliveries, p.deliveries+1)
	case h.cfg.MaxDeliver > 0 && d.Deliveries > uint64(h.cfg.MaxDeliver):
		h.fail("#%d is delivered for the %dth time", e.Seq, d.Deliveries)
	case again && p.due > h.now && !h.loose:
		h.fail("#%d is delivered %v early", e.Seq, time.Duration(p.due-h.now))
	}
	come := h.toCome(&h.m)
	want := uint64(len(come))
	if !again {
		want--
		if len(come) == 0 || come[0] != e.Seq {
			h.fail("#%d is delivered, next are %v", e.Seq, come)
		}
		if h.cfg.AckPolicy != jsapi.AckNone && h.unacked() >= h.cfg.MaxAckPending {
			h.fail("#%d is delivered beside %d pending", e.Seq, h.unacked())
		}
		for seq, other := range h.m.pending {
			if other.due == 0 && h.there(seq) && !h.loose {
				h.fail("#%d is delivered before #%d, which waits for redelivery", e.Seq, seq)
			}
		}
		h.m.streamSeq = e.Seq
		delete(h.m.first, e.Seq)
		p.dseq = d.ConsumerSeq
	}
	if d.Pending != want {
		h.fail("#%d says that %d messages follow, want %d", e.Seq, d.Pending, want)
	}
	h.m.consumerSeq++
	if h.cfg.AckPolicy == jsapi.AckNone {
		h.m.done[e.Seq] = true
	} else {
		p.deliveries++
		p.due = h.now + h.ackWait(p.deliveries)
		h.m.pending[e.Seq] = p
	}
	h.sent = append(h.sent, sent{string(to), e.Seq, *d})
	return h.Size(e, d), consumer.Sent
}

func (h *run) ackWait(n uint64) int64 {
	if len(h.cfg.Backoff) > 0 {
		return int64(h.cfg.Backoff[min(int(n), len(h.cfg.Backoff))-1])
	}
	return int64(h.cfg.AckWait)
}

func (h *run) unacked() int {
	n := 0
	for seq := range h.m.pending {
		if h.there(seq) {
			n++
		}
	}
	return n
}

// Advise keeps the model's view of messages that were delivered too often.
func (h *run) Advise(kind jsapi.EventKind, event any) {
	if kind != jsapi.EventConsumerMaxDeliver {
		return
	}
	e := event.(*jsapi.MaxDeliverReached)
	p := h.m.pending[e.StreamSeq]
	h.note("exhausted #%d", e.StreamSeq)
	if !h.loose && p.deliveries != uint64(h.cfg.MaxDeliver) || p.due > h.now {
		h.fail("#%d is given up after %d deliveries", e.StreamSeq, p.deliveries)
	}
	h.buried[e.StreamSeq] = p
	delete(h.m.pending, e.StreamSeq)
	h.m.done[e.StreamSeq] = true
}

// DeadLetter notes that a dead letter goes with the next delta.
func (h *run) DeadLetter(e index.Entry, _, _ string, deliveries uint64) consumer.Burial {
	p := h.buried[e.Seq]
	if p.deliveries != deliveries && !h.loose {
		h.fail("#%d is buried after %d deliveries, want %d", e.Seq, deliveries, p.deliveries)
	}
	h.note("bury #%d", e.Seq)
	p.epoch, p.deliveries = h.m.epoch, deliveries
	h.letters[e.Seq] = p
	return consumer.Buried
}

// point is the model as a checkpoint has it: dead letters that are not applied are
// pending, and overdue.
func (h *run) point() mstate {
	m := h.m.clone()
	back := func(letters map[uint64]mpend) {
		for seq, p := range letters {
			if p.epoch != m.epoch {
				continue
			}
			p.due = 1
			m.pending[seq] = p
			delete(m.done, seq)
		}
	}
	for i := range h.flying {
		back(h.flying[i].letters)
	}
	back(h.letters)
	return m
}

// Reply checks that what is confirmed is committed: #seq.
func (h *run) Reply(to []byte) {
	h.asked--
	seq := uint64(number(string(to)))
	for _, e := range h.log {
		if e.delta != nil && (e.model.done[seq] || e.model.streamSeq < seq) {
			return
		}
	}
	if h.points[0].model.done[seq] || !h.there(seq) || seq <= h.m.skipped {
		return
	}
	h.fail("the acknowledgement of #%d is confirmed and not in the log", seq)
}

// step logs a step and applies it.
func (h *run) step(e entry) {
	h.log = append(h.log, e)
	h.store(&e)
	h.apply(&h.log[len(h.log)-1])
}

// store has the dead letters of e in the log.
func (h *run) store(e *entry) {
	for seq := range e.letters {
		if h.stored[seq]++; h.stored[seq] > 1 && !h.resets && !h.loose {
			h.fail("two dead letters of #%d", seq)
		}
	}
}

func (h *run) apply(e *entry) {
	switch {
	case e.publish != "":
		h.publish(e.publish, 10)
	case e.remove != 0:
		h.x.Remove(e.remove)
	case e.reset != 0:
		h.c.Reset(h.now, e.reset)
		h.m.reset(e.reset)
		clear(h.buried)
	case e.delta != nil:
		if err := h.c.ApplyDelta(e.delta, h.acked); err != nil {
			h.fail("%v", err)
		}
		needs := map[uint64]bool{}
		for _, seq := range h.live() {
			needs[seq] = h.c.Needs(seq)
		}
		if e.needs != nil && !maps.Equal(needs, e.needs) {
			h.fail("replay needs %v, the live machine needed %v", needs, e.needs)
		}
		if h.retained {
			e.needs = needs
		}
	}
}

func (h *run) acked(seq uint64) {
	if !h.retained {
		h.fail("told that #%d is finished with", seq)
	}
	h.finished[seq] = true
	if h.queue {
		h.x.Remove(seq)
	}
}

// act does something at random.
func (h *run) act() {
	h.m.version++
	switch n := h.r.IntN(100); {
	case n < 25:
		h.step(entry{publish: subjects[h.r.IntN(len(subjects))]})
	case n < 30:
		if seqs := h.live(); len(seqs) > 0 {
			seq := seqs[h.r.IntN(len(seqs))]
			h.note("remove #%d", seq)
			h.step(entry{remove: seq})
		}
	case n < 45:
		h.note("pull")
		h.c.Pull(h.now, []byte("inbox"), fmt.Appendf(nil, `{"batch":%d,"expires":%d}`, 1+h.r.IntN(6), h.r.IntN(2)*h.r.IntN(30e6)))
	case n < 70:
		h.ack()
	case n < 80:
		h.now += int64(h.r.IntN(20e6))
	case n < 88:
		h.takeDelta()
	case n < 94:
		h.commit()
	case n == 94:
		h.reset()
	case n < 97:
		h.note("checkpoint")
		h.points = append(h.points, checkpoint{len(h.log), h.c.AppendState(nil), h.point()})
		h.points = h.points[max(len(h.points)-2, 0):]
	default:
		h.crash()
	}
	h.run()
}

func (h *run) run() {
	h.c.Removed(h.now)
	for h.c.Run(h.now) {
	}
	for seq := range h.m.pending {
		if !h.there(seq) {
			delete(h.m.pending, seq)
			h.m.done[seq] = true
		}
	}
}

func (h *run) ack() {
	if len(h.sent) == 0 {
		return
	}
	s := h.sent[len(h.sent)-1-h.r.IntN(min(len(h.sent), 12))]
	payload := []string{"+ACK", "", "+ACK", "-NAK", `-NAK {"delay":5000000}`, "+WPI", "+TERM"}[h.r.IntN(7)]
	var reply []byte
	if s.seq <= h.m.streamSeq && (payload == "" || payload == "+ACK") && h.cfg.AckPolicy == jsapi.AckExplicit && h.r.IntN(2) == 0 {
		reply = fmt.Append(nil, s.seq)
		h.asked++
	}
	h.note("%d ack #%d %q", h.now, s.seq, payload)
	p, pending := h.m.pending[s.seq]
	delivered := s.seq <= h.m.streamSeq
	finish := func() {
		if h.cfg.AckPolicy == jsapi.AckAll {
			for seq := range h.m.pending {
				if seq <= s.seq {
					h.m.done[seq] = true
					delete(h.m.pending, seq)
				}
			}
		} else if pending {
			h.m.done[s.seq] = true
			delete(h.m.pending, s.seq)
		}
	}
	switch {
	case !delivered || h.cfg.AckPolicy == jsapi.AckNone:
	case payload == "+ACK" || payload == "":
		finish()
	case !pending:
	case payload == "+TERM":
		h.buried[s.seq] = p
		finish()
	case payload == "+WPI":
		p.due = h.now + h.ackWait(p.deliveries)
		h.m.pending[s.seq] = p
	case payload == "-NAK":
		p.due = 0
		h.m.pending[s.seq] = p
	default:
		p.due = h.now + 5e6
		h.m.pending[s.seq] = p
	}
	h.c.Ack(h.now, ackOf(s), []byte(payload), reply)
}

func (h *run) takeDelta() {
	model := h.m.clone()
	if b := h.c.Delta(nil); len(b) > 0 {
		h.note("delta")
		h.flying = append(h.flying, entry{delta: b, model: model, letters: h.letters})
		h.letters = map[uint64]mpend{}
	}
}

// reset asks for a reset, which is applied when it is committed.
func (h *run) reset() {
	h.takeDelta()
	to, err := h.c.ResetSeq(uint64(h.r.IntN(3)) * h.r.Uint64N(h.x.State().Last+2))
	if err != nil {
		return
	}
	h.note("reset to #%d", to)
	h.flying = append(h.flying, entry{reset: to})
	h.resets = true
}

// commit has the oldest delta in the log and applied.
func (h *run) commit() {
	if len(h.flying) == 0 {
		return
	}
	e := h.flying[0]
	h.note("commit, reset %d", e.reset)
	h.flying = h.flying[1:]
	h.step(e)
	h.m.version++
	if e.reset != 0 {
		h.log[len(h.log)-1].model = h.m.clone()
		return
	}
	h.c.Committed()
}

// crash goes on from a checkpoint and the log, in which some of the deltas on
// their way have arrived.
func (h *run) crash() {
	arrived := h.r.IntN(len(h.flying) + 1)
	which := h.r.IntN(len(h.points))
	point := h.points[which]
	h.note("crash: %d of %d deltas arrived, %d entries replayed", arrived, len(h.flying), len(h.log)-point.at)
	h.log = append(h.log, h.flying[:arrived]...)
	for i := range h.flying[:arrived] {
		h.store(&h.flying[i])
	}
	h.flying, h.asked, h.letters = nil, 0, map[uint64]mpend{}
	if which < len(h.points)-1 {
		h.points = h.points[:1] // the newer one is damaged
		h.loose = h.loose || h.restored
	}
	h.restored = true
	before := h.world
	h.world = newWorld()
	h.quiet, h.now, h.sent = true, before.now, before.sent
	for i := range h.log[:point.at] {
		if e := &h.log[i]; e.publish != "" || e.remove != 0 {
			h.apply(e)
		} else if e.delta != nil && h.queue {
			h.replayRemovals(e)
		}
	}
	c, err := homeOf(h.x, h.retained).Decode(point.state, h.cfg, "C", h)
	if err != nil {
		h.fail("%v", err)
	}
	h.c = c
	model := point.model
	for i := range h.log[point.at:] {
		e := &h.log[point.at+i]
		h.apply(e)
		switch {
		case e.delta != nil && e.model.version >= model.version:
			model = e.model
		case e.delta != nil:
			model = model.clone()
			for seq, p := range e.letters {
				if _, again := model.pending[seq]; again && p.epoch == model.epoch {
					delete(model.pending, seq)
					model.done[seq] = true
				}
			}
		case e.reset != 0 && e.model.pending != nil:
			model = e.model
		case e.reset != 0: // it arrived and was not applied until now
			model = model.clone()
			model.reset(e.reset)
			h.m.version++
			model.version = h.m.version
			e.model = model.clone()
		}
	}
	version := h.m.version
	h.m = model.clone()
	h.m.version = version
	maps.DeleteFunc(h.buried, func(seq uint64, _ mpend) bool { return !h.m.done[seq] })
	for seq := range h.m.pending {
		if !h.there(seq) {
			delete(h.m.pending, seq)
			h.m.done[seq] = true
		}
	}
}

// replayRemovals does to the stream what a delta before the checkpoint did.
func (h *run) replayRemovals(e *entry) {
	c := homeOf(h.x, h.retained).New(h.cfg, "C", h.created, h.world)
	if err := c.ApplyDelta(e.delta, h.acked); err != nil {
		h.fail("%v", err)
	}
}

// check compares what the machine tells with the model.
func (h *run) check() {
	i := h.c.Info(h.now)
	h.run()
	if got, want := i.NumPending, uint64(len(h.toCome(&h.m))); got != want {
		h.fail("%d pending, want %d", got, want)
	}
	again, floorConsumer, floorStream := 0, h.m.consumerSeq, h.m.streamSeq
	keys := slices.Sorted(maps.Keys(h.m.pending))
	for _, seq := range keys {
		if h.m.pending[seq].deliveries > 1 {
			again++
		}
	}
	if len(keys) > 0 {
		if floorConsumer, floorStream = h.m.pending[keys[0]].dseq-1, keys[0]-1; floorConsumer == 0 {
			floorStream = h.m.skipped
		}
	}
	got := [...]uint64{i.Delivered.ConsumerSeq, i.Delivered.StreamSeq, i.AckFloor.ConsumerSeq, i.AckFloor.StreamSeq, uint64(i.NumAckPending), uint64(i.NumRedelivered)}
	want := [...]uint64{h.m.consumerSeq, h.m.streamSeq, floorConsumer, floorStream, uint64(len(keys)), uint64(again)}
	if h.loose && got[5] < want[5] {
		got[5] = want[5]
	}
	if got != want {
		h.fail("delivered, floor, ack pending, redelivered: %v, want %v; pending %v", got, want, h.m.pending)
	}
	if at := h.c.Deadline(); at != 0 && at <= h.now {
		h.fail("the deadline %d has passed and nothing is done", at)
	}
	if i.NumWaiting == 0 {
		return
	}
	for seq, p := range h.m.pending {
		if p.due <= h.now-2e6 && !h.loose {
			h.fail("#%d is overdue by %v and not delivered", seq, time.Duration(h.now-p.due))
		}
	}
	if come := h.toCome(&h.m); len(come) > 0 && (h.cfg.AckPolicy == jsapi.AckNone || len(keys) < h.cfg.MaxAckPending) {
		h.fail("%v are not delivered to a client that waits", come)
	}
}

// drain has a client take and acknowledge all there is: nothing may be left.
func (h *run) drain() {
	h.note("drain")
	for range 2000 {
		h.c.Pull(h.now, []byte("inbox"), []byte("100"))
		h.sent = nil
		h.run()
		for _, s := range h.sent {
			if h.cfg.AckPolicy == jsapi.AckNone {
				break
			}
			if h.cfg.AckPolicy == jsapi.AckAll {
				for seq := range h.m.pending {
					if seq <= s.seq {
						delete(h.m.pending, seq)
						h.m.done[seq] = true
					}
				}
			} else {
				delete(h.m.pending, s.seq)
				h.m.done[s.seq] = true
			}
			h.c.Ack(h.now, ackOf(s), nil, nil)
		}
		h.takeDelta()
		for len(h.flying) > 0 {
			h.commit()
		}
		i := h.c.Info(h.now)
		if i.NumAckPending == 0 && i.NumPending == 0 {
			break
		}
		h.now += 100e6
	}
	i := h.c.Info(h.now)
	if i.NumAckPending != 0 || i.NumPending != 0 || i.AckFloor.StreamSeq != i.Delivered.StreamSeq {
		h.fail("never done: %d ack pending, %d pending", i.NumAckPending, i.NumPending)
	}
	if h.asked != 0 && !h.resets {
		h.fail("%d acknowledgements were not confirmed", h.asked)
	}
	for seq := range h.buried {
		if seq > h.m.skipped && h.there(seq) && h.m.done[seq] && h.stored[seq] == 0 && h.cfg.Metadata[consumer.MetadataDeadLetter] != "" {
			h.fail("#%d has no dead letter", seq)
		}
	}
	for _, seq := range h.live() {
		if !h.m.done[seq] && seq > h.m.skipped && (seq > h.m.last || h.m.first[seq]) {
			h.fail("#%d is lost", seq)
		}
		if h.queue && h.finished[seq] {
			h.fail("#%d is finished with and in the stream", seq)
		}
	}
}
