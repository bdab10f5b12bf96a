package consumer

import "slices"

// run is the sequences from one to another, both included.
type run struct{ from, to uint64 }

// runs is a set of sequences as it comes about: mostly ascending.
type runs []run

// add adds a sequence. With bridge, nothing between the last one and it counts.
func (r *runs) add(seq uint64, bridge bool) {
	if n := len(*r); n > 0 {
		last := &(*r)[n-1]
		switch {
		case seq == last.to+1 || bridge && seq > last.to:
			last.to = seq
			return
		case seq >= last.from && seq <= last.to:
			return
		case seq+1 == last.from:
			last.from = seq
			return
		}
	}
	*r = append(*r, run{seq, seq})
}

// sorted puts the runs in order and joins those that touch.
func (r *runs) sorted() runs {
	s := *r
	if len(s) < 2 {
		return s
	}
	slices.SortFunc(s, func(a, b run) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return 0
	})
	out := s[:1]
	for _, x := range s[1:] {
		if last := &out[len(out)-1]; x.from <= last.to+1 {
			last.to = max(last.to, x.to)
		} else {
			out = append(out, x)
		}
	}
	*r = out
	return out
}

func (r runs) has(seq uint64) bool {
	for i := range r {
		if seq >= r[i].from && seq <= r[i].to {
			return true
		}
	}
	return false
}

// subtract takes out what is in other, which is in order.
func (r *runs) subtract(other runs) {
	if len(*r) == 0 || len(other) == 0 {
		return
	}
	var rest runs
	for _, x := range r.sorted() {
		for _, o := range other {
			if o.to < x.from || o.from > x.to {
				continue
			}
			if o.from > x.from {
				rest = append(rest, run{x.from, o.from - 1})
			}
			if x.from = o.to + 1; x.from > x.to || x.from == 0 {
				x.from, x.to = 1, 0
				break
			}
		}
		if x.from <= x.to {
			rest = append(rest, x)
		}
	}
	*r = rest
}
