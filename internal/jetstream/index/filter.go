package index

import "github.com/tidings-io/tidings/internal/subject"

// Filter lets the messages of some subjects pass. A nil filter lets all pass. It
// belongs to the index that made it.
type Filter struct {
	x        *Index
	subjects []string
}

// NewFilter returns a filter of subjects, with or without wildcards, which may
// overlap. Without any it is nil, which lets everything pass.
func (x *Index) NewFilter(subjects ...string) *Filter {
	if len(subjects) == 0 {
		return nil
	}
	return &Filter{x: x, subjects: subjects}
}

// Match reports whether messages of the subject pass.
func (f *Filter) Match(text []byte) bool {
	if f == nil {
		return true
	}
	for _, s := range f.subjects {
		if subject.Matches(s, text) {
			return true
		}
	}
	return false
}

// MatchID reports whether messages of the subject with the number pass. The
// subject has messages.
func (f *Filter) MatchID(id ID) bool {
	return f == nil || f.Match([]byte(f.x.texts[id]))
}
