package jetstream_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

var (
	crashSeed  = flag.Uint64("crash.seed", 0, "run the history of this seed alone")
	crashSeeds = flag.Uint64("crash.seeds", 1000, "how many histories to run")
)

// script drives a server and writes down what it knows.
type script struct {
	*server
	l      *ledger
	rng    *rand.Rand
	varied bool // the configurations of streams are
	next   int
	// deliveries has, for each consumer, messages that were delivered to it and not
	// acknowledged yet.
	mu         sync.Mutex
	deliveries map[string][]delivery
}

type delivery struct {
	seq   uint64
	reply string
}

func newScript(s *server, l *ledger, seed uint64) *script {
	return &script{server: s, l: l, rng: rand.New(rand.NewPCG(seed, 5)), deliveries: map[string][]delivery{}}
}

// settle lets everything happen that can.
func (*script) settle() { synctest.Wait() }

func (s *script) must(err error) {
	if err != nil {
		panic(scriptError{err})
	}
}

// scriptError ends a script whose server has failed.
type scriptError struct{ error }

func (s *script) create(cfg jsapi.StreamConfig) {
	cfg.Description = "first"
	if s.varied && s.rng.IntN(2) == 0 {
		cfg.Compression = jsapi.S2Compression
	}
	s.l.add(func(k *known) { k.streams[cfg.Name] = newKnownStream(cfg) })
	s.must(s.createStream(cfg))
	s.l.add(func(k *known) { k.streams[cfg.Name].existence = there })
}

func (s *script) update(name string) {
	cfg := s.stream(name).Config()
	s.next++
	cfg.Description = "update " + strconv.Itoa(s.next)
	s.l.add(func(k *known) { k.streams[name].asked = &cfg })
	_, err := s.account.UpdateStream(cfg, false)
	s.must(fault(err))
	s.l.add(func(k *known) { k.streams[name].cfg, k.streams[name].asked = cfg, nil })
}

func (s *script) remove(name string) {
	s.l.add(func(k *known) { k.streams[name].existence = unknown })
	s.must(fault(s.account.DeleteStream(name)))
	s.l.add(func(k *known) { k.streams[name].existence = absent })
}

func (s *script) consume(stream string, cfg jsapi.ConsumerConfig) {
	cfg.AckPolicy, cfg.AckWait = jsapi.AckExplicit, ackWait
	s.l.add(func(k *known) {
		k.streams[stream].doneWith()
		k.streams[stream].consumers[cfg.Durable] = &knownConsumer{
			existence: unknown, cfg: cfg, acking: map[uint64]bool{}, acked: map[uint64]bool{}, delivered: map[uint64]bool{},
		}
	})
	s.must(s.createConsumer(stream, cfg))
	s.l.add(func(k *known) { k.streams[stream].consumers[cfg.Durable].existence = there })
}

func (s *script) removeConsumer(stream, name string) {
	key := stream + " " + name
	s.l.add(func(k *known) {
		ks := k.streams[stream]
		ks.consumers[name].existence = unknown
		if ks.cfg.Retention == jsapi.RetainInterest {
			ks.orphan()
		}
	})
	s.must(fault(s.stream(stream).DeleteConsumer(name)))
	s.mu.Lock()
	delete(s.deliveries, key)
	s.mu.Unlock()
	s.l.add(func(k *known) { k.streams[stream].consumers[name].existence = absent })
}

// orphan marks the messages that only a consumer wanted that goes.
func (s *knownStream) orphan() {
	for seq, f := range s.acked {
		wanted := false
		for _, c := range s.consumers {
			wanted = wanted || c.existence == there && c.wants(f.subject) && !c.acking[seq]
		}
		f.mayGo = f.mayGo || !wanted
	}
}

