package jetstream_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
)

// copyWorld is a server whose disk can be taken to another.
type copyWorld struct {
	*server
	t    *testing.T
	disk *vfs.Mem
	log  bytes.Buffer
}

func newCopyWorld(t *testing.T) *copyWorld {
	w := &copyWorld{t: t, disk: vfs.NewMem()}
	w.start()
	return w
}

func (w *copyWorld) start() {
	w.t.Helper()
	srv, err := start(smallStore(w.disk), &w.log)
	must(w.t, err)
	w.server = srv
	synctest.Wait()
}

// crash loses the power and starts again.
func (w *copyWorld) crash() {
	w.t.Helper()
	old := w.server
	w.disk = w.disk.AfterPowerLoss(nil)
	must(w.t, old.node.Close())
	w.start()
}

func (w *copyWorld) create(cfg jsapi.StreamConfig) {
	w.t.Helper()
	must(w.t, w.createStream(cfg))
	synctest.Wait()
}

func (w *copyWorld) update(name string, change func(*jsapi.StreamConfig)) {
	w.t.Helper()
	cfg := w.stream(name).Config()
	change(&cfg)
	_, err := w.account.UpdateStream(cfg, false)
	must(w.t, fault(err))
	synctest.Wait()
}

func (w *copyWorld) put(subject, body string, header ...string) {
	w.t.Helper()
	w.publish(subject, header, body, func(a jsapi.PubAck) {
		if a.Error != nil {
			w.t.Errorf("publish on %s: %v", subject, a.Error)
		}
	})
	w.client.flush()
	synctest.Wait()
}

// later lets time pass, and what is due then happen.
func later(d time.Duration) {
	pass(d)
	synctest.Wait()
}

// list returns the messages of a stream: sequence, subject, body, and where it was
// copied from without the identity.
func (w *copyWorld) list(name string) (list []string) {
	w.t.Helper()
	st := w.stream(name).State()
	for seq := st.FirstSeq; seq <= st.LastSeq; seq++ {
		m, ok := message(w.stream(name), seq)
		if !ok {
			continue
		}
		var line strings.Builder
		fmt.Fprintf(&line, "%d %s %s", seq, m.Subject, m.Body)
		for field := range strings.SplitSeq(string(m.Header), "\r\n") {
			if from, ok := strings.CutPrefix(field, jsapi.HeaderStreamSource+": "); ok {
				line.WriteString(" < " + strings.ReplaceAll(from[:strings.LastIndex(from, " ")], "\f", ","))
			} else if field != "" && field != "NATS/1.0" {
				line.WriteString(" [" + field + "]")
			}
		}
		list = append(list, line.String())
	}
	return list
}

func (w *copyWorld) want(name string, want ...string) {
	w.t.Helper()
	if d := cmp.Diff(want, w.list(name)); d != "" {
		w.t.Errorf("stream %s (-want +got):\n%s", name, d)
	}
}

func (w *copyWorld) info(name string) *jsapi.StreamInfo {
	w.t.Helper()
	info, err := w.stream(name).Info(jsapi.StreamInfoRequest{})
	must(w.t, fault(err))
	return info
}

// copyTest runs a test whose time passes by itself.
func copyTest(t *testing.T, f func(w *copyWorld)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newCopyWorld(t)
		f(w)
		must(t, w.node.Close())
		if t.Failed() {
			t.Logf("log:\n%s", w.log.String())
		}
	})
}

func from(name string, change ...func(*jsapi.StreamSource)) *jsapi.StreamSource {
	s := &jsapi.StreamSource{Name: name}
	for _, f := range change {
		f(s)
	}
	return s
}

