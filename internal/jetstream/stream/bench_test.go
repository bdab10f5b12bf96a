package stream_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// nowhere is a Space that forgets.
type nowhere struct{}

func (nowhere) Keep([]byte) index.Place                        { return index.Place{File: 2} }
func (nowhere) Read(dst []byte, _ index.Entry) ([]byte, error) { return dst, errBroken }
func (nowhere) Free(index.Entry)                               {}

func benchmark(b *testing.B, cfg jsapi.StreamConfig, subjects int, headers func(i int) []byte) {
	b.Helper()
	cfg.Name, cfg.Subjects = "S", []string{"a.>"}
	checked, err := cfg.Checked(jsapi.StreamRules{})
	if err != nil {
		b.Fatal(err)
	}
	m := stream.New(checked, 0, nowhere{})
	names := make([][]byte, subjects)
	for i := range names {
		names[i] = []byte("a." + strconv.Itoa(i))
	}
	body := make([]byte, 128)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		rec := record.Message{Time: int64(i) * int64(time.Microsecond), Subject: names[i%subjects], Body: body}
		if headers != nil {
			rec.Header = headers(i)
		}
		if d := m.Publish(rec, index.Place{File: 1, Offset: uint32(i)}); d.Err != nil {
			b.Fatal(d.Err)
		}
	}
}

func BenchmarkPublishPlain(b *testing.B) { benchmark(b, jsapi.StreamConfig{}, 1, nil) }

func BenchmarkPublishWithAge(b *testing.B) {
	benchmark(b, jsapi.StreamConfig{MaxAge: time.Second, DuplicateWindow: time.Second}, 1, nil)
}

func BenchmarkPublishToFullStream(b *testing.B) {
	benchmark(b, jsapi.StreamConfig{MaxMsgs: 100_000}, 1000, nil)
}

func BenchmarkPublishLikeKeyValue(b *testing.B) {
	benchmark(b, jsapi.StreamConfig{MaxMsgsPerSubject: 1}, 1000, nil)
}

func BenchmarkPublishWithID(b *testing.B) {
	h := header("Nats-Msg-Id: 0000000000000000")
	at := len("NATS/1.0\r\nNats-Msg-Id: ")
	benchmark(b, jsapi.StreamConfig{DuplicateWindow: time.Second}, 1, func(i int) []byte {
		for k := range 16 {
			h[at+k] = '0' + byte(i>>k&1)
		}
		for k := range 4 {
			h[at+k] = 'a' + byte(i>>(16+4*k)&15)
		}
		return h
	})
}

func BenchmarkPublishWithForeignHeaders(b *testing.B) {
	h := header("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "Content-Type: application/json")
	benchmark(b, jsapi.StreamConfig{}, 1, func(int) []byte { return h })
}
