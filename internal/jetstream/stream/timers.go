package stream

import (
	"container/heap"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

// timer is something that is due for a message, if the message is still there.
type timer struct {
	at  int64 // Unix nanoseconds
	seq uint64
}

// timers is a heap of timers, the first that is due on top: 16 bytes each. Those
// of messages that are gone are dropped when they are due or when they are most.
type timers []timer

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	return t[i].at < t[j].at || t[i].at == t[j].at && t[i].seq < t[j].seq
}

func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

func (t *timers) Push(x any) { *t = append(*t, x.(timer)) }

func (t *timers) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

// due returns when the first is due.
func (t timers) due() int64 {
	if len(t) == 0 {
		return never
	}
	return t[0].at
}

// add adds a timer for a message of x.
func (t *timers) add(at int64, seq uint64, x *index.Index) {
	const fewest = 1024
	if len(*t) >= fewest && uint64(len(*t)) >= 2*x.State().Messages {
		t.sweep(x)
	}
	heap.Push(t, timer{at, seq})
}

// sweep drops the timers of messages that are gone.
func (t *timers) sweep(x *index.Index) {
	kept := (*t)[:0]
	for _, one := range *t {
		if _, ok := x.Get(one.seq); ok {
			kept = append(kept, one)
		}
	}
	*t = kept
	heap.Init(t)
}

// take takes the first.
func (t *timers) take() timer { return heap.Pop(t).(timer) }
