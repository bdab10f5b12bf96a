package interest

import "hash/maphash"

// maxSubject bounds the subjects that are matched, in bytes. Longer ones match
// nothing; a control line is far shorter by default.
const maxSubject = 1<<16 - 1

// Matches is the result of a match. It is reused from match to match; the lists
// are the caller's until the next one and must not be changed.
type Matches[D any] struct {
	Plain  []*Subscription[D]
	Groups []Group[D]

	masked []byte
	ends   []uint16
	wild   bool // a token of the subject is "*" or ">"
}

// Group is the members of a queue group that a subject reaches.
type Group[D any] struct {
	Name    string
	Members []*Subscription[D]
	own     bool // Members is our copy, not an index's list
}

// Empty reports whether nobody was found.
func (m *Matches[D]) Empty() bool { return len(m.Plain)+len(m.Groups) == 0 }

// Match finds everybody who should get a message published on subject, whose key
// is k. A subject with an empty token reaches nobody. Wildcard characters in
// subject have no meaning of their own.
func (x *Index[D]) Match(k Key, subject []byte, m *Matches[D]) {
	m.reset()
	if len(subject) == 0 || len(subject) > maxSubject {
		return
	}
	// No literal that is subscribed to has an empty token.
	m.add(x.literals[k.Hash%literalShards].table.get(k.Hash/literalShards, subject))
	p := &x.patterns
	var below, root *[]*shape
	if f := p.firsts.get(k.first, firstToken(subject)); f != nil {
		below = f.shapes.Load()
	}
	if root = p.root.Load(); below == nil && root == nil || !m.tokenize(subject) {
		return
	}
	x.matchShapes(below, subject, m)
	x.matchShapes(root, subject, m)
}

func (x *Index[D]) matchShapes(list *[]*shape, subject []byte, m *Matches[D]) {
	if list == nil {
		return
	}
	for _, sh := range *list {
		if !sh.fits(len(m.ends)) {
			continue
		}
		m.masked = sh.mask(m.masked[:0], subject, m.ends)
		if m.wild && !shapeOf(string(m.masked)).equal(sh) {
			// A wildcard of the subject looks like one of the shape: another
			// shape finds what is there.
			continue
		}
		m.add(x.patterns.table.get(maphash.Bytes(x.seed, m.masked), m.masked))
	}
}

// Release forgets the last result, so that nothing is kept alive by it.
func (m *Matches[D]) Release() { m.reset() }

func (m *Matches[D]) reset() {
	clear(m.Plain)
	clear(m.Groups)
	m.Plain, m.Groups = m.Plain[:0], m.Groups[:0]
}

// tokenize notes where the tokens of subject end and refuses empty ones.
func (m *Matches[D]) tokenize(subject []byte) bool {
	m.ends, m.wild = m.ends[:0], false
	start := 0
	for i, c := range subject {
		if c != '.' {
			continue
		}
		if !m.token(subject, start, i) {
			return false
		}
		start = i + 1
	}
	return m.token(subject, start, len(subject))
}

// token takes in the token from start to end, unless it is empty.
func (m *Matches[D]) token(subject []byte, start, end int) bool {
	if end == start {
		return false
	}
	if end == start+1 && (subject[start] == '*' || subject[start] == '>') {
		m.wild = true
	}
	m.ends = append(m.ends, uint16(end))
	return true
}

// add takes in the chain that begins with s.
func (m *Matches[D]) add(s *Subscription[D]) {
	for ; s != nil; s = s.next.Load() {
		if s.group == nil {
			m.Plain = append(m.Plain, s)
			continue
		}
		if members := *s.group.members.Load(); len(members) > 0 {
			m.addGroup(s.group.name, members)
		}
	}
}

func (m *Matches[D]) addGroup(name string, members []*Subscription[D]) {
	for i := range m.Groups {
		g := &m.Groups[i]
		if g.Name != name {
			continue
		}
		if !g.own {
			g.Members, g.own = append([]*Subscription[D](nil), g.Members...), true
		}
		g.Members = append(g.Members, members...)
		return
	}
	m.Groups = append(m.Groups, Group[D]{Name: name, Members: members})
}
