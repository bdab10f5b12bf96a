package store

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
)

const (
	// stateOwnFile is the size from which a state gets a file of its own, and that of
	// the parts it is taken in.
	stateOwnFile = 256 << 10
	// keptInline is how many bytes of kept records a checkpoint takes of a group;
	// more of them go to a segment first.
	keptInline = 64 << 10
)

// generation is a checkpoint that is on the disk.
type generation struct {
	head     checkpointHead
	sections map[Group]sectionRef
	whole    bool // what it has not was deleted
}

// sectionRef says where a section is.
type sectionRef struct {
	file      uint64 // the number of the checkpoint
	off       int64
	length    int
	applied   wal.Index
	stateFile uint64 // 0: none
	stateSize int64
	end       wal.Position // of the log when the state was taken; unknown after a start
}

// checkpointRun is the writing of one checkpoint. It belongs to the keeper.
type checkpointRun struct {
	s       *Store
	number  uint64
	end     wal.Position // of the log when it began
	touched map[Group]wal.Index
	all     bool // nobody knows which groups the log touched
	large   bool // large states are written whether it is worth it or not
	applied map[Group]wal.Index

	disk     vfs.File
	off      int64 // of buf in the file
	buf      []byte
	sections map[Group]sectionRef
	count    int
	scratch  []byte
	head     checkpointHead
	old      map[uint64]vfs.File // checkpoints that sections are copied from
	taken    []*group            // whose changes since the last one this one has
	doomed   []doomedFile        // segments that nothing refers to
	sparse   []sparseSegment     // segments that are worth to be written anew
}

// checkpoint writes a checkpoint and lets go of what only older ones need. all:
// large states, too, that have changed little. Under s.keep.
func (s *Store) checkpoint(all bool) error {
	if err := s.writeCheckpoint(all); err != nil {
		return err
	}
	return s.retireLater()
}

// writeCheckpoint is checkpoint that leaves the log as it is.
func (s *Store) writeCheckpoint(all bool) error {
	r := &checkpointRun{
		large: all,
		s:     s, number: s.keep.number + 1, end: s.log.End(),
		touched: map[Group]wal.Index{}, applied: map[Group]wal.Index{}, sections: map[Group]sectionRef{},
		old: map[uint64]vfs.File{},
	}
	defer func() {
		for _, disk := range r.old {
			_ = disk.Close() // it was only read
		}
	}()
	r.scan()
	tmp := s.path(checkpointName(r.number) + tmpSuffix)
	if err := s.removeIfThere(tmp); err != nil {
		return err
	}
	disk, err := s.opts.FS.Create(tmp)
	if err != nil {
		return err
	}
	r.disk, r.off = disk, checkpointHeader
	err = r.write()
	err = errors.Join(err, disk.Close())
	if err == nil {
		err = s.opts.FS.Rename(tmp, s.path(checkpointName(r.number)))
	}
	if err == nil {
		if err = s.opts.FS.SyncDir(s.opts.Dir); err != nil {
			err = &syncError{err}
		}
	}
	if err != nil {
		for _, gr := range r.taken {
			s.markChanged(gr) // what was written of it is not in a checkpoint
		}
		for _, d := range r.doomed {
			d.segment.doomed = false
		}
		_ = s.opts.FS.Remove(tmp) // if it is still there, the next attempt removes it
		return fmt.Errorf("write %s: %w", checkpointName(r.number), err)
	}
	s.keep.doomed = append(s.keep.doomed, r.doomed...)
	s.keep.sparse = append(s.keep.sparse, r.sparse...)
	return s.settle(&generation{head: r.head, sections: r.sections, whole: true})
}

const tmpSuffix = ".tmp"

