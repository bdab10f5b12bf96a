//go:build !race

package wal_test

import (
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
)

// sink makes files that forget what is written to them.
type sink struct{ vfs.FS }

func (s sink) Create(name string) (vfs.File, error) {
	f, err := s.FS.Create(name)
	return sinkFile{f}, err
}

type sinkFile struct{ vfs.File }

func (sinkFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestAppendAllocatesNothing(t *testing.T) {
	opts := options(sink{vfs.NewMem()}, 1)
	opts.FileSize, opts.BatchBytes = 16<<20, 1<<20
	l := open(t, opts)
	list := entries(0, 10)
	done := make(chan struct{}, 1)
	c := completion(func(r wal.Result) { _ = r.Place(0); done <- struct{}{} })
	var cb wal.Completion = c
	run := func() {
		if err := l.Append(list, wal.Normal, cb); err != nil {
			t.Error(err)
		}
		<-done
	}
	for range 20 {
		run()
	}
	if got := testing.AllocsPerRun(100, run); got > 0 {
		t.Errorf("got %v allocations for ten entries, want none", got)
	}
}
