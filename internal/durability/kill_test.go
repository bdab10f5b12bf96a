package durability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func setting(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

func TestServerThatIsKilledUnderLoadKeepsWhatItSaid(t *testing.T) {
	t.Parallel()
	rounds := setting(t, "TIDINGS_KILL_ROUNDS", 3)
	seed := setting(t, "TIDINGS_KILL_SEED", 1)
	rng := rand.New(rand.NewPCG(uint64(seed), 3))
	dir := t.TempDir()
	d := newTold()
	for round := range rounds {
		began := time.Now()
		p := launch(t, dir)
		recovered := time.Since(began)
		if round == 0 {
			nc := p.connect(t)
			js, err := jetstream.New(nc)
			must(t, err)
			must(t, setUp(t.Context(), js))
			nc.Close()
		} else {
			d.compare(t, p)
		}
		d.work(t, p, round, rng)
		d.report(t, p, round)
		t.Logf("round %d: started in %v, %d answers in all", round, recovered.Round(time.Millisecond), d.confirmed.Load())
	}
	p := launch(t, dir)
	d.compare(t, p)
	d.finish(t, p)
	d.report(t, p, rounds)
}

func (d *told) report(t *testing.T, p *process, round int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, err := range d.problems {
		if i == 20 {
			t.Errorf("and %d more", len(d.problems)-i)
			break
		}
		t.Errorf("round %d: %v", round, err)
	}
	if len(d.problems) > 0 {
		t.Fatalf("server:\n%s", p.log)
	}
}

// work lets clients work until the server has given a number of answers, and kills
// it.
func (d *told) work(t *testing.T, p *process, round int, rng *rand.Rand) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	started := time.Now()
	var group sync.WaitGroup
	run := func(name string, f func(c *client)) {
		nc := p.connect(t)
		js, err := jetstream.New(nc)
		must(t, err)
		c := &client{told: d, nc: nc, js: js, name: fmt.Sprintf("r%d-%s", round, name), rng: rand.New(rand.NewPCG(rng.Uint64(), 1))}
		group.Go(func() {
			defer nc.Close()
			f(c)
		})
	}
	enough := d.confirmed.Load() + 500 + int64(rng.IntN(8000))
	for i := range 2 {
		run(fmt.Sprint("async", i), func(c *client) { c.publishAsync(ctx) })
		run(fmt.Sprint("sync", i), func(c *client) { c.publish(ctx, plain, "plain.sync", nil) })
		run(fmt.Sprint("jobs", i), func(c *client) { c.publish(ctx, jobs, "jobs.x", nil) })
		run(fmt.Sprint("worker", i), func(c *client) { c.consume(ctx, jobs, "worker") })
		run(fmt.Sprint("n", i), func(c *client) { c.consume(ctx, news, fmt.Sprint("n", i+1)) })
	}
	for i := range 3 {
		run(fmt.Sprint("keys", i), func(c *client) { c.compareAndSet(ctx, started) })
	}
	run("news", func(c *client) { c.publish(ctx, news, "news.x", nil) })
	run("short", func(c *client) { c.publish(ctx, ttl, "ttl.short", nats.Header{"Nats-TTL": {"1s"}}) })
	run("long", func(c *client) { c.publish(ctx, ttl, "ttl.long", nats.Header{"Nats-TTL": {"24h"}}) })
	run("hopeless", func(c *client) { c.publish(ctx, hopeless, "hopeless.x", nil) })
	run("h", func(c *client) { c.consume(ctx, hopeless, "h") })

	limit := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for over := false; !over && d.confirmed.Load() < enough; {
		select {
		case <-limit:
			over = true
		case <-tick.C:
		}
	}
	p.kill()
	stop()
	group.Wait()
}

// content reads a stream.
func content(t *testing.T, js jetstream.JetStream, stream string) (map[uint64]string, *jetstream.StreamInfo) {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	must(t, err)
	info, err := s.Info(t.Context(), jetstream.WithDeletedDetails(true))
	must(t, err)
	all := map[uint64]string{}
	deleted := map[uint64]bool{}
	for _, seq := range info.State.Deleted {
		deleted[seq] = true
	}
	if info.Config.Retention != jetstream.LimitsPolicy {
		for seq := info.State.FirstSeq; info.State.Msgs > 0 && seq <= info.State.LastSeq; seq++ {
			if deleted[seq] {
				continue
			}
			m, err := s.GetMsg(t.Context(), seq)
			if err != nil {
				t.Fatalf("stream %s: message %d: %v", stream, seq, err)
			}
			all[seq] = string(m.Data)
		}
	} else {
		read(t, s, all)
	}
	if info.State.Msgs != uint64(len(all)) && stream != ttl {
		t.Errorf("stream %s: state counts %d messages, there are %d", stream, info.State.Msgs, len(all))
	}
	return all, info
}

// read takes all messages of a stream with an ordered consumer.
func read(t *testing.T, s jetstream.Stream, all map[uint64]string) {
	t.Helper()
	cons, err := s.CreateConsumer(t.Context(), jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	must(t, err)
	for left := cons.CachedInfo().NumPending; left > 0; {
		batch, err := cons.FetchNoWait(5000)
		must(t, err)
		got := 0
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			must(t, err)
			all[meta.Sequence.Stream] = string(m.Data())
			left = meta.NumPending
			got++
		}
		must(t, batch.Error())
		if got == 0 {
			return
		}
	}
	must(t, s.DeleteConsumer(t.Context(), cons.CachedInfo().Name))
}

// compare compares what clients were told with what there is.
func (d *told) compare(t *testing.T, p *process) {
	t.Helper()
	nc := p.connect(t)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(t, err)
	for _, stream := range []string{plain, jobs, news, ttl, hopeless, keys} {
		all, info := content(t, js, stream)
		d.mu.Lock()
		d.compareStream(stream, all, info)
		d.mu.Unlock()
	}
	d.compareLetters(t, js)
	d.compareKeys(t, js)
}