func (s *Store) removeIfThere(name string) error {
	if err := s.opts.FS.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// scan finds which groups the log has touched since the last checkpoint.
func (r *checkpointRun) scan() {
	from := r.s.keep.position
	for rec, err := range r.s.entries(from, r.end) {
		if err != nil {
			r.all = true
			continue
		}
		r.touched[rec.Group] = max(r.touched[rec.Group], rec.Index)
	}
}

// write writes all sections, the node's last: then every group in it was there
// before, or was deleted since.
func (r *checkpointRun) write() error {
	groups, dropped := r.s.groupsFor(r.number)
	for _, gr := range groups {
		if gr.files.group == NodeGroup {
			continue
		}
		if err := r.group(gr); err != nil {
			return err
		}
	}
	if gr := r.s.lookup(NodeGroup); gr != nil {
		if err := r.group(gr); err != nil {
			return err
		}
	}
	if err := r.put(&section{kind: droppedList, dropped: dropped}, sectionRef{}); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	// A state may have entries that were told of before they were synced.
	if err := r.s.log.Sync(); err != nil {
		return err
	}
	r.head = checkpointHead{
		number: r.number, sections: r.count, created: time.Now().UnixNano(),
		position: r.position(), length: r.off,
	}
	if _, err := r.disk.WriteAt(appendCheckpointHead(nil, r.head), 0); err != nil {
		return err
	}
	if err := r.disk.Sync(); err != nil {
		return &syncError{err}
	}
	return nil
}

// group writes what there is of one group: anew if it has changed.
func (r *checkpointRun) group(gr *group) error {
	g := gr.files.group
	ref, known := r.s.keep.ref(g)
	_, touched := r.touched[g]
	owner, changed := r.s.takeChanged(gr)
	if changed {
		r.taken = append(r.taken, gr)
	}
	if g == NodeGroup && owner != nil && !touched {
		// A stream may have been made since the log was looked at, and its state be in
		// this checkpoint already: the node must have it, too.
		owner.View(func(v View) { changed = changed || v.Applied != ref.applied })
	}
	if known && owner != nil && r.postpone(ref) {
		r.applied[g] = ref.applied
		r.s.markChanged(gr)
		if err := r.copySection(g, ref); err == nil {
			return nil
		}
	}
	if r.s.isLost(gr) {
		return r.put(&section{group: g, kind: stateLost}, sectionRef{})
	}
	if !known && owner == nil {
		return nil // there is nothing of it but entries of the log
	}
	if known && !touched && !changed && !r.all || owner == nil {
		r.applied[g] = ref.applied
		var damage *DamageError
		err := r.copySection(g, ref)
		if err == nil || !errors.As(err, &damage) {
			return err
		}
		r.s.opts.Log.Error("a checkpoint is damaged", "error", err)
		if owner == nil {
			r.s.markLost(gr)
			return r.put(&section{group: g, kind: stateLost}, sectionRef{})
		}
	}
	sec, err := r.encode(gr, owner)
	if err != nil {
		return err
	}
	r.applied[g] = sec.applied
	if sec.applied < r.touched[g] {
		r.s.markChanged(gr)
	}
	return r.put(&sec, sectionRef{
		applied: sec.applied, stateFile: sec.stateFile, stateSize: int64(sec.stateSize), end: r.end,
	})
}

// postpone reports whether a large state is left as it is on disk, because writing
// it would cost more than the log that a restart has to go through instead. While
// files wait to be retired it must be written: the old one may still refer to them.
func (r *checkpointRun) postpone(ref sectionRef) bool {
	if r.large || r.all || ref.stateFile == 0 || ref.end.File == 0 || len(r.s.keep.clean) > 0 {
		return false
	}
	return r.s.logged(ref.end) < min(2*ref.stateSize, 4*r.s.opts.CheckpointBytes)
}

// encode takes the state of a group. The section says what is on disk and in memory
// when the last part of the state is taken.
func (r *checkpointRun) encode(gr *group, owner Owner) (section, error) {
	f := gr.files
	if f.kept.Bytes() > keptInline {
		if err := r.s.moveKept(gr, owner); err != nil {
			return section{}, err
		}
	}
	sec := section{group: f.group, kind: stateInline}
	var state State
	var last bool
	next := func(v View) {
		if state == nil {
			state = v.State()
		}
		r.scratch = append(r.scratch[:0], make([]byte, pieceHeader)...)
		if r.scratch, last = state.Next(r.scratch, r.s.opts.stateOwnFile); last {
			sec.applied = v.Applied
			r.describe(&sec, gr, v.Index)
		}
	}
	owner.View(next)
	if sec.state = r.scratch[pieceHeader:]; last && len(sec.state) < r.s.opts.stateOwnFile {
		sec.stateSize, sec.stateSum = uint64(len(sec.state)), checksum(sec.state)
		return sec, nil
	}
	sec.kind, sec.stateFile, sec.state = stateInFile, r.number, nil
	w, err := r.s.createState(&sec)
	for err == nil {
		if err = w.part(r.scratch); err != nil || last {
			break
		}
		owner.View(next)
	}
	if err != nil {
		owner.View(func(View) { state.Drop() })
		if w != nil {
			err = errors.Join(err, w.disk.Close())
		}
		return section{}, err
	}
	return sec, w.finish(&sec)
}

// describe sets what is on disk and in memory of the group; x may be nil. The
// caller has the lock of the index.
func (r *checkpointRun) describe(sec *section, gr *group, x *index.Index) {
	f := gr.files
	if x != nil {
		for _, page := range f.kept.numbers() {
			for e := range x.InFile(inMemory | page) {
				if rec, err := f.kept.Read(nil, e); err == nil {
					sec.kept = append(sec.kept, keptRecord{e.Place, rec})
				}
			}
		}
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	sec.next = f.mu.next
	for _, n := range slices.Sorted(maps.Keys(f.mu.segments)) {
		g := f.mu.segments[n]
		if x != nil {
			messages, used := x.File(inSegment | g.number)
			switch size := g.size.Load() - segmentHeader; {
			case messages == 0:
				// It goes when no checkpoint has it.
				if !g.doomed {
					g.sealed, g.doomed = true, true
					r.doomed = append(r.doomed, doomedFile{group: f.group, segment: g, number: r.number})
				}
				continue
			case int64(used)*2 < size:
				r.sparse = append(r.sparse, sparseSegment{gr, g})
			}
		}
		sec.segments = append(sec.segments, segmentRef{g.number, g.blocks, g.size.Load()})
	}
}

// copySection takes over what the last checkpoint has of a group.
func (r *checkpointRun) copySection(g Group, ref sectionRef) error {
	b, err := r.readSection(ref)
	if err == nil {
		sec, n, ok := parseSection(b)
		if ok && n == len(b) && sec.group == g {
			return r.putBytes(g, b, ref)
		}
		err = errors.New("section does not match its checksum")
	}
	return &DamageError{Group: g, File: checkpointName(ref.file), Offset: ref.off, Err: err}
}

func (r *checkpointRun) readSection(ref sectionRef) ([]byte, error) {
	disk := r.old[ref.file]
	if disk == nil {
		var err error
		if disk, err = r.s.opts.FS.Open(r.s.path(checkpointName(ref.file))); err != nil {
			return nil, err
		}
		r.old[ref.file] = disk
	}
	b := make([]byte, ref.length)
	_, err := disk.ReadAt(b, ref.off)
	return b, err
}

func (r *checkpointRun) put(sec *section, ref sectionRef) error {
	return r.putBytes(sec.group, encodeSection(sec), ref)
}

func (r *checkpointRun) putBytes(g Group, b []byte, ref sectionRef) error {
	ref.file, ref.off, ref.length = r.number, r.off+int64(len(r.buf)), len(b)
	if g != 0 {
		r.sections[g] = ref
	}
	r.count++
	r.buf = append(r.buf, b...)
	if len(r.buf) >= writeBytes {
		return r.flush()
	}
	return nil
}

func (r *checkpointRun) flush() error {
	_, err := r.disk.WriteAt(r.buf, r.off)
	r.off += int64(len(r.buf))
	r.buf = r.buf[:0]
	return err
}

// position returns from where the log is needed with this checkpoint: behind it
// there is nothing that a state has not.
func (r *checkpointRun) position() wal.Position {
	behind := r.all
	for g, last := range r.touched {
		behind = behind || r.needs(g, last)
	}
	if !behind {
		return r.end
	}
	for rec, err := range r.s.entries(r.s.keep.position, r.end) {
		if err == nil && r.needs(rec.Group, rec.Index) {
			return rec.Batch
		}
	}
	return r.end
}

// needs reports whether the entry of a group is in no state.
func (r *checkpointRun) needs(g Group, i wal.Index) bool {
	return i > r.applied[g] && !r.s.settled(g, i)
}
