package jetstream_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

// slowSync is a disk whose next syncs take a while.
type slowSync struct{ wait time.Duration }

func (s *slowSync) observe(c vfs.Call) {
	if c.Op == vfs.OpSync {
		pass(s.wait)
	}
}

func TestMessagesOnTheirWayWhileOthersExpireAreDecidedTheSameAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		var log bytes.Buffer
		srv, err := start(smallStore(f), &log)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{
			Name: "N", Subjects: []string{"n"}, MaxMsgs: 1, MaxAge: 10 * time.Second, Discard: jsapi.DiscardNew,
		}))
		srv.answer("n", "first")
		pass(10*time.Second - time.Millisecond)
		slow := slowSync{5 * time.Millisecond}
		f.Observe(slow.observe)
		var second jsapi.PubAck
		srv.publish("n", nil, "second", func(a jsapi.PubAck) { second = a })
		srv.client.flush()
		pass(time.Second)
		synctest.Wait()
		f.Observe(nil)
		before := srv.stream("N").State()
		left := m.AfterPowerLoss(nil)
		must(t, srv.node.Close())

		again, err := start(smallStore(left), &log)
		must(t, err)
		synctest.Wait()
		after := again.stream("N").State()
		if after.LastSeq != before.LastSeq {
			t.Errorf("second message was answered with %+v; last sequence %d before, %d after the restart", second, before.LastSeq, after.LastSeq)
		}
		must(t, again.node.Close())
	})
}

func TestMessagesThatAMirrorHasNotCopiedSurviveInAnInterestStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		var log bytes.Buffer
		srv, err := start(smallStore(f), &log)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "I", Subjects: []string{"i"}, Retention: jsapi.RetainInterest}))
		must(t, srv.createStream(jsapi.StreamConfig{Name: "M", Sources: []*jsapi.StreamSource{{Name: "I"}}}))
		synctest.Wait()
		// The power fails as soon as the message is acknowledged.
		var left *vfs.Mem
		srv.publish("i", nil, "m|", func(a jsapi.PubAck) {
			if a.Seq == 1 && left == nil {
				left = m.AfterPowerLoss(nil)
			}
		})
		srv.client.flush()
		synctest.Wait()
		must(t, srv.node.Close())

		again, err := start(smallStore(left), &log)
		must(t, err)
		synctest.Wait()
		copied, err := again.messages("M")
		must(t, err)
		if len(copied) != 1 {
			t.Errorf("the stream that copies has %d messages, want the acknowledged one", len(copied))
		}
		must(t, again.node.Close())
	})
}

func TestConsumersOfADeletedStreamReachNobody(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		count := w.client.accounts.Global().Subscriptions
		before := count()
		w.create(jsapi.StreamConfig{Name: "S", Subjects: []string{"s"}})
		s := w.stream("S")
		must(t, fault(w.account.DeleteStream("S")))
		// A mirror's goroutine may be about to do that.
		_, _, _ = s.CreateConsumer(&jsapi.ConsumerCreateRequest{Stream: "S", Config: jsapi.ConsumerConfig{Durable: "C", AckPolicy: jsapi.AckExplicit}})
		synctest.Wait()
		if n := count(); n != before {
			t.Errorf("%d subscriptions are left", n-before)
		}
	})
}
