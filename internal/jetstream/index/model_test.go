package index_test

import (
	"maps"
	"slices"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/subject"
)

// model is an index as simple as can be: a map.
type model struct {
	first, last uint64
	seqs        []uint64 // in order
	messages    map[uint64]message
	subjects    map[string][]uint64 // sequences in order
	bytes       uint64
}

type message struct {
	text   string
	size   uint32
	header bool
	at     index.Place
}

func newModel(first uint64) *model {
	m := &model{}
	m.clear(first)
	return m
}

func (m *model) clear(first uint64) {
	*m = model{first: first, last: first - 1, messages: map[uint64]message{}, subjects: map[string][]uint64{}}
}

func (m *model) append(seq uint64, msg message) {
	if len(m.seqs) == 0 {
		m.first = seq
	}
	m.last = seq
	m.seqs = append(m.seqs, seq)
	m.messages[seq] = msg
	m.subjects[msg.text] = append(m.subjects[msg.text], seq)
	m.bytes += index.FileCharge.Of(msg.size, msg.header)
}

func (m *model) skip(last uint64) {
	if m.last = last; len(m.seqs) == 0 {
		m.first = last + 1
	}
}

func without(list []uint64, seq uint64) []uint64 {
	i, _ := slices.BinarySearch(list, seq)
	if i == 0 {
		return list[1:]
	}
	return slices.Delete(list, i, i+1)
}

func (m *model) remove(seq uint64) bool {
	msg, ok := m.messages[seq]
	if !ok {
		return false
	}
	delete(m.messages, seq)
	m.seqs = without(m.seqs, seq)
	if m.subjects[msg.text] = without(m.subjects[msg.text], seq); len(m.subjects[msg.text]) == 0 {
		delete(m.subjects, msg.text)
	}
	m.bytes -= index.FileCharge.Of(msg.size, msg.header)
	if m.first = m.last + 1; len(m.seqs) > 0 {
		m.first = m.seqs[0]
	}
	return true
}

func (m *model) state() index.State {
	n := uint64(len(m.seqs))
	return index.State{
		First: m.first, Last: m.last, Messages: n, Bytes: m.bytes,
		Subjects: uint64(len(m.subjects)), Deleted: m.last + 1 - m.first - n,
	}
}

// from returns the sequences at or behind seq that match.
func (m *model) from(seq uint64, patterns []string) []uint64 {
	i, _ := slices.BinarySearch(m.seqs, seq)
	var list []uint64
	for _, s := range m.seqs[i:] {
		if match(patterns, m.messages[s].text) {
			list = append(list, s)
		}
	}
	return list
}

func (m *model) next(seq uint64, patterns []string) uint64 {
	i, _ := slices.BinarySearch(m.seqs, seq)
	for _, s := range m.seqs[i:] {
		if match(patterns, m.messages[s].text) {
			return s
		}
	}
	return 0
}

func (m *model) prev(seq uint64, patterns []string) uint64 {
	i, _ := slices.BinarySearch(m.seqs, seq+1)
	for _, s := range slices.Backward(m.seqs[:i]) {
		if match(patterns, m.messages[s].text) {
			return s
		}
	}
	return 0
}

func (m *model) matching(pattern string) []string {
	var list []string
	for _, text := range slices.Sorted(maps.Keys(m.subjects)) {
		if subject.Matches(pattern, text) {
			list = append(list, text)
		}
	}
	return list
}

func match(patterns []string, text string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(p string) bool { return subject.Matches(p, text) })
}
