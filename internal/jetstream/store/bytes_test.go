package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

// tiny is a closed store that is as small as one can be that has every kind of
// file, with what is known of it.
type tiny struct {
	m       *vfs.Mem
	n       *node
	goes    map[string]bool   // files that are gone after a start without damage
	strange map[string]string // files that are never read nor removed
}

func tinyOptions(fsys vfs.FS) store.Options {
	opts := options(fsys, 5)
	opts.FileSize, opts.MaxFiles, opts.SegmentSize = 24<<10, 5, 4096
	opts.SetStateOwnFile(90)
	return opts
}

// newTiny writes the store: group 2 is compressed and has a state of its own file,
// group 3 is not and has not, group 4 is deleted.
func newTiny(t *testing.T, key string) *tiny {
	t.Helper()
	s := &tiny{m: vfs.NewMem(), n: newNode(), goes: map[string]bool{}, strange: map[string]string{}}
	s.n.compress, s.n.key = true, key
	opts := tinyOptions(s.m)
	opts.IdleMarker = time.Second
	must(t, s.n.open(opts))
	publish := func(g store.Group, numbers ...int) {
		t.Helper()
		st := s.n.streams[g]
		payload := binary.LittleEndian.AppendUint64(nil, st.x.State().Last+1)
		for _, n := range numbers {
			body := fmt.Appendf(nil, "%d says %d %d %d", n, n, n, n)
			want := 4 // of five
			if n%4 == 0 {
				want = 3 // it is stored in a form of its own
			}
			body = append(body, bytes.Repeat([]byte{'.'}, (want+5-len(body)%5)%5)...)
			payload = record.Build(payload, &record.Message{Time: int64(n), Subject: fmt.Appendf(nil, "s.%d", n%3), Body: body})
		}
		must(t, s.n.log(st, command{kindPublishAt, payload}))
		must(t, s.n.apply(st))
		synctest.Wait()
	}
	remove := func(g store.Group, seq uint64) {
		t.Helper()
		st := s.n.streams[g]
		must(t, s.n.log(st, command{kindRemove, binary.LittleEndian.AppendUint64(nil, seq)}))
		must(t, s.n.apply(st))
	}
	for range 3 {
		_, err := s.n.create()
		must(t, err)
	}
	publish(4, 90)
	for i := range 6 {
		publish(2, 10*i+1, 10*i+2, 10*i+4)
		publish(3, 10*i+5, 10*i+7)
	}
	remove(3, 3)
	remove(2, 5)
	must(t, s.n.remove(4))
	must(t, s.n.s.Checkpoint())
	publish(2, 71)
	publish(3, 72, 73)
	remove(3, 12)
	must(t, s.n.s.Checkpoint())
	publish(2, 81, 84)
	publish(3, 82)
	// What is in the log alone must be there: the machine loses its power, not so soon
	// that a damaged end could be taken for a torn one.
	<-time.After(2 * time.Second)
	synctest.Wait()
	s.m = s.m.AfterPowerLoss(nil)
	_ = s.n.s.Close()
	s.plant(t)
	s.learn(t)
	return s
}

// plant puts files into the store that a crash or a person has left.
func (s *tiny) plant(t *testing.T) {
	t.Helper()
	must(t, s.m.MkdirAll("js/quarantine"))
	for name, kept := range map[string]bool{
		"js/quarantine/streams_9": true, "js/wal/00000077.wal.damaged-0123456789abcdef": true, "js/mine": true,
		"js/checkpoint-00000099.tmp": false, "js/wal/00000099.wal.tmp": false,
	} {
		f, err := s.m.Create(name)
		must(t, err)
		_, err = f.WriteAt([]byte(name), 0)
		must(t, err)
		must(t, f.Sync())
		must(t, f.Close())
		if kept {
			s.strange[name] = name
		}
	}
	for _, dir := range []string{"js", "js/wal", "js/quarantine"} {
		must(t, s.m.SyncDir(dir))
	}
}

// learn starts the store undamaged.
func (s *tiny) learn(t *testing.T) {
	t.Helper()
	left := s.m.AfterPowerLoss(nil)
	found, err := s.look(left, "", true)
	must(t, err)
	if len(found.missing)+len(found.said)+found.logged > 0 {
		t.Fatalf("without damage: %+v", found)
	}
	after := filesBelow(t, left, "js")
	for _, name := range filesBelow(t, s.m, "js") {
		s.goes[name] = !slices.Contains(after, name)
	}
}

