package index

import "slices"

// groupMax is the number of pages in a group.
const groupMax = 128

// group is a run of pages in order.
type group struct {
	fences
	pages []uint32
}

// dict is the ordered dictionary of subjects: text to ID, and back. Its pages are
// the leaves of a tree of three levels: dict, group, page.
type dict struct {
	ids    ids
	pages  []page
	unused []uint32 // of pages
	groups []*group
	fences fences // of groups
	births births
	n      int     // subjects
	sweeps []sweep // pages with entries to forget, by due
	held   bool    // no entry is forgotten: somebody needs the IDs as they are

	// hot finds subjects that were looked up lately; pages hold the truth.
	hot hot
	// text is the subject of textID, the one that was read last: many filters are
	// asked about the same message.
	text   []byte
	textID ID
}

// leaf is where a page is in the tree.
type leaf struct {
	group, at int
	page      uint32
}

func (d *dict) leastOf(group int) []byte { return d.pages[d.groups[group].pages[0]].first() }

// leaf returns the page that key is in or belongs to. There is one.
func (d *dict) leaf(key []byte) leaf {
	g := d.fences.search(key, d.leastOf)
	at := d.groups[g].search(key, func(n int) []byte { return d.pages[d.groups[g].pages[n]].first() })
	return leaf{group: g, at: at, page: d.groups[g].pages[at]}
}

// lookup returns the ID of a subject, 0 if the dictionary does not have it.
func (d *dict) lookup(key []byte) ID {
	if id := d.hot.get(key); id != 0 {
		return id
	}
	if len(d.groups) == 0 {
		return 0
	}
	id := d.pages[d.leaf(key).page].seek(key).id
	if id != 0 {
		d.hot.put(key, id)
	}
	return id
}

// add returns the ID of a subject, which is a new one without messages if the
// dictionary does not have it.
func (d *dict) add(key []byte) ID { return d.addAs(key, d.ids.alloc) }

// addAs is add where alloc says which ID a new subject gets.
func (d *dict) addAs(key []byte, alloc func() ID) ID {
	if id := d.hot.get(key); id != 0 {
		return id
	}
	if len(d.groups) == 0 {
		d.groups = append(d.groups, &group{pages: []uint32{d.newPage(page{})}})
		id := d.insert(leaf{page: d.groups[0].pages[0]}, key, spot{}, alloc())
		d.groups[0].insert(0, func(int) []byte { return key })
		d.fences.insert(0, func(int) []byte { return key })
		return id
	}
	l := d.leaf(key)
	s := d.pages[l.page].seek(key)
	if s.id != 0 {
		d.hot.put(key, s.id)
		return s.id
	}
	id := d.insert(l, key, s, alloc())
	if s.at == 0 {
		d.leastChanged(l)
	}
	if p := &d.pages[l.page]; p.full() {
		offset := len(p.b) / 2
		if s.at+entryLen(s.left, len(key)-s.left) == len(p.b) {
			offset = s.at // subjects come in order: leave full pages behind
		}
		d.split(l, offset)
	}
	return id
}

func (d *dict) insert(l leaf, key []byte, s spot, id ID) ID {
	*d.ids.home(id) = l.page
	p := &d.pages[l.page]
	p.insert(key, s, id)
	p.dead++
	d.n++
	d.births.note(id)
	d.hot.fit(d.n)
	d.hot.put(key, id)
	return id
}

func (d *dict) newPage(p page) uint32 {
	if k := len(d.unused); k > 0 {
		n := d.unused[k-1]
		d.unused = d.unused[:k-1]
		d.pages[n] = p
		return n
	}
	d.pages = append(d.pages, p)
	return uint32(len(d.pages) - 1)
}

// split cuts the page at the offset, the group with it if it is full.
func (d *dict) split(l leaf, offset int) {
	q := d.pages[l.page].split(offset)
	n := d.newPage(q)
	d.rehome(n)
	if d.pages[l.page].dead > 0 {
		d.rehome(l.page)
	}
	d.insertPage(leaf{group: l.group, at: l.at + 1, page: n})
	for _, n := range [...]uint32{l.page, n} { // a half is full only around a long subject
		if p := &d.pages[n]; p.full() {
			d.split(d.leaf(p.first()), len(p.b)/2)
		}
	}
}

// insertPage puts a page at its place in the tree.
func (d *dict) insertPage(l leaf) {
	g := d.groups[l.group]
	if len(g.pages) == groupMax {
		half := groupMax / 2
		if l.at == groupMax {
			half = groupMax // leave full groups behind
		}
		rest := append(make([]uint32, 0, groupMax), g.pages[half:]...)
		g.pages = g.pages[:half]
		g.heads = g.heads[:half]
		if l.at >= half {
			rest = slices.Insert(rest, l.at-half, l.page)
		} else {
			g.pages = slices.Insert(g.pages, l.at, l.page)
			g.heads = slices.Insert(g.heads, l.at, 0)
		}
		next := &group{pages: rest}
		next.heads = make([]uint64, len(rest), groupMax)
		next.rebuild(d.leastIn(next))
		g.rebuild(d.leastIn(g))
		d.groups = slices.Insert(d.groups, l.group+1, next)
		d.fences.insert(l.group+1, d.leastOf)
		return
	}
	g.pages = slices.Insert(g.pages, l.at, l.page)
	g.insert(l.at, d.leastIn(g))
}

func (d *dict) leastIn(g *group) func(int) []byte {
	return func(n int) []byte { return d.pages[g.pages[n]].first() }
}

// leastChanged notes that the first subject of a page is another one.
func (d *dict) leastChanged(l leaf) {
	g := d.groups[l.group]
	g.set(l.at, d.leastIn(g))
	if l.at == 0 {
		d.fences.set(l.group, d.leastOf)
	}
}

// removePage takes a page out of the tree.
func (d *dict) removePage(l leaf) {
	d.pages[l.page] = page{}
	d.unused = append(d.unused, l.page)
	g := d.groups[l.group]
	g.pages = slices.Delete(g.pages, l.at, l.at+1)
	g.remove(l.at)
	switch {
	case len(g.pages) == 0:
		d.groups = slices.Delete(d.groups, l.group, l.group+1)
		d.fences.remove(l.group)
	case l.at == 0:
		d.fences.set(l.group, d.leastOf)
	}
}

// rehome notes for each subject of the page that it is there, and counts the dead.
func (d *dict) rehome(n uint32) {
	p := &d.pages[n]
	p.dead = 0
	for at := 0; at < len(p.b); {
		e := entryAt(p.b, at)
		*d.ids.home(e.id) = n
		if d.ids.at(e.id).count == 0 {
			p.dead++
		}
		at = e.end
	}
}

// textOf returns the subject that has the ID. It is valid until the next call.
func (d *dict) textOf(id ID) []byte {
	if id != d.textID {
		d.text, d.textID = d.pages[*d.ids.home(id)].text(id, d.text[:0]), id
	}
	return d.text
}
