package bench

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

func TestStampIsReadBackWhereThereIsRoom(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 123_456_789)
	for _, size := range []int{0, 1, 15, 16, 17, 1024} {
		payload := newPayload(size)
		stamp(payload, now)
		if len(payload) != size {
			t.Errorf("size %d: got %d bytes", size, len(payload))
		}
		sent, ok := stampOf(payload)
		if ok != (size >= stampSize) || ok && sent != now.UnixNano() {
			t.Errorf("size %d: got %d, %v", size, sent, ok)
		}
	}
	if _, ok := stampOf([]byte("not a payload of ours")); ok {
		t.Error("a foreign payload was taken for one of ours")
	}
}

func TestMeasuringAMessageAllocatesNothing(t *testing.T) {
	s := &subscriber{latency: newRecorder()}
	m := &nats.Msg{Data: newPayload(128)}
	allocs := testing.AllocsPerRun(1000, func() {
		stamp(m.Data, time.Now())
		s.onMessage(m)
	})
	if allocs != 0 {
		t.Errorf("%v allocations per message", allocs)
	}
	if got := s.received.Load(); got != 1001 {
		t.Errorf("received %d", got)
	}
}

func TestPercentilesAreWithinOnePercent(t *testing.T) {
	t.Parallel()
	a, b := newRecorder(), newRecorder()
	for i := 1; i <= 10_000; i++ {
		r := a
		if i%2 == 0 {
			r = b
		}
		r.record(int64(i) * 1000) // 1 µs to 10 ms
	}
	a.record(-5)
	l := merge("of", []*recorder{a, b})
	if l.Samples != 10_000 || l.Negative != 1 {
		t.Errorf("samples %d, negative %d", l.Samples, l.Negative)
	}
	f := func(got, want time.Duration) {
		t.Helper()
		if d := float64(got-want) / float64(want); d < -0.01 || d > 0.01 {
			t.Errorf("got %v, want %v within 1 %%", got, want)
		}
	}
	f(l.P50, 5*time.Millisecond)
	f(l.P90, 9*time.Millisecond)
	f(l.P99, 9900*time.Microsecond)
	f(l.P999, 9990*time.Microsecond)
	f(l.Max, 10*time.Millisecond)
	f(l.Mean, 5*time.Millisecond)
	if merge("of", []*recorder{newRecorder()}) != nil {
		t.Error("no samples gave a latency")
	}
}

func TestBucketsHoldEverySampleInSteps(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		r := newRecorder()
		n := int64(1 + random.IntN(50))
		for range n {
			r.record(int64(1) << random.IntN(45))
		}
		l := merge("of", []*recorder{r})
		total, last := int64(0), time.Duration(0)
		for _, b := range l.Buckets {
			total += b.Count
			if b.UpTo <= last {
				t.Fatalf("bucket up to %v comes after %v", b.UpTo, last)
			}
			last = b.UpTo
		}
		first, end := l.Buckets[0], l.Buckets[len(l.Buckets)-1]
		if total != n || first.Count == 0 || end.Count == 0 {
			t.Fatalf("%d samples in buckets %v", n, l.Buckets)
		}
	}
	r := newRecorder()
	for _, ns := range []int64{50, 150, 150_000, 1_900_000} {
		r.record(ns)
	}
	var got []string
	for _, b := range merge("of", []*recorder{r}).Buckets {
		got = append(got, ui.Duration(b.UpTo)+"="+ui.Count(b.Count))
	}
	want := "100ns=1 200ns=1 500ns=0 1µs=0 2µs=0 5µs=0 10µs=0 20µs=0 50µs=0 100µs=0 200µs=1 500µs=0 1ms=0 2ms=1"
	if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
		t.Error(diff)
	}
}

func TestPacerLetsAsManyGoAsAreDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := pacer{perSecond: 1000, start: start}
		for n := range int64(5001) {
			p.wait(n, func() bool { return false })
			if due := int64(time.Since(start).Seconds()*1000) + 1; n >= due {
				t.Fatalf("message %d went when %d were due", n, due)
			}
		}
		if took := time.Since(start); took < 5*time.Second || took > 5*time.Second+2*paceSleep {
			t.Errorf("5001 messages at 1000 per second took %v", took)
		}
		p = pacer{perSecond: 0.001, start: time.Now()}
		p.wait(0, func() bool { return false })
		p.wait(1, func() bool { return true }) // stopped: does not wait a quarter of an hour
	})
}

func TestRatesSpanFromTheFirstStartToTheLastEnd(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }
	got := newRate([]span{
		{messages: 100, bytes: 1000, start: at(0), end: at(1000)},
		{messages: 300, bytes: 3000, start: at(500), end: at(2000)},
		{},
	})
	want := &Rate{
		Clients: 3, Messages: 400, Bytes: 4000, Seconds: 2,
		PerSecond: 200, BytesPerSecond: 2000, Slowest: 0, Fastest: 200,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if one := newRate([]span{{messages: 1, start: at(0), end: at(0)}}); one.PerSecond != 0 {
		t.Errorf("one message: %v per second", one.PerSecond)
	}
}

func TestPlansWithoutSenseAreRefused(t *testing.T) {
	t.Parallel()
	good := PublishPlan{Subject: "a", Clients: 1, Messages: 1}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	f := func(change func(*PublishPlan), want string) {
		t.Helper()
		p := good
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f(func(p *PublishPlan) { p.Subject = "a.>" }, "wildcards")
	f(func(p *PublishPlan) { p.Clients = ClientsMax + 1 }, "clients 10001: use a number from 1 to 10000")
	f(func(p *PublishPlan) { p.Subscribers = -1 }, "subscribers -1")
	f(func(p *PublishPlan) { p.Size = SizeMax + 1 }, "size 67108865")
	f(func(p *PublishPlan) { p.Messages = 0 }, "no end")
	f(func(p *PublishPlan) { p.Duration = -1 }, "a time is not negative")
	f(func(p *PublishPlan) { p.Rate = -1 }, "rate -1")
	f(func(p *PublishPlan) { p.Batch = -1 }, "batch")
	request := RequestPlan{Subject: "a", Clients: 200, Concurrency: 200, Messages: 1}
	if err := request.Validate(); err == nil || !strings.Contains(err.Error(), "at most 10000 requests at once") {
		t.Errorf("got %v", err)
	}
	if err := (SubscribePlan{Subject: "a.>", Clients: 1, Duration: 1}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestResultTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := ui.NewScreen(ui.NewPrinter(&out), ui.NewPrinter(&out), ui.ColorNever, func(string) string { return "" })
	r := newRecorder()
	r.record(-1)
	result := &Result{
		Publish: newRate(nil), Missing: 1234, Timeouts: 5,
		Latency: merge("from here to there", []*recorder{r}),
	}
	result.Show(s)
	for _, want := range []string{
		"missing: 1,234 messages", "timeouts: 5 requests",
		"latency, from here to there (0 samples)", "1 samples left out: the sender's clock is ahead",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the result lacks %q:\n%s", want, out.String())
		}
	}
}
