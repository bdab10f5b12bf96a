package api_test

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/api"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
)

// epoch is when everything in memory backends happens.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// memoryNode is a driver that keeps everything in memory and decides no more than
// the tests of requests need.
type memoryNode struct {
	mu       sync.Mutex
	accounts map[*core.Account]*memoryAccount
	// If they are set, Stats says that it is entered and waits at the gate.
	entered, gate chan struct{}
}

func newMemoryNode(accounts ...*core.Account) *memoryNode {
	n := &memoryNode{accounts: map[*core.Account]*memoryAccount{}}
	for _, a := range accounts {
		n.accounts[a] = &memoryAccount{node: n, streams: map[string]*memoryStream{}}
	}
	return n
}

func (n *memoryNode) Account(a *core.Account) api.Account {
	n.mu.Lock()
	defer n.mu.Unlock()
	if m := n.accounts[a]; m != nil {
		return m
	}
	return nil
}

func (*memoryNode) Version() string { return "2.15.2" }

type memoryAccount struct {
	node          *memoryNode
	mu            sync.Mutex
	streams       map[string]*memoryStream
	total, errors uint64
}

func (a *memoryAccount) CreateStream(cfg jsapi.StreamConfig, pedantic bool) (*jsapi.StreamInfo, bool, *jsapi.Error) {
	checked, err := cfg.Checked(jsapi.StreamRules{Pedantic: pedantic})
	if err != nil {
		return nil, false, err
	}
	a.mu.Lock()
	s := a.streams[cfg.Name]
	created := s == nil
	if created {
		s = newMemoryStream(checked)
		a.streams[cfg.Name] = s
	}
	a.mu.Unlock()
	if !created && !s.cfg.Equal(&checked) {
		return nil, false, jsapi.ErrStreamNameExist.New()
	}
	info, err := s.Info(jsapi.StreamInfoRequest{})
	return info, created, err
}

func (a *memoryAccount) UpdateStream(cfg jsapi.StreamConfig, pedantic bool) (*jsapi.StreamInfo, *jsapi.Error) {
	a.mu.Lock()
	s := a.streams[cfg.Name]
	a.mu.Unlock()
	if s == nil {
		return nil, jsapi.ErrStreamNotFound.New()
	}
	checked, err := s.cfg.CheckedUpdate(&cfg, jsapi.StreamRules{Pedantic: pedantic})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.cfg = checked
	s.mu.Unlock()
	return s.Info(jsapi.StreamInfoRequest{})
}

func (a *memoryAccount) DeleteStream(name string) *jsapi.Error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams[name] == nil {
		return jsapi.ErrStreamNotFound.New()
	}
	delete(a.streams, name)
	return nil
}

func (a *memoryAccount) stream(name string) *memoryStream {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.streams[name]
}

func (a *memoryAccount) Stream(name string) api.Stream {
	if s := a.stream(name); s != nil {
		return s
	}
	return nil
}

func (a *memoryAccount) Streams(filter string) []api.Stream {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []api.Stream
	for _, name := range slices.Sorted(maps.Keys(a.streams)) {
		s := a.streams[name]
		if filter == "" || slices.ContainsFunc(s.cfg.Subjects, func(x string) bool { return subject.Overlap(x, filter) }) {
			list = append(list, s)
		}
	}
	return list
}

func (a *memoryAccount) Stats() jsapi.AccountStats {
	if a.node.gate != nil {
		a.node.entered <- struct{}{}
		<-a.node.gate
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return jsapi.AccountStats{
		Usage: jsapi.Usage{Limits: jsapi.AccountLimits{
			MaxMemory: -1, MaxStorage: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1,
			MemoryMaxStreamBytes: -1, StorageMaxStreamBytes: -1,
		}},
		API: jsapi.APIStats{Level: jsapi.APILevel, Total: a.total, Errors: a.errors},
	}
}

func (a *memoryAccount) CountAPI(failed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total++
	if failed {
		a.errors++
	}
}

type memoryStream struct {
	created   time.Time
	mu        sync.Mutex
	cfg       jsapi.StreamConfig
	index     *index.Index
	records   [][]byte // by offset of place
	consumers map[string]*memoryConsumer
	states    map[string][]byte
	delayed   []api.DelayedMessage
	meanwhile func() // happens while a snapshot is about to end
	// moves counts down reads that find their record moved.
	moves int
	reads int
	// damaged is a sequence that cannot be read.
	damaged uint64
}

func newMemoryStream(cfg jsapi.StreamConfig) *memoryStream {
	return &memoryStream{
		created: epoch, cfg: cfg, index: index.New(1),
		consumers: map[string]*memoryConsumer{}, states: map[string][]byte{},
	}
}

// publish stores a message one second after the one before.
func (s *memoryStream) publish(subject, header, body string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq := s.index.State().Last + 1
	m := record.Message{
		Seq: seq, Time: epoch.Add(time.Duration(seq) * time.Second).UnixNano(),
		Subject: []byte(subject), Header: []byte(header), Body: []byte(body),
	}
	s.addLocked(&m)
	return seq
}

func (s *memoryStream) addLocked(m *record.Message) {
	s.records = append(s.records, record.Build(nil, m))
	size := uint32(m.Len())
	if len(m.Header) > 0 {
		size |= index.HasHeader
	}
	s.index.Append(m.Seq, m.Subject, size, index.Place{File: 1, Offset: uint32(len(s.records) - 1)})
}

func (s *memoryStream) View(f func(*index.Index)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.index)
}

