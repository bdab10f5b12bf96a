package server

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jetstream/api"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
)

// storeName is the directory below the configured one that everything is in: the
// one beside it may be that of another server program.
const storeName = "tidings"

// jetStream is what the server has of JetStream.
type jetStream struct {
	node *jetstream.Node
	api  *api.Server
}

// startJetStream opens the store and serves what is in it.
func (s *Server) startJetStream() error {
	o := &s.options.JetStream
	if !o.Enabled {
		return nil
	}
	if o.Encryption.Key != "" {
		return errors.New("jetstream: key: this version stores messages as they are; remove the key and encrypt the file system below store_dir instead")
	}
	if o.StoreDirChosen {
		s.log.Info("Keeping messages in " + o.StoreDir + "; choose another place with --store_dir")
	}
	dir := filepath.Join(o.StoreDir, storeName)
	st, err := store.Open(store.Options{FS: vfs.NewDir(dir), Dir: ".", SyncInterval: o.SyncInterval, Log: s.log})
	if err != nil {
		return fmt.Errorf("jetstream: %s: %w", dir, err)
	}
	memory, disk := o.Capacity()
	node, err := jetstream.Open(jetstream.Config{
		Server: s.name, ID: s.id, Version: NATSVersion, Domain: o.Domain, Dir: dir,
		MaxMemory: memory, MaxStorage: disk,
		DuplicateWindowMax: o.Limits.MaxDuplicateWindow,
		MaxAckPending:      o.Limits.MaxAckPending, MaxRequestBatch: o.Limits.MaxRequestBatch,
		Enabled:       s.options.JetStreamFor,
		StreamChanged: s.streamChanged,
	}, st, s.accounts, s.log)
	if err != nil {
		return fmt.Errorf("jetstream: %s: %w", dir, err)
	}
	s.js.node = node
	s.js.api = api.New(api.Config{
		Accounts: s.accounts, Server: s.name, Domain: o.Domain, SystemAccount: systemAccount,
		Lenient: !o.Strict, RequestQueueLimit: o.RequestQueueLimit, InfoQueueLimit: o.InfoQueueLimit,
		Requester: requester, Interested: func(a *core.Account, subject string) bool { return a.Interested([]byte(subject)) },
		Log: s.log,
	}, api.Adapt(node))
	for _, a := range s.accounts.All() {
		s.js.api.Serve(a)
	}
	node.Serve()
	return nil
}

const systemAccount = "$SYS"

// streamChanged keeps those who answer direct gets up to date.
func (s *Server) streamChanged(st *jetstream.Stream, deleted bool) {
	if deleted {
		s.js.api.Unregister(st.Account().Core(), st.Name())
		return
	}
	s.js.api.Register(st.Account().Core(), api.AdaptStream(st))
}

// requester says who sent the requests in a stage.
func requester(st *core.Stage) *jsapi.ClientInfo {
	c, ok := st.From().(*conn.Conn)
	if !ok {
		return nil
	}
	sn := c.Snapshot()
	return &jsapi.ClientInfo{
		Start: &sn.Start, Host: sn.IP, ID: sn.ID, Account: sn.Account, User: sn.User, Name: sn.Name,
		Lang: sn.Lang, Version: sn.Version, RTT: sn.RTT, Kind: sn.Kind, ClientType: "nats",
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
