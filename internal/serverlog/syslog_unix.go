//go:build !windows && !plan9

package serverlog

import (
	"fmt"
	"log/slog"
	"log/syslog"
	"os"
	"path/filepath"
)

// syslogAvailable says whether this system has a syslog.
const syslogAvailable = true

// openSyslog connects to the local syslog daemon (network "") or a remote one.
// Lines carry the facility daemon and the name the program was started under.
func openSyslog(network, address string, fallback *stream) (output, error) {
	w, err := syslog.Dial(network, address, syslog.LOG_DAEMON|syslog.LOG_NOTICE, filepath.Base(os.Args[0]))
	if err != nil {
		if network == "" {
			return nil, fmt.Errorf("syslog: %w; start the syslog daemon or use log_file", err)
		}
		return nil, fmt.Errorf("remote_syslog: %w", err)
	}
	return newQueue(&syslogSender{w: w}, fallback), nil
}

type syslogSender struct{ w *syslog.Writer }

// send maps levels to the severities NATS servers use: notice for INF, the
// highest debug for DBG and TRC.
func (s *syslogSender) send(level slog.Level, text string) error {
	switch {
	case level < slog.LevelInfo:
		return s.w.Debug(text)
	case level < slog.LevelWarn:
		return s.w.Notice(text)
	case level < slog.LevelError:
		return s.w.Warning(text)
	case level < LevelFatal:
		return s.w.Err(text)
	default:
		return s.w.Crit(text)
	}
}

func (s *syslogSender) close() error { return s.w.Close() }