// publish sends a message of about size bytes. The answer is awaited by settle.
func (s *script) publish(stream, subject string, size int, header ...string) {
	s.next++
	f := &fact{id: fmt.Sprintf("m%d", s.next), subject: subject}
	short := false
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Nats-Batch-Id" {
			f.batch = header[i+1]
		}
		short = short || header[i] == "Nats-TTL" && header[i+1] == "1s"
	}
	id, batch := f.id, f.batch
	s.l.add(func(k *known) {
		k.streams[stream].published[id] = &fact{id: id, subject: subject, batch: batch, short: short}
	})
	s.server.publish(subject, header, id+"|"+strings.Repeat("x", size), func(a jsapi.PubAck) {
		s.l.add(func(k *known) {
			f := k.streams[stream].published[id]
			switch {
			case a.Error != nil:
				// After a failed write nobody knows what is on the disk.
				f.refused = batch == "" && !errors.Is(a.Error, jsapi.ErrStreamStoreFailed)
			case a.Seq != 0 && !a.Duplicate:
				f.seq = a.Seq
				k.streams[stream].acked[a.Seq] = f
			}
		})
	})
}

func (s *script) purge(stream string, req jsapi.StreamPurgeRequest) {
	var doomed []string
	s.l.add(func(k *known) {
		doomed = doomed[:0]
		for id, f := range k.streams[stream].published {
			if (req.Filter == "" || req.Filter == f.subject) && (req.Sequence == 0 || f.seq < req.Sequence) {
				f.mayGo = true
				if f.seq != 0 {
					doomed = append(doomed, id)
				}
			}
		}
	})
	_, err := s.stream(stream).Purge(req)
	s.must(fault(err))
	s.l.add(func(k *known) {
		for _, id := range doomed {
			k.streams[stream].published[id].gone = true
		}
	})
}

func (s *script) erase(stream string) {
	state := s.stream(stream).State()
	if state.Msgs == 0 {
		return
	}
	seq := state.FirstSeq + uint64(s.rng.IntN(int(state.LastSeq-state.FirstSeq+1)))
	s.l.add(func(k *known) {
		if f := k.streams[stream].acked[seq]; f != nil {
			f.mayGo = true
		}
	})
	if s.stream(stream).DeleteMessage(seq, s.rng.IntN(2) == 0) != nil {
		return // it was gone before
	}
	s.l.add(func(k *known) {
		if f := k.streams[stream].acked[seq]; f != nil {
			f.gone = true
		}
	})
}

func (s *script) fetch(stream, name string, batch int) {
	key := stream + " " + name
	s.pull(stream, name, batch, 0, func(g got) {
		a, _ := jsapi.ParseAckSubject(g.reply)
		s.l.add(func(k *known) { k.streams[stream].consumers[name].delivered[a.StreamSeq] = true })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.deliveries[key] = append(s.deliveries[key], delivery{a.StreamSeq, g.reply})
	})
}

// ackSome acknowledges n of the messages that a consumer was given.
func (s *script) ackSome(stream, name string, n int, double bool) {
	key := stream + " " + name
	s.mu.Lock()
	n = min(n, len(s.deliveries[key]))
	list := append([]delivery(nil), s.deliveries[key][:n]...)
	s.deliveries[key] = s.deliveries[key][n:]
	s.mu.Unlock()
	for _, d := range list {
		s.l.add(func(k *known) { k.streams[stream].consumers[name].acking[d.seq] = true })
		var done func()
		if double {
			done = func() {
				s.l.add(func(k *known) {
					if c := k.streams[stream].consumers[name]; c != nil {
						c.acked[d.seq] = true
					}
				})
			}
		}
		s.ack(d.reply, "+ACK", done)
	}
}

