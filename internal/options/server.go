package options

import (
	"math"
	"net"
	"strconv"
	"strings"

	"github.com/tidings-io/tidings/internal/conf"
)

// DefaultPort is the port for clients.
const DefaultPort = 4222

// RandomPort stands, as a port, for any free one.
const RandomPort = -1

const (
	loopback      = "127.0.0.1"
	allInterfaces = "0.0.0.0"
)

// Server is the identity of a server and its listener for clients.
type Server struct {
	// Name is the server's name, without blanks; "" means that the server
	// makes one up.
	Name string
	// Host is the address the client listener binds. Default "127.0.0.1", or
	// "0.0.0.0" when a configuration file was read.
	Host string
	// Port is that of the client listener, from 1 to 65535; RandomPort takes a
	// free one. Default 4222.
	Port int
	// ClientAdvertise is the "host" or "host:port" that clients are told to
	// connect to; "" means the address of the listener. Live.
	ClientAdvertise string
	// Tags are in lower case, each once. Live.
	Tags []string
	// Metadata are free keys and texts. Live.
	Metadata map[string]string
	// PidFile is where the process id is written; "" writes none. Live.
	PidFile string
	// PortsFileDir is the directory for the file that lists open ports; ""
	// writes none. Live.
	PortsFileDir string
	// ProfPort is the port of the profiling listener, on Host; RandomPort takes
	// a free one, 0 means no listener.
	ProfPort int
}

func defaultServer() Server { return Server{Host: loopback, Port: DefaultPort} }

func (l *loader) readServer(s *conf.Section) {
	srv := &l.options.Server
	l.note(s, "host", "net")
	l.hostSet = s.Text(&srv.Host, "host", "net") && srv.Host != ""
	if srv.Host == "" {
		srv.Host = allInterfaces
	}
	readPort(s, &srv.Port, DefaultPort, "port")
	if e := s.Entry("listen"); e != nil {
		l.readListen(s, e)
	}
	s.Text(&srv.ClientAdvertise, "client_advertise")
	l.note(s, "client_advertise")
	s.Text(&srv.Name, "server_name")
	l.note(s, "server_name")
	var tags []string
	if s.Texts(&tags, "server_tags") {
		srv.Tags = normalTags(tags)
	}
	l.readMetadata(s)
	s.Text(&srv.PidFile, "pid_file", "pidfile")
	s.Text(&srv.PortsFileDir, "ports_file_dir")
	readPort(s, &srv.ProfPort, 0, "prof_port")
}

// readListen reads the address of the client listener from one entry.
func (l *loader) readListen(s *conf.Section, e *conf.Entry) {
	for _, split := range []string{"host", "net", "port"} {
		if other := s.Entry(split); other != nil {
			s.Warnf(e, "sets the address that %q at line %d sets too; \"listen\" counts where both do", other.Key, other.Pos.Line)
		}
	}
	host, port, ok := address(s, e)
	if !ok {
		return
	}
	l.options.Server.Port = port
	if host != "" {
		l.options.Server.Host, l.hostSet = host, true
		l.places["host"] = e.Value.Pos
	}
}

// address reads "host:port", ":port" or a port number.
func address(s *conf.Section, e *conf.Entry) (host string, port int, ok bool) {
	var text string
	switch e.Value.Kind {
	case conf.KindInt:
		n, err := e.Value.Int()
		if err != nil {
			s.Fail(e, err)
			return "", 0, false
		}
		text = ":" + strconv.FormatInt(n, 10)
	case conf.KindText:
		var err error
		if text, err = e.Value.Text(); err != nil {
			s.Fail(e, err)
			return "", 0, false
		}
	default:
		s.Failf(e, "is %s but must be a port or \"host:port\"", e.Value.Kind)
		return "", 0, false
	}
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		s.Failf(e, "%q is not an address; write a port, \"host:port\" or \"[::1]:port\"", text)
		return "", 0, false
	}
	n, err := strconv.Atoi(digits)
	if err != nil || !validPort(n) {
		s.Failf(e, "%q has no usable port; write one from 1 to 65535, or -1 for a free one", text)
		return "", 0, false
	}
	return host, n, true
}

// readPort reads a port; 0 means fallback.
func readPort(s *conf.Section, dst *int, fallback int, names ...string) {
	var n int64
	if !s.Int(&n, math.MinInt64, math.MaxInt64, names...) {
		return
	}
	switch {
	case n == 0:
		*dst = fallback
	case n == RandomPort || n > 0 && n <= math.MaxUint16:
		*dst = int(n)
	default:
		s.Failf(s.Entry(names...), "is %d but a port is from 1 to 65535, or -1 for a free one", n)
	}
}

func validPort(n int) bool { return n == RandomPort || n > 0 && n <= math.MaxUint16 }

// normalTags trims tags, puts them into lower case and drops repetitions.
func normalTags(tags []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, tag := range tags {
		tag = strings.ToLower(strings.TrimSpace(tag))
		if tag != "" && !seen[tag] {
			seen[tag] = true
			out = append(out, tag)
		}
	}
	return out
}

func (l *loader) readMetadata(s *conf.Section) {
	e := s.Entry("server_metadata")
	if e == nil {
		return
	}
	m, err := e.Value.Map()
	if err != nil {
		s.Fail(e, err)
		return
	}
	metadata := make(map[string]string, m.Len())
	for _, field := range m.Entries() {
		text, err := field.Value.Text()
		if err != nil {
			s.Fail(field, err)
			continue
		}
		metadata[field.Key] = text
	}
	l.options.Server.Metadata = metadata
}

// checkServer checks names and addresses wherever they come from.
func (l *loader) checkServer() {
	srv := &l.options.Server
	if strings.ContainsAny(srv.Name, " \t\r\n") {
		l.report.Errorf(l.at("server_name"), "server_name %q contains blanks; use \"-\" or \"_\" instead", srv.Name)
	}
	if !validPort(srv.Port) {
		l.report.Errorf(l.at("port"), "port is %d but must be from 1 to 65535, or -1 for a free one", srv.Port)
	}
	if srv.ProfPort != 0 && !validPort(srv.ProfPort) {
		l.report.Errorf(l.at("prof_port"), "prof_port is %d but must be from 1 to 65535, or -1 for a free one", srv.ProfPort)
	}
	if a := srv.ClientAdvertise; a != "" && !advertisable(a) {
		l.report.Errorf(l.at("client_advertise"), "client_advertise %q is not an address; write \"host\" or \"host:port\"", a)
	}
}

// advertisable reports whether text is "host" or "host:port".
func advertisable(text string) bool {
	if strings.ContainsAny(text, " /\t\r\n") {
		return false
	}
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		return !strings.Contains(text, ":") || net.ParseIP(strings.Trim(text, "[]")) != nil
	}
	port, err := strconv.Atoi(digits)
	return err == nil && host != "" && port > 0 && port <= math.MaxUint16
}
