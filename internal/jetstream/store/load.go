package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

// loaded is what the checkpoints of a store say when it is opened.
type loaded struct {
	chosen map[Group]chosen
	lost   map[Group]error // groups whose state no checkpoint has
	damage []error
	from   wal.Position // where the log is needed from
	none   bool         // no checkpoint can be read
	some   bool         // there are files of checkpoints
}

// chosen is the newest intact section of a group. Its state is read when it is
// needed.
type chosen struct {
	section section
	number  uint64 // of the checkpoint
}

// checkpointFile is a checkpoint that was read.
type checkpointFile struct {
	name     string
	head     checkpointHead
	sections map[Group]chosen
	refs     map[Group]sectionRef
	dropped  []droppedGroup
	whole    bool // all sections are intact
	damage   []error
}

// readCheckpoint reads a checkpoint with all that is intact in it, but leaves the
// states where they are.
func readCheckpoint(opts Options, name string) (*checkpointFile, error) {
	w, err := openWindow(opts.FS, path.Join(opts.Dir, name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.disk.Close() }() // it is only read
	c := &checkpointFile{name: name, sections: map[Group]chosen{}, refs: map[Group]sectionRef{}}
	head, err := w.view(0, checkpointHeader)
	if err == nil {
		c.head, err = parseCheckpointHead(head)
	}
	if err != nil {
		return nil, err
	}
	found, err := c.readSections(w)
	if err != nil {
		return nil, err
	}
	c.whole = found == c.head.sections && w.size == c.head.length
	if !c.whole && len(c.damage) == 0 {
		c.damage = append(c.damage, &DamageError{
			File: name, Offset: w.size, Err: fmt.Errorf("%d of %d sections are there", found, c.head.sections),
		})
	}
	for _, g := range slices.Sorted(maps.Keys(c.sections)) {
		ch := c.sections[g]
		if ch.section.kind != stateInFile {
			continue
		}
		if err := checkState(opts, &ch.section); err != nil {
			if _, ok := errors.AsType[*wrongVersionError](err); ok {
				return nil, err
			}
			c.whole = false
			c.damage = append(c.damage, err)
			delete(c.sections, g)
			delete(c.refs, g)
		}
	}
	return c, nil
}

// readSections reads the sections and returns how many are intact.
func (c *checkpointFile) readSections(w *window) (found int, err error) {
	for at := int64(checkpointHeader); at < w.size; {
		b, err := w.section(at)
		if err != nil {
			return found, err
		}
		sec, n, ok := parseSection(b)
		if !ok {
			c.damage = append(c.damage, &DamageError{
				Group: sec.group, File: c.name, Offset: at, Err: errors.New("section does not match its checksum"),
			})
			if at, err = w.find(at); err != nil {
				return found, err
			}
			continue
		}
		found++
		if sec.kind == droppedList {
			c.dropped = sec.dropped
		} else {
			sec.detach(c.head.number, at+int64(n))
			c.sections[sec.group] = chosen{sec, c.head.number}
			c.refs[sec.group] = sectionRef{file: c.head.number, off: at, length: n, applied: sec.applied, stateFile: sec.stateFile}
		}
		at += int64(n)
	}
	return found, nil
}

// detach makes a section independent of the bytes it was read from, which end at the
// offset of a checkpoint.
func (s *section) detach(checkpoint uint64, end int64) {
	for i := range s.kept {
		s.kept[i].record = slices.Clone(s.kept[i].record)
	}
	s.stateIn, s.stateOff, s.state = checkpoint, end-int64(len(s.state)), nil
}

// readCheckpoints reads the two newest checkpoints whose heads are intact, and
// returns the names of those that are not.
func readCheckpoints(opts Options) (list []*checkpointFile, unreadable map[string]error, err error) {
	names, err := opts.FS.List(opts.Dir)
	if err != nil {
		return nil, nil, err
	}
	var numbers []uint64
	for _, name := range names {
		if n, ok := parseNumbered(name, "checkpoint-"); ok {
			numbers = append(numbers, n)
		}
	}
	slices.SortFunc(numbers, func(a, b uint64) int { return cmp.Compare(b, a) })
	unreadable = map[string]error{}
	for _, n := range numbers {
		if len(list) == 2 {
			break
		}
		name := checkpointName(n)
		c, err := readCheckpoint(opts, name)
		var version *wrongVersionError
		switch {
		case errors.As(err, &version):
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		case err == nil && c.head.number != n:
			err = fmt.Errorf("it is %s", checkpointName(c.head.number))
		}
		if err != nil {
			unreadable[name] = err
			continue
		}
		list = append(list, c)
	}
	return list, unreadable, nil
}

// choose picks the newest intact section of each group.
func choose(list []*checkpointFile) loaded {
	l := loaded{chosen: map[Group]chosen{}, lost: map[Group]error{}, none: len(list) == 0}
	if l.none {
		return l
	}
	l.from = list[0].head.position
	for i, c := range list {
		l.damage = append(l.damage, c.damage...)
		for _, g := range slices.Sorted(maps.Keys(c.sections)) {
			if _, newer := l.chosen[g]; newer || i > 0 && list[0].whole {
				continue // what a whole newer one has not was deleted
			}
			l.chosen[g] = c.sections[g]
			if c.head.position.Before(l.from) {
				l.from = c.head.position
			}
		}
	}
	for g, ch := range l.chosen {
		if ch.section.kind == stateLost {
			delete(l.chosen, g)
			l.lost[g] = &DamageError{Group: g, File: checkpointName(ch.number), Err: errors.New("it was lost before")}
		}
	}
	for _, err := range l.damage {
		var damage *DamageError
		if errors.As(err, &damage) && damage.Group != 0 {
			if _, ok := l.chosen[damage.Group]; !ok {
				l.lost[damage.Group] = err
			}
		}
	}
	return l
}

// load reads the checkpoints.
func (s *Store) load() (loaded, error) {
	list, unreadable, err := readCheckpoints(s.opts)
	if err != nil {
		return loaded{}, err
	}
	l := choose(list)
	for _, err := range l.damage {
		if damage, ok := errors.AsType[*DamageError](err); ok && strings.Contains(damage.File, "/state-") {
			s.unreadable[damage.File] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(unreadable)) {
		s.unreadable[name] = true
		l.damage = append(l.damage, &DamageError{File: name, Err: unreadable[name]})
	}
	l.some = len(list)+len(unreadable) > 0
	for _, c := range list {
		s.keep.generations = append(s.keep.generations, &generation{head: c.head, sections: c.refs, whole: c.whole})
		s.keep.number = max(s.keep.number, c.head.number)
	}
	for name := range unreadable {
		n, _ := parseNumbered(name, "checkpoint-")
		s.keep.number = max(s.keep.number, n)
	}
	s.keep.position = l.from
	if len(list) > 0 {
		for _, d := range list[0].dropped {
			s.mu.dropped[d.group] = &dropState{file: d.file, number: list[0].head.number}
		}
	}
	return l, nil
}

func parseGroup(name string) (Group, bool) {
	n, err := strconv.ParseUint(name, 10, 64)
	return Group(n), err == nil && n > 0 && strconv.FormatUint(n, 10) == name
}