// run is the history: all kinds of streams, with everything that a client may do
// to them, in an order that depends on the seed only where it does not matter for
// what is checked.
func (s *script) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			failed, ok := p.(scriptError)
			if !ok {
				panic(p)
			}
			err = failed.error
		}
	}()
	dead := map[string]string{consumer.MetadataDeadLetter: "dead.q"}
	s.create(jsapi.StreamConfig{Name: "P", Subjects: []string{"p.>"}, DuplicateWindow: time.Minute})
	s.create(jsapi.StreamConfig{Name: "W", Subjects: []string{"w.>"}, Retention: jsapi.RetainWorkQueue})
	s.create(jsapi.StreamConfig{Name: "I", Subjects: []string{"i.>"}, Retention: jsapi.RetainInterest})
	s.consume("W", jsapi.ConsumerConfig{Durable: "wa", FilterSubject: "w.a"})
	s.consume("I", jsapi.ConsumerConfig{Durable: "i1"})
	for i := range 10 {
		s.publish("P", fmt.Sprintf("p.%d", i%3), 100*i)
		s.publish("W", "w.a", 50)
		s.publish("I", "i.x", 200)
	}
	s.client.flush()
	s.create(jsapi.StreamConfig{Name: "M", Mirror: &jsapi.StreamSource{Name: "P"}})
	s.create(jsapi.StreamConfig{Name: "K", Subjects: []string{"kv.>"}, MaxMsgsPerSubject: 3, AllowRollup: true})
	s.create(jsapi.StreamConfig{Name: "S", Sources: []*jsapi.StreamSource{{Name: "P"}, {Name: "K", FilterSubject: "kv.a"}}})
	s.create(jsapi.StreamConfig{Name: "L", Subjects: []string{"l.>"}, MaxMsgs: 15})
	s.create(jsapi.StreamConfig{Name: "B", Subjects: []string{"b.>"}, AllowAtomicPublish: true})
	s.create(jsapi.StreamConfig{Name: "N", Subjects: []string{"n.>"}, MaxMsgs: 10, MaxAge: 4 * time.Second, Discard: jsapi.DiscardNew})
	s.create(jsapi.StreamConfig{Name: "T", Subjects: []string{"t.>"}, AllowMsgTTL: true, SubjectDeleteMarkerTTL: time.Second})
	s.create(jsapi.StreamConfig{Name: "DEAD", Subjects: []string{"dead.>"}})
	s.create(jsapi.StreamConfig{Name: "Q", Subjects: []string{"q.>"}})
	s.consume("W", jsapi.ConsumerConfig{Durable: "wb", FilterSubject: "w.b"})
	s.consume("I", jsapi.ConsumerConfig{Durable: "i2", FilterSubject: "i.x"})
	s.consume("Q", jsapi.ConsumerConfig{Durable: "q", MaxDeliver: 2, Metadata: dead})
	s.consume("P", jsapi.ConsumerConfig{Durable: "p", FilterSubjects: []string{"p.0", "p.2"}})
	for round := range 4 {
		s.round(round)
	}
	return nil
}

func (s *script) round(round int) {
	revisions := map[string]uint64{}
	for i := range 6 {
		s.publish("P", fmt.Sprintf("p.%d", s.rng.IntN(4)), s.rng.IntN(1200), "Nats-Msg-Id", strconv.Itoa(s.next))
		s.publish("W", []string{"w.a", "w.b"}[s.rng.IntN(2)], 300)
		s.publish("I", []string{"i.x", "i.y"}[s.rng.IntN(2)], 200)
		s.publish("L", fmt.Sprintf("l.%d", i), 400)
		s.publish("N", "n.n", 100)
		s.publish("Q", "q.q", 500)
		s.publish("T", fmt.Sprintf("t.%d", i), 100, "Nats-TTL", "10000h")
		s.publish("T", fmt.Sprintf("t.short.%d", i), 100, "Nats-TTL", "1s")
		s.client.flush()
		if s.rng.IntN(2) == 0 {
			s.settle()
		}
		s.set("kv."+string(rune('a'+i%2)), revisions)
	}
	batch := fmt.Sprintf("batch%d", round)
	for i := range 3 {
		header := []string{"Nats-Batch-Id", batch, "Nats-Batch-Sequence", strconv.Itoa(i + 1)}
		if i == 2 {
			header = append(header, "Nats-Batch-Commit", "1")
		}
		s.publish("B", fmt.Sprintf("b.%d", i), 100, header...)
	}
	s.client.flush()
	for _, c := range [][2]string{{"W", "wa"}, {"W", "wb"}, {"I", "i1"}, {"I", "i2"}, {"P", "p"}, {"Q", "q"}} {
		s.fetch(c[0], c[1], 6)
		s.settle()
		s.ackSome(c[0], c[1], 2, true)
		s.ackSome(c[0], c[1], 2, false)
		s.ackSome(c[0], c[1], 1, true)
	}
	s.erase("P")
	s.update("L")
	if round == 1 {
		s.settle()
		s.purge("T", jsapi.StreamPurgeRequest{})
	}
	s.must(s.node.Store().Checkpoint())
	pass(1500 * time.Millisecond)
	switch round {
	case 0:
		s.create(jsapi.StreamConfig{Name: "X", Subjects: []string{"x.>"}})
		s.consume("X", jsapi.ConsumerConfig{Durable: "x"})
		for range 5 {
			s.publish("X", "x.x", 700)
		}
		s.client.flush()
	case 1:
		s.remove("X")
		s.create(jsapi.StreamConfig{Name: "X", Subjects: []string{"x.>"}})
		s.publish("X", "x.y", 700)
		s.client.flush()
		s.removeConsumer("I", "i2")
	case 2:
		s.settle()
		s.purge("X", jsapi.StreamPurgeRequest{})
		s.publish("X", "x.z", 20)
		s.client.flush()
		s.consume("I", jsapi.ConsumerConfig{Durable: "i3", FilterSubject: "i.y"})
	}
	s.settle()
}

