package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

// Stats is how much room a store takes.
type Stats struct {
	LogFiles   int   // files of the log that hold entries
	LogSpare   int   // empty ones that are kept ready
	LogBytes   int64 // of both
	Segments   int
	Bytes      int64 // of segments, before compression
	Kept       int64 // bytes of records in memory that are in no file yet
	Checkpoint uint64
	// Stuck says why the log does not get shorter; empty: it does.
	Stuck  string
	Groups []GroupStats // ascending
}

// GroupStats is how much room a group takes besides the log.
type GroupStats struct {
	Group    Group
	Attached bool
	Lost     bool // its state could not be read
	Segments int
	Bytes    int64 // of segments, before compression
	Kept     int64 // bytes of records in memory
}

// Stats returns how much room the store takes now. While the keeper is at work it
// waits for it.
func (s *Store) Stats() Stats {
	st := s.log.State()
	stats := Stats{LogFiles: st.Files, LogSpare: st.Ready, LogBytes: int64(st.Files+st.Ready) * s.opts.FileSize}
	for _, gr := range s.groupList() {
		g := GroupStats{
			Group: gr.files.group, Attached: s.ownerOf(gr) != nil, Lost: s.isLost(gr), Kept: gr.files.kept.Bytes(),
		}
		for _, seg := range gr.files.list() {
			g.Segments++
			g.Bytes += seg.size.Load()
		}
		stats.Segments += g.Segments
		stats.Bytes += g.Bytes
		stats.Kept += g.Kept
		stats.Groups = append(stats.Groups, g)
	}
	s.keep.Lock()
	defer s.keep.Unlock()
	stats.Checkpoint, stats.Stuck = s.keep.number, s.keep.stuck
	return stats
}

// LogSize returns how many bytes the files of the log have that hold entries, and
// how many they may have. It waits for nobody.
func (s *Store) LogSize() (used, most int64) {
	return int64(s.log.State().Files) * s.opts.FileSize, int64(s.opts.MaxFiles) * s.opts.FileSize
}

// ScrubReport is what Scrub has found.
type ScrubReport struct {
	Messages int
	Entries  int // of sealed log files
	Bytes    int64
	Damage   []error // a *DamageError each, or a *wal.DamageError
}

// Scrub reads all messages, the sealed files of the log and the checkpoints, and
// reports what is damaged; messages are told to Options.OnDamage, too. It reads
// rate bytes a second, 0: as many as it can, and runs beside everything else.
func (s *Store) Scrub(ctx context.Context, rate int64) (ScrubReport, error) {
	sc := scrub{s: s, ctx: ctx, rate: rate, began: time.Now()}
	err := sc.checkpoints()
	if err == nil {
		err = sc.entries()
	}
	for _, gr := range s.groupList() {
		if owner := s.ownerOf(gr); owner != nil && err == nil {
			err = sc.messages(gr.files, owner)
		}
	}
	return sc.report, err
}

type scrub struct {
	s      *Store
	ctx    context.Context //nolint:containedctx // of the one call that the scrub is
	rate   int64
	began  time.Time
	report ScrubReport
}

// read notes that n bytes were read, and waits if that was too fast.
func (sc *scrub) read(n int) error {
	sc.report.Bytes += int64(n)
	if sc.rate <= 0 {
		return sc.ctx.Err()
	}
	wait := time.Duration(float64(sc.report.Bytes)/float64(sc.rate)*float64(time.Second)) - time.Since(sc.began)
	if wait < 10*time.Millisecond {
		return sc.ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-sc.ctx.Done():
		return sc.ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (sc *scrub) damaged(g Group, err error) {
	sc.report.Damage = append(sc.report.Damage, err)
	sc.s.report(g, err)
}

// checkpoints verifies the two that are there.
func (sc *scrub) checkpoints() error {
	sc.s.keep.Lock()
	defer sc.s.keep.Unlock()
	for _, gen := range sc.s.keep.generations {
		name := checkpointName(gen.head.number)
		c, err := readCheckpoint(sc.s.opts, name)
		if err != nil {
			c = &checkpointFile{damage: []error{&DamageError{File: name, Err: err}}}
		}
		for _, err := range c.damage {
			sc.damaged(0, err)
		}
		if err := sc.read(int(c.head.length)); err != nil {
			return err
		}
	}
	return nil
}

// entries verifies the sealed files of the log.
func (sc *scrub) entries() error {
	st := sc.s.log.State()
	var buf []byte
	for n := st.Oldest; n < st.Tail; n++ {
		for rec, err := range sc.s.log.Directory(n, wal.Position{}, wal.Position{}) {
			if err == nil {
				sc.report.Entries++
				buf, err = sc.s.log.Read(buf[:0], rec.Place)
			}
			switch {
			case errors.Is(err, wal.ErrRetired):
			case wal.Damaged(err):
				sc.damaged(rec.Group, err)
			case err != nil:
				return err
			}
			if err := sc.read(len(buf)); err != nil {
				return err
			}
		}
	}
	return nil
}

// messages verifies all messages of a group.
func (sc *scrub) messages(f *Files, owner Owner) error {
	next := uint64(1)
	var list []index.Entry
	var buf []byte
	for {
		list = list[:0]
		owner.View(func(v View) {
			if v.Index == nil {
				return
			}
			for len(list) < moveEntries {
				e, ok := v.Index.Next(next, nil)
				if !ok {
					return
				}
				list, next = append(list, e), e.Seq+1
			}
		})
		if len(list) == 0 {
			return nil
		}
		slices.SortFunc(list, func(a, b index.Entry) int { // in the order on the disk
			return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Offset, b.Place.Offset))
		})
		for i := range list {
			var err error
			buf, err = f.Read(buf[:0], list[i])
			var damage *DamageError
			switch {
			case err == nil:
				sc.report.Messages++
			case errors.As(err, &damage):
				sc.damaged(f.group, err)
			case !errors.Is(err, ErrMoved):
				return fmt.Errorf("scrub group %d: %w", f.group, err)
			}
			if err := sc.read(len(buf)); err != nil {
				return err
			}
		}
	}
}
