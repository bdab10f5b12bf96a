package consumer

// unlogged is what the log does not have yet.
type unlogged struct {
	number uint64 // of the last delta that was taken, or merged
	dirty  bool   // there is something for a delta
	urgent bool   // and somebody waits for it
	// streamSeq is the one of the last delta: what is pending above it is new.
	// applied is the one of the last delta that was applied.
	streamSeq uint64
	applied   uint64
	acked     runs
	dropped   runs
	// buried are those of acked whose dead letter goes with the next delta: a state
	// without it must have them pending.
	buried  []pend
	replies [][]byte // to confirm when the next delta is committed
	flying  []flight // taken, not applied, oldest first
	spare   []flight
}

// flight is a delta on its way.
type flight struct {
	number    uint64
	epoch     uint64
	streamSeq uint64
	acked     runs
	dropped   runs
	buried    []pend
	replies   [][]byte
	landed    bool // applied, not yet confirmed
}

// has reports whether a message is finished with and the log does not know it.
func (u *unlogged) has(seq, epoch uint64) bool {
	if u.acked.has(seq) || u.dropped.has(seq) {
		return true
	}
	for i := range u.flying {
		if f := &u.flying[i]; !f.landed && f.epoch == epoch && (f.acked.has(seq) || f.dropped.has(seq)) {
			return true
		}
	}
	return false
}

// first returns the oldest delta that is not applied yet, nil if there is none.
func (u *unlogged) first() *flight {
	for i := range u.flying {
		if !u.flying[i].landed {
			return &u.flying[i]
		}
	}
	return nil
}

func (u *unlogged) rest() {
	u.spare = nil
	if len(u.acked) == 0 {
		u.acked = nil
	}
	if len(u.dropped) == 0 {
		u.dropped = nil
	}
	if len(u.replies) == 0 {
		u.replies = nil
	}
	if len(u.buried) == 0 {
		u.buried = nil
	}
	if len(u.flying) == 0 {
		u.flying = nil
	}
}

// confirm answers an acknowledgement when what it changed is committed.
func (c *Machine) confirm(reply []byte) {
	switch u := &c.log; {
	case len(reply) == 0:
	case u.dirty:
		u.replies = append(u.replies, append([]byte(nil), reply...))
		u.urgent = true
	case len(u.flying) > 0:
		f := &u.flying[len(u.flying)-1]
		f.replies = append(f.replies, append([]byte(nil), reply...))
	default:
		c.env.Reply(reply)
	}
}

// Urgent reports whether somebody waits for the next delta: a client for its
// confirmation, a dead letter, or a stream that removes what is acknowledged. Other
// changes may be logged whenever something else is.
func (c *Machine) Urgent() bool {
	return c.log.urgent || c.home.Retained && len(c.log.acked) > 0
}

// Delta appends the changes since the last Delta, nothing if there are none. Each
// one that is not empty must go to ApplyDelta, in order, or the machine must be
// decoded anew.
func (c *Machine) Delta(dst []byte) []byte {
	u := &c.log
	if !u.dirty && len(c.pend.changed) == 0 {
		return dst
	}
	u.number++
	dst = append(dst, deltaVersion)
	dst = c.appendHead(dst)
	dst = c.appendAdded(dst)
	dst = c.appendChanged(dst)
	dst = appendRuns(dst, u.acked.sorted())
	dst = appendRuns(dst, u.dropped.sorted())

	var f flight
	if n := len(u.spare); n > 0 {
		f, u.spare = u.spare[n-1], u.spare[:n-1]
	}
	f.number, f.epoch, f.streamSeq, f.landed = u.number, c.epoch, c.streamSeq, false
	f.acked, u.acked = u.acked, f.acked[:0]
	f.dropped, u.dropped = u.dropped, f.dropped[:0]
	f.replies, u.replies = u.replies, f.replies[:0]
	f.buried, u.buried = u.buried, f.buried[:0]
	u.flying = append(u.flying, f)
	u.dirty, u.urgent = false, false
	u.streamSeq = c.streamSeq
	return dst
}
