package index_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

var (
	oneSeed = flag.Uint64("seed", 0, "run the random history of this seed alone")
	seeds   = flag.Uint64("seeds", 2000, "number of random histories")
)

// TestIndexIsLikeAMapInEveryHistory does the same things to an index and to a
// simple model. A failed history is run again with -seed.
func TestIndexIsLikeAMapInEveryHistory(t *testing.T) {
	t.Parallel()
	if *oneSeed != 0 {
		newHistory(t, *oneSeed).run()
		return
	}
	const parts = 4
	for part := range uint64(parts) {
		t.Run(fmt.Sprint("part", part), func(t *testing.T) {
			t.Parallel()
			for seed := part + 1; seed <= *seeds; seed += parts {
				newHistory(t, seed).run()
			}
		})
	}
}

// history is a random one. What is done is chosen by weights that differ from one
// history to the next.
type history struct {
	t        *testing.T
	seed     uint64
	rng      *rand.Rand
	size     int // how long it is: 20, or 1
	x        *index.Index
	m        *model
	subjects int
	depth    int
	jumps    bool
	files    uint32
	watchers []*watcher
	log      []string
	open     *index.Capture // nil: none
	parts    [][]byte       // of it
}

// watcher is a filter with a cursor.
type watcher struct {
	patterns []string
	f        *index.Filter
	c        *index.Cursor
	pos      uint64
}

func newHistory(t *testing.T, seed uint64) *history {
	rng := rand.New(rand.NewPCG(seed, 0))
	first := []uint64{1, 1, 4000, 1 << 40}[rng.IntN(4)]
	size := 1
	if seed%32 == 0 {
		size = 20
	}
	return &history{
		t: t, seed: seed, rng: rng, size: size, x: index.New(first), m: newModel(first),
		subjects: []int{1, 3, 40, 700, 5000, 30000}[rng.IntN(6)],
		depth:    1 + rng.IntN(3), jumps: rng.IntN(3) == 0, files: []uint32{1, 2, 5, 400}[rng.IntN(4)],
	}
}

