package api

import (
	"hash/maphash"
	"sync/atomic"
)

const (
	// cacheSlots and cacheRecordMax bound the cache: 16 MiB of records.
	cacheSlots     = 4096
	cacheRecordMax = 4 << 10 // bytes
)

// recordCache keeps records that direct gets read again and again, so that they
// cost no system call. A record never changes while its sequence has a message, so
// what is found by a sequence that the index still has is right. Safe for
// concurrent use.
type recordCache struct {
	seed  maphash.Seed
	slots [cacheSlots]cacheSlot
}

type cacheSlot struct {
	// seen is who missed last: one that misses twice in a row is kept.
	seen atomic.Uint64
	kept atomic.Pointer[keptRecord]
}

type keptRecord struct {
	key    cacheKey
	record []byte // must not be changed
}

// cacheKey names a record. The owner is a number that no other stream ever had;
// 0: its records are not kept.
type cacheKey struct{ owner, seq uint64 }

func newRecordCache() *recordCache { return &recordCache{seed: maphash.MakeSeed()} }

// get returns a record, or nil.
func (c *recordCache) get(k cacheKey) []byte {
	if k.owner == 0 {
		return nil
	}
	if kept := c.slots[maphash.Comparable(c.seed, k)%cacheSlots].kept.Load(); kept != nil && kept.key == k {
		return kept.record
	}
	return nil
}

// offer gives the cache a record that it has not; rec is not kept.
func (c *recordCache) offer(k cacheKey, rec []byte) {
	if k.owner == 0 || len(rec) > cacheRecordMax {
		return
	}
	h := maphash.Comparable(c.seed, k)
	slot := &c.slots[h%cacheSlots]
	if slot.seen.Swap(h) != h {
		return
	}
	slot.kept.Store(&keptRecord{k, append([]byte(nil), rec...)})
}

// forget drops the records of an owner.
func (c *recordCache) forget(owner uint64) {
	for i := range c.slots {
		slot := &c.slots[i]
		if kept := slot.kept.Load(); kept != nil && kept.key.owner == owner {
			slot.kept.CompareAndSwap(kept, nil)
		}
	}
}
