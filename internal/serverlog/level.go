package serverlog

import "log/slog"

// Levels beside the four of package slog. Debug and trace are switched on
// independently of each other (see [Log.SetVerbosity]), as the flags -D and -V
// are: a level is a kind of line here, not only a threshold.
const (
	// LevelTrace is for protocol lines as they are read and written.
	LevelTrace = slog.LevelDebug - 4
	// LevelFatal is for the one line before the process ends. Logging at this
	// level does not end it: the caller does, after [Log.Close].
	LevelFatal = slog.LevelError + 4
)

// label returns the mark of the line, the name existing tooling greps for.
// Levels between two names count as the lower one, as in package slog.
func label(level slog.Level) string {
	switch {
	case level < slog.LevelDebug:
		return "[TRC] "
	case level < slog.LevelInfo:
		return "[DBG] "
	case level < slog.LevelWarn:
		return "[INF] "
	case level < slog.LevelError:
		return "[WRN] "
	case level < LevelFatal:
		return "[ERR] "
	default:
		return "[FTL] "
	}
}
