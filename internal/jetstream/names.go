package jetstream

import (
	"encoding/json"
	"fmt"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// StoredStream is a stream in the list of streams of a stopped store.
type StoredStream struct {
	Account, Name string
	Memory        bool // its messages are not stored
}

// StoredStreams returns the streams that a stopped store has, by their groups, as
// far as the report knows: streams made or deleted since the last checkpoint are
// in that of [store.Check] only. An error: part of the list cannot be read.
func StoredStreams(r *store.Report) (map[store.Group]StoredStream, error) {
	var c catalogue
	c.init()
	var failed error
	if r.NodeState != nil {
		failed = c.restore(r.NodeState, 0)
	}
	for _, payload := range r.NodeEntries {
		var e catalogueEntry
		if err := json.Unmarshal(payload, &e); err != nil {
			failed = fmt.Errorf("list of streams: %w", err)
			continue
		}
		if e.Config != nil || e.Deleted {
			c.applyLocked(&e)
		}
	}
	streams := map[store.Group]StoredStream{}
	for g, e := range c.streams {
		streams[g] = StoredStream{Account: e.Account, Name: e.Config.Name, Memory: e.Config.Storage == jsapi.MemoryStorage}
	}
	return streams, failed
}
