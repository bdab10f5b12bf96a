package core_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/subject"
)

// listener is a subscription and what it should have got.
type listener struct {
	sub   *core.Subscription
	inbox *inbox
	left  int // messages until its limit; negative without one
	want  []string
}

// Random histories of subscriptions and publishes give each plain subscription
// just what a list of subscriptions would, whatever is remembered meanwhile.
func TestRandomHistoryDeliversAsAListDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			history(t, rand.New(rand.NewPCG(seed, 7)))
		})
	}
}

func history(t *testing.T, r *rand.Rand) {
	patterns := []string{"a.b", "a.c", "a.*", "*.b", ">", "a.>", "b", "a.b.c", "a.*.c"}
	literals := []string{"a.b", "a.c", "a.d", "b", "a.b.c", "x.b", "nobody", "a.*", "a.>"}
	as := core.NewAccounts()
	as.SetRemembering(r.IntN(4) > 0)
	door := newInbox(t)
	inboxes := []*inbox{door, newInbox(t), newInbox(t)}
	echo := r.IntN(2) == 0
	bind := func() core.Sender { return core.Sender{Self: door, Account: as.Global(), Echo: echo} }
	p := as.Publisher(bind())
	defer p.Release()
	var all, now []*listener
	last := ""
	for step := range 2000 {
		switch n := r.IntN(100); {
		case n < 4:
			x := inboxes[r.IntN(len(inboxes))]
			l := &listener{inbox: x, left: -1}
			l.sub = core.NewSubscription(x, []byte(patterns[r.IntN(len(patterns))]), nil, fmt.Append(nil, step))
			if r.IntN(4) == 0 {
				l.left = 1 + r.IntN(20)
				l.sub.CountExactly()
				l.sub.Limit(int64(l.left))
			}
			as.Global().Subscribe(l.sub)
			all, now = append(all, l), append(now, l)
		case n < 7 && len(now) > 0:
			i := r.IntN(len(now))
			as.Global().Unsubscribe(now[i].sub)
			now = slices.Delete(now, i, i+1)
		case n < 12:
			p.Flush()
		case n < 13:
			p.Forget()
			last = ""
		case n < 14:
			echo = r.IntN(2) == 0
			p.Bind(bind())
			last = ""
		default:
			name := literals[r.IntN(len(literals))]
			if r.IntN(10) == 0 {
				name = fmt.Sprint("a.n", step)
			}
			if last != "" && r.IntN(2) == 0 {
				name = last
			}
			m := message(name, fmt.Sprintf("%s %d", name, step))
			m.Same = name == last
			last = name
			want := 0
			for _, l := range now {
				if !subject.Matches(l.sub.Subject(), name) || l.left == 0 || (!echo && l.inbox == door) {
					continue
				}
				l.left--
				l.want = append(l.want, string(m.Payload))
				want++
			}
			if got := p.Publish(m); int(got) != want {
				t.Fatalf("step %d: Publish to %s = %d, want %d", step, name, got, want)
			}
		}
	}
	p.Flush()
	got := map[string][]string{}
	for _, x := range inboxes {
		for _, d := range x.got() {
			got[d.sid] = append(got[d.sid], d.payload)
		}
	}
	for _, l := range all {
		if diff := cmp.Diff(l.want, got[l.sub.ID()]); diff != "" {
			t.Fatalf("subscription %s to %s (-want +got):\n%s", l.sub.ID(), l.sub.Subject(), diff)
		}
		if n := l.sub.Delivered(); int(n) != len(l.want) {
			t.Errorf("subscription %s has %d delivered, want %d", l.sub.ID(), n, len(l.want))
		}
	}
}
