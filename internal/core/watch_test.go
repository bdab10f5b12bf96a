package core_test

import (
	"testing"

	"github.com/tidings-io/tidings/internal/core"
)

func TestWatchersHearOfEachSubscriptionThatReachesTheirSubject(t *testing.T) {
	t.Parallel()
	a := core.NewAccounts().Global()
	told := 0
	stop := a.Watch("_INBOX.x.1", func() { told++ })
	subscribe := func(pattern string) *core.Subscription {
		s := core.NewSubscription(&staging{}, []byte(pattern), nil, []byte("1"))
		a.Subscribe(s)
		return s
	}
	for _, c := range []struct {
		pattern string
		told    int
	}{
		{"_INBOX.x.1", 1},
		{"_INBOX.x.*", 1},
		{"_INBOX.>", 1},
		{"*.x.1", 1},
		{">", 1},
		{"_INBOX.y.1", 0},
		{"_INBOX.x.2", 0},
		{"_INBOX.x", 0},
		{"_INBOX.x.1.2", 0},
	} {
		told = 0
		s := subscribe(c.pattern)
		if told != c.told {
			t.Errorf("subscribing to %q told %d times, want %d", c.pattern, told, c.told)
		}
		if !a.Unsubscribe(s) || told != 2*c.told {
			t.Errorf("unsubscribing from %q told %d times, want %d", c.pattern, told-c.told, c.told)
		}
	}
	if a.Interested([]byte("_INBOX.x.1")) {
		t.Error("somebody is interested after the last one left")
	}
	last := subscribe("_INBOX.x.1")
	if !a.Interested([]byte("_INBOX.x.1")) {
		t.Error("nobody is interested although there is a subscription")
	}
	stop()
	stop()
	told = 0
	a.Unsubscribe(last)
	if told != 0 {
		t.Error("told after the watch was stopped")
	}
}
