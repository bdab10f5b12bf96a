package conf

import (
	"slices"
	"strings"
)

// Entry is one key and its value. It does not change after parsing, except
// that a later use in the same parse sets Referenced.
type Entry struct {
	// Key is the key as written.
	Key string
	// Pos is where the key stands.
	Pos Pos
	// Value is never nil.
	Value *Value
	// Referenced says that a variable took its value from here, so that the
	// key need not be the name of an option.
	Referenced bool
}

// Map is a map of a configuration, in the order of its keys. A key written
// twice keeps its last value; the parser warned of it.
type Map struct {
	// Pos is where the map opens; the first byte of the file for a file.
	Pos Pos

	entries []*Entry
	index   map[string]int   // exact key -> position in entries
	folded  map[string][]int // key in lower case -> positions in entries
	size    size             // of all values ever set
	notes   []*Problem       // warnings of the parser; set on the root only
}

func newMap(pos Pos) *Map { return &Map{Pos: pos, index: map[string]int{}, folded: map[string][]int{}} }

// set adds e and returns the entry with the same key that it replaces, if any.
func (m *Map) set(e *Entry) *Entry {
	m.size.add(e.Value.size)
	if i, ok := m.index[e.Key]; ok {
		old := m.entries[i]
		m.entries[i] = e
		return old
	}
	fold := strings.ToLower(e.Key)
	m.folded[fold] = append(m.folded[fold], len(m.entries))
	m.index[e.Key] = len(m.entries)
	m.entries = append(m.entries, e)
	return nil
}

func (m *Map) exact(key string) *Entry {
	if i, ok := m.index[key]; ok {
		return m.entries[i]
	}
	return nil
}

// Len returns the number of entries.
func (m *Map) Len() int { return len(m.entries) }

// Entries returns the entries in order. The caller must not change the slice.
func (m *Map) Entries() []*Entry { return m.entries }

// Lookup returns the last entry whose key is one of names, regardless of case,
// and nil if there is none.
func (m *Map) Lookup(names ...string) *Entry {
	all := m.all(names)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// all returns each entry whose key is one of names, regardless of case, in the
// order of the file.
func (m *Map) all(names []string) []*Entry {
	var at []int
	for _, name := range names {
		at = append(at, m.folded[strings.ToLower(name)]...)
	}
	slices.Sort(at)
	out := make([]*Entry, len(at))
	for i, n := range at {
		out[i] = m.entries[n]
	}
	return out
}

// Warnings returns what the parser found odd but readable. It is empty for any
// map but the one that ParseFile or Parse returned.
func (m *Map) Warnings() []*Problem { return m.notes }

// size measures a tree of values.
type size struct {
	values int // values in the tree, at most MaxValues+1
	levels int // maps and arrays within each other
}

// scalar is the size of a value without children.
var scalar = size{values: 1}

// add counts a child of size s.
func (z *size) add(s size) {
	z.values = min(z.values+s.values, MaxValues+1)
	z.levels = max(z.levels, s.levels)
}

// wrapped is the size of a map or array whose children have size z.
func (z size) wrapped() size {
	return size{min(z.values+1, MaxValues+1), z.levels + 1}
}
