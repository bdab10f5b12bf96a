package conn

import (
	"hash/maphash"

	"github.com/tidings-io/tidings/internal/core"
)

// sidTable finds a connection's subscriptions by id: open addressing with linear
// probing, 8 bytes a slot, because a map would cost several times as much for the
// many connections that have one subscription.
type sidTable struct {
	slots []*core.Subscription
	n     int
}

var sidSeed = maphash.MakeSeed()

func (t *sidTable) place(sid string) int {
	mask := len(t.slots) - 1
	i := int(maphash.String(sidSeed, sid)) & mask
	for t.slots[i] != nil && t.slots[i].ID() != sid {
		i = (i + 1) & mask
	}
	return i
}

func (t *sidTable) get(sid []byte) *core.Subscription {
	if t.n == 0 {
		return nil
	}
	mask := len(t.slots) - 1
	i := int(maphash.Bytes(sidSeed, sid)) & mask
	for t.slots[i] != nil && t.slots[i].ID() != string(sid) {
		i = (i + 1) & mask
	}
	return t.slots[i]
}

// put adds s, whose id is not in the table.
func (t *sidTable) put(s *core.Subscription) {
	if (t.n+1)*4 > len(t.slots)*3 {
		t.resize(max(2, len(t.slots)*2))
	}
	t.slots[t.place(s.ID())] = s
	t.n++
}

func (t *sidTable) resize(size int) {
	old := t.slots
	t.slots = make([]*core.Subscription, size)
	for _, s := range old {
		if s != nil {
			t.slots[t.place(s.ID())] = s
		}
	}
}

// remove takes s out and reports whether it was in.
func (t *sidTable) remove(s *core.Subscription) bool {
	if t.n == 0 {
		return false
	}
	i := t.place(s.ID())
	if t.slots[i] != s {
		return false
	}
	mask := len(t.slots) - 1
	t.slots[i] = nil
	t.n--
	// Entries behind the gap may have been pushed there: put them again.
	for i = (i + 1) & mask; t.slots[i] != nil; i = (i + 1) & mask {
		s := t.slots[i]
		t.slots[i] = nil
		t.slots[t.place(s.ID())] = s
	}
	if len(t.slots) > 8 && t.n*8 < len(t.slots) {
		t.resize(len(t.slots) / 4)
	}
	return true
}

// all returns the subscriptions in no order.
func (t *sidTable) all() []*core.Subscription {
	list := make([]*core.Subscription, 0, t.n)
	for _, s := range t.slots {
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}
