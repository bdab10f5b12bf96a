package jetstream_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

// refilter is what two clients know of a stream with the consumers A, whose filter
// changes, and B, which gets everything.
type refilter struct {
	*server
	t  *testing.T
	mu sync.Mutex // guards what follows
	// By consumer: the messages that were delivered and not acknowledged, with their
	// reply subjects; those whose acknowledgement was sent; those of which it was
	// confirmed.
	given  map[string]map[uint64]string
	acking map[string]map[uint64]bool
	acked  map[string]map[uint64]bool
	// kept are those that were pending when A was changed, which is confirmed.
	kept map[uint64]bool
}

// keeps is what must hold after a loss of power.
type keeps struct {
	disk   *vfs.Mem
	acking map[uint64]bool // by A
	acked  map[string]map[uint64]bool
	kept   map[uint64]bool
	live   map[uint64]live // what the stream holds, if that is certain
}

func (r *refilter) fetch(name string, n int) {
	r.pull("S", name, n, 0, func(g got) {
		a, _ := jsapi.ParseAckSubject(g.reply)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.given[name][a.StreamSeq] = g.reply
	})
	synctest.Wait()
}

// done acknowledges the first n messages that a consumer was given.
func (r *refilter) done(name string, n int) {
	r.mu.Lock()
	seqs := slices.Sorted(maps.Keys(r.given[name]))
	replies := map[uint64]string{}
	for _, seq := range seqs[:min(n, len(seqs))] {
		replies[seq] = r.given[name][seq]
		r.acking[name][seq] = true
		delete(r.given[name], seq)
	}
	r.mu.Unlock()
	for seq, reply := range replies {
		r.ack(reply, "+ACK", func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.acked[name][seq] = true
		})
	}
}

func (r *refilter) change(filter string) {
	r.mu.Lock()
	pending := slices.Collect(maps.Keys(r.given["A"]))
	r.mu.Unlock()
	must(r.t, r.createConsumer("S", jsapi.ConsumerConfig{Durable: "A", FilterSubject: filter, AckPolicy: jsapi.AckExplicit, AckWait: ackWait}))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, seq := range pending {
		r.kept[seq] = true
	}
}

// snapshot is what must hold if the power is lost now.
func (r *refilter) snapshot(disk *vfs.Mem) keeps {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := keeps{disk: disk, acking: maps.Clone(r.acking["A"]), kept: maps.Clone(r.kept), acked: map[string]map[uint64]bool{}}
	for name, acked := range r.acked {
		k.acked[name] = maps.Clone(acked)
	}
	return k
}

func newRefilter(t *testing.T) *refilter {
	return &refilter{
		t:      t,
		given:  map[string]map[uint64]string{"A": {}, "B": {}},
		acking: map[string]map[uint64]bool{"A": {}, "B": {}},
		acked:  map[string]map[uint64]bool{"A": {}, "B": {}},
		kept:   map[uint64]bool{},
	}
}

func (k *keeps) check(t *testing.T, at string) {
	t.Helper()
	var log bytes.Buffer
	srv, err := start(smallStore(k.disk), &log)
	must(t, err)
	if k.live != nil {
		there, err := srv.messages("S")
		if must(t, err); !maps.Equal(there, k.live) {
			t.Errorf("%s: the stream has %v, want %v", at, slices.Sorted(maps.Keys(there)), slices.Sorted(maps.Keys(k.live)))
		}
	}
	r := newRefilter(t)
	r.server = srv
	pass(2 * ackWait)
	for name, acked := range k.acked {
		if srv.consumer("S", name) == nil {
			continue
		}
		for range 2 {
			r.fetch(name, 1000)
			pass(2 * ackWait)
		}
		for seq := range r.given[name] {
			if acked[seq] {
				t.Errorf("%s: %s is given %d again, which it has acknowledged", at, name, seq)
			}
		}
	}
	for seq := range k.kept {
		if r.given["A"][seq] == "" && !k.acking[seq] {
			t.Errorf("%s: A is not given %d again, which was pending when its filter was changed", at, seq)
		}
	}
	must(t, srv.node.Close())
}