func (d *told) fail(format string, args ...any) {
	d.problems = append(d.problems, fmt.Errorf(format, args...))
}

func (d *told) compareStream(stream string, all map[uint64]string, info *jetstream.StreamInfo) {
	if info.State.LastSeq < d.lastOf[stream] {
		d.fail("stream %s: last sequence %d, there was %d", stream, info.State.LastSeq, d.lastOf[stream])
	}
	seen := map[string]uint64{}
	for seq, id := range all {
		if d.sent[id] != stream {
			d.fail("stream %s: %d is %q, which nobody published", stream, seq, id)
		}
		if seen[id] != 0 {
			d.fail("stream %s: %s is at %d and %d", stream, id, seen[id], seq)
		}
		seen[id] = seq
		if was, ok := d.stored[stream][seq]; ok && was != id {
			d.fail("stream %s: %d is %s, and was %s", stream, seq, id, was)
		}
		if d.expired[id] {
			d.fail("stream %s: %s is back", stream, id)
		}
		if stream == jobs && d.acked["worker "+id] || stream == news && d.acked["n1 "+id] && d.acked["n2 "+id] {
			d.fail("stream %s: %s is back after its acknowledgement was confirmed", stream, id)
		}
		// From now on it is known to be there.
		if d.stored[stream] == nil {
			d.stored[stream] = map[uint64]string{}
		}
		d.stored[stream][seq] = id
	}
	for seq, id := range d.stored[stream] {
		if _, ok := all[seq]; ok {
			continue
		}
		switch {
		case stream == jobs && d.acking["worker "+id], stream == news && d.acking["n1 "+id] && d.acking["n2 "+id]:
		case stream == keys:
		case stream == ttl && info.State.Msgs > 0 && d.short(id):
			d.expired[id] = true
		default:
			d.fail("stream %s: %s is lost, it was acknowledged as %d", stream, id, seq)
		}
	}
}

// short reports whether a message was to live for a second only.
func (d *told) short(id string) bool {
	for i := 0; i+5 <= len(id); i++ {
		if id[i:i+5] == "short" {
			return true
		}
	}
	return false
}

// compareLetters: there is at most one letter of a message.
func (d *told) compareLetters(t *testing.T, js jetstream.JetStream) map[string]int {
	t.Helper()
	all, _ := content(t, js, dead)
	letters := map[string]int{}
	for _, id := range all {
		letters[id]++
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, n := range letters {
		if n != 1 {
			d.fail("%d letters of %s", n, id)
		}
		if d.acked["h "+id] {
			d.fail("a letter of %s, whose acknowledgement was confirmed", id)
		}
	}
	return letters
}

// compareKeys reads the keys and checks the round's operations on them.
func (d *told) compareKeys(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	kv, err := js.KeyValue(t.Context(), "keys")
	must(t, err)
	for _, key := range []string{"a", "b", "c"} {
		last := keyState{}
		if e, err := kv.Get(t.Context(), key); err == nil {
			last = keyState{string(e.Value()), e.Revision()}
		}
		history := append(d.keys[key], porcupine.Operation{
			ClientId: 0, Input: keyInput{get: true}, Output: keyOutput{known: true, value: last.value, revision: last.revision},
			Call: never - 1, Return: never - 1,
		})
		switch porcupine.CheckOperationsTimeout(keyModel(d.initial[key]), history, 30*time.Second) {
		case porcupine.Illegal:
			d.fail("key %s: %d operations, from %+v to %+v, cannot be put in an order", key, len(history), d.initial[key], last)
		case porcupine.Unknown:
			d.fail("key %s: no order of %d operations was found in time", key, len(history))
		case porcupine.Ok:
		}
		d.keys[key], d.initial[key] = nil, last
	}
}

// finish takes everything that is left: of each message somebody has been told.
func (d *told) finish(t *testing.T, p *process) {
	t.Helper()
	nc := p.connect(t)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(t, err)
	for _, c := range [][2]string{{jobs, "worker"}, {news, "n1"}, {news, "n2"}, {hopeless, "h"}} {
		d.drain(t, js, c[0], c[1])
	}
	letters := d.compareLetters(t, js)
	d.mu.Lock()
	defer d.mu.Unlock()
	for seq, id := range d.stored[hopeless] {
		if letters[id] == 0 && !d.acking["h "+id] {
			d.fail("%s (%d) is neither acknowledged nor a dead letter", id, seq)
		}
	}
}

// drain takes all messages of a consumer, each as often as it may come.
func (d *told) drain(t *testing.T, js jetstream.JetStream, stream, consumer string) {
	t.Helper()
	before, _ := content(t, js, stream)
	cons, err := js.Consumer(t.Context(), stream, consumer)
	must(t, err)
	came := map[uint64]bool{}
	for {
		batch, err := cons.Fetch(1000, jetstream.FetchMaxWait(4*ackWait))
		must(t, err)
		got := 0
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			must(t, err)
			came[meta.Sequence.Stream] = true
			got++
			d.note(func() {
				if d.acked[consumer+" "+string(m.Data())] {
					d.fail("stream %s: %s is delivered to %s after its acknowledgement was confirmed", stream, m.Data(), consumer)
				}
			})
			if stream != hopeless {
				must(t, m.DoubleAck(t.Context()))
			}
		}
		if got == 0 {
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for seq, id := range before {
		if !came[seq] && !d.acking[consumer+" "+id] && stream != hopeless {
			d.fail("stream %s: %s (%d) is neither acknowledged nor delivered to %s", stream, id, seq, consumer)
		}
	}
}
