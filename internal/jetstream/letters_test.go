package jetstream_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

func deadLetters(to string) map[string]string {
	return map[string]string{consumer.MetadataDeadLetter: to}
}

func TestConsumerWhoseDeadLettersHaveNoPlaceIsRefused(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		w.create(jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}})
		w.create(jsapi.StreamConfig{Name: "DEAD", Subjects: []string{"dead.>"}})
		w.create(jsapi.StreamConfig{Name: "I", Subjects: []string{"interest"}, Retention: jsapi.RetainInterest})
		w.create(jsapi.StreamConfig{Name: "SEALED", Subjects: []string{"sealed"}})
		w.update("SEALED", func(c *jsapi.StreamConfig) { c.Sealed = true })
		f := func(to, filter, want string) {
			t.Helper()
			err := w.createConsumer("S", jsapi.ConsumerConfig{Durable: "C", FilterSubject: filter, MaxDeliver: 1, Metadata: deadLetters(to), AckPolicy: jsapi.AckExplicit})
			if err == nil || !strings.Contains(err.Error(), want) {
				w.t.Errorf("dead letters on %q: error %v, want one with %q", to, err, want)
			}
		}
		f("dead.*", "", "without wildcards")
		f("dead letters", "", "without wildcards")
		f("nowhere", "", "no stream of the account captures it")
		f("interest", "", "only while consumers want them")
		f("sealed", "", "is sealed")
		f("s.dead", "", "its own dead letters")
		f("s.dead", "s.*", "its own dead letters")
		ok := jsapi.ConsumerConfig{Durable: "C", FilterSubject: "s.work", MaxDeliver: 1, Metadata: deadLetters("s.dead"), AckPolicy: jsapi.AckExplicit}
		must(t, w.createConsumer("S", ok))
		must(t, fault(w.account.DeleteStream("DEAD")))
		must(t, w.createConsumer("S", ok)) // nothing new is asked for
		ok.Metadata = deadLetters("dead.c")
		if err := w.createConsumer("S", ok); err == nil {
			t.Error("an update to dead letters without a place is taken")
		}
	})
}

func TestMessageStaysPendingWhileItsDeadLetterHasNoPlace(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		w.create(jsapi.StreamConfig{Name: "W", Subjects: []string{"w"}, Retention: jsapi.RetainWorkQueue})
		dead := jsapi.StreamConfig{Name: "DEAD", Subjects: []string{"dead.>"}, MaxMsgs: 1, Discard: jsapi.DiscardNew, MaxMsgSize: 10}
		w.create(dead)
		must(t, w.createConsumer("W", jsapi.ConsumerConfig{
			Durable: "C", MaxDeliver: 2, AckWait: time.Second, Metadata: deadLetters("dead.w"), AckPolicy: jsapi.AckExplicit,
		}))
		advised := 0
		w.client.listen("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", func(got) { advised++ })
		must(t, fault(w.account.DeleteStream("DEAD")))
		w.put("w", "too large for the limit of the other stream", "Nats-Msg-Id", "1", "Kept", "yes")
		w.put("w", "second")
		second := ""
		w.pull("W", "C", 2, time.Minute, func(g got) {
			if g.body == "second" {
				second = g.reply
			}
		})
		synctest.Wait()
		w.ack(second, "+TERM no use", nil)
		later(10 * time.Second)
		w.pull("W", "C", 10, time.Minute, func(got) {})
		later(10 * time.Second)
		if st := w.stream("W").State(); st.Msgs != 2 {
			t.Errorf("without a place for dead letters: %+v", st)
		}
		if !strings.Contains(w.log.String(), "its dead letter has no place to go") {
			t.Error("the log does not tell of it")
		}
		if advised == 0 {
			t.Error("no advisory tells of it")
		}
		w.crash()
		later(10 * time.Second)
		w.create(dead)
		w.put("dead.other", "full")
		later(30 * time.Second)
		if a, b := w.stream("W").State(), w.stream("DEAD").State(); a.Msgs != 2 || b.Msgs != 1 {
			t.Errorf("while the stream of dead letters is full: %+v and %+v", a, b)
		}
		w.update("DEAD", func(c *jsapi.StreamConfig) { c.MaxMsgs = 10 })
		later(30 * time.Second)
		if a, b := w.stream("W").State(), w.stream("DEAD").State(); a.Msgs != 0 || b.Msgs != 3 {
			t.Errorf("with room: %+v and %+v", a, b)
		}
		w.crash()
		later(30 * time.Second)
		text := strings.Join(w.list("DEAD"), "\n")
		for _, want := range []string{
			"dead.w too large", "dead.w second", "[Kept: yes]", "[Tidings-Dead-Letter-Stream: W]", "[Tidings-Dead-Letter-Sequence: 1]",
			"[Tidings-Dead-Letter-Subject: w]", "[Tidings-Dead-Letter-Consumer: C]", "[Tidings-Dead-Letter-Reason: max_deliveries]",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("dead letters have no %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "Nats-Msg-Id") {
			t.Errorf("dead letters have the id of the message:\n%s", text)
		}
	})
}

