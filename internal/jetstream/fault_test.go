package jetstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

// TestFaultAtAnyCallKeepsWhatWasAcknowledged makes calls of the history go wrong,
// then looks at what the process and what the disk have left.
func TestFaultAtAnyCallKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	faults := map[string]vfs.Fault{
		"EIO on write":  {On: vfs.OpWrite},
		"short write":   {On: vfs.OpWrite, Do: vfs.Short},
		"full on sync":  {On: vfs.OpSync | vfs.OpSyncDir, Err: vfs.ErrNoSpace},
		"full on names": {On: vfs.OpRename | vfs.OpRemove | vfs.OpMkdir, Err: vfs.ErrNoSpace},
		"full on write": {On: vfs.OpWrite, Do: vfs.Short, Err: vfs.ErrNoSpace, Times: -1},
		"failing sync":  {On: vfs.OpSync},
		"EIO on names":  {On: vfs.OpCreate | vfs.OpRename | vfs.OpRemove | vfs.OpMkdir | vfs.OpSyncDir},
		"no more space": {On: vfs.OpCreate | vfs.OpPreallocate, Err: vfs.ErrNoSpace, Times: 3},
		"EIO on read":   {On: vfs.OpRead},
		"EIO on rest":   {On: vfs.OpOpen | vfs.OpList | vfs.OpSize | vfs.OpForget},
	}
	step := 5
	if testing.Short() {
		step = 97
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for nth := 1; faultAt(t, fault, nth); nth += step {
				}
			})
		})
	}
}

// faultAt runs the history with the n-th call of a kind failing. It reports whether
// there was an n-th call.
func faultAt(t *testing.T, fault vfs.Fault, nth int) bool {
	t.Helper()
	m := vfs.NewMem()
	f := vfs.NewFaulty(m, uint64(nth))
	fault.Nth = nth
	hit := false
	match := func(vfs.Call) bool { return true }
	seen := 0
	fault.Match = func(c vfs.Call) bool {
		seen++
		hit = hit || seen >= nth
		return match(c)
	}
	f.Inject(fault)
	l := &ledger{}
	var log bytes.Buffer
	srv, err := start(smallStore(f), &log)
	if err == nil {
		err = newScript(srv, l, 1).run()
		synctest.Wait()
		err = errors.Join(err, srv.node.Close())
	}
	if err != nil && !hit {
		t.Errorf("call %d was never made, yet: %v", nth, err)
	}
	f.Heal()
	for i, left := range []*vfs.Mem{m.AfterPowerLoss(nil), m} {
		if err := survives(l.upTo(len(l.facts)), left, smallStore); err != nil {
			t.Fatalf("call %d, then %d: %v\nbefore the restart:\n%s", nth, i, err, log.String())
		}
	}
	return hit
}

// answer publishes one message and returns what is answered.
func (s *server) answer(subject, body string) (answer jsapi.PubAck, answered bool) {
	s.publish(subject, nil, body, func(a jsapi.PubAck) { answer, answered = a, true })
	s.client.flush()
	synctest.Wait()
	return answer, answered
}

func TestAfterAFailedSyncNothingIsAcknowledged(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]vfs.Op{"write": vfs.OpWrite, "sync": vfs.OpSync} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := vfs.NewMem()
				f := vfs.NewFaulty(m, 1)
				var log bytes.Buffer
				srv, err := start(smallStore(f), &log)
				must(t, err)
				must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))
				must(t, srv.createConsumer("S", jsapi.ConsumerConfig{Durable: "c", AckPolicy: jsapi.AckExplicit}))
				if a, ok := srv.answer("s.a", "acknowledged|"); !ok || a.Seq != 1 {
					t.Fatalf("publish: %+v, %v", a, ok)
				}
				var to string
				srv.pull("S", "c", 1, 0, func(g got) { to = g.reply })
				synctest.Wait()
				f.Inject(vfs.Fault{On: op, Match: func(c vfs.Call) bool { return strings.Contains(c.Name, "wal") }})
				for i := range 3 {
					if a, ok := srv.answer("s.b", "refused|"); !ok || a.Error == nil || a.Seq != 0 {
						t.Errorf("publish %d after the fault: %+v, answered %v", i, a, ok)
					}
				}
				srv.ack(to, "+ACK", func() { t.Error("an acknowledgement is confirmed that cannot be stored") })
				synctest.Wait()
				if _, err := srv.stream("S").Purge(jsapi.StreamPurgeRequest{}); err == nil {
					t.Error("a purge is confirmed that cannot be stored")
				}
				if err := srv.createStream(jsapi.StreamConfig{Name: "T", Subjects: []string{"t"}}); err == nil {
					t.Error("a stream is created that cannot be stored")
				}
				if err := srv.createConsumer("S", jsapi.ConsumerConfig{Durable: "d", AckPolicy: jsapi.AckExplicit}); err == nil {
					t.Error("a consumer is created that cannot be stored")
				}
				if len(srv.node.Health()) == 0 {
					t.Error("the node says that it is well")
				}
				if m, ok := message(srv.stream("S"), 1); !ok || string(m.Body) != "acknowledged|" {
					t.Errorf("reading after the fault: %q, %v", m.Body, ok)
				}
				if err := srv.node.Close(); err == nil {
					t.Error("closing reports nothing")
				}

				again, err := start(smallStore(m.AfterPowerLoss(nil)), &log)
				must(t, err)
				all, err := again.messages("S")
				must(t, err)
				if len(all) != 1 || all[1].id != "acknowledged" {
					t.Errorf("after the restart there is %v", all)
				}
				if problems := again.node.Health(); len(problems) > 0 {
					t.Errorf("after the restart: %v", problems)
				}
				if a, ok := again.answer("s.b", "next|"); !ok || a.Seq != 2 {
					t.Errorf("publish after the restart: %+v, %v", a, ok)
				}
				must(t, again.node.Close())
			})
		})
	}
}