// found is what a start has come to.
type found struct {
	refused error
	said    []error // to the owners
	logged  int     // warnings and errors
	missing map[store.Group][]uint64
}

func (f *found) told() bool { return f.refused != nil || len(f.said) > 0 || f.logged > 0 }

func (f *found) lost() (n int) {
	for _, seqs := range f.missing {
		n += len(seqs)
	}
	return n
}

// frozen reports whether it was said that the state of a group is lost.
func (f *found) frozen(g store.Group) bool {
	for _, err := range f.said {
		if damage, ok := errors.AsType[*store.DamageError](err); ok && damage.Seq == 0 && (damage.Group == g || damage.Group <= store.NodeGroup) {
			return true
		}
	}
	return false
}

// counter is a log handler that counts what an operator should know of.
type counter struct{ n *int }

func (counter) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (c counter) Handle(context.Context, slog.Record) error  { *c.n++; return nil }
func (c counter) WithAttrs([]slog.Attr) slog.Handler         { return c }
func (c counter) WithGroup(string) slog.Handler              { return c }
func (s *tiny) options(left vfs.FS, logged *int) store.Options {
	opts := tinyOptions(left)
	opts.Incarnation = seeded(uint64(9)).Uint64
	opts.Log = slog.New(counter{logged})
	return opts
}

// look starts a store of which the named file may be damaged, and compares all of
// it with what is known. first: no start was made before that has told what is
// missing.
func (s *tiny) look(left *vfs.Mem, name string, first bool) (f found, err error) {
	k := s.n.known()
	f.missing = map[store.Group][]uint64{}
	if f.refused = k.open(s.options(left, &f.logged)); f.refused != nil {
		return f, nil //nolint:nilerr // a refusal is told in its own way
	}
	synctest.Wait()
	f.said = k.damage
	for g := range k.histories {
		if err == nil && g != 4 {
			err = s.compare(k, g, name, first, &f)
		}
	}
	if k.streams[4] != nil && len(f.said) == 0 {
		err = errors.Join(err, errors.New("the deleted group is back"))
	}
	return f, errors.Join(err, k.s.Close())
}

func (s *tiny) compare(k *node, g store.Group, name string, first bool, f *found) error {
	st := k.streams[g]
	if f.frozen(g) {
		return nil
	}
	if st == nil {
		return fmt.Errorf("group %d is gone and nothing is said", g)
	}
	all := replayNaive(slices.DeleteFunc(slices.Clone(st.history), func(c command) bool { return c.kind != kindPublishAt }))
	want := replayNaive(st.history)
	st.mu.Lock()
	defer st.mu.Unlock()
	for seq := uint64(1); seq <= all.last; seq++ {
		e, ok := st.x.Get(seq)
		_, live := want.live[seq]
		switch {
		case !ok && !live:
			continue
		case !ok:
			f.missing[g] = append(f.missing[g], seq)
			if first && len(f.said) == 0 {
				return fmt.Errorf("group %d: message %d is missing and nothing is said", g, seq)
			}
			continue
		case !live && first && len(f.said) == 0:
			return fmt.Errorf("group %d: message %d is back and nothing is said", g, seq)
		}
		rec, err := st.files.Read(nil, e)
		damage, ok := errors.AsType[*store.DamageError](err)
		if ok && damage.Seq == seq && (path.Join("js", damage.File) == name || damage.File == "" && (f.logged > 0 || !first)) {
			f.missing[g] = append(f.missing[g], seq)
			continue
		}
		if err != nil {
			return fmt.Errorf("group %d: message %d cannot be read: %w", g, seq, err)
		}
		m := record.View(rec)
		if text := all.live[seq]; string(m.Subject)+" "+string(m.Body) != text {
			return fmt.Errorf("group %d: message %d is %q %q, want %q", g, seq, m.Subject, m.Body, text)
		}
	}
	return nil
}

// harm does something to one file, then looks at what a start makes of it.
func (s *tiny) harm(t *testing.T, name string, twice bool, do func(f vfs.File)) (f found, err error) {
	t.Helper()
	left := s.m.AfterPowerLoss(nil)
	edit(t, left, name, do)
	if f, err = s.look(left, name, true); err != nil {
		return f, err
	}
	if f.refused != nil {
		return f, s.repairs(left, name, f.refused)
	}
	if err := s.keeps(t, left, name); err != nil || !twice {
		return f, err
	}
	again, err := s.look(left, name, false)
	for g, seqs := range again.missing {
		for _, seq := range seqs {
			if !slices.Contains(f.missing[g], seq) && !f.frozen(g) {
				err = errors.Join(err, fmt.Errorf("group %d: message %d is gone at the second start", g, seq))
			}
		}
	}
	if again.refused != nil {
		err = errors.Join(err, fmt.Errorf("the second start: %w", again.refused))
	}
	return f, err
}

