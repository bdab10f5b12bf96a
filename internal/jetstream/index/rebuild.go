package index

import "slices"

// idRestorer gives out IDs that are known.
type idRestorer struct {
	t *ids
}

// take makes the ID used. It returns false if it is already, or is none.
func (r *idRestorer) take(id ID) bool {
	t := r.t
	if id == 0 || t.inUse(id) {
		return false
	}
	n, slot := (uint32(id)-1)/chunkSize, (uint32(id)-1)%chunkSize
	if more := int(n) + 1 - len(t.chunks); more > 0 {
		t.chunks = append(t.chunks, make([]*chunk, more)...)
	}
	if t.chunks[n] == nil {
		t.chunks[n] = new(chunk)
	}
	c := t.chunks[n]
	if int(slot) >= len(c.states) {
		c.extend(int(slot) + 1)
	}
	c.taken[slot/64] |= 1 << (slot % 64)
	c.used++
	return true
}

// finish makes what was not taken free.
func (r *idRestorer) finish() {
	t := r.t
	for n, c := range slices.Backward(t.chunks) { // so that low IDs are given out first
		if c == nil {
			continue
		}
		for slot := len(c.states) - 1; slot >= 0; slot-- {
			if c.taken[slot/64]&(1<<(slot%64)) == 0 {
				c.home[slot], c.free = c.free, uint32(slot)+1
			}
		}
		if c.used < chunkSize {
			c.roomy = true
			t.roomy = append(t.roomy, uint32(n))
		}
	}
}

// pageWriter fills an empty dictionary with subjects in order, which have messages.
type pageWriter struct {
	d *dict
	w builder
}

func (p *pageWriter) add(text []byte, id ID) {
	if p.w.n > 0 && len(p.w.b)+len(text)+10 > pageMax {
		p.flush()
	}
	p.w.add(text, id)
	p.d.n++
}

// any reports whether there was a subject.
func (p *pageWriter) any() bool { return p.d.n > 0 }

func (p *pageWriter) flush() {
	d := p.d
	n := d.newPage(page{b: append(make([]byte, 0, pageCap(len(p.w.b))), p.w.b...), n: p.w.n})
	for at := 0; at < len(p.w.b); {
		e := entryAt(p.w.b, at)
		*d.ids.home(e.id) = n
		at = e.end
	}
	p.w.b, p.w.n = p.w.b[:0], 0
	if len(d.groups) == 0 {
		g := &group{pages: []uint32{n}}
		d.groups = append(d.groups, g)
		g.insert(0, d.leastIn(g))
		d.fences.insert(0, d.leastOf)
		return
	}
	last := len(d.groups) - 1
	d.insertPage(leaf{group: last, at: len(d.groups[last].pages), page: n})
}

func (p *pageWriter) finish() {
	if p.w.n > 0 {
		p.flush()
	}
	p.d.hot.fit(p.d.n)
}

// recount finds the subjects without messages, once all that have some are known.
func (d *dict) recount(removals uint64) {
	d.sweeps = nil
	for n := range d.pages {
		if p := &d.pages[n]; p.n > 0 {
			p.queued = false
			d.rehome(uint32(n))
			d.plan(uint32(n), removals)
		}
	}
}
