//go:build !race && !invariants

package stream_test

import (
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

func TestPlainPublishDoesNotAllocate(t *testing.T) {
	cfg, err := (&jsapi.StreamConfig{Name: "S", Subjects: []string{"a"}, MaxMsgs: 4096}).Checked(jsapi.StreamRules{})
	if err != nil {
		t.Fatal(err)
	}
	m := stream.New(cfg, 0, nowhere{})
	rec := record.Message{Subject: []byte("a"), Body: make([]byte, 100)}
	publish := func() {
		rec.Time++
		m.Publish(rec, index.Place{File: 1})
	}
	for range 10_000 {
		publish()
	}
	if n := testing.AllocsPerRun(5000, publish); n != 0 {
		t.Errorf("a plain publish allocates %v times", n)
	}
}
