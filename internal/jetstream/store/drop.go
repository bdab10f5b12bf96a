package store

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

// dropState is what is left to do for a group that is deleted.
type dropState struct {
	file    wal.FileNumber // later files have no entries of it
	number  uint64         // the first checkpoint without the group; 0: not written yet
	removed bool           // its files are gone
	files   *Files         // as long as they are not; nil: nobody has used them
}

// Drop says that the deletion of a group is durable: its files go once no
// checkpoint refers to them, and its owner is asked no more, but for what it is
// asked right now. It is called when the deletion is applied, in
// recovery, too.
func (s *Store) Drop(g Group) {
	tail := s.log.State().Tail
	s.mu.Lock()
	s.dropLocked(g, tail)
	s.mu.Unlock()
	s.wake() // it may wait for the group
}

func (s *Store) dropLocked(g Group, tail wal.FileNumber) {
	if s.mu.dropped[g] == nil {
		s.mu.dropped[g] = &dropState{file: tail}
	}
	if gr := s.mu.groups[g]; gr != nil {
		s.mu.dropped[g].files = gr.files
	}
	delete(s.mu.groups, g)
}

func (s *Store) isDropped(g Group) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.dropped[g] != nil
}

// groupsFor returns the groups for the checkpoint with the given number, and those
// that it has not, because they are deleted: each is in one of the lists.
func (s *Store) groupsFor(number uint64) ([]*group, []droppedGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]droppedGroup, 0, len(s.mu.dropped))
	for _, g := range slices.Sorted(maps.Keys(s.mu.dropped)) {
		d := s.mu.dropped[g]
		if d.number == 0 {
			d.number = number
		}
		list = append(list, droppedGroup{g, d.file})
	}
	return s.groupListLocked(), list
}

// forgetDropped forgets the groups of which nothing is left, neither files nor
// entries in the log, which begins with the given file.
func (s *Store) forgetDropped(oldest wal.FileNumber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.mu.dropped, func(_ Group, d *dropState) bool { return d.removed && d.file < oldest })
}

// removeDoomed removes what no checkpoint refers to any more.
func (s *Store) removeDoomed() error {
	k := &s.keep
	var errs error
	k.doomed = slices.DeleteFunc(k.doomed, func(d doomedFile) bool {
		if !k.covered(d.number) {
			return false
		}
		d.segment.remove()
		s.handles.closed(d.segment)
		if gr := s.lookup(d.group); gr != nil {
			gr.files.forget(d.segment)
		}
		if err := s.removeIfThere(d.segment.path); err != nil {
			errs = errors.Join(errs, err)
		}
		return true
	})
	for _, g := range s.removable() {
		s.closeGroup(g)
		if err := s.removeGroup(g); err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		s.mu.Lock()
		if d := s.mu.dropped[g]; d != nil {
			d.removed, d.files = true, nil
		}
		s.mu.Unlock()
	}
	return errs
}

// closeGroup ends all reads of a deleted group, and the erasing of what is removed
// with it: an open file would keep its space.
func (s *Store) closeGroup(g Group) {
	s.mu.RLock()
	files := s.mu.dropped[g].files
	s.mu.RUnlock()
	if files == nil {
		return
	}
	for _, seg := range files.list() {
		seg.remove()
		s.handles.closed(seg)
	}
}

// removable returns the deleted groups whose files may go.
func (s *Store) removable() []Group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []Group
	for g, d := range s.mu.dropped {
		if !d.removed && d.number != 0 && s.keep.covered(d.number) {
			list = append(list, g)
		}
	}
	slices.Sort(list)
	return list
}

// removeGroup removes the directory of a deleted group; what nobody knows in it is
// set aside.
func (s *Store) removeGroup(g Group) error {
	dir := groupDir(g)
	names, err := s.opts.FS.List(s.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		_, isSegment := parseSegmentName(name)
		_, isState := parseNumbered(name, "state-")
		if isSegment || isState {
			err = s.removeIfThere(s.path(path.Join(dir, name)))
		} else {
			err = s.setAside(path.Join(dir, name), "it is no file of the store")
		}
		if err != nil {
			return err
		}
	}
	if err := s.removeIfThere(s.path(dir)); err != nil {
		return err
	}
	return s.opts.FS.SyncDir(s.path(streamsDir))
}

