package stream

import (
	"maps"
	"math"
	"slices"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
)

// Space is where the records of a stream are.
type Space interface {
	// Keep stores a record that is not in the log; rec is not retained.
	Keep(rec []byte) index.Place
	// Read appends the record of e.
	Read(dst []byte, e index.Entry) ([]byte, error)
	// Free says that the record of e is not needed any more.
	Free(e index.Entry)
}

// Eraser is a Space that can make the bytes of a removed record unreadable.
type Eraser interface {
	Erase(e index.Entry)
}

// Stored is a message that the stream has stored. Its message is valid during the
// call of OnStored.
type Stored struct {
	Seq uint64
	// Previous is the sequence of the last message on the subject before, 0 if
	// there was none. It is set if the stream republishes.
	Previous uint64
	Message  record.Message
}

// never is a time that does not come.
const never = math.MaxInt64

// Machine is the state of one stream. Use [New] or [Decode].
type Machine struct {
	// immutable
	space   Space
	created int64

	// OnStored and OnRemoved, if set, hear of each message that is stored and
	// removed, in order; OnRemoved not of those that go all at once with a purge
	// of everything. They must not call the machine.
	OnStored  func(Stored)
	OnRemoved func(index.Entry)

	// of the configuration
	cfg       *jsapi.StreamConfig // replaced, never changed
	limits    Limits
	transform *subject.Transform
	republish *subject.Transform
	charge    index.Charge
	plain     bool // messages without headers that mean something need only fit
	plainMax  int  // bytes of header and body that fit whatever the subject
	limited   bool // by messages or bytes
	delaying  bool // messages may be delayed
	interest  func(id index.ID, subject []byte) bool

	x        *index.Index
	lastTime int64  // of the last message that was stored
	lastID   []byte // its Nats-Msg-Id
	due      int64  // when something is to be done before the next command

	ids       ids
	age       ages
	ttl       timers   // when messages with a TTL go
	exempt    []uint64 // messages that have no age, ascending
	schedules timers   // when schedules are due
	batches   map[string]*batch
	fast      map[string]*fastBatch
	sources   map[string]progress // see Source
	abandoned []Abandoned
	delayed   delays
	// staged is the number of bytes in batches; no batch times out before batchesDue.
	staged     int
	batchesDue int64

	one  candidate // the message that is being decided; empty in between
	buf  []byte    // of the record that is being built
	read []byte    // of a record that was read
}

// New returns the machine of a stream without messages. cfg is checked; created
// is in Unix nanoseconds.
func New(cfg jsapi.StreamConfig, created int64, space Space) *Machine {
	m := &Machine{space: space, created: created, limits: DefaultLimits}
	m.x = index.New(max(cfg.FirstSeq, 1))
	m.init()
	m.configure(cfg)
	m.x.SetCharge(m.charge)
	m.schedule()
	return m
}

func (m *Machine) init() {
	m.batches = map[string]*batch{}
	m.fast = map[string]*fastBatch{}
	m.sources = map[string]progress{}
	m.batchesDue = never
}

// configure derives from the configuration what is needed message by message.
func (m *Machine) configure(cfg jsapi.StreamConfig) {
	m.cfg = &cfg
	m.charge = index.FileCharge
	if cfg.Storage == jsapi.MemoryStorage {
		m.charge = index.MemoryCharge
	}
	m.transform, m.republish = nil, nil
	if t := cfg.SubjectTransform; t != nil {
		m.transform = newTransform(t.Source, t.Destination)
	}
	if t := cfg.Republish; t != nil {
		m.republish = newTransform(t.Source, t.Destination)
	}
	m.limited = cfg.MaxMsgs > 0 || cfg.MaxBytes > 0
	m.plain = !cfg.Sealed && m.transform == nil && !cfg.AllowMsgCounter && cfg.Discard == jsapi.DiscardOld &&
		cfg.Retention != jsapi.RetainInterest
	m.delaying = delaysOn(m.cfg)
	m.plainMax = math.MaxInt
	if cfg.MaxMsgSize > 0 {
		m.plainMax = int(cfg.MaxMsgSize)
	}
	if cfg.MaxBytes > 0 {
		room := cfg.MaxBytes - record.MaxSubject - 2*record.HeaderSize
		m.plainMax = int(min(int64(m.plainMax), room)) // below 0: each one is checked
	}
}

// newTransform returns a checked transform, nil if it changes nothing.
func newTransform(source, destination string) *subject.Transform {
	if source == "" {
		source = ">"
	}
	if destination == "" {
		return nil
	}
	t, err := subject.NewTransform(source, destination)
	if err != nil {
		return nil // the configuration was checked
	}
	return t
}

// Config returns the configuration, which must not be changed.
func (m *Machine) Config() *jsapi.StreamConfig { return m.cfg }

// Created returns when the stream was created, in Unix nanoseconds.
func (m *Machine) Created() int64 { return m.created }

// Index returns the index of the messages. Only the machine may add and remove.
func (m *Machine) Index() *index.Index { return m.x }

// Memory returns how many bytes of memory the machine takes, about: the index, the
// ids of the duplicate window, timers, and the records it holds.
func (m *Machine) Memory() int64 {
	timers := len(m.ttl) + len(m.schedules)
	return m.x.Memory() + m.ids.memory() + 16*int64(timers) + 8*int64(len(m.exempt)) + int64(m.staged+m.delayed.bytes)
}

// LastTime returns the time of the last message that was stored, in Unix
// nanoseconds; 0: there was none.
func (m *Machine) LastTime() int64 { return m.lastTime }

// SetInterest says who decides whether a message on a subject is wanted, on
// streams that keep messages for consumers only; nil: none is. id is 0 for a
// subject without messages. It is no part of the state.
func (m *Machine) SetInterest(wanted func(id index.ID, subject []byte) bool) { m.interest = wanted }

// SkipTo makes last the last sequence if it is not beyond: sequences that are known
// to have been given out are not given out again.
func (m *Machine) SkipTo(last uint64) {
	if last > m.x.State().Last {
		m.x.Skip(last)
	}
}

// Update changes the configuration, which is checked, and applies its limits.
func (m *Machine) Update(cfg jsapi.StreamConfig, now int64) {
	m.Expire(now)
	old := m.cfg
	m.configure(cfg)
	if cfg.MaxAge != old.MaxAge {
		m.rebuildAges()
	}
	if !cfg.AllowAtomicPublish || cfg.Sealed {
		for _, id := range slices.Sorted(maps.Keys(m.batches)) {
			m.abandon(id, jsapi.AbandonedIncomplete)
		}
	}
	if !cfg.AllowBatchPublish || cfg.Sealed {
		clear(m.fast)
	}
	if cfg.MaxMsgsPerSubject > 0 && (old.MaxMsgsPerSubject <= 0 || cfg.MaxMsgsPerSubject < old.MaxMsgsPerSubject) {
		m.enforceAllSubjects()
	}
	m.enforceTotal()
	m.schedule()
	m.Expire(now)
}
