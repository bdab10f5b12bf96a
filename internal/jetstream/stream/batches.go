package stream

import (
	"maps"
	"slices"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// Limits of batches. They are part of the state, so a change of the server's
// configuration must be a command in the log; see [Machine.SetLimits].
type Limits struct {
	AtomicInflight int           // atomic batches of a stream that are not committed
	AtomicMessages int           // of one atomic batch
	AtomicBytes    int           // of the records of all atomic batches of a stream, which are held in memory
	FastInflight   int           // fast batches of a stream
	Timeout        time.Duration // since the last message, after which a batch is given up
}

// DefaultLimits are those of a server that configures none.
var DefaultLimits = Limits{
	AtomicInflight: 50, AtomicMessages: 1000, AtomicBytes: 256 << 20,
	FastInflight: 1000, Timeout: 10 * time.Second,
}

// Abandoned is an atomic batch that was given up, for the advisory.
type Abandoned struct {
	Batch  string
	Reason string
}

// Abandoned reasons that jsapi has no word for.
const abandonedUnsupported = "unsupported"

// SetLimits changes the limits of batches.
func (m *Machine) SetLimits(l Limits) {
	m.limits = l
	m.timeBatches()
	m.schedule()
}

// Limits returns the limits of batches.
func (m *Machine) Limits() Limits { return m.limits }

// Inflight returns the number of batches that are open.
func (m *Machine) Inflight() (atomic, fast int) { return len(m.batches), len(m.fast) }

// Abandoned returns the atomic batches that were given up since the last call. What
// a log that is applied again gives up was told the first time.
func (m *Machine) Abandoned() []Abandoned {
	a := m.abandoned
	m.abandoned = nil
	return a
}

// abandon gives an atomic batch up, which need not be open.
func (m *Machine) abandon(id, reason string) {
	m.closeBatch(id)
	m.abandoned = append(m.abandoned, Abandoned{Batch: id, Reason: reason})
}

func (m *Machine) closeBatch(id string) {
	if b := m.batches[id]; b != nil {
		m.staged -= b.bytes
		delete(m.batches, id)
	}
}

// batchUsed notes that a batch, perhaps a new one, was used at the time: none times
// out earlier than was known.
func (m *Machine) batchUsed(at int64) {
	if limit := int64(m.limits.Timeout); at <= never-limit {
		m.batchesDue = min(m.batchesDue, at+limit)
	}
}

// timeBatches finds out when the first batch times out.
func (m *Machine) timeBatches() {
	m.batchesDue = never
	for _, b := range m.batches {
		m.batchUsed(b.last)
	}
	for _, b := range m.fast {
		m.batchUsed(b.last)
	}
}

// expireBatches gives up the batches that have timed out.
func (m *Machine) expireBatches(now int64) {
	limit := now - int64(m.limits.Timeout)
	for _, id := range slices.Sorted(maps.Keys(m.batches)) {
		if m.batches[id].last <= limit {
			m.abandon(id, jsapi.AbandonedTimeout)
		}
	}
	maps.DeleteFunc(m.fast, func(_ string, b *fastBatch) bool { return b.last <= limit })
	m.timeBatches()
}