// TestManyDeadLettersAtATimeAllArrive has more given up in one turn than one step of
// the log takes.
func TestManyDeadLettersAtATimeAllArrive(t *testing.T) {
	for name, f := range map[string]func(*jsapi.StreamConfig, *jsapi.StreamConfig){
		"on disk":   func(_, _ *jsapi.StreamConfig) {},
		"in memory": func(w, dead *jsapi.StreamConfig) { w.Storage, dead.Storage = jsapi.MemoryStorage, jsapi.MemoryStorage },
	} {
		t.Run(name, func(t *testing.T) {
			copyTest(t, func(w *copyWorld) {
				work := jsapi.StreamConfig{Name: "W", Subjects: []string{"w"}, Retention: jsapi.RetainWorkQueue}
				dead := jsapi.StreamConfig{Name: "DEAD", Subjects: []string{"dead.>"}}
				f(&work, &dead)
				w.create(work)
				w.create(dead)
				must(t, w.createConsumer("W", jsapi.ConsumerConfig{
					Durable: "C", MaxDeliver: 1, AckWait: time.Second, Metadata: deadLetters("dead.w"), AckPolicy: jsapi.AckExplicit,
				}))
				const n = 100
				for range n {
					w.put("w", strings.Repeat("x", 3000))
				}
				w.pull("W", "C", n, 0, func(got) {})
				later(time.Minute)
				if a, b := w.stream("W").State(), w.stream("DEAD").State(); a.Msgs != 0 || b.Msgs != n {
					t.Errorf("%d messages are left, %d are dead letters", a.Msgs, b.Msgs)
				}
				if work.Storage == jsapi.MemoryStorage {
					return
				}
				w.crash()
				if a, b := w.stream("W").State(), w.stream("DEAD").State(); a.Msgs != 0 || b.Msgs != n {
					t.Errorf("after a crash %d messages are left, %d are dead letters", a.Msgs, b.Msgs)
				}
			})
		})
	}
}

func TestDeadLettersThatWaitForRoomCountOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		srv, err := start(smallStore(m), io.Discard, func(cfg *jetstream.Config) { cfg.MaxBufferedBytes = 64 << 10 })
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s"}}))
		must(t, srv.createStream(jsapi.StreamConfig{Name: "W", Subjects: []string{"w"}, Retention: jsapi.RetainWorkQueue}))
		must(t, srv.createStream(jsapi.StreamConfig{Name: "DEAD", Subjects: []string{"dead"}}))
		must(t, srv.createConsumer("W", jsapi.ConsumerConfig{Durable: "c", MaxDeliver: 1, AckPolicy: jsapi.AckExplicit, Metadata: deadLetters("dead")}))
		body := strings.Repeat("x", 3000)
		for range 100 {
			srv.answer("w", body)
		}
		var replies []string
		srv.pull("W", "c", 100, 0, func(g got) { replies = append(replies, g.reply) })
		synctest.Wait()
		m.SetCapacity(m.Used())
		for full := false; !full; {
			a, _ := srv.answer("s", body)
			full = a.Error != nil
		}
		for _, reply := range replies {
			srv.ack(reply, "+TERM", nil)
			synctest.Wait()
		}
		pass(patience) // as many tries
		synctest.Wait()
		if st := srv.stream("DEAD").State(); st.Msgs == uint64(len(replies)) {
			t.Error("the disk is not full")
		}
		m.SetCapacity(0)
		pass(5 * time.Minute)
		synctest.Wait()
		if st := srv.stream("DEAD").State(); st.Msgs != uint64(len(replies)) {
			t.Errorf("%d dead letters of %d", st.Msgs, len(replies))
		}
		if a, ok := srv.answer("dead", "more"); !ok || a.Error != nil {
			t.Errorf("publishing when there is room: %+v", a)
		}
		must(t, srv.node.Close())
		srv, err = start(smallStore(m.AfterPowerLoss(nil)), io.Discard)
		must(t, err)
		for seq := range uint64(len(replies)) {
			if got, ok := message(srv.stream("DEAD"), seq+1); !ok || string(got.Body) != body {
				t.Errorf("dead letter %d cannot be read after the restart", seq+1)
			}
		}
		must(t, srv.node.Close())
	})
}

func TestDeadLettersThatGoInACircleComeToAnEnd(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		for _, name := range []string{"A", "B"} {
			w.create(jsapi.StreamConfig{Name: name, Subjects: []string{name}, Retention: jsapi.RetainWorkQueue})
		}
		for from, to := range map[string]string{"A": "B", "B": "A"} {
			must(t, w.createConsumer(from, jsapi.ConsumerConfig{
				Durable: "C", MaxDeliver: 1, AckWait: time.Second, Metadata: deadLetters(to), AckPolicy: jsapi.AckExplicit,
			}))
		}
		w.put("A", "runs out")
		terminated := 0
		w.put("A", "terminated")
		seen := 0
		for range 40 {
			for _, name := range []string{"A", "B"} {
				var replies []string
				w.pull(name, "C", 10, 0, func(g got) {
					seen++
					if g.body == "terminated" {
						replies = append(replies, g.reply)
					}
				})
				synctest.Wait()
				for _, reply := range replies {
					terminated++
					w.ack(reply, "+TERM", nil)
				}
				later(5 * time.Second)
			}
		}
		if seen != 2*17 || terminated != 17 {
			t.Errorf("delivered %d times, %d of them terminated, want 17 times each", seen, terminated)
		}
		text := strings.Join(append(w.list("A"), w.list("B")...), "\n")
		if !strings.Contains(text, "runs out") || !strings.Contains(text, "[Tidings-Dead-Letter-Moves: 16]") || strings.Contains(text, "terminated") {
			t.Errorf("left are:\n%s", text)
		}
		if n := strings.Count(w.log.String(), "in a circle"); n != 2 {
			t.Errorf("the log tells of it %d times", n)
		}
	})
}
