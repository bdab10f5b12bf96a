package index

// births are the IDs that were given out lately, for sets of IDs that want to
// stay complete without being built anew.
type births struct {
	n      uint64 // given out so far
	recent []ID   // the last len(recent) of them, the n-th at n % len; nil: nobody asks
}

// birthsKept is the number of recent births.
const birthsKept = 256

func (b *births) note(id ID) {
	if b.recent != nil {
		b.recent[b.n%birthsKept] = id
	}
	b.n++
}

// watch has births kept from now on.
func (b *births) watch() {
	if b.recent == nil {
		b.recent = make([]ID, birthsKept)
	}
}

// since calls f with the births from the n-th on. It returns false if it does not
// know them all.
func (b *births) since(n uint64, f func(ID)) bool {
	if b.n-n > birthsKept {
		return false
	}
	for ; n < b.n; n++ {
		f(b.recent[n%birthsKept])
	}
	return true
}