func (h *history) run() {
	type step struct {
		weight int
		name   string
		do     func()
	}
	w := func(n int) int { return h.rng.IntN(n) }
	steps := []step{
		{20 + w(60), "append", func() { h.append(1) }},
		{w(4), "append many", func() { h.append(w(75 * h.size)) }},
		{w(60), "remove", h.remove},
		{w(20), "remove first", func() { h.removeSeq(h.m.first) }},
		{w(3), "remove before", h.removeBefore},
		{w(3), "remove many", func() {
			for range w(20 * h.size) {
				h.remove()
			}
		}},
		{w(2), "purge subject", h.purgeSubject},
		{w(3), "skip", h.skip},
		{w(8) / 7, "clear", h.clear},
		{w(20), "move", h.move},
		{w(2), "move file", h.moveFile},
		{1 + w(20), "look up", h.lookUp},
		{1 + w(20), "walk", h.walk},
		{1 + w(2), "watch", h.watch},
		{1 + w(40), "cursor", h.cursor},
		{1, "subjects", h.listSubjects},
		{1, "encode", h.encode},
		{1 + w(30), "capture", h.capture},
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	h.append(w(150 * h.size))
	for i := range 75 * h.size {
		n := h.rng.IntN(total)
		for _, s := range steps {
			if n -= s.weight; n < 0 {
				h.log = append(h.log, s.name)
				s.do()
				break
			}
		}
		if got, want := h.x.State(), h.m.state(); got != want {
			h.fail("got state %+v, want %+v", got, want)
		}
		if i%50 == 0 {
			h.check()
		}
	}
	h.listSubjects()
	h.check()
}

func (h *history) fail(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf("again with -seed %d: step %d, %v: %s", h.seed, len(h.log), h.log[max(0, len(h.log)-8):], fmt.Sprintf(format, args...))
}

func (h *history) check() {
	h.t.Helper()
	if err := index.Check(h.x); err != nil {
		h.fail("%v", err)
	}
}

var words = []string{"orders", "order", "eu", "us", "device-000000000000", "x", "state"}

// text returns a random subject.
func (h *history) text() string {
	n := h.rng.IntN(h.subjects)
	tokens := []string{words[n%len(words)]}
	for d := 1; d < h.depth; d++ {
		tokens = append(tokens, words[(n>>d)%len(words)])
	}
	if n%500 == 77 {
		tokens = append(tokens, fmt.Sprintf("%01100d", n)) // longer than a page
	}
	return strings.Join(append(tokens, strconv.Itoa(n)), ".")
}

// pattern returns a random filter subject.
func (h *history) pattern() string {
	word := words[h.rng.IntN(len(words))]
	switch h.rng.IntN(7) {
	case 0:
		return word + ".>"
	case 1:
		return "*." + word + ".>"
	case 2:
		return "*.*"
	case 3:
		return word + ".*"
	case 4:
		return word + ".*.*"
	}
	return h.text()
}

func (h *history) patterns() []string {
	var list []string
	for range h.rng.IntN(3) {
		list = append(list, h.pattern())
	}
	if h.rng.IntN(10) == 0 {
		for range h.rng.IntN(60) {
			list = append(list, h.text())
		}
	}
	return list
}

func (h *history) place() index.Place {
	return index.Place{File: 1 + h.rng.Uint32N(h.files), Offset: h.rng.Uint32()}
}

func (h *history) append(n int) {
	for range n {
		seq := h.m.last + 1
		if h.jumps && h.rng.IntN(20) == 0 {
			seq += h.rng.Uint64N(600)
		}
		msg := message{text: h.text(), size: 32 + h.rng.Uint32N(5000), header: h.rng.IntN(2) == 0, at: h.place()}
		size := msg.size
		if msg.header {
			size |= index.HasHeader
		}
		id := h.x.Append(seq, []byte(msg.text), size, msg.at)
		h.m.append(seq, msg)
		if s, ok := h.x.Subject([]byte(msg.text)); !ok || s.ID != id || s.Last != seq {
			h.fail("%q was appended as %d, %d; got %+v, %v", msg.text, seq, id, s, ok)
		}
	}
}

// seq returns a random sequence near those there are.
func (h *history) seq() uint64 {
	if len(h.m.seqs) > 0 && h.rng.IntN(4) > 0 {
		return h.m.seqs[h.rng.IntN(len(h.m.seqs))]
	}
	return max(1, h.m.first-min(h.m.first, 5)+h.rng.Uint64N(h.m.last-h.m.first+12))
}

func (h *history) remove() { h.removeSeq(h.seq()) }

func (h *history) removeSeq(seq uint64) {
	msg := h.m.messages[seq]
	want := h.m.remove(seq)
	e, ok := h.x.Remove(seq)
	if ok != want {
		h.fail("remove %d: got %v, want %v", seq, ok, want)
	}
	if ok {
		h.same(e, seq, msg)
	}
}

func (h *history) same(e index.Entry, seq uint64, want message) {
	h.t.Helper()
	got := message{text: string(h.x.SubjectText(e.ID, nil)), size: e.Size, header: e.Header, at: e.Place}
	if e.Seq != seq || got != want {
		h.fail("got message %d %+v, want %d %+v", e.Seq, got, seq, want)
	}
}

func (h *history) removeBefore() {
	seq := h.seq()
	if h.rng.IntN(3) > 0 {
		seq = h.m.first + h.rng.Uint64N(3000)
	}
	h.x.RemoveBefore(seq, func(e index.Entry) {
		if e.Seq != h.m.first || e.Seq >= seq {
			h.fail("removed %d, want %d", e.Seq, h.m.first)
		}
		h.m.remove(e.Seq)
	})
	if h.m.first < seq && len(h.m.seqs) > 0 {
		h.fail("got first %d, want %d or more", h.m.first, seq)
	}
}

func (h *history) purgeSubject() {
	p := h.pattern()
	f := h.x.NewFilter(p)
	for {
		e, ok := h.x.Next(0, f)
		if !ok {
			break
		}
		h.removeSeq(e.Seq)
	}
	if n := len(h.m.from(0, []string{p})); n > 0 {
		h.fail("%d messages left of %q", n, p)
	}
}

func (h *history) skip() {
	to := h.m.last + h.rng.Uint64N(9000)
	h.x.Skip(to)
	h.m.skip(to)
}

func (h *history) clear() {
	first := h.m.last + 1 + h.rng.Uint64N(3)
	h.x.Clear(first)
	h.m.clear(first)
}

func (h *history) move() {
	seq, from, to := h.seq(), h.place(), h.place()
	msg, ok := h.m.messages[seq]
	if ok && h.rng.IntN(3) > 0 {
		from = msg.at
	}
	want := ok && msg.at == from
	if got := h.x.Move(seq, from, to); got != want {
		h.fail("move %d: got %v, want %v", seq, got, want)
	}
	if want {
		msg.at = to
		h.m.messages[seq] = msg
	}
}

func (h *history) moveFile() {
	file := 1 + h.rng.Uint32N(h.files)
	var got, want []uint64
	for _, seq := range h.m.seqs {
		if h.m.messages[seq].at.File == file {
			want = append(want, seq)
		}
	}
	h.files = max(h.files, h.rng.Uint32N(1000))
	for e := range h.x.InFile(file) {
		got = append(got, e.Seq)
		msg := h.m.messages[e.Seq]
		h.same(e, e.Seq, msg)
		msg.at = h.place()
		h.m.messages[e.Seq] = msg
		h.x.Move(e.Seq, e.Place, msg.at)
	}
	if !slices.Equal(got, want) {
		h.fail("got %d messages in file %d, want %d", len(got), file, len(want))
	}
}

func (h *history) lookUp() {
	seq := h.seq()
	want, ok := h.m.messages[seq]
	e, got := h.x.Get(seq)
	if got != ok {
		h.fail("get %d: got %v, want %v", seq, got, ok)
	}
	if ok {
		h.same(e, seq, want)
	}
	h.sameSubject(h.text())
	from, limit := h.seq(), h.rng.IntN(50)
	var holes []uint64
	for s := max(from, h.m.first); s <= h.m.last && len(holes) < limit; s++ {
		if _, ok := h.m.messages[s]; !ok {
			holes = append(holes, s)
		}
	}
	if got := h.x.Deleted(from, limit); !slices.Equal(got, holes) {
		h.fail("deleted from %d, %d at most: got %v, want %v", from, limit, got, holes)
	}
}

func (h *history) sameSubject(text string) {
	h.t.Helper()
	want := h.m.subjects[text]
	s, ok := h.x.Subject([]byte(text))
	switch {
	case ok != (len(want) > 0):
		h.fail("subject %q: got %v, want %d messages", text, ok, len(want))
	case !ok:
	case s.First != want[0] || s.Last != want[len(want)-1] || s.Count != uint64(len(want)):
		h.fail("subject %q: got %+v, want %d to %d, %d", text, s, want[0], want[len(want)-1], len(want))
	case s != h.x.SubjectOf(s.ID):
		h.fail("subject %q: got %+v by text, %+v by ID", text, s, h.x.SubjectOf(s.ID))
	}
}

func (h *history) filter() ([]string, *index.Filter) {
	if len(h.watchers) > 0 && h.rng.IntN(2) == 0 {
		w := h.watchers[h.rng.IntN(len(h.watchers))]
		return w.patterns, w.f
	}
	p := h.patterns()
	return p, h.x.NewFilter(p...)
}

func (h *history) walk() {
	patterns, f := h.filter()
	from := h.seq()
	if e, ok := h.x.Next(from, f); e.Seq != h.m.next(from, patterns) || ok != (e.Seq != 0) {
		h.fail("next from %d of %.3q: got %d, %v, want %d", from, patterns, e.Seq, ok, h.m.next(from, patterns))
	}
	if e, ok := h.x.Prev(from, f); e.Seq != h.m.prev(from, patterns) || ok != (e.Seq != 0) {
		h.fail("prev from %d of %.3q: got %d, %v, want %d", from, patterns, e.Seq, ok, h.m.prev(from, patterns))
	}
	if got, want := h.x.Count(from, f), uint64(len(h.m.from(from, patterns))); got != want {
		h.fail("count from %d of %.3q: got %d, want %d", from, patterns, got, want)
	}
	if e, ok := h.x.Get(from); ok {
		text := h.m.messages[from].text
		if got, want := f.MatchID(e.ID), match(patterns, text); got != want || f.Match([]byte(text)) != want {
			h.fail("match %q by %.3q: got %v, want %v", text, patterns, got, want)
		}
	}
}

func (h *history) watch() {
	p := h.patterns()
	w := &watcher{patterns: p, f: h.x.NewFilter(p...), pos: h.seq()}
	w.c = h.x.NewCursor(w.f, w.pos)
	if h.watchers = append(h.watchers, w); len(h.watchers) > 8 {
		h.watchers = h.watchers[1:]
	}
}

func (h *history) cursor() {
	if len(h.watchers) == 0 {
		return
	}
	w := h.watchers[h.rng.IntN(len(h.watchers))]
	want := h.m.next(w.pos, w.patterns)
	switch h.rng.IntN(8) {
	case 0:
		w.pos = h.seq()
		w.c.Seek(w.pos)
	case 1, 2:
		if e, ok := w.c.Peek(); e.Seq != want || ok != (want != 0) {
			h.fail("peek at %d of %.3q: got %d, %v, want %d", w.pos, w.patterns, e.Seq, ok, want)
		}
	case 3, 4, 5:
		if e, ok := w.c.Next(); e.Seq != want || ok != (want != 0) {
			h.fail("next at %d of %.3q: got %d, %v, want %d", w.pos, w.patterns, e.Seq, ok, want)
		}
		if want != 0 {
			w.pos = want + 1
		}
	default:
		if got, want := w.c.Pending(), uint64(len(h.m.from(w.pos, w.patterns))); got != want {
			h.fail("pending at %d of %.3q: got %d, want %d", w.pos, w.patterns, got, want)
		}
	}
	if w.c.Position() != w.pos {
		h.fail("got position %d, want %d", w.c.Position(), w.pos)
	}
}

func (h *history) listSubjects() {
	for _, p := range []string{">", h.pattern(), h.pattern()} {
		var got []string
		want := h.m.matching(p)
		for text, s := range h.x.Subjects(p) {
			got = append(got, string(text))
			if list := h.m.subjects[string(text)]; len(list) == 0 || s.First != list[0] ||
				s.Last != list[len(list)-1] || s.Count != uint64(len(list)) {
				h.fail("subject %q of %q: got %+v, want %d", text, p, s, list)
			}
		}
		if !slices.Equal(got, want) {
			h.fail("%d subjects match %q, want %d", len(got), p, len(want))
		}
	}
}

func (h *history) encode() {
	if h.open != nil {
		return
	}
	b := h.x.AppendState([]byte("x"))[1:]
	y, err := index.Decode(b)
	if err != nil {
		h.fail("%v", err)
	}
	h.sameAs(y)
	if h.rng.IntN(2) == 0 {
		h.goOnWith(y) // the history goes on with either
	}
}
