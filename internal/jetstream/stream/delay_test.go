package stream_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// waiting is a delayed message as simple as it can be told.
type waiting struct {
	at       int64
	subject  string
	body, id string
}

// TestDelayedMessagesAreStoredWhenTheyAreDue compares random histories with a list.
func TestDelayedMessagesAreStoredWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(t, jsapi.StreamConfig{
			Name: "S", Subjects: []string{"s.*"}, Metadata: map[string]string{stream.MetadataDelay: "true"}, DuplicateWindow: time.Hour,
		})
		var list []waiting
		var want []string
		store := func(subject, body string) { want = append(want, subject+" "+body) }
		due := func(now int64) {
			for {
				i := slices.IndexFunc(list, func(m waiting) bool { return m.at <= now })
				if i < 0 {
					return
				}
				first := slices.MinFunc(list, func(a, b waiting) int { return cmp.Compare(a.at, b.at) })
				i = slices.Index(list, first)
				store(first.subject, first.body)
				list = slices.Delete(list, i, i+1)
			}
		}
		for step := range 60 {
			subject, body := fmt.Sprint("s.", r.IntN(3)), fmt.Sprint("m", step)
			switch r.IntN(9) {
			case 0, 1:
				w.publish(subject, body)
				due(w.now)
				store(subject, body)
			case 2, 3, 4:
				delay := time.Duration(1+r.IntN(50)) * time.Second
				id := fmt.Sprint("id", step)
				d := w.publish(subject, body, stream.HeaderDelay+": "+delay.String(), jsapi.HeaderMsgID+": "+id)
				if d.Err != nil || d.Seq != 0 || d.Duplicate {
					t.Fatalf("seed %d step %d: %+v", seed, step, d)
				}
				due(w.now)
				list = append(list, waiting{w.now + int64(delay), subject, body, id})
			case 5:
				if len(list) > 0 {
					i := r.IntN(len(list))
					id := list[i].id
					d := w.publish("s.9", "", stream.HeaderDelay+": cancel", jsapi.HeaderMsgID+": "+id)
					due(w.now)
					gone := slices.IndexFunc(list, func(m waiting) bool { return m.id == id })
					if (d.Err == nil) != (gone >= 0) {
						t.Fatalf("seed %d step %d: cancelled: %v, waits: %v", seed, step, d.Err, gone >= 0)
					}
					if gone >= 0 {
						list = slices.Delete(list, gone, gone+1)
					}
				}
			case 6:
				w.reload()
			case 7:
				w.now += int64(r.IntN(20)) * int64(time.Second)
				w.m.Expire(w.now)
				due(w.now)
			case 8:
				if r.IntN(4) > 0 {
					break
				}
				if _, err := w.m.Purge(jsapi.StreamPurgeRequest{Filter: subject}, w.now); err != nil {
					t.Fatal(err)
				}
				due(w.now)
				want = slices.DeleteFunc(want, func(m string) bool { return m[:len(subject)] == subject })
				list = slices.DeleteFunc(list, func(m waiting) bool { return m.subject == subject })
			}
			if d := w.m.Delayed(); d.Messages != len(list) || (d.Bytes == 0) != (len(list) == 0) {
				t.Fatalf("seed %d step %d: %+v wait, want %d", seed, step, d, len(list))
			}
		}
		var got []string
		for seq := range w.m.Index().State().Last {
			if m, ok := w.read(seq + 1); ok {
				got = append(got, fmt.Sprintf("%s %s", m.Subject, m.Body))
			}
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, d)
		}
	}
}

func TestDelayedMessagesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jsapi.StreamConfig{Name: "S", Subjects: []string{"s"}, Metadata: map[string]string{stream.MetadataDelay: "true"}})
	body := string(make([]byte, 1<<20))
	taken := 0
	for range 100 {
		if d := w.publish("s", body, "Tidings-Delay: 1h"); d.Err == nil {
			taken++
		} else if d.Err.Code != jsapi.ErrStreamStoreFailed {
			t.Fatal(d.Err)
		}
	}
	if d := w.m.Delayed(); taken != d.Messages || d.Bytes > 32<<20 || taken < 30 {
		t.Errorf("%d messages were taken, %+v wait", taken, d)
	}
}

// FuzzDelay: whatever the header says, the message is refused, stored or waits.
func FuzzDelay(f *testing.F) {
	for _, text := range []string{"90s", "1h30m", "2030-01-02T15:04:05Z", "cancel", "", "-1s", "9999999h", "1e9s", "2030-01-02T15:04:05+14:00", "0001-01-01T00:00:00Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := newWorld(t, jsapi.StreamConfig{Name: "S", Subjects: []string{"s"}, Metadata: map[string]string{stream.MetadataDelay: "true"}})
		d := w.publish("s", "body", "Tidings-Delay: "+text)
		waits := w.m.Delayed()
		stored := w.m.Index().State().Messages
		switch {
		case d.Err != nil && (stored > 0 || waits.Messages > 0), d.Err == nil && stored+uint64(waits.Messages) != 1:
			t.Fatalf("%q: error %v, %d stored, %+v", text, d.Err, stored, waits)
		case waits.Messages > 0 && (waits.Next <= w.now || waits.Next > w.now+int64(367*24*time.Hour)):
			t.Fatalf("%q is due at %d, now is %d", text, waits.Next, w.now)
		}
		w.reload()
		if w.m.Delayed() != waits {
			t.Fatalf("%q: %+v after a reload, %+v before", text, w.m.Delayed(), waits)
		}
	})
}
