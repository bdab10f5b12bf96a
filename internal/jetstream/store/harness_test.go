package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 11)) }

// options are those of a small store without chance. The marker is left to Close,
// so that no test depends on time.
func options(fsys vfs.FS, seed uint64) store.Options {
	rng := seeded(seed)
	return store.Options{
		FS: fsys, Dir: "js", FileSize: 64 << 10, MaxFiles: 12, SegmentSize: 32 << 10, MoveRate: 1 << 50,
		IdleMarker: time.Hour, Incarnation: rng.Uint64,
	}
}

// message is a record whose content follows from its number.
func message(n uint64) []byte {
	x := (n + 1) * 0x9e3779b97f4a7c15
	body := make([]byte, x>>32%400)
	for i := range body {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		body[i] = byte('a' + x>>40%6)
	}
	return record.Build(nil, &record.Message{Time: int64(n), Subject: fmt.Appendf(nil, "s.%d", n%7), Body: body})
}

// entryOf is the index entry of a record.
func entryOf(seq uint64, rec []byte, at index.Place) index.Entry {
	return index.Entry{Seq: seq, Size: uint32(len(rec)), Place: at}
}
