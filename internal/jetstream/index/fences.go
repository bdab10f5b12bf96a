package index

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// fences finds the one of many sorted things that a key belongs to, by the least
// key of each. It has what all of these keys begin with, and of each the next
// eight bytes as a number; only where numbers are equal the keys are looked at.
type fences struct {
	prefix []byte
	heads  []uint64
}

// head returns the first eight bytes of key as a number in the order of keys.
func head(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	h := uint64(0)
	for i, c := range key {
		h |= uint64(c) << (56 - 8*i)
	}
	return h
}

// search returns the last one whose least key is not above key, the first one if
// there is none. least returns the least key of the n-th.
func (f *fences) search(key []byte, least func(n int) []byte) int {
	if !bytes.HasPrefix(key, f.prefix) {
		if less(key, f.prefix) {
			return 0
		}
		return len(f.heads) - 1
	}
	h := head(key[len(f.prefix):])
	lo, hi := 0, len(f.heads) // heads[:lo] <= h < heads[hi:]
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); f.heads[m] <= h {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == 0 || f.heads[lo-1] != h {
		return max(lo-1, 0)
	}
	from, _ := slices.BinarySearch(f.heads[:lo], h)
	for from < lo { // equal numbers: heads[from:lo]
		if m := int(uint(from+lo) >> 1); !less(key, least(m)) {
			from = m + 1
		} else {
			lo = m
		}
	}
	return max(from-1, 0)
}

// set notes the least key of the n-th, which is new or another than before.
func (f *fences) set(n int, least func(n int) []byte) {
	key := least(n)
	if !bytes.HasPrefix(key, f.prefix) {
		f.rebuild(least)
		return
	}
	f.heads[n] = head(key[len(f.prefix):])
}

// insert makes room for a new n-th one and notes its key.
func (f *fences) insert(n int, least func(n int) []byte) {
	f.heads = slices.Insert(f.heads, n, 0)
	if len(f.heads) == 2 {
		f.rebuild(least)
		return
	}
	f.set(n, least)
}

func (f *fences) remove(n int) { f.heads = slices.Delete(f.heads, n, n+1) }

// rebuild takes all keys anew.
func (f *fences) rebuild(least func(n int) []byte) {
	a, b := least(0), least(len(f.heads)-1)
	f.prefix = append(f.prefix[:0], a[:sharedLen(a, b)]...)
	for i := range f.heads {
		f.heads[i] = head(least(i)[len(f.prefix):])
	}
}
