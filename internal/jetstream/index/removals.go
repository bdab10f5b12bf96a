package index

// removals are the messages that were removed lately, for cursors that know how
// many messages they had before them.
type removals struct {
	n uint64 // so far
	// inside is how many of them were not the stream's first message at the time.
	inside uint64
	known  uint64    // those from this one on are in recent, as far as it reaches
	recent []removal // the n-th at n % len; nil: nobody asks
}

type removal struct {
	seq uint64
	id  ID
}

// graveyard is the number of recent removals, for as long as which the IDs of
// subjects without messages keep their meaning.
const graveyard = 128

func (r *removals) note(seq uint64, id ID, first bool) {
	if r.recent != nil {
		r.recent[r.n%graveyard] = removal{seq: seq, id: id}
	}
	if !first {
		r.inside++
	}
	r.n++
}

// watch has removals kept from now on.
func (r *removals) watch() {
	if r.recent == nil {
		r.recent, r.known = make([]removal, graveyard), r.n
	}
}

// forget makes those so far unknown.
func (r *removals) forget() { r.known = r.n }

// since calls f with the removals from the n-th on. It returns false if it does not
// know them all.
func (r *removals) since(n uint64, f func(removal)) bool {
	if r.n-n > graveyard || n < r.known {
		return false
	}
	for ; n < r.n; n++ {
		f(r.recent[n%graveyard])
	}
	return true
}