func TestMirrorsKeepSequencesAndTimes(t *testing.T) {
	for _, kind := range []jsapi.Storage{jsapi.FileStorage, jsapi.MemoryStorage} {
		t.Run(kind.String(), func(t *testing.T) {
			copyTest(t, func(w *copyWorld) {
				w.create(jsapi.StreamConfig{Name: "O", Subjects: []string{"o.>"}, Storage: kind})
				for i := range 6 {
					w.put(fmt.Sprint("o.", i%2), fmt.Sprint("m", i), "Nats-Expected-Stream", "O", "Nats-Msg-Id", strconv.Itoa(i))
				}
				must(t, fault(w.stream("O").DeleteMessage(1, true)))
				must(t, fault(w.stream("O").DeleteMessage(4, true)))
				w.create(jsapi.StreamConfig{Name: "M", Mirror: from("O"), Storage: kind, AllowDirect: true})
				w.create(jsapi.StreamConfig{Name: "F", Mirror: from("O", func(s *jsapi.StreamSource) { s.FilterSubject = "o.1" }), MaxAge: time.Hour})
				w.create(jsapi.StreamConfig{Name: "C", Mirror: from("M", func(s *jsapi.StreamSource) { s.OptStartSeq = 5 })})
				w.put("o.9", "last")
				all := []string{
					"2 o.1 m1 [Nats-Msg-Id: 1]", "3 o.0 m2 [Nats-Msg-Id: 2]", "5 o.0 m4 [Nats-Msg-Id: 4]", "6 o.1 m5 [Nats-Msg-Id: 5]",
					"7 o.9 last",
				}
				w.want("M", all...)
				w.want("F", "2 o.1 m1 [Nats-Msg-Id: 1]", "6 o.1 m5 [Nats-Msg-Id: 5]")
				w.want("C", "5 o.0 m4 [Nats-Msg-Id: 4]", "6 o.1 m5 [Nats-Msg-Id: 5]", "7 o.9 last")
				for seq := range uint64(7) {
					a, isInO := message(w.stream("O"), seq+1)
					b, isInM := message(w.stream("M"), seq+1)
					if a.Time != b.Time || isInO != isInM {
						t.Errorf("message %d: times %d and %d, there: %v and %v", seq+1, a.Time, b.Time, isInO, isInM)
					}
				}
				if i := w.info("M").Mirror; i.Lag != 0 || i.Active < 0 || i.Error != nil {
					t.Errorf("mirror: %+v", i)
				}
				if kind == jsapi.FileStorage {
					w.crash()
					w.put("o.9", "later")
					w.want("M", append(all, "8 o.9 later")...)
				}
			})
		})
	}
}

func TestSourcesCopyWhatTheirFiltersLetPass(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		w.create(jsapi.StreamConfig{Name: "O", Subjects: []string{"o.>"}})
		for i := range 5 {
			w.put(fmt.Sprint("o.", i%3), fmt.Sprint("m", i), "Nats-Expected-Last-Sequence", strconv.Itoa(i))
		}
		w.create(jsapi.StreamConfig{Name: "S", Subjects: []string{"own"}, Sources: []*jsapi.StreamSource{
			from("O", func(s *jsapi.StreamSource) {
				s.SubjectTransforms = []jsapi.SubjectTransform{{Source: "o.1", Destination: "t.1"}, {Source: "o.2"}}
			}),
		}})
		w.create(jsapi.StreamConfig{Name: "A", Sources: []*jsapi.StreamSource{
			from("O", func(s *jsapi.StreamSource) { s.FilterSubject = "o.0"; s.OptStartSeq = 2 }),
		}})
		w.create(jsapi.StreamConfig{Name: "SS", Sources: []*jsapi.StreamSource{from("S")}})
		w.put("own", "mine")
		w.want("S", "1 t.1 m1 < O 2 o.1,o.2 t.1,> o.1", "2 o.2 m2 < O 3 o.1,o.2 t.1,> o.2", "3 t.1 m4 < O 5 o.1,o.2 t.1,> o.1", "4 own mine")
		w.want("A", "1 o.0 m3 < O 4 o.0 > o.0")
		w.want("SS", "1 t.1 m1 < S 1 > > t.1", "2 o.2 m2 < S 2 > > o.2", "3 t.1 m4 < S 3 > > t.1", "4 own mine < S 4 > > own")

		// A source that goes and comes back goes on where it was.
		w.update("A", func(c *jsapi.StreamConfig) { c.Sources, c.Subjects = nil, []string{"a"} })
		w.put("o.0", "m5")
		w.want("A", "1 o.0 m3 < O 4 o.0 > o.0")
		w.crash()
		w.update("A", func(c *jsapi.StreamConfig) {
			c.Sources = []*jsapi.StreamSource{from("O", func(s *jsapi.StreamSource) { s.FilterSubject = "o.0" }), from("SS")}
		})
		w.put("o.0", "m6")
		got := w.list("A")
		if len(got) != 7 || !strings.Contains(strings.Join(got, "\n"), " o.0 m5 < O 6 o.0 > o.0") {
			t.Errorf("after the update:\n%s", strings.Join(got, "\n"))
		}
	})
}