// TestInfoOfAStoppedStreamComesAtOnce has a command be what meets the failing disk.
func TestInfoOfAStoppedStreamComesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := vfs.NewFaulty(vfs.NewMem(), 1)
		srv, err := start(smallStore(f), io.Discard)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s"}}))
		f.Inject(vfs.Fault{On: vfs.OpWrite, Match: func(c vfs.Call) bool { return strings.Contains(c.Name, "wal") }})
		if _, err := srv.stream("S").Purge(jsapi.StreamPurgeRequest{}); err == nil {
			t.Error("a purge is confirmed that cannot be stored")
		}
		began := time.Now()
		_, lost := lostIn(t, srv)
		if took := time.Since(began); took != 0 || len(lost) == 0 {
			t.Errorf("after %v health says %v", took, lost)
		}
		_ = srv.node.Close() // it has failed
	})
}

func TestFullDiskRefusesPublishesUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		var log bytes.Buffer
		srv, err := start(smallStore(m), &log)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))
		must(t, srv.createStream(jsapi.StreamConfig{Name: "W", Subjects: []string{"w.>"}, Retention: jsapi.RetainWorkQueue}))
		must(t, srv.createConsumer("W", jsapi.ConsumerConfig{Durable: "c", AckPolicy: jsapi.AckExplicit}))
		for range 200 {
			srv.publish("w.w", nil, "work|", func(jsapi.PubAck) {})
		}
		srv.client.flush()
		synctest.Wait()
		var replies []string
		srv.pull("W", "c", 200, 0, func(g got) { replies = append(replies, g.reply) })
		synctest.Wait()
		m.SetCapacity(m.Used())
		body := strings.Repeat("x", 3000)
		stored := uint64(0)
		var refusal *jsapi.Error
		for i := range 1000 {
			a, ok := srv.answer("s.a", fmt.Sprintf("m%d|%s", i, body))
			if !ok {
				t.Fatalf("publish %d is not answered", i)
			}
			if refusal = a.Error; refusal != nil {
				break
			}
			stored = a.Seq
		}
		if refusal == nil || !errors.Is(refusal, jsapi.ErrInsufficientResources) {
			t.Fatalf("publishing to a full disk: %v after %d", refusal, stored)
		}
		for seq := range stored {
			if _, ok := message(srv.stream("S"), seq+1); !ok {
				t.Fatalf("%d cannot be read from a full disk", seq+1)
			}
		}
		// Acknowledgements use the reserve, and wait for room when that is used up.
		confirmed := 0
		for _, reply := range replies {
			srv.ack(reply, "+ACK", func() { confirmed++ })
			synctest.Wait()
		}
		t.Logf("%d messages stored, %d of %d acknowledgements confirmed on the full disk", stored, confirmed, len(replies))
		if a, _ := srv.answer("s.a", body); a.Error == nil {
			t.Errorf("publish to a full disk: %+v", a)
		}

		m.SetCapacity(0)
		pass(patience)
		synctest.Wait()
		if confirmed != len(replies) {
			t.Errorf("%d of %d acknowledgements are confirmed when there is room", confirmed, len(replies))
		}
		if a, ok := srv.answer("s.a", "later|"); !ok || a.Seq != stored+1 {
			t.Errorf("publish when there is room: %+v, %v", a, ok)
		}
		if problems := srv.node.Health(); len(problems) > 0 {
			t.Errorf("when there is room again: %v", problems)
		}
		if st := srv.stream("W").State(); st.Msgs != 0 {
			t.Errorf("%d messages are left in the work queue", st.Msgs)
		}
		must(t, srv.node.Close())
		again, err := start(smallStore(m.AfterPowerLoss(nil)), &log)
		must(t, err)
		if got := again.stream("S").State(); got.Msgs != stored+1 {
			t.Errorf("after the restart: %+v, want %d messages", got, stored+1)
		}
		if got := again.stream("W").State(); got.Msgs != 0 {
			t.Errorf("after the restart %d messages are back in the work queue", got.Msgs)
		}
		must(t, again.node.Close())
	})
}

func TestUnreadableMessageIsTheOnlyOneThatIsMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		var log bytes.Buffer
		srv, err := start(smallStore(f), &log)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))
		for i := range 5 {
			srv.answer("s.a", fmt.Sprintf("m%d|%s", i, strings.Repeat("x", 5000)))
		}
		f.Inject(vfs.Fault{On: vfs.OpRead})
		if _, ok := message(srv.stream("S"), 3); ok {
			t.Error("a message is served that cannot be read")
		}
		for seq := range uint64(5) {
			if _, ok := message(srv.stream("S"), seq+1); !ok {
				t.Errorf("message %d cannot be read after the fault", seq+1)
			}
		}
		if a, ok := srv.answer("s.a", "m5|"); !ok || a.Seq != 6 {
			t.Errorf("publish after the fault: %+v, %v", a, ok)
		}
		must(t, srv.node.Close())
	})
}
