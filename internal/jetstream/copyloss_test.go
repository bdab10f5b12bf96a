package jetstream_test

import (
	"bytes"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

// TestCopiesOfStreamsThatForgetSurvivePowerLoss loses the power before every call
// that changes the disk: each acknowledged message is in the copy once, though its
// origin lets go of what was copied.
func TestCopiesOfStreamsThatForgetSurvivePowerLoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		type point struct {
			disk  *vfs.Mem
			acked map[string]bool
		}
		var mu sync.Mutex // guards what follows
		var points []point
		acked := map[string]bool{}
		f.Observe(func(c vfs.Call) {
			mu.Lock()
			defer mu.Unlock()
			if c.Op&vfs.OpChange != 0 {
				points = append(points, point{m.AfterPowerLoss(nil), maps.Clone(acked)})
			}
		})
		var log bytes.Buffer
		srv, err := start(smallStore(f), &log)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "W", Subjects: []string{"w"}, Retention: jsapi.RetainWorkQueue}))
		must(t, srv.createStream(jsapi.StreamConfig{Name: "I", Subjects: []string{"i"}, Retention: jsapi.RetainInterest}))
		must(t, srv.createStream(jsapi.StreamConfig{Name: "WM", Mirror: from("W")}))
		must(t, srv.createStream(jsapi.StreamConfig{Name: "IS", Sources: []*jsapi.StreamSource{from("I")}}))
		synctest.Wait()
		for i := range 8 {
			for _, subject := range []string{"w", "i"} {
				body := fmt.Sprint(subject, i)
				srv.publish(subject, nil, body, func(a jsapi.PubAck) {
					mu.Lock()
					defer mu.Unlock()
					acked[body] = a.Error == nil
				})
			}
			srv.client.flush()
			synctest.Wait()
			if i%3 == 0 {
				later(1500 * time.Millisecond) // the origins are told what is stored
			}
		}
		must(t, srv.node.Close())
		f.Observe(nil)
		points = append(points, point{m.AfterPowerLoss(nil), acked})
		for i, p := range points {
			srv, err := start(smallStore(p.disk), &log)
			must(t, err)
			later(10 * time.Second)
			count := map[string]int{}
			for _, name := range []string{"WM", "IS"} {
				s := srv.stream(name)
				if s == nil {
					continue
				}
				for seq := range s.State().LastSeq {
					if m, ok := message(s, seq+1); ok {
						count[string(m.Body)]++
					}
				}
			}
			for body, ok := range p.acked {
				if ok && count[body] != 1 {
					t.Errorf("point %d of %d: %s is there %d times", i, len(points), body, count[body])
				}
			}
			for _, name := range []string{"W", "I"} {
				if s := srv.stream(name); s != nil && srv.stream("IS") != nil && s.State().Msgs != 0 {
					t.Errorf("point %d of %d: stream %s still has %d messages", i, len(points), name, s.State().Msgs)
				}
			}
			must(t, srv.node.Close())
		}
		t.Logf("%d points", len(points))
	})
}
