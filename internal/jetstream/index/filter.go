package index

import "github.com/tidings-io/tidings/internal/subject"

// Filter lets the messages of some subjects pass: those that match one of its
// patterns. A nil filter lets all pass. It belongs to the index that made it, and
// like that is used by one goroutine at a time.
//
// It knows which IDs pass once it was asked often enough that finding out pays;
// the index keeps only so many of these sets (sets.go).
type Filter struct {
	x         *Index
	literals  []string
	literal   map[string]struct{} // the same, if they are many
	wildcards []string

	ids    idSet
	known  bool   // ids are all that pass, as of births and epoch
	births uint64 // births.n when ids was complete
	epoch  uint64
	spent  uint64 // subjects matched as text since ids was unknown
	used   uint64 // as sets.uses
}

// literalsFew is the number of literals that are compared one after the other.
const literalsFew = 8

// NewFilter returns a filter of subjects, with and without wildcards; they may
// overlap. Without any it returns nil, which lets everything pass. The subjects
// are valid.
func (x *Index) NewFilter(subjects ...string) *Filter {
	if len(subjects) == 0 {
		return nil
	}
	f := &Filter{x: x}
	for _, s := range subjects {
		switch {
		case s == ">":
			return nil
		case subject.HasWildcard(s):
			f.wildcards = append(f.wildcards, s)
		default:
			f.literals = append(f.literals, s)
		}
	}
	if len(f.literals) > literalsFew {
		f.literal = make(map[string]struct{}, len(f.literals))
		for _, s := range f.literals {
			f.literal[s] = struct{}{}
		}
	}
	return f
}

// Match reports whether messages of the subject pass. It does not allocate.
func (f *Filter) Match(text []byte) bool {
	if f == nil || f.matchLiteral(text) {
		return true
	}
	for _, s := range f.wildcards {
		if subject.Matches(s, text) {
			return true
		}
	}
	return false
}

func (f *Filter) matchLiteral(text []byte) bool {
	if f.literal != nil {
		_, ok := f.literal[string(text)]
		return ok
	}
	for _, s := range f.literals { //nolint:modernize // slices.Contains would allocate the string
		if s == string(text) {
			return true
		}
	}
	return false
}

// MatchID reports whether messages of the subject that has the ID pass. The
// subject has messages or had some a moment ago.
func (f *Filter) MatchID(id ID) bool {
	if f == nil {
		return true
	}
	if s := f.set(1); s != nil {
		return s.has(id)
	}
	return f.Match(f.x.dict.textOf(id))
}

// set returns the IDs that pass, nil if it is not worth finding out. The caller is
// about to match so many subjects.
func (f *Filter) set(matches uint64) *idSet {
	if f.known && f.epoch == f.x.epoch {
		if f.births == f.x.dict.births.n || f.catchUp() {
			f.x.sets.use(f)
			return &f.ids
		}
	}
	f.known = false
	if f.spent += matches; !f.pays() {
		return nil
	}
	f.find()
	return &f.ids
}

// catchUp looks at the subjects that came since the set was complete. It returns
// false if they are too many.
func (f *Filter) catchUp() bool {
	d := &f.x.dict
	ok := d.births.since(f.births, func(id ID) {
		if !d.ids.inUse(id) {
			return
		}
		if f.Match(d.textOf(id)) {
			f.ids.add(id, d.ids.end())
		} else {
			f.ids.remove(id)
		}
	})
	f.births = d.births.n
	return ok
}

// pays reports whether the set should be found: matching one subject as text costs
// about as much as walking over four in order.
func (f *Filter) pays() bool {
	if len(f.wildcards) == 0 && len(f.literals) <= idSetFew {
		return true
	}
	return f.spent >= uint64(f.x.dict.n)/4
}

// find finds the set.
func (f *Filter) find() {
	d := &f.x.dict
	d.births.watch()
	f.ids = idSet{}
	add := func(_ []byte, id ID) bool { f.ids.add(id, d.ids.end()); return true }
	for _, s := range f.literals {
		d.walk(s, add)
	}
	for _, s := range f.wildcards {
		d.walk(s, add)
	}
	f.known, f.births, f.epoch, f.spent = true, d.births.n, f.x.epoch, 0
	f.x.sets.keep(f)
}

// forget drops the set.
func (f *Filter) forget() { f.ids, f.known, f.spent = idSet{}, false, 0 }