// TestWhatIsPendingSurvivesAChangeOfTheFilter changes the filter of a consumer
// while its deliveries are not logged yet, and loses the power at every call:
// what was pending stays so, and the messages that the stream keeps for it.
func TestWhatIsPendingSurvivesAChangeOfTheFilter(t *testing.T) {
	t.Parallel()
	for name, retention := range map[string]jsapi.Retention{"limits": jsapi.RetainLimits, "interest": jsapi.RetainInterest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { refilterHistory(t, retention) })
		})
	}
}

func refilterHistory(t *testing.T, retention jsapi.Retention) {
	m := vfs.NewMem()
	f := vfs.NewFaulty(m, 1)
	r := newRefilter(t)
	var mu sync.Mutex
	var points []keeps
	f.Observe(func(c vfs.Call) {
		if c.Op&vfs.OpChange != 0 {
			mu.Lock()
			defer mu.Unlock()
			points = append(points, r.snapshot(m.AfterPowerLoss(nil)))
		}
	})
	var log bytes.Buffer
	srv, err := start(smallStore(f), &log)
	must(t, err)
	r.server = srv
	must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Retention: retention}))
	must(t, srv.createConsumer("S", jsapi.ConsumerConfig{Durable: "B", AckPolicy: jsapi.AckExplicit, AckWait: ackWait}))
	r.change("s.a")
	for i := range 48 {
		srv.answer([]string{"s.a", "s.b"}[i%2], fmt.Sprintf("m%d|", i))
	}
	for _, filter := range []string{"s.b", "s.a", "s.>", "s.b"} {
		r.fetch("A", 3)
		r.done("A", 1)
		r.fetch("B", 12) // first: its changes stand before those of A
		r.fetch("A", 2)
		r.change(filter)
		r.done("B", 11)
		synctest.Wait()
		pass(10 * time.Millisecond)
		synctest.Wait()
		k := r.snapshot(m.AfterPowerLoss(nil))
		k.live, err = srv.messages("S")
		must(t, err)
		mu.Lock()
		points = append(points, k)
		mu.Unlock()
		if filter == "s.a" {
			must(t, srv.node.Store().Checkpoint())
		}
	}
	must(t, srv.node.Close())
	f.Observe(nil)
	for i := range points {
		points[i].check(t, fmt.Sprintf("point %d of %d", i, len(points)))
	}
}

// TestStreamThatBecomesOneOfInterestKeepsTheSameAfterARestart changes the retention
// while a consumer's deliveries are not logged yet.
func TestStreamThatBecomesOneOfInterestKeepsTheSameAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		var log bytes.Buffer
		srv, err := start(smallStore(m), &log)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))
		must(t, srv.createConsumer("S", jsapi.ConsumerConfig{Durable: "acking", AckPolicy: jsapi.AckExplicit}))
		must(t, srv.createConsumer("S", jsapi.ConsumerConfig{Durable: "reading", AckPolicy: jsapi.AckNone}))
		for range 4 {
			srv.answer("s.a", "m|")
		}
		var replies []string
		srv.pull("S", "acking", 2, 0, func(g got) { replies = append(replies, g.reply) })
		srv.pull("S", "reading", 3, 0, func(got) {})
		synctest.Wait()
		cfg := srv.stream("S").Config()
		cfg.Retention = jsapi.RetainInterest
		_, refused := srv.account.UpdateStream(cfg, false)
		must(t, fault(refused))
		for _, reply := range replies {
			srv.ack(reply, "+ACK", func() {})
		}
		later(time.Second)
		before, err := srv.messages("S")
		must(t, err)
		left := m.AfterPowerLoss(nil)
		must(t, srv.node.Close())
		srv, err = start(smallStore(left), &log)
		must(t, err)
		after, err := srv.messages("S")
		if must(t, err); !maps.Equal(before, after) || len(after) != 2 {
			t.Errorf("the stream had %v and has %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
		}
		must(t, srv.node.Close())
	})
}