func TestTenSourcesAreCopiedToTheLastMessage(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		all := jsapi.StreamConfig{Name: "ALL"}
		for i := range 10 {
			all.Sources = append(all.Sources, from(fmt.Sprint("O", i)))
		}
		w.create(all) // before there is anything to copy
		for i := range 10 {
			w.create(jsapi.StreamConfig{Name: fmt.Sprint("O", i), Subjects: []string{fmt.Sprint("o.", i)}})
		}
		for range 3 {
			for i := range 10 {
				for range 50 {
					w.publish(fmt.Sprint("o.", i), nil, "x", func(jsapi.PubAck) {})
				}
			}
			w.client.flush()
			synctest.Wait()
			w.crash()
		}
		later(time.Minute)
		if st := w.stream("ALL").State(); st.Msgs != 1500 || st.LastSeq != 1500 {
			t.Errorf("state %+v, want 1500 messages", st)
		}
		for i, s := range w.info("ALL").Sources {
			if st := w.stream(s.Name).State(); st.Msgs != 150 {
				t.Errorf("origin %d: %+v", i, st)
			}
			if s.Lag != 0 || s.Error != nil {
				t.Errorf("source %+v", s)
			}
		}
	})
}

func TestOriginCreatedAnewIsNoticed(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		w.create(jsapi.StreamConfig{Name: "O", Subjects: []string{"o"}})
		w.create(jsapi.StreamConfig{Name: "S", Sources: []*jsapi.StreamSource{from("O")}})
		w.create(jsapi.StreamConfig{Name: "M", Mirror: from("O")})
		w.put("o", "a1")
		w.put("o", "a2")
		must(t, fault(w.account.DeleteStream("O")))
		later(time.Second)
		if i := w.info("S").Sources[0]; i.Error == nil {
			t.Errorf("source without an origin: %+v", i)
		}
		w.create(jsapi.StreamConfig{Name: "O", Subjects: []string{"o"}})
		for i := range 3 {
			w.put("o", fmt.Sprint("b", i+1))
		}
		later(time.Minute)
		w.want("S", "1 o a1 < O 1 > > o", "2 o a2 < O 2 > > o", "3 o b1 < O 1 > > o", "4 o b2 < O 2 > > o", "5 o b3 < O 3 > > o")
		w.want("M", "1 o a1", "2 o a2")
		if i := w.info("M").Mirror; i.Error == nil || !strings.Contains(i.Error.Description, "another") {
			t.Errorf("mirror of another stream: %+v", i)
		}
		w.crash()
		w.put("o", "b4")
		w.want("S", "1 o a1 < O 1 > > o", "2 o a2 < O 2 > > o", "3 o b1 < O 1 > > o", "4 o b2 < O 2 > > o", "5 o b3 < O 3 > > o", "6 o b4 < O 4 > > o")

		// Promoted, it keeps what it has and takes messages.
		w.update("M", func(c *jsapi.StreamConfig) { c.Mirror, c.Subjects = nil, []string{"m"} })
		w.put("m", "own")
		w.want("M", "1 o a1", "2 o a2", "3 m own")
	})
}