// set writes a key as a client that compares and sets.
func (s *script) set(key string, revisions map[string]uint64) {
	if m, ok := lastMessage(s.stream("K"), key); ok {
		revisions[key] = m.Seq
	}
	s.publish("K", key, 40, "Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(revisions[key], 10))
	s.client.flush()
	s.settle()
}

// stop is a moment at which the power was lost.
type stop struct {
	call  vfs.Call
	facts int
	left  *vfs.Mem
}

func TestPowerLossAtEveryCallLosesNothing(t *testing.T) {
	t.Parallel()
	parts, every := 8, 1
	if testing.Short() {
		parts, every = 2, 40
	}
	for part := range parts {
		t.Run(fmt.Sprint("part", part), func(t *testing.T) {
			t.Parallel()
			powerLoss(t, 1, part*every, parts*every)
		})
	}
}

// TestPowerLossInRandomHistoriesLosesNothing runs many histories, over many
// configurations, each up to a call that the seed decides.
func TestPowerLossInRandomHistoriesLosesNothing(t *testing.T) {
	t.Parallel()
	if *crashSeed != 0 {
		randomPowerLoss(t, *crashSeed)
		return
	}
	n := *crashSeeds
	if testing.Short() {
		n = min(n, 20)
	}
	const parts = 4
	for part := range uint64(parts) {
		t.Run(fmt.Sprint("part", part), func(t *testing.T) {
			t.Parallel()
			for seed := part + 2; seed < n+2 && !t.Failed(); seed += parts {
				randomPowerLoss(t, seed)
			}
		})
	}
}

// randomPowerLoss runs the history of a seed until the machine fails at one call.
func randomPowerLoss(t *testing.T, seed uint64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 6))
		varied := store.Options{
			FileSize: []int64{32 << 10, 64 << 10}[rng.IntN(2)], MaxFiles: 8 + rng.IntN(6),
			SegmentSize: 8 << 10 << rng.IntN(3), CheckpointBytes: 16 << 10 << rng.IntN(4),
		}
		options := func(fsys vfs.FS) store.Options {
			opts := smallStore(fsys)
			opts.FileSize, opts.MaxFiles = varied.FileSize, varied.MaxFiles
			opts.SegmentSize, opts.CheckpointBytes = varied.SegmentSize, varied.CheckpointBytes
			return opts
		}
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, seed)
		l := &ledger{}
		var st stop
		left := 1 + rng.IntN(1000) // calls before the stop
		f.Observe(func(c vfs.Call) {
			if c.Op&vfs.OpChange == 0 {
				return
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if left--; left != 0 {
				return
			}
			st = stop{c, len(l.facts), m.AfterPowerLoss([]*rand.Rand{nil, rng}[rng.IntN(2)])}
			f.Inject(vfs.Fault{On: vfs.OpChange, Times: -1})
		})
		var log bytes.Buffer
		srv, err := start(options(f), &log)
		if err == nil {
			s := newScript(srv, l, seed)
			s.varied = true
			err = errors.Join(s.run(), srv.node.Close())
		}
		if st.left == nil { // it came to its end
			must(t, err)
			st = stop{facts: len(l.facts), left: m.AfterPowerLoss(nil)}
		}
		if err := survives(l.upTo(st.facts), st.left, options); err != nil {
			t.Fatalf("-crash.seed %d: power lost before call %d (%v %s at %d): %v", seed, st.call.Number, st.call.Op, st.call.Name, st.call.Offset, err)
		}
	})
}

