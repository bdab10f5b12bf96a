package stream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// memory is a Space with everything at hand: what is in the log (file 1) and what
// the machine keeps (file 2).
type memory struct {
	records map[index.Place][]byte
	offset  uint32
	broken  bool // nothing can be read
}

var errBroken = errors.New("disk is broken")

func newMemory() *memory { return &memory{records: map[index.Place][]byte{}} }

func (s *memory) put(file uint32, rec []byte) index.Place {
	s.offset++
	at := index.Place{File: file, Offset: s.offset}
	s.records[at] = bytes.Clone(rec)
	return at
}

func (s *memory) Keep(rec []byte) index.Place { return s.put(2, rec) }

func (s *memory) Read(dst []byte, e index.Entry) ([]byte, error) {
	rec, ok := s.records[e.Place]
	if !ok || s.broken {
		return nil, errBroken
	}
	return append(dst, rec...), nil
}

// Free forgets what was kept; the log is what it is.
func (s *memory) Free(e index.Entry) {
	if e.Place.File == 2 {
		delete(s.records, e.Place)
	}
}

// world is a stream as its driver sees it.
type world struct {
	t      testing.TB
	space  *memory
	m      *stream.Machine
	now    int64
	wanted map[string]bool
	log    strings.Builder // what the machine stored and removed
}

// epoch is when the stories begin.
var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

func newWorld(t testing.TB, cfg jsapi.StreamConfig) *world {
	t.Helper()
	checked, err := cfg.Checked(jsapi.StreamRules{})
	if err != nil {
		t.Fatalf("configuration: %v", err)
	}
	w := &world{t: t, space: newMemory(), now: epoch}
	w.use(stream.New(checked, epoch, w.space))
	return w
}

func (w *world) use(m *stream.Machine) {
	w.m = m
	m.OnStored = func(s stream.Stored) { fmt.Fprintf(&w.log, "+%d %s\n", s.Seq, s.Message.Subject) }
	m.OnRemoved = func(e index.Entry) { fmt.Fprintf(&w.log, "-%d\n", e.Seq) }
	if w.wanted != nil {
		m.SetInterest(func(_ index.ID, subject []byte) bool { return w.wanted[string(subject)] })
	}
}

// reload puts the machine into bytes and takes it out again.
func (w *world) reload() {
	w.t.Helper()
	m, err := stream.Decode(w.m.AppendState(nil), w.space)
	if err != nil {
		w.t.Fatalf("Decode: %v", err)
	}
	w.use(m)
}

func header(lines ...string) []byte {
	if len(lines) == 0 {
		return nil
	}
	return []byte("NATS/1.0\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n")
}

// message makes a sealed record and its place in the log.
func (w *world) message(subject, body string, headers ...string) (record.Message, index.Place) {
	w.now += int64(time.Millisecond)
	return w.messageAt(w.now, subject, body, headers...)
}

func (w *world) messageAt(at int64, subject, body string, headers ...string) (record.Message, index.Place) {
	m := record.Message{Time: at, Subject: []byte(subject), Header: header(headers...), Body: []byte(body)}
	rec := record.Build(nil, &m)
	place := index.Place{} // of streams in memory, the machine keeps everything
	if w.m.Config().Storage == jsapi.FileStorage {
		place = w.space.put(1, rec)
	}
	return record.View(rec), place
}

func (w *world) publish(subject, body string, headers ...string) stream.Decision {
	return w.m.Publish(w.message(subject, body, headers...))
}

func (w *world) read(seq uint64) (record.Message, bool) {
	e, ok := w.m.Index().Get(seq)
	if !ok {
		return record.Message{}, false
	}
	rec, err := w.space.Read(nil, e)
	if err != nil {
		return record.Message{}, false
	}
	m, _, err := record.Parse(rec)
	if err != nil {
		w.t.Fatalf("message %d: %v", seq, err)
	}
	return m, true
}

// gossip is what the driver hears besides the answer.
func (w *world) gossip() string {
	var b strings.Builder
	for _, a := range w.m.Abandoned() {
		fmt.Fprintf(&b, "abandoned %s: %s\n", a.Batch, a.Reason)
	}
	return b.String() + w.log.String()
}

func TestStories(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var w *world
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "stream" {
				var cfg jsapi.StreamConfig
				if err := json.Unmarshal([]byte(d.Input), &cfg); err != nil {
					d.Fatalf(t, "%v", err)
				}
				w = newWorld(t, cfg)
				return ""
			}
			run, ok := verbs[d.Cmd]
			if !ok {
				d.Fatalf(t, "unknown command %q", d.Cmd)
			}
			w.t = t
			w.log.Reset()
			out := run(w, t, d)
			if d.Cmd == "messages" || d.Cmd == "info" {
				return out
			}
			return out + w.gossip()
		})
	})
}
