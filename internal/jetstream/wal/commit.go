package wal

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// commitLoop writes one batch after the other until the log is closed or
// poisoned. One per log.
func (l *Log) commitLoop() {
	defer l.loops.Done()
	defer l.refuseOverwrites()
	idle := time.NewTimer(0)
	<-idle.C
	unproven := false // no batch follows the last one that has entries
	company := false  // several appended to the last batch
	for {
		if company {
			// Those who were just told, and others who are ready, get the processor
			// first: their next entries share one sync instead of taking two.
			runtime.Gosched()
		}
		if err := l.overwrite(); err != nil {
			l.poison(err)
			l.abandon()
			return
		}
		b, closed := l.take(false)
		noRoom := false // for a marker that is due
		if b == nil && unproven && (closed || l.waiting() || !l.sleep(idle)) {
			b, closed = l.take(true)
			noRoom = b == nil
		}
		if b == nil {
			if err := l.catchUp(noRoom); err != nil {
				l.poison(err)
				l.abandon()
				return
			}
			if closed {
				return
			}
			if !unproven {
				<-l.wake
			}
			continue
		}
		err := l.write(b)
		if err != nil {
			l.poison(err)
			b.finish(err)
			l.abandon()
			return
		}
		unproven = len(b.waiters) > 0
		company = len(b.waiters) > 1
		l.settle(b)
		b.finish(nil)
		l.reuse(b)
	}
}

// sleep reports true when there may be something to write, false when the log
// was idle for the time after which a marker is due.
func (l *Log) sleep(idle *time.Timer) bool {
	wait := l.opts.IdleMarker
	if l.unsynced > 0 {
		wait = min(wait, l.opts.SyncInterval)
	}
	idle.Reset(wait)
	defer idle.Stop()
	select {
	case <-l.wake:
		return true
	case <-idle.C:
		return false
	}
}

// take closes the open batch and gives it a place. It returns nil if there is
// nothing to write: no entries, no news of retired files, no marker wanted.
func (l *Log) take(marker bool) (b *batch, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	closed = l.mu.closed
	switch {
	case len(l.mu.open.waiters) > 0:
		if !l.fitsLocked(l.mu.open.sizeWith(0, 0)) {
			l.activateLocked()
		}
	case marker || l.mu.retirePending && !closed:
		if !l.markerFitsLocked() {
			if l.mu.retirePending && l.mu.prepareErr == nil { // else it tries again by itself
				l.mu.preparing = true
				signal(l.prep)
			}
			return nil, closed
		}
	default:
		return nil, closed
	}
	b, l.mu.open, l.next = l.mu.open, l.next, nil
	b.file = l.mu.tail
	b.sync = l.opts.SyncInterval == 0 || closed || marker || l.mu.retirePending || l.mu.syncWanted > l.mu.syncDone
	b.syncWanted = l.mu.syncWanted
	b.header = batchHeader{
		incarnation: b.file.incarnation,
		number:      b.file.number,
		seq:         l.nextSeq,
		offset:      l.mu.tailOff,
		oldest:      l.mu.oldest,
		prev:        l.prevSum,
	}
	l.mu.tailOff += b.sizeWith(0, 0)
	l.mu.room.Broadcast()
	return b, closed
}

// markerFitsLocked makes room for a batch without entries, which may use the
// reserve of its file. Without any room it has to wait for a file.
func (l *Log) markerFitsLocked() bool {
	if l.tailTakesMarkerLocked() {
		return true
	}
	if len(l.mu.prepared) == 0 {
		return false
	}
	l.activateLocked()
	return true
}

func (l *Log) tailTakesMarkerLocked() bool {
	return l.mu.tail != nil && l.mu.tailOff+blockSize <= l.mu.tail.size
}

// write brings a batch to the disk: one write, one sync unless that may wait.
func (l *Log) write(b *batch) error {
	if l.unsynced > 0 && l.dirty != b.file {
		if err := l.sync(); err != nil {
			return err
		}
	}
	b.header.unsynced = l.unsynced
	buf := b.seal(b.header)
	if _, err := b.file.disk.WriteAt(buf, b.header.offset); err != nil {
		return fmt.Errorf("%w: write %s at %d: %w", ErrPoisoned, fileName(b.file.number), b.header.offset, err)
	}
	l.nextSeq, l.prevSum = b.header.seq+1, b.header.sum
	l.dirty = b.file
	l.unsynced++
	b.written()
	if !b.sync && time.Since(l.synced) < l.opts.SyncInterval {
		return nil
	}
	return l.sync()
}

// waiting reports whether somebody waits in Sync.
func (l *Log) waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.syncWanted > l.mu.syncDone
}

// catchUp syncs what is written if somebody waits for it or there is no room for the
// marker that would have it synced, while there is nothing to write.
func (l *Log) catchUp(due bool) error {
	l.mu.Lock()
	want, file := l.mu.syncWanted, l.mu.tail
	due = due || want > l.mu.syncDone
	end := Position{Batch: l.nextSeq, Prev: l.prevSum, Oldest: l.mu.oldest, Offset: l.mu.tailOff}
	l.mu.Unlock()
	if !due {
		return nil
	}
	if l.unsynced > 0 {
		if err := l.sync(); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if file != nil && end.Batch > l.mu.end.Batch {
		end.File = file.number
		l.mu.end = end
	}
	l.mu.syncDone = max(l.mu.syncDone, want)
	l.mu.room.Broadcast()
	return nil
}

// sync makes durable what is written.
func (l *Log) sync() error {
	if err := l.dirty.disk.Sync(); err != nil {
		return fmt.Errorf("%w: sync %s: %w", ErrPoisoned, fileName(l.dirty.number), err)
	}
	l.unsynced = 0
	if l.opts.SyncInterval > 0 {
		l.synced = time.Now()
	}
	return nil
}

// reuse makes a written batch the next open one.
func (l *Log) reuse(b *batch) {
	b.reset(l.opts.BatchBytes)
	l.next = b
}

// settle acts on what a durable batch says of retired files.
func (l *Log) settle(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unsynced > 0 {
		return
	}
	l.mu.end = Position{
		File: b.header.number, Offset: b.header.offset + b.header.size(),
		Batch: b.header.seq + 1, Prev: b.header.sum, Oldest: b.header.oldest,
	}
	if l.mu.syncDone < b.syncWanted {
		l.mu.syncDone = b.syncWanted
		l.mu.room.Broadcast()
	}
	if !l.mu.retirePending {
		return
	}
	l.mu.retirePending = l.mu.oldest != b.header.oldest
	files := *l.active.Load()
	n := slices.IndexFunc(files, func(f *file) bool { return f.number >= b.header.oldest })
	l.mu.retired = append(l.mu.retired, files[:n]...)
	rest := slices.Clone(files[n:])
	l.active.Store(&rest)
	l.mu.preparing = true
	signal(l.prep)
}

// poison stops the log for good.
func (l *Log) poison(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.err = err
	l.mu.room.Broadcast()
}

// abandon tells those whose entries were accepted and will not be written.
func (l *Log) abandon() {
	l.mu.Lock()
	b, err := l.mu.open, l.mu.err
	l.mu.open = newBatch()
	l.mu.Unlock()
	b.finish(err)
}
