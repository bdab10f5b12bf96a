package telemetry

import (
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/vfs"
)

func TestDiskMeasuresWhatGoesToItsFiles(t *testing.T) {
	t.Parallel()
	disk := NewDisk(vfs.NewMem())
	for _, name := range []string{"00000001.wal", "other"} {
		f, err := disk.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, 10), 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := disk.Open("00000001.wal")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(make([]byte, 4), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Open("missing"); err == nil {
		t.Error("a file that is not there was opened")
	}
	for _, want := range []struct {
		kind          string
		figures       *diskFigures
		written, read uint64
		syncs         uint64
	}{{"log", &disk.log, 10, 4, 1}, {"other", &disk.other, 10, 0, 0}} {
		count, _, _ := want.figures.syncs.snapshot()
		if w, r := want.figures.written.Load(), want.figures.read.Load(); w != want.written || r != want.read || count != want.syncs {
			t.Errorf("%s: %d bytes written, %d read, %d syncs; want %d, %d, %d", want.kind, w, r, count, want.written, want.read, want.syncs)
		}
	}
}

func TestHistogramCountsUpToEachBound(t *testing.T) {
	t.Parallel()
	var h histogram
	for _, d := range []time.Duration{0, 50 * time.Microsecond, 51 * time.Microsecond, time.Millisecond, time.Hour} {
		h.add(d)
	}
	count, sum, buckets := h.snapshot()
	if count != 5 || sum != 3600.001101 {
		t.Errorf("%d durations of %v seconds, want 5 of 3600.001101", count, sum)
	}
	for bound, want := range map[float64]uint64{0.00005: 2, 0.0001: 3, 0.0005: 3, 0.001: 4, 10: 4} {
		if buckets[bound] != want {
			t.Errorf("%d durations up to %v seconds, want %d", buckets[bound], bound, want)
		}
	}
}
