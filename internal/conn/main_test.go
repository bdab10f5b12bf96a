package conn_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

var (
	soakFor  = flag.Int("soak", 0, "steps of the soak instead of the short run")
	soakSeed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes a new one")
)

// TestMain fails if the tests leave goroutines or descriptors behind.
func TestMain(m *testing.M) {
	flag.Parse()
	before, files := runtime.NumGoroutine(), descriptors()
	code := m.Run()
	if code == 0 && !within(func() bool { return runtime.NumGoroutine() <= before && descriptors() <= files }) {
		buf := make([]byte, 1<<20)
		fmt.Printf("goroutines left: %d, before the tests %d; descriptors left: %d, before %d\n%s\n",
			runtime.NumGoroutine(), before, descriptors(), files, buf[:runtime.Stack(buf, true)])
		code = 1
	}
	os.Exit(code)
}

// descriptors is the number of sockets that are open, 0 where that is not known.
func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range list {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && len(to) > 7 && to[:7] == "socket:" {
			n++
		}
	}
	return n
}

// within tells whether something that is about to happen did happen, for what
// announces itself in no other way. A failure takes long, a success does not.
func within(happened func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(30 * time.Second); !happened(); <-tick.C {
		if time.Now().After(limit) {
			return false
		}
	}
	return true
}

// await receives from c.
func await[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	if !within(happened) {
		t.Fatalf("did not happen: %s", what)
	}
}
