package conn

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/transport"
	"github.com/tidings-io/tidings/internal/wire"
)

// Conn is the server's end of one client connection.
type Conn struct {
	// Immutable once the connection reads.
	server *Server
	id     uint64
	start  time.Time
	addr   net.Addr         // the peer's
	sock   transport.Socket // replaced by the TLS handshake, while flagHandshake is set
	base   transport.Socket // what to close
	wakeFn func()           // c.wake, made once
	batch  int              // chunks given to one write

	// Owned by the reader: the goroutine in run, or nobody while parked.
	options   *wire.ConnectOptions // shared default until CONNECT
	account   *core.Account
	perms     core.Permissions
	reads     int                // since the last pause; see hotAfter
	partial   []byte             // begun operation, while parked
	fresh     *core.Subscription // SUB whose insertion waits for its UNSUB with a maximum
	begun     bool               // the first input is here, or was waited for long enough
	greeted   bool               // INFO after CONNECT was sent
	connected bool               // CONNECT was accepted
	admitted  bool               // may use the protocol; flagAdmitted for others
	departed  bool               // a queue group member left since the last flush

	// Atomics. Counters are written by the reader (in) and by publishers (out).
	flags    atomic.Uint32
	inMsgs   atomic.Uint64
	inBytes  atomic.Uint64
	outMsgs  atomic.Uint64
	outBytes atomic.Uint64
	dropped  atomic.Uint64 // messages that came after the end
	stalls   atomic.Uint64 // pauses this connection took as a publisher
	active   atomic.Int64  // time of the last input, in ns since the epoch
	used     atomic.Int64  // time of the last message or subscription, likewise
	rtt      atomic.Int64  // ns; 0 until measured

	// shown is what monitoring may read of the reader's fields; replaced whole.
	shown atomic.Pointer[identity]

	timer timerEntry // guarded by the wheel
	out   outbound
	pings struct {
		sync.Mutex
		sent time.Time // of the ping that is not answered yet
		open int       // pings not answered
		last time.Time // when the round trip was measured
	}
	subs struct {
		mu     sync.Mutex
		table  sidTable
		closed bool
		ended  int // subscriptions when closed was set
	}
}

// identity is what a connection has said of itself and been found to be.
type identity struct {
	name, lang, version string
	user                string
	account             *core.Account
	perms               core.Permissions
	tlsVersion          uint16
	tlsCipher           uint16
}

// Flags of a connection.
const (
	flagHeaders   uint32 = 1 << iota // the client takes headers
	flagHot                          // the reader waits in Fill; it can be nudged
	flagClosed                       // close has begun
	flagFilters                      // permissions may refuse single deliveries
	flagHandshake                    // TLS is not set up yet: nobody else may write
	flagInfo                         // protocol 1: takes INFO at any time
	flagFirstPing
	flagAdmitted // may use the protocol
	flagEnding   // finish has begun: input is thrown away
)

func (c *Conn) has(f uint32) bool { return c.flags.Load()&f != 0 }

func (c *Conn) set(f uint32, on bool) {
	if on {
		c.flags.Or(f)
	} else {
		c.flags.And(^f)
	}
}

func (c *Conn) closing() bool { return c.has(flagClosed) }

// ID is the connection's number.
func (c *Conn) ID() uint64 { return c.id }

// remote is the peer's address.
func (c *Conn) remote() net.Addr { return c.addr }

// sender describes the connection to its publisher.
func (c *Conn) sender() core.Sender {
	return core.Sender{Self: c, Account: c.account, Permissions: c.perms, Echo: c.options.Echo, Pauses: true}
}

// countOut counts what a publisher handed over.
func (c *Conn) countOut(st *core.Stage) {
	if st.Messages == 0 {
		return
	}
	c.used.Store(time.Now().UnixNano())
	c.outMsgs.Add(uint64(st.Messages))
	c.outBytes.Add(uint64(st.Size))
	c.shown.Load().account.Received.Add(uint64(st.Messages), uint64(st.Size))
}

// awaitsAuth tells whether the connection has still to authenticate. It may be
// called by anyone.
func (c *Conn) awaitsAuth() bool { return !c.has(flagAdmitted) }
