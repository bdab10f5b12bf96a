package options

import (
	"strings"

	"github.com/tidings-io/tidings/internal/conf"
)

// Monitor is the HTTP listener that shows the server's state.
type Monitor struct {
	// Host is the address the listener binds. Default: the client listener's
	// host where one was given, else "127.0.0.1".
	Host string
	// HTTPPort is the port without TLS; RandomPort takes a free one, 0 means
	// no listener, the default.
	HTTPPort int
	// HTTPSPort is the port with TLS, instead of HTTPPort and with the
	// certificates of Options.TLS; RandomPort takes a free one, 0 means no
	// listener, the default.
	HTTPSPort int
	// BasePath is before the path of each page; begins with "/". Default "/".
	BasePath string
}

// Enabled reports whether there is a listener at all.
func (m Monitor) Enabled() bool { return m.HTTPPort != 0 || m.HTTPSPort != 0 }

func defaultMonitor() Monitor { return Monitor{Host: loopback, BasePath: "/"} }

func (l *loader) readMonitor(s *conf.Section) {
	m := &l.options.Monitor
	l.readMonitorAddress(s, &m.HTTPPort, "http", "http_port", "monitor_port")
	l.readMonitorAddress(s, &m.HTTPSPort, "https", "https_port")
	if s.Text(&m.BasePath, "http_base_path") {
		m.BasePath = "/" + strings.Trim(m.BasePath, "/")
	}
}

// readMonitorAddress reads a port from an address or from one of portNames.
func (l *loader) readMonitorAddress(s *conf.Section, port *int, name string, portNames ...string) {
	readPort(s, port, 0, portNames...)
	l.note(s, portNames...)
	if pos := l.at(portNames[0]); !pos.IsZero() {
		l.places[name] = pos
	}
	e := s.Entry(name)
	if e == nil {
		return
	}
	l.places[name] = e.Value.Pos
	if host, n, ok := address(s, e); ok {
		*port = n
		if host != "" {
			l.options.Monitor.Host, l.monitorHostSet = host, true
		}
	}
}

// settleMonitorHost gives the monitor a host: reachable from elsewhere only if
// the configuration says so.
func (l *loader) settleMonitorHost() {
	m := &l.options.Monitor
	if !m.Enabled() || l.monitorHostSet {
		return
	}
	if l.hostSet {
		m.Host = l.options.Server.Host
		return
	}
	if l.options.Server.Host == allInterfaces {
		l.warnings = append(l.warnings, Warning{
			Pos:  l.monitorPos(),
			Text: "monitoring has a port but no address and so listens on " + loopback + " only; write http: \"0.0.0.0:PORT\" to open it to others",
		})
	}
}

func (l *loader) monitorPos() conf.Pos {
	if l.options.Monitor.HTTPSPort != 0 {
		return l.at("https")
	}
	return l.at("http")
}

func (l *loader) checkMonitor() {
	m := &l.options.Monitor
	for _, p := range []struct {
		name string
		port int
	}{{"http_port", m.HTTPPort}, {"https_port", m.HTTPSPort}} {
		if p.port != 0 && !validPort(p.port) {
			l.report.Errorf(l.at(p.name), "%s is %d but must be from 1 to 65535, or -1 for a free one", p.name, p.port)
		}
	}
	if m.HTTPPort != 0 && m.HTTPSPort != 0 {
		l.report.Errorf(l.at("https"), "monitoring has both an HTTP port (%d) and an HTTPS port (%d); keep one", m.HTTPPort, m.HTTPSPort)
	}
	if m.HTTPSPort != 0 && l.options.TLS == nil {
		l.report.Errorf(l.at("https"), "monitoring over HTTPS needs a \"tls\" block with cert_file and key_file, or use http_port")
	}
}
