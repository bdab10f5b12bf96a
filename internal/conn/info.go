package conn

import (
	"net"

	"github.com/tidings-io/tidings/internal/wire"
)

// infoKind tells INFO lines apart that differ in more than the client's id and
// address.
type infoKind struct {
	account   string // that the client was let in to; empty before CONNECT
	lameDuck  bool
	inProcess bool
}

// infoLine is an INFO for c. The text of each kind is made once.
func (s *Server) infoLine(c *Conn, k infoKind) []byte {
	t, ok := s.infos.Load(k)
	if !ok {
		i := s.info
		i.LameDuckMode = k.lameDuck
		i.ConnectInfo, i.RemoteAccount = k.account != "", k.account
		if k.inProcess {
			i.TLSRequired, i.TLSAvailable, i.TLSVerify = false, false, false
		}
		t, _ = s.infos.LoadOrStore(k, wire.NewInfoTemplate(i))
	}
	return t.(*wire.InfoTemplate).Append(nil, c.id, c.ip())
}

// greeting is the first INFO for c.
func (s *Server) greeting(c *Conn) []byte {
	return s.infoLine(c, infoKind{lameDuck: s.lameDuck.Load(), inProcess: c.base.InProcess()})
}

// infoAfterConnect is the INFO that tells a client what it was let in to.
func (s *Server) infoAfterConnect(c *Conn) []byte {
	return s.infoLine(c, infoKind{account: c.account.Name(), lameDuck: s.lameDuck.Load()})
}

// infoLameDuck is the INFO that asks a client to leave.
func (s *Server) infoLameDuck(c *Conn) []byte { return s.infoLine(c, infoKind{lameDuck: true}) }

// ip is the client's address in INFO, empty if it has none.
func (c *Conn) ip() string {
	if a, ok := c.addr.(*net.TCPAddr); ok {
		return a.IP.String()
	}
	return ""
}

// Announce sets the address that INFO tells clients. Call it before Serve.
func (s *Server) Announce(host string, port int) {
	s.info.Host, s.info.Port = host, port
	s.infos.Clear()
}
