package wal

import (
	"errors"
	"iter"
	"slices"
)

// Inspect yields what the log in a directory holds, as Replay does, and changes
// nothing. Nobody may have the log open. Only FS, Dir and FileSize of the options
// count. An error that is no *[DamageError] ends it.
func Inspect(opts Options) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		opts.From = Position{}
		l := &Log{opts: opts.withDefaults(), readOnly: true}
		l.active.Store(&[]*file{})
		defer func() { _ = l.closeFiles() }() // they were only read
		if err := l.find(); err != nil {
			yield(Record{}, err)
			return
		}
		var r replay
		for i := range l.found {
			if !r.step(&l.found[i], yield) {
				return
			}
		}
	}
}

// find reads all files without changing them.
func (l *Log) find() error {
	numbers, err := l.listFiles()
	if err != nil {
		return err
	}
	scans, err := l.openAll(numbers)
	if err != nil {
		return err
	}
	used, _ := l.sortOut(scans)
	dropTorn(used)
	l.found = append(l.found, chain(used, l.opts.From)...)
	for i := range used {
		if used[i].tornErr != nil && l.lastBatch() != nil {
			l.lastBatch().fail("last batch cannot be read", used[i].tornErr)
		}
	}
	return nil
}

// openAll opens and scans files.
func (l *Log) openAll(numbers []FileNumber) ([]*scan, error) {
	scans := make([]*scan, 0, len(numbers))
	var errs error
	for _, n := range numbers {
		s, err := l.openFile(n)
		if err != nil {
			errs = errors.Join(errs, err)
			break
		}
		// Every file found is in one of the lists that closeFiles goes through.
		l.mu.prepared = append(l.mu.prepared, s.file)
		scans = append(scans, s)
	}
	if errs == nil {
		errs = l.rescanLast(scans)
	}
	if errs == nil {
		l.mu.prepared = nil
	}
	return scans, errs
}

// rescanLast looks at the last file that has batches as the disk has it. What a
// failed sync left in the system's cache is not on the disk; it can only be the last
// batch that was written, as nothing is written after a failed sync.
func (l *Log) rescanLast(scans []*scan) error {
	for i, s := range slices.Backward(scans) {
		if !s.hasBatches() {
			continue
		}
		if err := s.file.disk.Forget(); err != nil {
			return err
		}
		again, err := l.scanFile(s.file.number, s.file.disk)
		if err != nil {
			return err
		}
		scans[i] = again
		l.mu.prepared[i] = again.file
		if again.hasBatches() {
			return nil
		}
	}
	return nil
}