func (s *memoryStream) Read(dst []byte, e index.Entry) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.damaged == e.Seq {
		return nil, record.ErrDamaged
	}
	if s.moves > 0 {
		s.moves--
		s.records = append(s.records, s.records[e.Place.Offset])
		s.index.Move(e.Seq, e.Place, index.Place{File: 1, Offset: uint32(len(s.records) - 1)})
		return nil, record.ErrDamaged
	}
	return append(dst, s.records[e.Place.Offset]...), nil
}

func (s *memoryStream) Name() string               { return s.cfg.Name }
func (s *memoryStream) Config() jsapi.StreamConfig { return s.cfg }
func (s *memoryStream) Created() time.Time         { return s.created }

func (s *memoryStream) Info(q jsapi.StreamInfoRequest) (*jsapi.StreamInfo, *jsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg := s.cfg
	st := s.index.State()
	info := &jsapi.StreamInfo{
		Config: cfg, Created: s.created, Cluster: &jsapi.ClusterInfo{Leader: "ref"}, Timestamp: epoch,
		State: jsapi.StreamState{
			Msgs: st.Messages, Bytes: st.Bytes, FirstSeq: st.First, LastSeq: st.Last,
			NumSubjects: int(st.Subjects), NumDeleted: int(st.Deleted), Consumers: len(s.consumers),
		},
	}
	if q.DeletedDetails {
		for seq := st.First; seq <= st.Last; seq++ {
			if _, ok := s.index.Get(seq); !ok {
				info.State.Deleted = append(info.State.Deleted, seq)
			}
		}
	}
	if q.SubjectsFilter != "" {
		info.State.Subjects = map[string]uint64{}
		i := 0
		for text, of := range s.index.Subjects(q.SubjectsFilter) {
			if i++; i > q.Offset {
				info.State.Subjects[string(text)] = of.Count
			}
		}
	}
	return info, nil
}

func (s *memoryStream) SubjectCount(filter string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for range s.index.Subjects(filter) {
		n++
	}
	return n
}

func (s *memoryStream) Purge(q jsapi.StreamPurgeRequest) (uint64, *jsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := uint64(0)
	filter := s.index.NewFilter(">")
	if q.Filter != "" {
		filter = s.index.NewFilter(q.Filter)
	}
	for e, ok := s.index.Next(1, filter); ok; e, ok = s.index.Next(1, filter) {
		s.index.Remove(e.Seq)
		n++
	}
	return n, nil
}

func (s *memoryStream) DeleteMessage(seq uint64, _ bool) *jsapi.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.index.Remove(seq); !ok {
		return jsapi.ErrSequenceNotFound.New(strconv.FormatUint(seq, 10))
	}
	return nil
}

// remove takes messages out.
func (s *memoryStream) remove(seqs ...uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seq := range seqs {
		s.index.Remove(seq)
	}
}

func (s *memoryStream) CreateConsumer(q *jsapi.ConsumerCreateRequest) (*jsapi.ConsumerInfo, bool, *jsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.consumers[q.Config.Name]
	switch {
	case old != nil && q.Action == jsapi.CreateOnly:
		return nil, false, jsapi.ErrConsumerAlreadyExists.New()
	case old == nil && q.Action == jsapi.UpdateOnly:
		return nil, false, jsapi.ErrConsumerDoesNotExist.New()
	}
	cfg, err := q.Config.Checked(&s.cfg, jsapi.ConsumerRules{Pedantic: q.Pedantic})
	if old != nil {
		cfg, err = old.cfg.CheckedUpdate(&q.Config, &s.cfg, jsapi.ConsumerRules{Pedantic: q.Pedantic})
	}
	if err != nil {
		return nil, false, err
	}
	name := q.Config.Name
	if name == "" {
		name = "mgi24VpT"
	}
	c := &memoryConsumer{stream: s.cfg.Name, name: name, cfg: cfg, floor: s.index.State().First - 1}
	s.consumers[name] = c
	return c.Info(), true, nil
}

