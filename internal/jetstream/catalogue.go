package jetstream

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// catalogue says which streams there are: what the node's own group of the log is
// about.
type catalogue struct {
	mu      sync.Mutex // held while an entry is logged, so that their order is that of the log
	index   wal.Index  // of the last entry that was logged
	next    store.Group
	streams map[store.Group]*catalogueEntry
}

// catalogueEntry is one stream; in the log it is what became of it.
type catalogueEntry struct {
	Group   store.Group         `json:"group"`
	Account string              `json:"account,omitempty"`
	Created time.Time           `json:"created,omitzero"`
	Config  *jsapi.StreamConfig `json:"config,omitempty"`
	Deleted bool                `json:"deleted,omitempty"`
	// Restoring: nobody sees it yet, and it goes if the server ends before that.
	Restoring bool `json:"restoring,omitempty"`
}

// catalogueState is the catalogue in a checkpoint.
type catalogueState struct {
	Version int               `json:"version"`
	Next    store.Group       `json:"next"`
	Streams []*catalogueEntry `json:"streams"`
}

const catalogueVersion = 1

func (c *catalogue) init() {
	c.next = nodeGroup + 1
	c.streams = map[store.Group]*catalogueEntry{}
}

// entryLocked returns the log's entry for e. Under c.mu.
func (c *catalogue) entryLocked(e *catalogueEntry) (wal.Entry, error) {
	payload, err := json.Marshal(e)
	if err != nil {
		return wal.Entry{}, fmt.Errorf("catalogue entry: %w", err)
	}
	c.index++
	return wal.Entry{Kind: kindCatalogue, Group: nodeGroup, Index: c.index, Payload: payload}, nil
}

func (c *catalogue) applyLocked(e *catalogueEntry) {
	if e.Deleted {
		delete(c.streams, e.Group)
		return
	}
	if old := c.streams[e.Group]; old != nil && e.Config.Storage != jsapi.MemoryStorage {
		// Later configurations are part of the stream's own state. If that has not
		// been written yet, its log begins with the first one.
		first := *e
		first.Config = old.Config
		e = &first
	}
	c.streams[e.Group] = e
	c.next = max(c.next, e.Group+1)
}

func (c *catalogue) appendStateLocked(dst []byte) []byte {
	st := catalogueState{Version: catalogueVersion, Next: c.next}
	for _, g := range slices.Sorted(maps.Keys(c.streams)) {
		st.Streams = append(st.Streams, c.streams[g])
	}
	b, err := json.Marshal(st)
	if err != nil {
		panic("catalogue does not marshal: " + err.Error()) // all of it came from JSON
	}
	return append(dst, b...)
}

func (c *catalogue) restore(state []byte, applied wal.Index) error {
	var st catalogueState
	if err := json.Unmarshal(state, &st); err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	if st.Version != catalogueVersion {
		return fmt.Errorf("catalogue has version %d, this program reads %d: use the program that wrote it", st.Version, catalogueVersion)
	}
	c.init()
	c.next, c.index = max(c.next, st.Next), applied
	for _, e := range st.Streams {
		c.applyLocked(e)
	}
	return nil
}

// change logs what becomes of a stream and applies it once it is durable.
func (n *Node) change(e *catalogueEntry) error {
	c := &n.catalogue
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Group == 0 {
		e.Group = c.next
	}
	entry, err := c.entryLocked(e)
	if err != nil {
		return err
	}
	if _, err := n.store.Commit([]wal.Entry{entry}, wal.Essential); err != nil {
		c.index--
		return err
	}
	c.applyLocked(e)
	return nil
}

func (n *Node) createStream(a *Account, cfg jsapi.StreamConfig, created time.Time, restoring bool) (*Stream, error) {
	e := &catalogueEntry{Account: a.Name(), Created: created, Config: &cfg, Restoring: restoring}
	if err := n.change(e); err != nil {
		return nil, err
	}
	s := newStream(n, a, e)
	n.mu.Lock()
	n.mu.groups[s.group] = s
	n.mu.Unlock()
	s.attach()
	return s, nil
}

func (n *Node) deleteStream(s *Stream) error {
	if err := n.change(&catalogueEntry{Group: s.group, Deleted: true}); err != nil {
		return err
	}
	s.close(jsapi.StatusConsumerDeleted)
	s.locked(func() { s.countLocked(index.State{}, 0, 0) })
	n.mu.Lock()
	delete(n.mu.groups, s.group)
	n.mu.Unlock()
	n.store.Drop(s.group)
	return nil
}