func TestOriginThatIsTakenBackIsNoticed(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		w.create(jsapi.StreamConfig{Name: "O", Subjects: []string{"o"}})
		w.create(jsapi.StreamConfig{Name: "MEM", Subjects: []string{"mem"}, Storage: jsapi.MemoryStorage})
		w.create(jsapi.StreamConfig{Name: "S", Sources: []*jsapi.StreamSource{from("O"), from("MEM")}})
		w.create(jsapi.StreamConfig{Name: "M", Mirror: from("O")})
		w.put("o", "a1")
		w.put("o", "a2")
		w.put("mem", "m1")
		cfg, created := w.stream("O").Config(), w.stream("O").Created()
		first, ok := message(w.stream("O"), 1)
		if !ok {
			t.Fatal("the first message cannot be read")
		}
		must(t, fault(w.account.DeleteStream("O")))
		later(time.Second)
		back, err := w.account.Restore(cfg, created) // from a backup with one message
		must(t, fault(err))
		must(t, back.Add(record.Build(nil, &first)))
		_, err = back.Commit()
		must(t, fault(err))
		synctest.Wait()
		w.put("o", "b2")
		w.crash()
		w.put("mem", "m2")
		w.put("o", "b3")
		w.want("S", "1 o a1 < O 1 > > o", "2 o a2 < O 2 > > o", "3 mem m1 < MEM 1 > > mem", "4 o b2 < O 2 > > o",
			"5 mem m2 < MEM 1 > > mem", "6 o b3 < O 3 > > o")
	})
}

func TestStreamsThatKeepMessagesForConsumersLoseNoneToTheirCopies(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		w.create(jsapi.StreamConfig{Name: "W", Subjects: []string{"w.>"}, Retention: jsapi.RetainWorkQueue})
		w.create(jsapi.StreamConfig{Name: "I", Subjects: []string{"i.>"}, Retention: jsapi.RetainInterest})
		w.put("w.1", "w1")
		w.put("i.1", "nobody wants it")
		w.create(jsapi.StreamConfig{Name: "WM", Mirror: from("W")})
		w.create(jsapi.StreamConfig{Name: "IS", Sources: []*jsapi.StreamSource{from("I", func(s *jsapi.StreamSource) { s.FilterSubject = "i.*" })}})
		var wm, is []string
		wm = append(wm, "1 w.1 w1")
		for round := range 4 {
			for i := range 3 {
				n := round*3 + i + 2
				w.put("w.1", fmt.Sprint("w", n))
				w.put("i.1", fmt.Sprint("i", n))
				wm = append(wm, fmt.Sprintf("%d w.1 w%d", n, n))
				is = append(is, fmt.Sprintf("%d i.1 i%d < I %d i.* > i.1", n-1, n, n))
			}
			w.want("WM", wm...)
			w.want("IS", is...)
			w.crash()
		}
		later(5 * time.Second)
		for _, name := range []string{"W", "I"} {
			if st := w.stream(name).State(); st.Msgs != 0 || st.LastSeq != 13 || st.Consumers != 1 {
				t.Errorf("stream %s is to be empty: %+v", name, st)
			}
		}
		c := w.stream("I").Consumers()[0]
		cfg, info := c.Config(), c.Info()
		if !strings.HasPrefix(c.Name(), "JS_SRC_") || cfg.AckPolicy != jsapi.AckFlowControl || !cfg.Sourcing || cfg.Metadata["_nats.src.stream"] != "IS" ||
			info.AckFloor.StreamSeq != 13 || !info.PushBound {
			t.Errorf("consumer %+v, info %+v", cfg, info)
		}
		must(t, fault(w.account.DeleteStream("IS")))
		w.update("WM", func(c *jsapi.StreamConfig) { c.Mirror, c.Subjects = nil, []string{"x"} })
		for _, name := range []string{"W", "I"} {
			if left := w.stream(name).Consumers(); len(left) != 0 {
				t.Errorf("stream %s: %s is left", name, left[0].Name())
			}
		}
	})
}