// repairs has a store that refuses to start say how to go on.
func (s *tiny) repairs(left *vfs.Mem, name string, refused error) error {
	switch name {
	case "js/NODE":
	case "js/ENCRYPTION":
		return s.putBack(left, refused)
	default:
		return fmt.Errorf("the store does not start: %w", refused)
	}
	opts := store.Options{FS: left, Dir: "js"}
	if s.n.key != "" {
		opts.Encrypt(s.n.key, "")
	}
	if _, err := store.Repair(opts, false); err != nil {
		return err
	}
	f, err := s.look(left, name, true)
	if err == nil && f.lost() > 0 {
		err = fmt.Errorf("%d messages are missing after the repair", f.lost())
	}
	return errors.Join(err, f.refused)
}

// putBack takes the key file from a copy, as the refusal says.
func (s *tiny) putBack(left *vfs.Mem, refused error) error {
	if !errors.Is(refused, encrypted.ErrKeyFile) {
		return refused
	}
	whole, err := vfs.ReadFile(s.m, "js/ENCRYPTION")
	if err != nil {
		return err
	}
	disk, err := left.Open("js/ENCRYPTION")
	if err != nil {
		return err
	}
	if _, err = disk.WriteAt(whole, 0); err != nil {
		return err
	}
	f, err := s.look(left, "", true)
	return errors.Join(err, f.refused, disk.Close())
}

// keeps reports a damaged file, or messages, that were deleted because of damage.
func (s *tiny) keeps(t *testing.T, left *vfs.Mem, harmed string) error {
	t.Helper()
	after := filesBelow(t, left, "js")
	for name, gone := range s.goes {
		aside := "js/quarantine/" + strings.ReplaceAll(strings.TrimPrefix(name, "js/"), "/", "_")
		if gone || name != harmed && !strings.Contains(name, "/seg-") {
			continue // the log and the checkpoints may go on from what is whole
		}
		if slices.Contains(after, name) || slices.Contains(after, aside) {
			continue
		}
		if !slices.ContainsFunc(after, func(a string) bool { return strings.HasPrefix(a, name+".damaged-") }) {
			return fmt.Errorf("%s is deleted; there are %q", name, after)
		}
	}
	for name, want := range s.strange {
		if got, err := vfs.ReadFile(left, name); name != harmed && (err != nil || string(got) != want) {
			return fmt.Errorf("%s, which is nobody's, is %q now: %w", name, got, err)
		}
	}
	return nil
}

// kinds are the kinds of files in a store, as patterns, from the pages that
// describe them.
func kinds(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	list := map[string]*regexp.Regexp{}
	for page, dir := range map[string]string{"store.md": "js/", "wal.md": "js/wal/"} {
		b, err := vfs.ReadFile(vfs.NewDir("../../../docs/formats"), page)
		must(t, err)
		_, table, _ := bytes.Cut(b, []byte("\n|---|---|\n"))
		table, _, _ = bytes.Cut(table, []byte("\n\n"))
		for row := range strings.SplitSeq(string(table), "\n") {
			name, _, _ := strings.Cut(strings.TrimPrefix(row, "| `"), "`")
			pattern := regexp.QuoteMeta(strings.ReplaceAll(name, "<16 hex digits>", "HEX"))
			pattern = regexp.MustCompile(`[0-9]+`).ReplaceAllString(pattern, "[0-9]+")
			pattern = strings.ReplaceAll(pattern, "HEX", "[0-9a-f]{16}")
			if strings.HasSuffix(name, "/") {
				pattern += ".*"
			}
			list[name] = regexp.MustCompile("^" + dir + pattern + "$")
		}
	}
	if len(list) < 12 {
		t.Fatalf("got the kinds %q", slices.Sorted(maps.Keys(list)))
	}
	return list
}

