package server

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// profListener serves Go's profiles on the loopback interface (prof_port).
type profListener struct{ http *http.Server }

func (s *Server) startProfLocked() error {
	port := s.options.Server.ProfPort
	if port == 0 {
		return nil
	}
	l, err := listen("127.0.0.1", port)
	if err != nil {
		return fmt.Errorf("prof_port: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	p := &profListener{&http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}
	s.mu.prof = p
	s.log.Info("Serving profiles", "address", l.Addr().String())
	s.serveHTTP(p.http, l, "profiles")
	return nil
}

// serveHTTP runs an HTTP server until it is closed.
func (s *Server) serveHTTP(h *http.Server, l net.Listener, what string) {
	s.serving.Go(func() {
		if err := h.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("HTTP listener failed", "for", what, "error", err)
		}
	})
}

func (p *profListener) close() error { return p.http.Close() }
