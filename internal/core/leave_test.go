package core_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
)

// With several publishers at once, each limited subscription gets exactly as
// many messages as it asked for, and is told once.
func TestLimitedSubscriptionGetsExactlyItsMessages(t *testing.T) {
	t.Parallel()
	const publishers, messages, limit = 4, 2000, 777
	for _, queue := range []string{"", "q"} {
		as := core.NewAccounts()
		limited, other := newInbox(t), newInbox(t)
		s := core.NewSubscription(limited, []byte("a"), []byte(queue), []byte("1"))
		s.CountExactly()
		s.Limit(limit)
		as.Global().Subscribe(s)
		subscribe(as, other, "a", queue, "1")
		publishConcurrently(t, as, publishers, messages, func() {})
		if n := len(limited.got()); n != limit || s.Delivered() != limit {
			t.Errorf("queue %q: %d messages came and %d are counted, want %d", queue, n, s.Delivered(), limit)
		}
		if !slices.Equal(limited.exhausted, []*core.Subscription{s}) {
			t.Errorf("queue %q: the end was told %d times, want once", queue, len(limited.exhausted))
		}
		want := publishers * messages
		if queue != "" {
			want -= limit
		}
		if n := len(other.got()); n != want {
			t.Errorf("queue %q: another subscription got %d messages, want %d", queue, n, want)
		}
	}
}

// A limit that is set while messages flow counts those that came before.
func TestLimitSetLaterCountsWhatCameBefore(t *testing.T) {
	t.Parallel()
	const publishers, messages, limit = 4, 3000, 5000
	for _, queue := range []string{"", "q"} {
		as := core.NewAccounts()
		x := newInbox(t)
		s := subscribe(as, x, "a", queue, "1")
		before := int64(0)
		publishConcurrently(t, as, publishers, messages, func() {
			as.CountExactly(as.Global(), s)
			before = s.Delivered()
			if s.Limit(limit) != (before < limit) && s.Delivered() < limit {
				t.Error("Limit disagrees with Delivered")
			}
		})
		n := len(x.got())
		switch {
		case before < limit && n != limit:
			t.Errorf("queue %q: %d messages came, want %d; %d before the limit was set", queue, n, limit, before)
		case n < limit || int64(n) < before:
			t.Errorf("queue %q: %d messages came, of which %d were counted before", queue, n, before)
		}
	}
}

// publishConcurrently publishes numbered messages from several publishers and
// calls during when each has begun.
func publishConcurrently(t *testing.T, as *core.Accounts, publishers, messages int, during func()) {
	t.Helper()
	var begun, wg sync.WaitGroup
	begun.Add(publishers)
	for n := range publishers {
		p := publisher(t, as)
		wg.Go(func() {
			for i := range messages {
				m := message("a", fmt.Sprintf("%d-%d", n, i))
				m.Same = i > 0
				p.Publish(m)
				if i%50 == 0 {
					p.Flush()
				}
				if i == 100 {
					begun.Done()
				}
			}
			p.Flush()
		})
	}
	begun.Wait()
	during()
	wg.Wait()
}

// A member that left and waited gets nothing more, and no message is lost: each
// went to one of the members.
func TestDepartedMemberGetsNothingMore(t *testing.T) {
	t.Parallel()
	const publishers, messages = 3, 4000
	as := core.NewAccounts()
	stays := newInbox(t)
	subscribe(as, stays, "a", "q", "1")
	all := []*inbox{stays}
	publishConcurrently(t, as, publishers, messages, func() {
		for i := range 40 {
			x := newInbox(t)
			all = append(all, x)
			s := subscribe(as, x, []string{"a", "*", ">"}[i%3], "q", "1")
			plain := subscribe(as, x, "a.none", "", "2")
			if !as.Global().Unsubscribe(s) || !as.Global().Unsubscribe(plain) || as.Global().Unsubscribe(s) {
				t.Error("Unsubscribe must be true once")
			}
			as.Departed()
			x.close()
		}
	})
	var got []string
	for _, x := range all {
		got = append(got, x.payloads()...)
	}
	slices.Sort(got)
	if n := len(slices.Compact(slices.Clone(got))); n != publishers*messages || len(got) != n {
		t.Errorf("%d messages came, %d of them different, want %d", len(got), n, publishers*messages)
	}
	if n := as.Global().Subscriptions(); n != 1 {
		t.Errorf("account has %d subscriptions, want 1", n)
	}
}

// Departed does not wait for publishers that have flushed, and does wait for one
// in a batch.
func TestDepartedWaitsForTheBatchUnderWay(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	x := newInbox(t)
	s := subscribe(as, x, "a", "q", "1")
	p := publisher(t, as)
	p.Publish(message("a", "x"))
	p.Flush()
	as.Departed() // returns at once

	p.Publish(message("a", "y"))
	as.Global().Unsubscribe(s)
	departed := make(chan struct{})
	go func() {
		as.Departed()
		x.close()
		close(departed)
	}()
	select {
	case <-departed:
		t.Error("Departed did not wait for a publisher that has something staged")
	default:
	}
	p.Flush()
	<-departed
	if n := len(x.got()); n != 2 {
		t.Errorf("%d messages came, want 2", n)
	}
}

// A publisher that is given up in the middle of a batch keeps nobody waiting.
func TestDepartedDoesNotWaitForAnAbandonedPublisher(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	subscribe(as, newInbox(t), "a", "q", "1")
	p := as.Publisher(core.Sender{Self: newInbox(t), Account: as.Global()})
	p.Publish(message("a", "x"))
	p.Abandon()
	as.Departed()
	p.Abandon() // a second time is nothing
	as.Departed()
}

// Whoever is asked beforehand is told what Publish will say, and a remembered
// subject does not get in the way.
func TestAllowedForetellsDenial(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	subscribe(as, newInbox(t), ">", "", "1")
	p := as.Publisher(core.Sender{Self: newInbox(t), Account: as.Global(), Permissions: denials{publish: "no"}})
	defer p.Release()
	for range 3 {
		for name, want := range map[string]core.Outcome{"yes": 1, "no": core.Denied} {
			if p.Allowed([]byte(name)) != (want != core.Denied) {
				t.Errorf("Allowed(%s) is %v", name, want == core.Denied)
			}
			m := message(name, "x")
			m.Same = true // Allowed has looked it up
			if k := p.Publish(m); k != want {
				t.Errorf("Publish to %s = %d, want %d", name, k, want)
			}
		}
	}
}
