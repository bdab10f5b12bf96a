package server

import (
	"fmt"
	"path/filepath"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jetstream/api"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/options"
	"github.com/tidings-io/tidings/internal/telemetry"
	"github.com/tidings-io/tidings/internal/vfs"
)

// storeName is the directory below the configured one that everything is in: the
// one beside it may be that of another server program.
const storeName = "tidings"

// jetStream is what the server has of JetStream.
type jetStream struct {
	node    *jetstream.Node
	serving atomic.Pointer[jetstream.Node] // node, for the store's own goroutines
	api     *api.Server
	disk    *telemetry.Disk
}

// startJetStream opens the store and serves what is in it.
func (s *Server) startJetStream() error {
	o := &s.options.JetStream
	if !o.Enabled {
		return nil
	}
	if o.StoreDirChosen {
		s.log.Info("Keeping messages in a directory of the user's; choose another with --store_dir", "directory", o.StoreDir)
	}
	dir := filepath.Join(o.StoreDir, storeName)
	memory, disk := o.Capacity()
	if m, d := o.Reserved(); m > memory || d > disk {
		return fmt.Errorf("jetstream: the limits of accounts add up to %d bytes in memory and %d on disk, the server has %d and %d: lower them, or set max_mem and max_file", m, d, memory, disk)
	}
	s.js.disk = telemetry.NewDisk(vfs.NewDir(dir))
	st, err := store.Open(store.Options{
		FS: s.js.disk, Dir: ".", SyncInterval: o.SyncInterval, Log: s.log,
		Key: string(o.Encryption.Key), PreviousKey: string(o.Encryption.PreviousKey),
		OnDamage: func(g store.Group, err error) {
			if n := s.js.serving.Load(); n != nil {
				n.Damaged(g, err)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("jetstream: %s: %w", dir, err)
	}
	node, err := jetstream.Open(jetstream.Config{
		Server: s.name, ID: s.id, Version: NATSVersion, Domain: o.Domain, Dir: dir,
		SyncInterval: o.SyncInterval, MaxMemory: memory, MaxStorage: disk, MaxIndex: o.IndexCapacity(),
		DuplicateWindowMax: o.Limits.MaxDuplicateWindow,
		MaxAckPending:      o.Limits.MaxAckPending, MaxRequestBatch: o.Limits.MaxRequestBatch,
		MaxBufferedMessages: int64(o.MaxBufferedMsgs), MaxBufferedBytes: o.MaxBufferedSize,
		Batches: batchLimits(o.Limits.Batch), MaxBatches: o.Limits.Batch.MaxInflightTotal,
		Enabled:       s.options.JetStreamFor,
		StreamChanged: s.streamChanged,
	}, st, s.accounts, s.log)
	if err != nil {
		return fmt.Errorf("jetstream: %s: %w", dir, err)
	}
	s.js.node = node
	s.js.serving.Store(node)
	s.js.api = api.New(api.Config{
		Accounts: s.accounts, Server: s.name, Domain: o.Domain, SystemAccount: systemAccount,
		Lenient: !o.Strict, RequestQueueLimit: o.RequestQueueLimit, InfoQueueLimit: o.InfoQueueLimit,
		BatchMaxBytes: int(s.options.Limits.MaxPending / 2),
		Requester:     s.requester, Interested: func(a *core.Account, subject string) bool { return a.Interested([]byte(subject)) },
		Log: s.log,
	}, api.Adapt(node))
	for _, a := range s.accounts.All() {
		s.js.api.Serve(a)
	}
	node.Serve()
	return nil
}

const systemAccount = "$SYS"

// batchLimits returns the limits of batches as streams know them.
func batchLimits(b options.BatchLimits) stream.Limits {
	l := stream.DefaultLimits
	l.AtomicInflight, l.AtomicMessages, l.Timeout = b.MaxInflightPerStream, b.MaxMsgs, b.Timeout
	return l
}

// streamChanged keeps those who answer direct gets up to date.
func (s *Server) streamChanged(st *jetstream.Stream, deleted bool) {
	if deleted {
		s.js.api.Unregister(st.Account().Core(), st.Name())
		return
	}
	s.js.api.Register(st.Account().Core(), api.AdaptStream(st))
}

// requester says who sent the requests in a stage.
func (s *Server) requester(st *core.Stage) *jsapi.ClientInfo {
	c, ok := st.From().(*conn.Conn)
	if !ok {
		return nil
	}
	sn := c.Snapshot()
	return &jsapi.ClientInfo{
		Start: &sn.Start, Host: sn.IP, ID: sn.ID, Account: sn.Account, User: sn.User, Name: sn.Name,
		Lang: sn.Lang, Version: sn.Version, RTT: sn.RTT, Kind: sn.Kind, ClientType: "nats", Server: s.name,
	}
}

// leaveJetStream tells clients of it while they are still there.
func (s *Server) leaveJetStream() {
	if s.js.node != nil {
		s.js.node.Leave()
	}
}

// stopJetStream ends it after the last client is gone.
func (s *Server) stopJetStream() error {
	if s.js.node == nil {
		return nil
	}
	s.js.api.Close()
	return s.js.node.Close()
}