// forget takes a segment out.
func (f *Files) forget(g *segment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.segments[g.number] == g {
		delete(f.mu.segments, g.number)
	}
}

// setAside moves a file or directory to the quarantine and says so.
func (s *Store) setAside(name, why string) error {
	to, err := setAside(s.opts, name)
	if err == nil {
		s.opts.Log.Warn("a file is set aside", "file", name, "to", to, "reason", why)
	}
	return err
}

func setAside(opts Options, name string) (to string, err error) {
	dir := path.Join(opts.Dir, quarantineDir)
	if err := opts.FS.MkdirAll(dir); err != nil {
		return "", err
	}
	taken, err := opts.FS.List(dir)
	if err != nil {
		return "", err
	}
	base := strings.ReplaceAll(name, "/", "_")
	to = base
	for n := 2; slices.Contains(taken, to); n++ {
		to = fmt.Sprintf("%s-%d", base, n)
	}
	to = path.Join(quarantineDir, to)
	if err := opts.FS.Rename(path.Join(opts.Dir, name), path.Join(opts.Dir, to)); err != nil {
		return "", err
	}
	err = errors.Join(
		opts.FS.SyncDir(dir), opts.FS.SyncDir(opts.Dir),
		opts.FS.SyncDir(path.Dir(path.Join(opts.Dir, name))),
	)
	return to, err
}

// tidy looks once, after a start, for what a crash has left and for what nobody
// knows.
func (s *Store) tidy() {
	s.keep.Lock()
	defer s.keep.Unlock()
	if err := errors.Join(s.tidyRoot(), s.tidyStreams()); err != nil {
		s.opts.Log.Warn("cannot put the store in order", "error", err)
	}
}

// tidyRoot sees to checkpoints. What else is there is not ours.
func (s *Store) tidyRoot() error {
	names, err := s.opts.FS.List(s.opts.Dir)
	for _, name := range names {
		number, ok := parseNumbered(strings.TrimSuffix(name, tmpSuffix), "checkpoint-")
		known := slices.ContainsFunc(s.keep.generations, func(g *generation) bool { return g.head.number == number })
		switch {
		case !ok || known && !strings.HasSuffix(name, tmpSuffix):
		case strings.HasSuffix(name, tmpSuffix), !s.unreadable[name]:
			err = errors.Join(err, s.removeIfThere(s.path(name)))
		default:
			err = errors.Join(err, s.setAside(name, "it cannot be read"))
		}
	}
	return err
}

func (s *Store) tidyStreams() error {
	names, err := s.opts.FS.List(s.path(streamsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		g, ok := parseGroup(name)
		gr := s.lookup(g)
		switch {
		case !ok:
			err = errors.Join(err, s.setAside(path.Join(streamsDir, name), "it is no directory of the store"))
		case s.isDropped(g):
			// A later checkpoint sees to it.
		case gr == nil:
			err = errors.Join(err, s.setAside(path.Join(streamsDir, name), "nobody knows the group"))
		case !s.isLost(gr):
			err = errors.Join(err, s.tidyGroup(gr))
		}
	}
	return err
}

// tidyGroup sees to what a crash has left of a group: segments that were written
// after the last checkpoint, and states of older ones.
func (s *Store) tidyGroup(gr *group) error {
	f := gr.files
	dir := groupDir(f.group)
	names, err := s.opts.FS.List(s.path(dir))
	for _, name := range names {
		full := path.Join(dir, name)
		if n, ok := parseSegmentName(name); ok {
			if f.segment(n) == nil {
				orphan := &segment{group: f.group, number: n, path: s.path(full), pool: s.handles}
				s.keep.doomed = append(s.keep.doomed, doomedFile{group: f.group, segment: orphan, number: s.keep.number + 1})
			}
			continue
		}
		n, ok := parseNumbered(name, "state-")
		needed := slices.ContainsFunc(s.keep.generations, func(g *generation) bool { return g.sections[f.group].stateFile == n })
		switch {
		case ok && needed:
		case ok && s.unreadable[full]:
			err = errors.Join(err, s.setAside(full, "it cannot be read"))
		case ok:
			err = errors.Join(err, s.removeIfThere(s.path(full)))
		default:
			err = errors.Join(err, s.setAside(full, "it is no file of the store"))
		}
	}
	return err
}
