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
		time.Sleep(s.wait)
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
		publish := func(body string) {
			srv.publish("n", nil, body, func(jsapi.PubAck) {})
			srv.client.flush()
		}
		publish("first")
		synctest.Wait()
		time.Sleep(10*time.Second - time.Millisecond)
		slow := slowSync{5 * time.Millisecond}
		f.Observe(slow.observe)
		var second jsapi.PubAck
		srv.publish("n", nil, "second", func(a jsapi.PubAck) { second = a })
		srv.client.flush()
		time.Sleep(time.Second)
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
