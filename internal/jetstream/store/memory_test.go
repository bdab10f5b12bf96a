package store_test

import (
	"bytes"
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
)

func TestMemoryGivesBackWhatItKeepsUntilItIsFreed(t *testing.T) {
	t.Parallel()
	m := store.NewMemory()
	x := index.New(1)
	for seq := uint64(1); seq <= 5000; seq++ {
		rec := message(seq)
		x.Append(seq, []byte("s"), uint32(len(rec)), m.Keep(rec))
	}
	full := m.Bytes()
	for seq := uint64(1); seq <= 5000; seq++ {
		if seq%10 != 0 {
			e, _ := x.Remove(seq)
			m.Free(e)
		}
	}
	m.Compact(x)
	if left := m.Bytes(); left > full/4 {
		t.Errorf("a tenth of the records takes %d of %d bytes", left, full)
	}
	for seq := uint64(10); seq <= 5000; seq += 10 {
		e, _ := x.Get(seq)
		got, err := m.Read([]byte("x"), e)
		must(t, err)
		if !bytes.Equal(got[1:], message(seq)) {
			t.Fatalf("message %d is another", seq)
		}
		x.Remove(seq)
		m.Free(e)
		if _, err := m.Read(nil, e); err == nil && m.Bytes() == 0 {
			t.Fatal("a record is served from no page")
		}
	}
}

func TestIdleMemoryIsSmall(t *testing.T) {
	t.Parallel()
	m := store.NewMemory()
	m.Keep(message(1))
	if got := m.Bytes(); got > 1<<10 {
		t.Errorf("one record takes %d bytes", got)
	}
}

func TestFreedRecordsAreRefusedOnceTheirPageIsGone(t *testing.T) {
	t.Parallel()
	m := store.NewMemory()
	rec := bytes.Repeat([]byte("r"), 900)
	first := entryOf(1, rec, m.Keep(rec))
	m.Keep(rec) // in another page
	m.Free(first)
	_, err := m.Read(nil, first)
	wantErr(t, err, store.ErrMoved)
}
