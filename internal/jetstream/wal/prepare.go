package wal

import "time"

// prepareRetry is how long prepareLoop waits after a failure, which for want of
// space is the time it takes to notice that there is room again.
const prepareRetry = time.Second

// prepareLoop keeps empty files ready and reuses retired ones. One per log; it
// ends with stop.
func (l *Log) prepareLoop() {
	defer l.loops.Done()
	for {
		var retry <-chan time.Time
		if err := l.prepare(); err != nil {
			retry = time.After(prepareRetry)
		}
		select {
		case <-l.stop:
			return
		default:
		}
		select {
		case <-l.stop:
			return
		case <-l.prep:
		case <-retry:
		}
	}
}

// prepare makes files until there are enough, or as many as there may be.
func (l *Log) prepare() error {
	for {
		old, number, work := l.nextJob()
		if !work {
			return nil
		}
		f, err := l.makeReady(old, number)
		l.mu.Lock()
		if f != nil {
			l.mu.prepared = append(l.mu.prepared, f)
			l.mu.nextNumber = f.number + 1
		}
		l.mu.prepareErr = err
		if err != nil {
			l.mu.preparing = false
		}
		l.mu.room.Broadcast()
		l.mu.Unlock()
		signal(l.wake) // a record of retired files may have waited for room
		if err != nil {
			return err
		}
	}
}

// nextJob returns a retired file to see to, or nil to make one from nothing, and
// the number it would get, 0 if there are files enough.
func (l *Log) nextJob() (old *file, number FileNumber, work bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	files := len(*l.active.Load()) + len(l.mu.prepared)
	free := files < l.opts.MaxFiles || l.retireStuckLocked()
	if n := len(l.mu.retired); n > 0 && l.mu.err == nil {
		old, l.mu.retired = l.mu.retired[0], l.mu.retired[1:]
		if free {
			number = l.mu.nextNumber
		}
		return old, number, true
	}
	if l.mu.err == nil && !l.mu.closed && free && len(l.mu.prepared) < l.opts.Spare {
		return nil, l.mu.nextNumber, true
	}
	l.mu.preparing = false
	l.mu.room.Broadcast()
	return nil, 0, false
}

// retireStuckLocked reports whether nowhere is room to write down that files are
// retired: then there may be one file too many, until they are given back.
func (l *Log) retireStuckLocked() bool {
	return l.mu.retirePending && len(l.mu.prepared) == 0 && !l.tailTakesMarkerLocked()
}

// makeReady returns a ready file, or nil if the retired one is not to be used.
func (l *Log) makeReady(old *file, number FileNumber) (*file, error) {
	if old == nil {
		return l.createFile(number)
	}
	old.retire()
	if number == 0 || old.damaged.Load() || old.size != l.opts.FileSize {
		return nil, l.dispose(old)
	}
	return l.recycle(old, number)
}
