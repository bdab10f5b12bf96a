package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jetstream/store"
)

// storeView is a stopped store as the commands show it.
type storeView struct {
	Directory   string            `json:"directory"`
	ID          string            `json:"id"`
	Created     time.Time         `json:"created"`
	Checked     bool              `json:"checked"` // everything was read
	Log         storeLogView      `json:"log"`
	Checkpoints []checkpointView  `json:"checkpoints"`
	Streams     []storeStreamView `json:"streams"`
	Damage      []damageView      `json:"damage"`
	Strangers   []string          `json:"unknown_files"`
	Quarantine  []string          `json:"quarantine"`
}

type storeLogView struct {
	Files   int   `json:"files"`
	Bytes   int64 `json:"bytes"`
	Entries int   `json:"entries,omitempty"` // if checked
	Payload int64 `json:"payload,omitempty"`
}

type checkpointView struct {
	Number  uint64    `json:"number"`
	Created time.Time `json:"created"`
	Groups  int       `json:"groups"`
	Bytes   int64     `json:"bytes"`
	Whole   bool      `json:"whole"`
	LogFile uint64    `json:"log_file"` // from where the log is needed with it
	LogAt   int64     `json:"log_offset"`
}

type storeStreamView struct {
	Group      uint64 `json:"group"`
	Account    string `json:"account,omitempty"`
	Stream     string `json:"stream,omitempty"`
	Memory     bool   `json:"memory,omitempty"`
	Deleted    bool   `json:"deleted,omitempty"`
	State      int64  `json:"state_bytes"`
	Segments   int    `json:"segments"`
	Bytes      int64  `json:"segment_bytes"` // before compression
	Kept       int    `json:"records_in_checkpoint"`
	Records    int    `json:"segment_records,omitempty"` // if checked
	LogEntries int    `json:"log_entries,omitempty"`     // likewise
}

// name is how the stream is called in tables.
func (s *storeStreamView) name() string {
	switch {
	case s.Group == uint64(store.NodeGroup):
		return "(list of streams)"
	case s.Stream == "" && s.Deleted:
		return fmt.Sprintf("(deleted, group %d)", s.Group)
	case s.Stream == "":
		return fmt.Sprintf("(group %d)", s.Group)
	}
	return s.Account + " / " + s.Stream
}

type damageView struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Group  uint64 `json:"group,omitempty"`
	Stream string `json:"stream,omitempty"`
	Seq    uint64 `json:"sequence,omitempty"`
	What   string `json:"what"`
}

func (v *storeView) sound() bool { return len(v.Damage)+len(v.Strangers) == 0 }

func storeViewOf(path string, r *store.Report, checked bool) *storeView {
	v := &storeView{
		Directory: path, ID: r.Node.ID, Created: r.Node.Created, Checked: checked,
		Log:         storeLogView{r.Log.Files, r.Log.Bytes, r.Log.Entries, r.Log.Payload},
		Checkpoints: []checkpointView{}, Streams: []storeStreamView{}, Damage: []damageView{},
		Strangers: append([]string{}, r.Strangers...), Quarantine: append([]string{}, r.Quarantine...),
	}
	for _, c := range r.Checkpoints {
		v.Checkpoints = append(v.Checkpoints, checkpointView{
			c.Number, c.Created, c.Groups, c.Bytes, c.Whole, uint64(c.Position.File), c.Position.Offset,
		})
	}
	names, err := jetstream.StoredStreams(r)
	if err != nil {
		v.Damage = append(v.Damage, damageView{Group: uint64(store.NodeGroup), Stream: "(list of streams)", What: err.Error()})
	}
	known := map[store.Group]string{}
	for _, g := range r.Groups {
		s := storeStreamView{
			Group: uint64(g.Group), Deleted: g.Dropped, State: g.State, Segments: g.Segments, Bytes: g.Bytes,
			Kept: g.Kept, Records: g.Records, LogEntries: g.Entries,
		}
		if n, ok := names[g.Group]; ok {
			s.Account, s.Stream, s.Memory = n.Account, n.Name, n.Memory
		}
		delete(names, g.Group)
		known[g.Group] = s.name()
		v.Streams = append(v.Streams, s)
	}
	for g, n := range names { // without anything of their own yet
		v.Streams = append(v.Streams, storeStreamView{Group: uint64(g), Account: n.Account, Stream: n.Name, Memory: n.Memory})
	}
	sortStoreStreams(v.Streams)
	for _, d := range r.Damage {
		what := d.Err
		for inner := (*store.DamageError)(nil); errors.As(what, &inner); {
			what = inner.Err
		}
		v.Damage = append(v.Damage, damageView{d.File, d.Offset, uint64(d.Group), known[d.Group], d.Seq, what.Error()})
	}
	return v
}