func TestSourceIsTheClientOfItsConsumer(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		w.create(jsapi.StreamConfig{Name: "UP", Subjects: []string{"up.>"}})
		w.create(jsapi.StreamConfig{Name: "DOWN", Sources: []*jsapi.StreamSource{from("UP", func(s *jsapi.StreamSource) {
			s.Consumer = &jsapi.SourceConsumer{Name: "C", DeliverSubject: "deliver"}
		})}})
		if i := w.info("DOWN").Sources[0]; i.Error == nil {
			t.Errorf("source without its consumer: %+v", i)
		}
		must(t, w.createConsumer("UP", jsapi.ConsumerConfig{
			Durable: "C", DeliverSubject: "deliver", AckPolicy: jsapi.AckFlowControl, FlowControl: true,
			Heartbeat: time.Second, MaxDeliver: -1, MaxAckPending: 3, FilterSubject: "up.*",
		}))
		var want []string
		for i := range 20 {
			n := i + 1
			w.put(fmt.Sprint("up.", n), "x")
			w.put("up.not.this", "x")
			want = append(want, fmt.Sprintf("%d up.%d x < UP:C=jZ6RvVRH %d > > up.%d", n, n, 2*n-1, n))
			if i%7 == 3 {
				w.crash()
			}
		}
		later(20 * time.Second)
		for i, line := range want {
			name, rest, _ := strings.Cut(line, "UP:C=jZ6RvVRH")
			want[i] = name + "UP:C=" + jsapi.AccountHash("deliver") + rest
		}
		w.want("DOWN", want...)
		info := w.consumer("UP", "C").Info()
		if info.AckFloor.StreamSeq != 39 || info.NumAckPending != 0 || info.NumPending != 0 || !info.PushBound {
			t.Errorf("consumer %+v", info)
		}
		// Somebody resets it to the beginning: what is there is not copied again.
		_, _, err := w.consumer("UP", "C").Reset(1)
		must(t, fault(err))
		w.put("up.21", "x")
		later(20 * time.Second)
		if st := w.stream("DOWN").State(); st.Msgs != 21 {
			t.Errorf("%d messages after a reset, want 21", st.Msgs)
		}
	})
}

func TestMessageThatDoesNotFitHoldsUpThoseBehindIt(t *testing.T) {
	copyTest(t, func(w *copyWorld) {
		w.create(jsapi.StreamConfig{Name: "O", Subjects: []string{"o"}})
		w.create(jsapi.StreamConfig{
			Name: "S", Sources: []*jsapi.StreamSource{from("O")}, MaxBytes: 1000, Discard: jsapi.DiscardNew, MaxMsgSize: 900,
		})
		w.put("o", strings.Repeat("a", 600))
		for _, body := range []string{strings.Repeat("b", 600), "small", strings.Repeat("c", 950), "smaller"} {
			w.publish("o", nil, body, func(jsapi.PubAck) {})
		}
		w.client.flush()
		synctest.Wait()
		if st, i := w.stream("S").State(), w.info("S").Sources[0]; st.Msgs != 1 || i.Error == nil || i.Lag != 4 {
			t.Errorf("state %+v, source %+v, want one message and an error", st, i)
		}
		w.crash()
		must(t, fault(w.stream("S").DeleteMessage(1, false)))
		later(time.Minute)
		// The one that is too large for ever is passed over.
		got := strings.Join(w.list("S"), "\n")
		if st := w.stream("S").State(); st.Msgs != 3 || !strings.Contains(got, "3 o small <") || !strings.Contains(got, "4 o smaller <") {
			t.Errorf("state %+v:\n%s", st, got)
		}
		if i := w.info("S").Sources[0]; i.Error != nil || i.Lag != 0 {
			t.Errorf("source %+v", i)
		}
	})
}