// powerLoss runs a history and stops at the calls that change the disk, of which
// there is one in every, from the first on.
func powerLoss(t *testing.T, seed uint64, first, every int) {
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, seed)
		l := &ledger{}
		var stops []stop
		calls := 0
		f.Observe(func(c vfs.Call) {
			if c.Op&vfs.OpChange == 0 {
				return
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if calls++; (calls+every-first)%every != 0 {
				return
			}
			stops = append(stops,
				stop{c, len(l.facts), m.AfterPowerLoss(nil)},
				stop{c, len(l.facts), m.AfterPowerLoss(rand.New(rand.NewPCG(seed, uint64(c.Number))))})
		})
		var log bytes.Buffer
		srv, err := start(smallStore(f), &log)
		must(t, err)
		must(t, newScript(srv, l, seed).run())
		must(t, srv.node.Close())
		f.Observe(nil)
		for _, st := range stops {
			if err := survives(l.upTo(st.facts), st.left, smallStore); err != nil {
				t.Fatalf("seed %d: power lost before call %d (%v %s at %d): %v", seed, st.call.Number, st.call.Op, st.call.Name, st.call.Offset, err)
			}
		}
		if err := survives(l.upTo(len(l.facts)), m.AfterPowerLoss(nil), smallStore); err != nil {
			t.Fatalf("seed %d: power lost after the end: %v", seed, err)
		}
		t.Logf("%d calls, %d stops", calls, len(stops))
	})
}

// survives starts a server on what is left, compares, goes on, and does so again.
func survives(k *known, left *vfs.Mem, options func(vfs.FS) store.Options) error {
	for round := range 2 {
		var log bytes.Buffer
		if err := goOn(k, options(left), &log); err != nil {
			return fmt.Errorf("start %d: %w\n%s", round+1, err, log.String())
		}
	}
	return nil
}

func goOn(k *known, opts store.Options, log *bytes.Buffer) error {
	srv, err := start(opts, log)
	if err != nil {
		return err
	}
	synctest.Wait()
	pass(patience)
	synctest.Wait()
	err = errors.Join(errors.Join(srv.node.Health()...), k.check(srv))
	if err == nil {
		err = k.publishMore(srv)
	}
	synctest.Wait()
	return errors.Join(err, srv.node.Close())
}

// publishMore: what is published now gets a sequence that nobody has seen.
func (k *known) publishMore(srv *server) error {
	var errs []error
	l := &ledger{}
	for name, s := range k.streams {
		if srv.stream(name) == nil {
			continue
		}
		s.existence = there
		if len(s.cfg.Subjects) == 0 || s.letters() {
			continue
		}
		s.cfg = srv.stream(name).Config()
		highest := s.highest()
		id, on := fmt.Sprintf("after%d", len(s.published)), strings.TrimSuffix(s.cfg.Subjects[0], ">")+"after"
		s.published[id] = &fact{id: id, subject: on}
		srv.publish(on, nil, id+"|", func(a jsapi.PubAck) {
			l.add(func(*known) {
				switch {
				case a.Error != nil:
					errs = append(errs, fmt.Errorf("stream %s: publish after the start: %w", name, a.Error))
				case a.Seq <= highest:
					errs = append(errs, fmt.Errorf("stream %s: sequence %d is given out again", name, a.Seq))
				default:
					s.published[id].seq = a.Seq
					s.acked[a.Seq] = s.published[id]
				}
			})
		})
	}
	srv.client.flush()
	synctest.Wait()
	l.upTo(len(l.facts))
	return errors.Join(errs...)
}
