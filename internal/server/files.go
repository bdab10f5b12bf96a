package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// banner logs what is starting.
func (s *Server) banner() {
	s.log.Info("Starting Tidings", "version", Version, "nats_version", NATSVersion, "commit", Commit(), "go", runtime.Version())
	s.log.Info("Server identity", "name", s.name, "id", s.id)
	if s.options.ConfigFile != "" {
		s.log.Info("Using configuration file", "file", s.options.ConfigFile, "digest", s.options.ConfigDigest)
	}
	for _, w := range s.options.Warnings {
		s.log.Warn("Doubtful setting", "setting", w.String())
	}
}

// writeFilesLocked writes the pid file and the ports file that were asked for.
func (s *Server) writeFilesLocked() error {
	o := s.options.Server
	if o.PidFile != "" {
		if err := s.writeFileLocked(o.PidFile, []byte(strconv.Itoa(os.Getpid()))); err != nil {
			return fmt.Errorf("pid_file: %w", err)
		}
	}
	if o.PortsFileDir == "" {
		return nil
	}
	ports := map[string][]string{}
	if s.mu.client != nil {
		ports["nats"] = []string{"nats://" + s.mu.client.Addr().String()}
	}
	if m := s.mu.monitor; m != nil {
		ports["monitoring"] = m.urls()
	}
	text, err := json.Marshal(ports)
	if err != nil {
		return fmt.Errorf("ports_file_dir: %w", err)
	}
	name := filepath.Base(os.Args[0]) + "_" + strconv.Itoa(os.Getpid()) + ".ports"
	if err := s.writeFileLocked(filepath.Join(o.PortsFileDir, name), text); err != nil {
		return fmt.Errorf("ports_file_dir: %w", err)
	}
	return nil
}

func (s *Server) writeFileLocked(path string, text []byte) error {
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	s.mu.files = append(s.mu.files, path)
	return nil
}

// closeListenersLocked closes what Start opened and removes its files.
func (s *Server) closeListenersLocked() error {
	var errs []error
	if s.mu.client != nil {
		_ = s.mu.client.Close() // closed already when the connections were
	}
	if s.mu.monitor != nil {
		errs = append(errs, s.mu.monitor.close())
		s.mu.monitor = nil
	}
	if s.mu.prof != nil {
		errs = append(errs, s.mu.prof.close())
		s.mu.prof = nil
	}
	for _, f := range s.mu.files {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	s.mu.files = nil
	return errors.Join(errs...)
}
