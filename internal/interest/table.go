package interest

import "sync/atomic"

// keyed is what a table holds: something with an immutable text as its key.
type keyed[T any] interface {
	*T
	key() string
}

// table is an open-addressing hash table of pointers, linear probing, read
// without locks. Writers must exclude each other.
type table[T any, P keyed[T]] struct {
	slots atomic.Pointer[[]atomic.Pointer[T]]
	// The rest belongs to the writers.
	live int // entries
	used int // entries and tombstones
	tomb *T
}

const tableMin = 8

// get returns the entry with that key, or nil.
func (t *table[T, P]) get(hash uint64, key []byte) *T {
	p := t.slots.Load()
	if p == nil {
		return nil
	}
	s := *p
	mask := uint64(len(s) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		e := s[i].Load()
		if e == nil {
			return nil
		}
		if P(e).key() == string(key) {
			return e
		}
	}
}

// slot returns the place of the entry with that key, or nil.
func (t *table[T, P]) slot(hash uint64, key string) *atomic.Pointer[T] {
	p := t.slots.Load()
	if p == nil {
		return nil
	}
	s := *p
	mask := uint64(len(s) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		e := s[i].Load()
		if e == nil {
			return nil
		}
		if e != t.tomb && P(e).key() == key {
			return &s[i]
		}
	}
}

// add puts in an entry whose key is not there yet.
func (t *table[T, P]) add(hash uint64, e *T, hashOf func(string) uint64) {
	p := t.slots.Load()
	if p == nil || (t.used+1)*4 > len(*p)*3 {
		p = t.resize(hashOf)
	}
	s := *p
	mask := uint64(len(s) - 1)
	i := hash & mask
	for {
		old := s[i].Load()
		if old == nil {
			t.used++
			break
		}
		if old == t.tomb {
			break
		}
		i = (i + 1) & mask
	}
	t.live++
	s[i].Store(e)
}

// remove empties a place that slot returned.
func (t *table[T, P]) remove(at *atomic.Pointer[T], hashOf func(string) uint64) {
	if t.tomb == nil {
		t.tomb = new(T) // its key is empty, which no subject is
	}
	at.Store(t.tomb)
	t.live--
	if n := len(*t.slots.Load()); t.live*8 < n && n > tableMin {
		t.resize(hashOf)
	}
}

// resize copies the entries into a table of the right size without tombstones.
func (t *table[T, P]) resize(hashOf func(string) uint64) *[]atomic.Pointer[T] {
	n := tableMin
	for n*5 < (t.live+1)*8 {
		n *= 2
	}
	s := make([]atomic.Pointer[T], n)
	mask := uint64(n - 1)
	if p := t.slots.Load(); p != nil {
		for k := range *p {
			e := (*p)[k].Load()
			if e == nil || e == t.tomb {
				continue
			}
			i := hashOf(P(e).key()) & mask
			for s[i].Load() != nil {
				i = (i + 1) & mask
			}
			s[i].Store(e)
		}
	}
	t.used = t.live
	t.slots.Store(&s)
	return &s
}

// each calls f for the entries until it returns false.
func (t *table[T, P]) each(f func(*T) bool) bool {
	p := t.slots.Load()
	if p == nil {
		return true
	}
	for i := range *p {
		if e := (*p)[i].Load(); e != nil && P(e).key() != "" && !f(e) {
			return false
		}
	}
	return true
}
