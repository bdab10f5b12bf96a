package options

import (
	"math"

	"github.com/tidings-io/tidings/internal/conf"
)

// Log is what the server writes about itself, and where to.
type Log struct {
	// Debug adds debugging lines. Live.
	Debug bool
	// Trace adds a line for each protocol operation. Live.
	Trace bool
	// TraceVerbose traces the system account too; it implies Trace. Live.
	TraceVerbose bool
	// TraceHeaders traces only the headers of messages; it implies Trace. Live.
	TraceHeaders bool
	// Time puts a timestamp on each line. Default true. Live.
	Time bool
	// TimeUTC writes timestamps in UTC instead of local time. Live.
	TimeUTC bool
	// File is the log file; "" writes to standard error. Live.
	File string
	// SizeLimit is the size in bytes at which File is rotated; 0 never.
	SizeLimit int64
	// MaxNum is how many log files are kept, the current one included; 0 keeps
	// all.
	MaxNum int
	// Syslog sends lines to the system's log. Live.
	Syslog bool
	// RemoteSyslog is the address of a syslog server, such as
	// "udp://localhost:514"; "" means none. Live.
	RemoteSyslog string
	// MaxTracedMsgLen is how many bytes of a payload a trace shows; 0 shows
	// all. Live.
	MaxTracedMsgLen int
}

func defaultLog() Log { return Log{Time: true} }

func (l *loader) readLog(s *conf.Section) {
	log := &l.options.Log
	s.Bool(&log.Debug, "debug")
	s.Bool(&log.Trace, "trace")
	s.Bool(&log.TraceVerbose, "trace_verbose")
	s.Bool(&log.TraceHeaders, "trace_headers")
	log.Trace = log.Trace || log.TraceVerbose || log.TraceHeaders
	s.Bool(&log.Time, "logtime")
	s.Bool(&log.TimeUTC, "logtime_utc")
	s.Text(&log.File, "log_file", "logfile")
	var n int64
	if s.Int(&n, 0, math.MaxInt64, "logfile_size_limit", "log_size_limit") {
		log.SizeLimit = n
	}
	if s.Int(&n, 0, math.MaxInt32, "logfile_max_num", "log_max_num") {
		log.MaxNum = int(n)
	}
	s.Bool(&log.Syslog, "syslog")
	s.Text(&log.RemoteSyslog, "remote_syslog")
	if s.Int(&n, -1, math.MaxInt32, "max_traced_msg_len") {
		log.MaxTracedMsgLen = int(max(n, 0))
	}
}

func (l *loader) checkLog() {
	log := &l.options.Log
	if log.SizeLimit < 0 {
		l.report.Errorf(conf.Pos{}, "log_size_limit is %d but cannot be negative", log.SizeLimit)
	}
	if log.MaxTracedMsgLen < 0 {
		l.report.Errorf(conf.Pos{}, "max_traced_msg_len is %d but cannot be negative", log.MaxTracedMsgLen)
	}
}
