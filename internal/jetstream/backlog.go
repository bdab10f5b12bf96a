package jetstream

// backlog is a client that has not taken yet what it was sent. Consumers give it
// nothing more until it has: what it is not given stays in the stream, and nobody
// else waits for it.
type backlog struct {
	number    uint64
	consumers []*Consumer // that hold something back
}

// behindLocked returns the number of the backlog that the last delivery went to,
// which was one of c's; 0: the client keeps up.
func (s *Stream) behindLocked(c *Consumer) uint64 {
	relief := s.mu.pub.Behind()
	if relief == nil {
		return 0
	}
	b := s.mu.behind[relief]
	if b == nil {
		s.mu.backlog++
		b = &backlog{number: s.mu.backlog}
		if s.mu.behind == nil {
			s.mu.behind = map[<-chan struct{}]*backlog{}
		}
		s.mu.behind[relief] = b
		go func() { // ends with the connection at the latest
			<-relief
			s.post(work{kind: workCall, do: func() { s.caughtUpLocked(relief) }})
		}()
	}
	if n := len(b.consumers); n == 0 || b.consumers[n-1] != c {
		b.consumers = append(b.consumers, c)
	}
	return b.number
}

// caughtUpLocked has consumers go on with a client.
func (s *Stream) caughtUpLocked(relief <-chan struct{}) {
	b := s.mu.behind[relief]
	if delete(s.mu.behind, relief); len(s.mu.behind) == 0 {
		s.mu.behind = nil
	}
	for _, c := range b.consumers {
		c.machine.Relieved(b.number)
		s.wakeLocked(c)
	}
}
