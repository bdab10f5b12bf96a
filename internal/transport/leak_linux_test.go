package transport_test

import (
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-io/tidings/internal/transport"
)

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// ours is the stacks of goroutines that are in this package's code.
func ours() string {
	b := make([]byte, 1<<20)
	var list []string
	for s := range strings.SplitSeq(string(b[:runtime.Stack(b, true)]), "\n\n") {
		if strings.Contains(s, "internal/transport.") {
			list = append(list, s)
		}
	}
	return strings.Join(list, "\n\n")
}

// It runs alone, before the parallel tests begin.
func TestClosedSocketsLeaveNothingBehind(t *testing.T) {
	before := descriptors(t)
	t.Run("connections", func(t *testing.T) {
		var wg sync.WaitGroup
		for _, k := range kinds {
			k := k.withLot(t)
			for range 5 {
				s, c := k.connect(t)
				wg.Go(func() {
					if _, err := read(s, fixed(10), 100); err == nil {
						t.Error("read beyond the end")
					}
				})
				wg.Go(func() { endAnyhow(s, c) })
			}
		}
		wg.Wait()
	})
	// A goroutine of ours that ends has nothing to wait for any more.
	for range 100_000 {
		if ours() == "" {
			break
		}
		runtime.Gosched()
	}
	if left := ours(); left != "" {
		t.Errorf("goroutines are left:\n%s", left)
	}
	if after := descriptors(t); after > before+1 { // the runtime's poller may be new
		t.Errorf("%d descriptors are open, before it were %d", after, before)
	}
}

// endAnyhow closes a connection from both ends at once.
func endAnyhow(s transport.Socket, c net.Conn) {
	go func() { _ = c.Close() }()
	_ = s.Close()
}
