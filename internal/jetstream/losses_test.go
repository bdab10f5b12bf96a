package jetstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

// damage flips a bit wherever the files of a directory have the text.
func damage(t *testing.T, m *vfs.Mem, dir, text string) {
	t.Helper()
	found := 0
	names, err := m.List(dir)
	must(t, err)
	for _, name := range names {
		f, err := m.Open(path.Join(dir, name))
		must(t, err)
		size, err := f.Size()
		must(t, err)
		b := make([]byte, size)
		if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if at := bytes.Index(b, []byte(text)); at >= 0 {
			found++
			_, err = f.WriteAt([]byte{b[at] ^ 1}, int64(at))
			must(t, err)
			must(t, f.Sync())
		}
		must(t, f.Close())
	}
	if found == 0 {
		t.Fatalf("nothing below %s has %q", dir, text)
	}
}

// fiveMessages is a file system with a stream whose server was killed.
func fiveMessages(t *testing.T, cfg jsapi.StreamConfig) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	srv, err := start(smallStore(m), io.Discard)
	must(t, err)
	must(t, srv.createStream(cfg))
	for i := range 5 {
		if a, ok := srv.answer(fmt.Sprint("s.", i), fmt.Sprintf("marked %d", i+1)); !ok || a.Seq != uint64(i+1) {
			t.Fatalf("publish: %+v", a)
		}
	}
	left := m.AfterPowerLoss(nil)
	must(t, srv.node.Close())
	return left
}

// lostIn returns the sequences that a stream has lost, and what health says.
func lostIn(t *testing.T, srv *server) ([]uint64, []error) {
	t.Helper()
	info, err := srv.stream("S").Info(jsapi.StreamInfoRequest{})
	must(t, fault(err))
	if info.State.Lost == nil {
		return nil, srv.node.Health()
	}
	return info.State.Lost.Msgs, srv.node.Health()
}

func TestALossIsToldOfUntilItIsDealtWith(t *testing.T) {
	t.Parallel()
	for name, deal := range map[string]func(*jetstream.Stream) error{
		"delete": func(s *jetstream.Stream) error { return fault(s.DeleteMessage(3, true)) },
		"purge":  func(s *jetstream.Stream) error { _, err := s.Purge(jsapi.StreamPurgeRequest{}); return fault(err) },
		"purge up to it": func(s *jetstream.Stream) error {
			_, err := s.Purge(jsapi.StreamPurgeRequest{Sequence: 4})
			return fault(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := fiveMessages(t, jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}})
				damage(t, m, "js/wal", "marked 3")
				for restart := range 3 {
					var log bytes.Buffer
					srv, err := start(smallStore(m), &log)
					must(t, err)
					if lost, health := lostIn(t, srv); !slices.Equal(lost, []uint64{3}) || len(health) != 1 || !strings.Contains(health[0].Error(), "3") {
						t.Errorf("start %d: lost %v, health %v", restart, lost, health)
					}
					if !strings.Contains(log.String(), "sequences=3") {
						t.Errorf("start %d: the log does not tell of it:\n%s", restart, log.String())
					}
					if restart == 2 {
						must(t, deal(srv.stream("S")))
						if lost, health := lostIn(t, srv); len(lost)+len(health) > 0 {
							t.Errorf("when it is dealt with, lost %v, health %v", lost, health)
						}
					}
					must(t, srv.node.Close())
				}
				srv, err := start(smallStore(m), io.Discard)
				must(t, err)
				if lost, health := lostIn(t, srv); len(lost)+len(health) > 0 {
					t.Errorf("after one more restart, lost %v, health %v", lost, health)
				}
				must(t, srv.node.Close())
			})
		})
	}
}

func TestLimitsForgetALossThatTheyHavePassed(t *testing.T) {
	t.Parallel()
	f := func(cfg jsapi.StreamConfig, forgotten bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			cfg.Name, cfg.Subjects = "S", []string{"s.>"}
			m := fiveMessages(t, cfg)
			damage(t, m, "js/wal", "marked 2")
			srv, err := start(smallStore(m), io.Discard)
			must(t, err)
			for i := range 5 {
				if lost, _ := lostIn(t, srv); !slices.Equal(lost, []uint64{2}) {
					t.Errorf("lost %v before message %d", lost, 6+i)
				}
				if forgotten && i == 2 {
					break
				}
				srv.answer(fmt.Sprint("s.", i), "another")
			}
			srv.answer("s.9", "one more")
			if lost, health := lostIn(t, srv); forgotten != (len(lost)+len(health) == 0) {
				t.Errorf("lost %v, health %v, want it forgotten: %v", lost, health, forgotten)
			}
			must(t, srv.node.Close())
		})
	}
	f(jsapi.StreamConfig{MaxMsgs: 5}, true)
	f(jsapi.StreamConfig{MaxMsgsPerSubject: 1}, false)
}

func TestAMessageThatCanBeReadAfterAllIsNotLost(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := vfs.NewFaulty(fiveMessages(t, jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}}), 1)
			srv, err := start(smallStore(f), io.Discard)
			must(t, err)
			f.Inject(vfs.Fault{On: vfs.OpRead})
			if _, ok := message(srv.stream("S"), 3); ok {
				t.Error("a message is served that cannot be read")
			}
			if lost, health := lostIn(t, srv); !slices.Equal(lost, []uint64{3}) || len(health) != 1 {
				t.Errorf("lost %v, health %v", lost, health)
			}
			if restart {
				must(t, srv.node.Close())
				srv, err = start(smallStore(f), io.Discard)
				must(t, err)
			} else if _, ok := message(srv.stream("S"), 3); !ok {
				t.Error("the message cannot be read after the fault")
			}
			if lost, health := lostIn(t, srv); len(lost)+len(health) > 0 {
				t.Errorf("restarted: %v: lost %v, health %v", restart, lost, health)
			}
			must(t, srv.node.Close())
		})
	}
}

func TestMessagesThatAreLostDoNotHoldUpCopies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		srv, err := start(smallStore(m), io.Discard)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "S", Subjects: []string{"s"}}))
		for i := range 7 {
			srv.answer("s", fmt.Sprint("marked ", i+1))
		}
		must(t, srv.node.Close()) // the checkpoint knows where they are
		for _, lost := range []string{"marked 2", "marked 3", "marked 6"} {
			damage(t, m, "js/wal", lost)
		}
		srv, err = start(smallStore(m), io.Discard)
		must(t, err)
		must(t, srv.createStream(jsapi.StreamConfig{Name: "M", Mirror: &jsapi.StreamSource{Name: "S"}}))
		must(t, srv.createStream(jsapi.StreamConfig{Name: "C", Sources: []*jsapi.StreamSource{{Name: "S"}}}))
		pass(5 * time.Minute)
		synctest.Wait()
		for _, name := range []string{"M", "C"} {
			if st := srv.stream(name).State(); st.Msgs != 4 {
				t.Errorf("%s has %d messages, want 4", name, st.Msgs)
			}
		}
		if a, ok := srv.answer("s", "after"); !ok || a.Error != nil {
			t.Errorf("publish: %+v", a)
		}
		pass(time.Second)
		synctest.Wait()
		if _, ok := message(srv.stream("M"), 8); !ok {
			t.Error("the mirror does not go on")
		}
		must(t, srv.node.Close())
	})
}
