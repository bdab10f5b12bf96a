package serverlog

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
)

// Config says what is logged and where to. The zero value logs from INF up, with
// local times, to stderr. With several outputs set, each gets every line.
type Config struct {
	// Debug adds DBG lines. Reloadable with [Log.SetVerbosity].
	Debug bool
	// Trace adds TRC lines. Reloadable with [Log.SetVerbosity].
	Trace bool
	// HideTime leaves out the date and time (logtime: false). Syslog lines never
	// have them in the text: the syslog header does. Not reloadable.
	HideTime bool
	// UTC prints times in UTC instead of the local zone, also in the names of
	// rotated files. Not reloadable.
	UTC bool

	// File is the path of the log file, created with mode 0640 if it is missing
	// and appended to otherwise. Empty: no file. Not reloadable.
	File string
	// FileSizeLimit is the size in bytes a log file does not pass: a line that
	// would pass it goes to a new file, and the old one is renamed to
	// FILE.2006.01.02.15.04.05.000000000. A file is larger only if
	// its first two lines are. 0: no rotation. Not reloadable.
	FileSizeLimit int64
	// FileMaxNum is how many log files are kept, the current one included; older
	// rotated ones are removed. 0: all. Not reloadable.
	FileMaxNum int

	// Syslog sends lines to the syslog daemon of this machine (unix only).
	// Not reloadable.
	Syslog bool
	// RemoteSyslog sends lines to udp://HOST:PORT, tcp://HOST:PORT (port 514 if
	// left out) or unix:///PATH (unix systems only). Empty: none. Not reloadable.
	RemoteSyslog string

	// Stderr is where lines go when no other output is set, and those an output
	// did not take. The Log serializes its writes. nil: [os.Stderr].
	Stderr io.Writer
}

// Validate reports every field that makes no sense; it touches neither files nor
// the network.
func (c Config) Validate() error {
	var errs []error
	if c.FileSizeLimit < 0 {
		errs = append(errs, fmt.Errorf("logfile_size_limit %d: negative; write a number of bytes, or 0 for no rotation", c.FileSizeLimit))
	}
	if c.FileMaxNum < 0 {
		errs = append(errs, fmt.Errorf("logfile_max_num %d: negative; write how many files to keep, or 0 for all", c.FileMaxNum))
	}
	if (c.Syslog || c.RemoteSyslog != "") && !syslogAvailable {
		errs = append(errs, errors.New("syslog and remote_syslog: not available on this system; use log_file"))
	}
	if c.RemoteSyslog != "" {
		if _, _, err := remoteAddress(c.RemoteSyslog); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// remoteAddress splits a remote_syslog URL into what net.Dial takes.
func remoteAddress(s string) (network, address string, err error) {
	const wayOut = "write udp://HOST:PORT, tcp://HOST:PORT or unix:///PATH"
	u, err := url.Parse(s)
	if err != nil {
		return "", "", fmt.Errorf("remote_syslog %q: not a URL; %s", s, wayOut)
	}
	switch u.Scheme {
	case "udp", "tcp":
		if u.Hostname() == "" {
			return "", "", fmt.Errorf("remote_syslog %q: no host; %s", s, wayOut)
		}
		port := u.Port()
		if port == "" {
			port = "514"
		}
		return u.Scheme, net.JoinHostPort(u.Hostname(), port), nil
	case "unix":
		if u.Path == "" {
			return "", "", fmt.Errorf("remote_syslog %q: no path; %s", s, wayOut)
		}
		return "unix", u.Path, nil
	default:
		return "", "", fmt.Errorf("remote_syslog %q: unknown network %q; %s", s, u.Scheme, wayOut)
	}
}
