package options

import (
	"math"
	"strings"

	"github.com/tidings-io/tidings/internal/conf"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// globalAccount is the one of users that are in no other.
const globalAccount = "$G"

// JetStreamAccount is what the block of an account says about JetStream.
type JetStreamAccount struct {
	Name    string
	Enabled bool
	// Limits bound what the account may store; -1 is no limit.
	Limits jsapi.AccountLimits
}

// unlimited bounds nothing.
func unlimited() jsapi.AccountLimits {
	return jsapi.AccountLimits{
		MaxMemory: -1, MaxStorage: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1,
		MemoryMaxStreamBytes: -1, StorageMaxStreamBytes: -1,
	}
}

// JetStreamFor returns the limits of an account and whether it has JetStream at
// all: those whose block says so, and where no account but the system's is
// configured, the global one, without limits.
func (o *Options) JetStreamFor(account string) (limits jsapi.AccountLimits, enabled bool) {
	if !o.JetStream.Enabled || account == systemAccount {
		return unlimited(), false
	}
	for i := range o.JetStream.Accounts {
		if a := &o.JetStream.Accounts[i]; a.Name == account {
			return a.Limits, a.Enabled
		}
	}
	for i := range o.Auth.Accounts {
		if o.Auth.Accounts[i].Name != systemAccount {
			return unlimited(), false
		}
	}
	return unlimited(), account == globalAccount
}

// readJetStreamAccount reads "jetstream" in the block of an account.
func (l *loader) readJetStreamAccount(s *conf.Section, name string) {
	e := s.Entry("jetstream")
	if e == nil {
		return
	}
	account := JetStreamAccount{Name: name, Limits: unlimited()}
	if e.Value.Kind == conf.KindMap {
		account.Enabled = true
		readAccountLimits(s.Sub(e), &account.Limits)
	} else if on, ok := readSwitch(s, e); ok {
		account.Enabled = on
	} else {
		return
	}
	if account.Enabled && name == systemAccount {
		s.Failf(e, "cannot be turned on for %s, the system account; choose another account", systemAccount)
		return
	}
	l.places["jetstream of "+name] = e.Value.Pos
	l.options.JetStream.Accounts = append(l.options.JetStream.Accounts, account)
}

func readAccountLimits(b *conf.Section, to *jsapi.AccountLimits) {
	for _, size := range []struct {
		dst   *int64
		names []string
	}{
		{&to.MaxMemory, []string{"max_memory", "max_mem", "mem", "memory"}},
		{&to.MaxStorage, []string{"max_store", "max_file", "max_disk", "store", "disk"}},
		{&to.MemoryMaxStreamBytes, []string{"memory_max_stream_bytes", "mem_max_stream_bytes"}},
		{&to.StorageMaxStreamBytes, []string{"disk_max_stream_bytes", "store_max_stream_bytes"}},
	} {
		if readSize(b, size.dst, size.names...) {
			*size.dst = max(*size.dst, -1)
		}
	}
	for _, count := range []struct {
		dst   *int
		names []string
	}{
		{&to.MaxStreams, []string{"max_streams", "streams"}},
		{&to.MaxConsumers, []string{"max_consumers", "consumers"}},
		{&to.MaxAckPending, []string{"max_ack_pending"}},
	} {
		readCount(b, count.dst, count.names...)
	}
	b.Bool(&to.MaxBytesRequired, "max_bytes_required", "max_stream_bytes", "max_bytes")
	readClusterTraffic(b)
	b.Done()
}

// readClusterTraffic reads in whose account the servers of a cluster replicate.
func readClusterTraffic(b *conf.Section) {
	var traffic string
	if !b.Text(&traffic, "cluster_traffic") {
		return
	}
	e := b.Entry("cluster_traffic")
	switch strings.ToLower(traffic) {
	case "", "system":
	case "owner":
		b.Warnf(e, "%s", onlyClusters)
	default:
		b.Failf(e, "is %q but must be \"system\" or \"owner\"", traffic)
	}
}

// checkReservations finds limits of accounts that the server as a whole cannot
// keep: what an account may use is set aside for it.
func (l *loader) checkReservations() {
	js := &l.options.JetStream
	memory, store := js.Reserved()
	for _, kind := range []struct {
		what, key       string
		reserved, limit int64
	}{{"memory", "max_mem", memory, js.MaxMemory}, {"disk", "max_file", store, js.MaxStore}} {
		if kind.limit >= 0 && kind.reserved > kind.limit {
			l.report.Errorf(l.at("jetstream"), "the accounts may use %d bytes of %s together, but the server only %d; raise %q or lower theirs", kind.reserved, kind.what, kind.limit, kind.key)
		}
	}
}

// Reserved returns how many bytes the accounts with a limit may use together, in
// memory and on disk.
func (j *JetStream) Reserved() (memory, store int64) {
	for i := range j.Accounts {
		if a := &j.Accounts[i]; a.Enabled {
			memory = addSizes(memory, a.Limits.MaxMemory)
			store = addSizes(store, a.Limits.MaxStorage)
		}
	}
	return memory, store
}

// addSizes adds a size to a sum, unless it is no limit; the sum does not wrap.
func addSizes(sum, size int64) int64 {
	if size <= 0 {
		return sum
	}
	if sum > math.MaxInt64-size {
		return math.MaxInt64
	}
	return sum + size
}

// readCount reads a number; less than 0 is no limit.
func readCount(s *conf.Section, dst *int, names ...string) {
	var n int64
	if s.Int(&n, math.MinInt32, math.MaxInt32, names...) {
		*dst = int(max(n, -1))
	}
}
