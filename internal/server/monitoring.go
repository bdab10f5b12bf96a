package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/tidings-io/tidings/internal/options"
)

// monitorListener serves the monitoring pages.
type monitorListener struct {
	http  *http.Server
	addrs []string
}

func (m *monitorListener) urls() []string { return m.addrs }
func (m *monitorListener) close() error   { return m.http.Close() }

func (s *Server) startMonitorLocked() error {
	o := s.options.Monitor
	if !o.Enabled() {
		return nil
	}
	m := &monitorListener{http: &http.Server{
		Handler:           s.monitorHandler(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}}
	s.mu.monitor = m
	for _, p := range []struct {
		scheme string
		port   int
	}{{"http", o.HTTPPort}, {"https", o.HTTPSPort}} {
		if p.port == 0 {
			continue
		}
		l, err := s.monitorSocket(o, p.scheme, p.port)
		if err != nil {
			return fmt.Errorf("monitoring listener (%s): %w", p.scheme, err)
		}
		url := p.scheme + "://" + l.Addr().String() + o.BasePath
		m.addrs = append(m.addrs, url)
		s.log.Info("Serving monitoring", "url", url)
		s.serveHTTP(m.http, l, "monitoring")
	}
	return nil
}

func (s *Server) monitorSocket(o options.Monitor, scheme string, port int) (net.Listener, error) {
	l, err := listen(o.Host, port)
	if err != nil || scheme == "http" {
		return l, err
	}
	if s.options.TLS == nil {
		return nil, fmt.Errorf("https needs the certificate of a tls block: %w", l.Close())
	}
	config, err := s.options.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	config.ClientAuth = tls.NoClientCert
	return tls.NewListener(l, config), nil
}

// MonitorURL is the base of the monitoring pages, empty without them.
func (s *Server) MonitorURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.monitor == nil || len(s.mu.monitor.addrs) == 0 {
		return ""
	}
	return s.mu.monitor.addrs[0]
}
