package index

import (
	"bytes"
	"iter"
	"strings"

	"github.com/tidings-io/tidings/internal/invariant"
	"github.com/tidings-io/tidings/internal/subject"
)

// Subject returns the state of a subject, false if it has no messages.
func (x *Index) Subject(text []byte) (SubjectState, bool) {
	id := x.dict.lookup(text)
	if id == 0 || x.dict.ids.at(id).count == 0 {
		return SubjectState{}, false
	}
	return x.SubjectOf(id), true
}

// SubjectOf returns the state of the subject that [Index.Append] gave the ID; its
// Count is 0 when its last message was removed a moment ago.
//
// Its first and last sequence are exact: after the message with one of them was
// removed, the first call looks for the next one along the stream.
func (x *Index) SubjectOf(id ID) SubjectState {
	s := x.dict.ids.at(id)
	if s.count == 0 {
		return SubjectState{ID: id}
	}
	if s.back >= lastLoose {
		x.tighten(id, s)
	}
	return SubjectState{ID: id, First: x.dict.ids.first(id, s), Last: s.last, Count: uint64(s.count)}
}

// tighten finds the first and the last message of a subject.
func (x *Index) tighten(id ID, s *state) {
	t := &x.dict.ids
	first, last, loose := t.first(id, s), s.last, s.back&(firstLoose|lastLoose)
	if loose&firstLoose != 0 && (s.count > 1 || loose&lastLoose != 0) {
		b, row := x.nextOf(first, last, []ID{id})
		if invariant.Enabled {
			invariant.That(b != nil, "no message of subject %d in %d to %d", id, first, last)
		}
		first = b.seq(row)
	}
	switch {
	case s.count == 1 && loose&firstLoose != 0 && loose&lastLoose == 0:
		first = last
	case s.count == 1:
		last = first
	case loose&lastLoose != 0:
		b, row := x.prevOf(last, first, []ID{id})
		if invariant.Enabled {
			invariant.That(b != nil, "no message of subject %d in %d to %d", id, first, last)
		}
		last = b.seq(row)
	}
	t.setSpan(id, s, first, last, 0)
}

// SubjectText appends the subject that has the ID to dst; it has messages or had
// some a moment ago. It reads half a page of the dictionary.
func (x *Index) SubjectText(id ID, dst []byte) []byte { return append(dst, x.dict.textOf(id)...) }

// Subjects yields the subjects that have messages and match the pattern, in the
// order of their bytes, and the state of each. The text is valid until the next
// step; the index must not be changed during the walk.
func (x *Index) Subjects(pattern string) iter.Seq2[[]byte, SubjectState] {
	return func(yield func([]byte, SubjectState) bool) {
		x.dict.walk(pattern, func(text []byte, id ID) bool {
			if x.dict.ids.at(id).count == 0 {
				return true
			}
			return yield(text, x.SubjectOf(id))
		})
	}
}

// literalPrefix returns what all subjects that match the pattern begin with, and
// whether the pattern is that and ">".
func literalPrefix(pattern string) (prefix string, all bool) {
	at := 0
	for rest := pattern; rest != ""; {
		token, after, _ := strings.Cut(rest, ".")
		if token == "*" || token == ">" && after == "" {
			return pattern[:at], token == ">"
		}
		at += len(token) + 1
		rest = after
	}
	return pattern, false
}

// walk calls f with the subjects that match the pattern, in order, those without
// messages included, until it returns false.
func (d *dict) walk(pattern string, f func(text []byte, id ID) bool) {
	if !subject.HasWildcard(pattern) {
		if id := d.lookup([]byte(pattern)); id != 0 {
			f([]byte(pattern), id)
		}
		return
	}
	prefix, all := literalPrefix(pattern)
	rest := pattern[len(prefix):] // begins with a wildcard
	d.from([]byte(prefix), func(text []byte, id ID) bool {
		if len(text) < len(prefix) || string(text[:len(prefix)]) != prefix {
			return false
		}
		if all || subject.Matches(rest, text[len(prefix):]) {
			return f(text, id)
		}
		return true
	})
}

// from calls f with the subjects that are not less than key, in order, until it
// returns false.
func (d *dict) from(key []byte, f func(text []byte, id ID) bool) {
	if len(d.groups) == 0 {
		return
	}
	var text []byte
	l := d.leaf(key)
	for g := l.group; g < len(d.groups); g++ {
		at := 0
		if g == l.group {
			at = l.at
		}
		for _, n := range d.groups[g].pages[at:] {
			p := &d.pages[n]
			for off := 0; off < len(p.b); {
				e := entryAt(p.b, off)
				off = e.end
				text = append(text[:e.shared], p.b[e.text:e.end]...)
				if n == l.page && bytes.Compare(text, key) < 0 {
					continue
				}
				if !f(text, e.id) {
					return
				}
			}
		}
	}
}
