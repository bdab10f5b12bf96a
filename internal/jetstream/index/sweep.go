package index

// A subject without messages stays in its page for a while: it is likely to come
// back, and cursors may still ask for its ID. When a quarter of a page is dead,
// the page waits until graveYears more messages were removed and then forgets the
// subjects that were dead all that time; their IDs become free.
//
// A few dead entries (sweepMin) are left alone unless the page has nothing else,
// so that a work queue with a handful of subjects does not rewrite its page with
// every message.
const (
	sweepMin   = 16
	sweepAlone = 64 // the same, of the only page
	sweepMost  = 4  // pages at a time
)

type sweep struct {
	page uint32
	due  uint64 // number of removals
}

// revive notes that a subject without messages gets one.
func (d *dict) revive(id ID) { d.pages[*d.ids.home(id)].dead-- }

// bury notes that the subject has no messages now, after so many removals.
func (d *dict) bury(id ID, removals uint64) {
	s := d.ids.at(id)
	if s.back&backFar == backFar {
		delete(d.ids.far, id)
	}
	s.last, s.back = removals, 0
	n := *d.ids.home(id)
	d.pages[n].dead++
	d.plan(n, removals)
}

// plan has the page swept if it is worth it.
func (d *dict) plan(n uint32, removals uint64) {
	p := &d.pages[n]
	least := uint16(sweepMin)
	if len(d.groups) == 1 && len(d.groups[0].pages) == 1 {
		least = sweepAlone
	} else if p.dead == p.n {
		least = 1
	}
	if !p.queued && p.dead >= least && uint32(p.dead)*4 > uint32(p.n) {
		p.queued = true
		d.sweeps = append(d.sweeps, sweep{page: n, due: removals + graveyard})
	}
}

// sweepDue sweeps the pages whose time has come, a few at a time: there are many
// after a while in which none could be.
func (d *dict) sweepDue(removals uint64) {
	if d.held {
		return
	}
	for n := 0; n < sweepMost && len(d.sweeps) > 0 && d.sweeps[0].due <= removals; n++ {
		page := d.sweeps[0].page
		d.sweeps = d.sweeps[1:]
		if d.pages[page].queued {
			d.pages[page].queued = false
			d.sweep(page, removals)
		}
	}
	if len(d.sweeps) == 0 {
		d.sweeps = nil
	}
}

// sweep rewrites the page without the subjects that have been dead long enough,
// and joins it with the next one of its group if both are small.
func (d *dict) sweep(n uint32, removals uint64) {
	p := &d.pages[n]
	l := d.leaf(p.first())
	var w builder
	var text []byte
	dropped, droppedFirst := false, false
	keep := func(p *page) {
		for at := 0; at < len(p.b); {
			e := entryAt(p.b, at)
			text = append(text[:e.shared], p.b[e.text:e.end]...)
			s := d.ids.at(e.id)
			if s.count == 0 && s.last+graveyard <= removals {
				d.hot.drop(text, e.id)
				d.ids.release(e.id)
				d.n--
				dropped = true
				droppedFirst = droppedFirst || at == 0
			} else {
				w.add(text, e.id)
			}
			at = e.end
		}
	}
	keep(p)
	d.textID = 0
	if !dropped {
		d.plan(n, removals)
		return
	}
	if len(w.b) == 0 {
		d.removePage(l)
		return
	}
	g := d.groups[l.group]
	if l.at+1 < len(g.pages) && len(w.b)+len(d.pages[g.pages[l.at+1]].b) <= pageMax*3/4 {
		text = text[:0]
		next := g.pages[l.at+1]
		keep(&d.pages[next])
		d.removePage(leaf{group: l.group, at: l.at + 1, page: next})
	}
	p = &d.pages[n]
	*p = page{b: append(make([]byte, 0, pageCap(len(w.b))), w.b...), n: w.n}
	d.rehome(n)
	if droppedFirst {
		d.leastChanged(l)
	}
	d.plan(n, removals)
}
