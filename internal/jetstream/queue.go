package jetstream

import "container/heap"

// queue has the consumers that are to be run at some time, the next one first.
type queue struct{ list []*Consumer }

// set makes c due at a time; 0: never.
func (q *queue) set(c *Consumer, at int64) {
	switch {
	case at == 0:
		q.remove(c)
	case c.at < 0:
		c.dueAt = at
		heap.Push((*byDue)(q), c)
	case c.dueAt != at:
		c.dueAt = at
		heap.Fix((*byDue)(q), c.at)
	}
}

func (q *queue) remove(c *Consumer) {
	if c.at >= 0 {
		heap.Remove((*byDue)(q), c.at)
		c.dueAt = 0
	}
}

// next returns when the first one is due, 0: there is none.
func (q *queue) next() int64 {
	if len(q.list) == 0 {
		return 0
	}
	return q.list[0].dueAt
}

// byDue is the queue as package heap sees it.
type byDue queue

func (q *byDue) Len() int           { return len(q.list) }
func (q *byDue) Less(i, j int) bool { return q.list[i].dueAt < q.list[j].dueAt }

func (q *byDue) Swap(i, j int) {
	q.list[i], q.list[j] = q.list[j], q.list[i]
	q.list[i].at, q.list[j].at = i, j
}

func (q *byDue) Push(x any) {
	c := x.(*Consumer)
	c.at = len(q.list)
	q.list = append(q.list, c)
}

func (q *byDue) Pop() any {
	last := len(q.list) - 1
	c := q.list[last]
	q.list[last] = nil
	q.list = q.list[:last]
	c.at = -1
	return c
}
