package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// AfterPowerLoss returns a new file system that holds what a disk might hold if
// the power failed now; m itself goes on unchanged. Synced content, lengths and
// names are all there. Of the rest, rng decides for each sector, each length and
// each change of a name whether it had reached the disk, after it has decided
// whether none, some or all tend to. A nil rng: nothing unsynced has.
//
// The order in which unsynced writes were made means nothing, as on a disk; only
// the changes of one name or one file's names keep their order. Equal histories and equally
// seeded sources give equal results.
func (m *Mem) AfterPowerLoss(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	loss := powerLoss{rng: rng, copies: map[*node]*node{}}
	if rng != nil {
		loss.keep = []float64{0, 0.1, 0.5, 0.9, 1}[rng.IntN(5)]
	}
	for _, n := range m.reachableLocked() {
		loss.copyNode(n)
	}
	lost := changes{}
	for _, c := range m.mu.pending {
		if !loss.survives() || lost.touch(c) {
			lost.add(c)
			continue
		}
		loss.copyChange(c).apply()
	}
	left := NewMem()
	left.mu.root = loss.copies[m.mu.root]
	left.mu.capacity = m.mu.capacity
	left.mu.used = adopt(left.mu.root)
	return left
}

// reachableLocked returns every node that any outcome could lead to, in an order
// that depends on the history alone.
func (m *Mem) reachableLocked() []*node {
	var all []*node
	seen := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		all = append(all, n)
		for _, entries := range []map[string]*node{n.durable, n.names} {
			for _, name := range slices.Sorted(maps.Keys(entries)) {
				visit(entries[name])
			}
		}
	}
	visit(m.mu.root)
	for _, c := range m.mu.pending {
		visit(c.from)
		visit(c.to)
		visit(c.what)
	}
	return all
}

// powerLoss is one draw of what survives.
type powerLoss struct {
	rng    *rand.Rand
	keep   float64 // the probability that something unsynced survives
	copies map[*node]*node
}

func (l *powerLoss) survives() bool {
	return l.rng != nil && l.rng.Float64() < l.keep
}

// copyNode makes the surviving form of a node: its durable names, and its content.
func (l *powerLoss) copyNode(n *node) {
	into := l.twin(n)
	if !n.isDir() {
		into.content = n.content.afterPowerLoss(l.rng, l.keep)
		return
	}
	for name, child := range n.durable {
		into.durable[name] = l.twin(child)
	}
}

// twin returns the copy that stands for n, empty if it was not met before.
func (l *powerLoss) twin(n *node) *node {
	if n == nil {
		return nil
	}
	if l.copies[n] == nil {
		l.copies[n] = &node{}
		if n.isDir() {
			l.copies[n] = newDirNode()
		}
	}
	return l.copies[n]
}

func (l *powerLoss) copyChange(c *change) *change {
	return &change{
		what: l.twin(c.what), from: l.twin(c.from), to: l.twin(c.to),
		fromName: c.fromName, toName: c.toName,
	}
}

// adopt makes the durable names below a directory the current ones and returns
// the bytes of the files there.
func adopt(root *node) int64 {
	var used int64
	for _, child := range root.durable {
		child.links = 1
		used += child.content.size()
		if child.isDir() {
			used += adopt(child)
		}
	}
	root.names = maps.Clone(root.durable)
	return used
}
