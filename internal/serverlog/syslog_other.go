//go:build windows || plan9

package serverlog

import "errors"

// syslogAvailable says whether this system has a syslog.
const syslogAvailable = false

// openSyslog is never reached: Validate refuses the settings before.
func openSyslog(_, _ string, _ *stream) (output, error) {
	return nil, errors.New("syslog: not available on this system; use log_file")
}
