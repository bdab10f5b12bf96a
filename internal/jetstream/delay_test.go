package jetstream_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

// delayPatience is longer than any delay of the test.
const delayPatience = time.Hour

// TestDelayedMessagesSurvivePowerLoss loses the power before every call that
// changes the disk: what was acknowledged is stored once, when it is due.
func TestDelayedMessagesSurvivePowerLoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		sent, acked := map[string]bool{}, map[string]bool{}
		cancelled := map[string]bool{}
		type point struct {
			disk                   *vfs.Mem
			sent, acked, cancelled map[string]bool
		}
		clone := func(m map[string]bool) map[string]bool {
			c := map[string]bool{}
			for k := range m {
				c[k] = true
			}
			return c
		}
		var points []point
		var mu sync.Mutex // guards all of that
		f.Observe(func(c vfs.Call) {
			mu.Lock()
			defer mu.Unlock()
			if c.Op&vfs.OpChange != 0 {
				points = append(points, point{m.AfterPowerLoss(nil), clone(sent), clone(acked), clone(cancelled)})
			}
		})
		var log bytes.Buffer
		srv, err := start(smallStore(f), &log)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{
			Name: "S", Subjects: []string{"s"}, Metadata: map[string]string{stream.MetadataDelay: "true"},
		}))
		put := func(body string, header ...string) {
			t.Helper()
			mu.Lock()
			sent[body] = true
			mu.Unlock()
			srv.publish("s", append(header, jsapi.HeaderMsgID, body), body, func(a jsapi.PubAck) {
				if a.Error != nil {
					t.Errorf("%s: %v", body, a.Error)
				}
				mu.Lock()
				defer mu.Unlock()
				acked[body] = true
			})
			srv.client.flush()
			synctest.Wait()
		}
		for i := range 12 {
			put(fmt.Sprint("delayed", i), stream.HeaderDelay, fmt.Sprintf("%dms", 700*i+500))
			if i%3 == 0 {
				put(fmt.Sprint("plain", i))
				later(time.Second)
			}
			if i == 8 {
				mu.Lock()
				cancelled["delayed8"] = true
				mu.Unlock()
				srv.publish("s", []string{stream.HeaderDelay, "cancel", jsapi.HeaderMsgID, "delayed8"}, "", func(a jsapi.PubAck) {
					if a.Error != nil {
						t.Error(a.Error)
					}
				})
				srv.client.flush()
				synctest.Wait()
			}
		}
		later(time.Minute)
		must(t, srv.node.Close())
		f.Observe(nil)
		points = append(points, point{m.AfterPowerLoss(nil), sent, acked, cancelled})
		for i, p := range points {
			srv, err := start(smallStore(p.disk), &log)
			must(t, err)
			synctest.Wait()
			later(delayPatience)
			count := map[string]int{}
			if s := srv.stream("S"); s != nil {
				for seq := range s.State().LastSeq {
					if m, ok := message(srv.stream("S"), seq+1); ok {
						count[string(m.Body)]++
					}
				}
			}
			for body := range p.acked {
				if count[body] != 1 && !p.cancelled[body] {
					t.Errorf("point %d of %d: %s was acknowledged and is there %d times", i, len(points), body, count[body])
				}
			}
			for body, n := range count {
				if n > 1 || !p.sent[body] {
					t.Errorf("point %d of %d: %s is there %d times", i, len(points), body, n)
				}
			}
			must(t, srv.node.Close())
		}
		if last := points[len(points)-1]; len(last.acked) != 16 {
			t.Errorf("%d messages were acknowledged, want 16", len(last.acked))
		}
		t.Logf("%d points", len(points))
	})
}

func TestDelayedMessagesAreVisibleOnlyWhenTheyAreDue(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		for _, kind := range []jsapi.Storage{jsapi.FileStorage, jsapi.MemoryStorage} {
			name := "S" + kind.String()
			w.create(jsapi.StreamConfig{Name: name, Subjects: []string{name}, Storage: kind, Metadata: map[string]string{stream.MetadataDelay: "true"}})
			w.create(jsapi.StreamConfig{Name: "M" + name, Mirror: from(name), Storage: kind})
			must(t, w.createConsumer(name, jsapi.ConsumerConfig{Durable: "C", AckPolicy: jsapi.AckNone}))
			var delivered []string
			w.put(name, "late", stream.HeaderDelay, "90s")
			w.put(name, "early")
			w.pull(name, "C", 2, 5*time.Minute, func(g got) {
				delivered = append(delivered, fmt.Sprint(g.body, " after ", time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Truncate(time.Second)%(2*time.Minute)))
			})
			synctest.Wait()
			info := w.info(name)
			if info.State.Msgs != 1 || info.Delayed == nil || info.Delayed.Messages != 1 || info.Delayed.Bytes == 0 || time.Until(info.Delayed.Next) < time.Minute {
				t.Errorf("%s: %+v, delayed %+v", name, info.State, info.Delayed)
			}
			later(2 * time.Minute)
			if len(delivered) != 2 || delivered[0] != "early after 0s" || delivered[1] != "late after 1m30s" {
				t.Errorf("%s: delivered %q", name, delivered)
			}
			if info := w.info(name); info.Delayed != nil || info.State.Msgs != 2 {
				t.Errorf("%s: %+v, delayed %+v", name, info.State, info.Delayed)
			}
			if st := w.stream("M" + name).State(); st.Msgs != 2 {
				t.Errorf("mirror of %s: %+v", name, st)
			}
		}
	})
}