func (s *memoryStream) Consumer(name string) api.Consumer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.consumers[name]; c != nil {
		return c
	}
	return nil
}

func (s *memoryStream) Consumers() []api.Consumer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []api.Consumer
	for _, name := range slices.Sorted(maps.Keys(s.consumers)) {
		list = append(list, s.consumers[name])
	}
	return list
}

func (s *memoryStream) DeleteConsumer(name string) *jsapi.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.consumers[name] == nil {
		return jsapi.ErrConsumerNotFound.New()
	}
	delete(s.consumers, name)
	return nil
}

func (s *memoryStream) ConsumerStates() []api.ConsumerState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []api.ConsumerState
	for _, name := range slices.Sorted(maps.Keys(s.states)) {
		list = append(list, api.ConsumerState{
			Name: name, Config: jsapi.ConsumerConfig{Durable: name, Name: name}, Created: s.created, State: s.states[name],
		})
	}
	return list
}

func (s *memoryStream) SnapshotEnd(after uint64) (api.SnapshotEnd, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.meanwhile != nil {
		s.meanwhile()
		s.meanwhile = nil
	}
	_, more := s.index.Next(after+1, nil)
	return api.SnapshotEnd{LastSeq: s.index.State().Last, Delayed: s.delayed}, !more
}

type memoryConsumer struct {
	stream, name string
	cfg          jsapi.ConsumerConfig
	floor        uint64 // before the first message it gets
}

func (c *memoryConsumer) Name() string { return c.name }

func (c *memoryConsumer) Info() *jsapi.ConsumerInfo {
	cfg := c.cfg
	return &jsapi.ConsumerInfo{
		Stream: c.stream, Name: c.name, Created: epoch, Config: cfg, Timestamp: epoch,
		Cluster:   &jsapi.ClusterInfo{Leader: "ref"},
		Delivered: jsapi.SequenceInfo{StreamSeq: c.floor}, AckFloor: jsapi.SequenceInfo{StreamSeq: c.floor},
	}
}

func (c *memoryConsumer) Pause(time.Time) (*jsapi.ConsumerInfo, *jsapi.Error) { return c.Info(), nil }

func (c *memoryConsumer) Unpin(group string) *jsapi.Error {
	if !slices.Contains(c.cfg.PriorityGroups, group) {
		return jsapi.ErrConsumerInvalidPriorityGroup.New()
	}
	return nil
}

func (c *memoryConsumer) Reset(seq uint64) (*jsapi.ConsumerInfo, uint64, *jsapi.Error) {
	c.floor = max(seq, 1) - 1
	return c.Info(), max(seq, 1), nil
}

// Restore implements [api.Account].
func (a *memoryAccount) Restore(cfg jsapi.StreamConfig, created time.Time) (api.Restore, *jsapi.Error) {
	checked, err := cfg.Checked(jsapi.StreamRules{Existing: true})
	if err != nil {
		return nil, err
	}
	if a.stream(cfg.Name) != nil {
		return nil, jsapi.ErrStreamNameExistRestoreFailed.New()
	}
	s := newMemoryStream(checked)
	s.created = created
	return &memoryRestore{account: a, stream: s}, nil
}

type memoryRestore struct {
	account *memoryAccount
	stream  *memoryStream
}

func (r *memoryRestore) Add(rec []byte) error {
	m := record.View(rec)
	r.stream.addLocked(&m)
	return nil
}

func (r *memoryRestore) Delayed(due int64, rec []byte) error {
	r.stream.delayed = append(r.stream.delayed, api.DelayedMessage{Due: due, Record: slices.Clone(rec)})
	return nil
}

func (r *memoryRestore) Skip(last uint64) error {
	r.stream.index.Skip(last)
	return nil
}

func (r *memoryRestore) Consumer(c api.ConsumerState) error {
	r.stream.states[c.Name] = c.State
	r.stream.consumers[c.Name] = &memoryConsumer{stream: r.stream.cfg.Name, name: c.Name, cfg: c.Config}
	return nil
}

func (r *memoryRestore) Commit() (*jsapi.StreamInfo, *jsapi.Error) {
	r.account.mu.Lock()
	r.account.streams[r.stream.cfg.Name] = r.stream
	r.account.mu.Unlock()
	return r.stream.Info(jsapi.StreamInfoRequest{})
}

func (*memoryRestore) Abort() {}
