package jetstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

func TestPublishersAreRefusedBeforeIndexesTakeAllMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		var log bytes.Buffer
		bounded := func(cfg *jetstream.Config) { cfg.MaxIndex = 10_000 }
		srv, err := start(smallStore(m), &log, bounded)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))
		var refusal *jsapi.Error
		stored := 0
		for ; refusal == nil && stored < 1000; stored++ {
			a, _ := srv.answer(fmt.Sprintf("s.%d", stored), "m|")
			refusal = a.Error
		}
		if !errors.Is(refusal, jsapi.ErrInsufficientResources) {
			t.Fatalf("after %d subjects: %v", stored, refusal)
		}
		must(t, srv.node.Close())
		srv, err = start(smallStore(m), &log, bounded)
		must(t, err)
		if a, _ := srv.answer("s.more", "m|"); !errors.Is(a.Error, jsapi.ErrInsufficientResources) {
			t.Errorf("after a restart: %+v", a)
		}
		if _, err := srv.stream("S").Purge(jsapi.StreamPurgeRequest{Keep: 10}); err != nil {
			t.Fatal(err)
		}
		if a, ok := srv.answer("s.more", "m|"); !ok || a.Error != nil {
			t.Errorf("after a purge: %+v", a)
		}
		must(t, srv.node.Close())
	})
}

func TestPublishersAreRefusedBeforeDuplicateWindowsTakeAllMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		srv, err := start(smallStore(vfs.NewMem()), &log, func(cfg *jetstream.Config) { cfg.MaxIndex = 60_000 })
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s"}, MaxMsgs: 1}))
		var refusal *jsapi.Error
		stored := 0
		for ; refusal == nil && stored < 5000; stored++ {
			srv.publish("s", []string{jsapi.HeaderMsgID, strconv.Itoa(stored)}, "m|", func(a jsapi.PubAck) { refusal = a.Error })
			srv.client.flush()
			synctest.Wait()
		}
		if !errors.Is(refusal, jsapi.ErrInsufficientResources) {
			t.Fatalf("after %d ids: %v", stored, refusal)
		}
		must(t, srv.node.Close())
	})
}