// everyKind fails if a kind of file is in none of the stores, or a file is of no
// kind.
func everyKind(t *testing.T, stores ...*tiny) {
	t.Helper()
	known := kinds(t)
	seen := map[string]bool{}
	for _, s := range stores {
		for _, file := range filesBelow(t, s.m, "js") {
			is := file == "js/mine"
			for name, pattern := range known {
				if pattern.MatchString(file) {
					is, seen[name] = true, true
				}
			}
			if !is {
				t.Errorf("%s is in no table of docs/formats", file)
			}
		}
	}
	for name := range known {
		if !seen[name] {
			t.Errorf("no store has a file as %s", name)
		}
	}
}

// TestEveryByteOfEveryKindOfFile flips a bit in each byte, and cuts files at each
// length. What is empty in files of the log, and what encryption makes of them, is
// left to the tests of log and encryption but for a sample.
func TestEveryByteOfEveryKindOfFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		everyKind(t, newTiny(t, ""), newTiny(t, "key"))
	})
	const parts = 4
	for name, key := range map[string]string{"plain": "", "encrypted": "key"} {
		for part := range parts {
			t.Run(fmt.Sprint(name, part), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { everyByte(t, newTiny(t, key), part, parts) })
			})
		}
	}
}

// everyByte does it to one of so many parts of all bytes.
func everyByte(t *testing.T, s *tiny, part, parts int) {
	for _, name := range filesBelow(t, s.m, "js") {
		places := s.places(t, name)
		told, lost, tries := 0, 0, 0
		for i := part; i < len(places); i += parts {
			off := places[i]
			f, err := s.harm(t, name, i/parts%4 == 0, func(f vfs.File) { flipIn(t, f, off) })
			if err == nil {
				err = s.flipped(name, f)
			}
			if err != nil {
				t.Fatalf("bit flipped in %s at %d: %v\n%v", name, off, err, f.said)
			}
			if tries++; f.told() || f.lost() > 0 {
				told++
			}
			lost = max(lost, f.lost())
			f, err = s.harm(t, name, i/parts%4 == 1, func(f vfs.File) { must(t, f.Truncate(off)) })
			if err != nil {
				t.Fatalf("%s cut at %d: %v\n%v", name, off, err, f.said)
			}
		}
		t.Logf("%s: %d of %d flipped bits were told of, at most %d messages lost", name, told, tries, lost)
	}
}

// places are the offsets of a file at which harm is done.
func (s *tiny) places(t *testing.T, name string) (list []int64) {
	t.Helper()
	b, err := vfs.ReadFile(s.m, name)
	must(t, err)
	zeros := make([]byte, 64)
	for off := range b {
		around := b[off&^63 : min(off|63+1, len(b))]
		every := 1
		switch {
		case s.n.key != "" && strings.HasSuffix(name, ".wal"):
			every = 101
		case s.n.key != "" && off < 4096 && name != "js/NODE": // eight copies of a header, or the key
			every = 13
		case s.n.key != "" && off%16 > 0 && strings.Contains(name, "checkpoint"):
			every = 3
		case bytes.Equal(around, zeros[:len(around)]):
			every = 101
		}
		if testing.Short() {
			every *= 61
		}
		if off%every == 0 {
			list = append(list, int64(off))
		}
	}
	return list
}

func flipIn(t testing.TB, f vfs.File, off int64) {
	t.Helper()
	b := make([]byte, 1)
	_, err := f.ReadAt(b, off)
	must(t, err)
	b[0] ^= 1 << (off % 8)
	_, err = f.WriteAt(b, off)
	must(t, err)
}

// flipped is what one flipped bit may cost: of the log one entry, of a segment one
// message or one block of them, of the rest nothing.
func (s *tiny) flipped(name string, f found) error {
	most := 0
	switch {
	case strings.HasSuffix(name, ".wal"), strings.HasPrefix(name, "js/streams/2/seg-"):
		most = 3
	case strings.HasPrefix(name, "js/streams/3/seg-"):
		most = 1
	}
	if s.n.key != "" {
		most *= 2 // a block of the cipher may have the end of one and the begin of the next
	}
	if f.lost() > most {
		return fmt.Errorf("%d messages are lost: %v", f.lost(), f.missing)
	}
	for _, err := range f.said {
		var of string
		if damage, ok := errors.AsType[*store.DamageError](err); ok {
			of = "js/" + damage.File
		} else if damage, ok := errors.AsType[*wal.DamageError](err); ok {
			of = fmt.Sprintf("js/wal/%08d.wal", damage.File)
		}
		if of != name {
			return fmt.Errorf("it is said of %s: %w", of, err)
		}
	}
	return nil
}
