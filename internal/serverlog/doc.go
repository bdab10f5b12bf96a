// Package serverlog is the server's log: a [slog.Handler] that prints lines in
// the form existing NATS log tooling knows, and the outputs such lines go to.
//
//	[4711] 2026/11/20 21:52:54.625244 [INF] listening addr=127.0.0.1:4222
//
// One line takes this path: a part of the server calls its [slog.Logger]; the
// handler asks [Log.Enabled] for the level, formats the record into a borrowed
// buffer, cuts it at 32 KiB, and hands it to each output with one Write. The
// outputs are stderr, a file that rotates by size and reopens on request, and
// the local or a remote syslog. Every configured output gets every line.
//
// Promises:
//   - One event is one line: newlines, control characters and invalid UTF-8 in
//     the text, in keys and in values are escaped, so a client cannot forge a
//     line with the name it gives itself.
//   - A line an output does not take goes to stderr instead and the error is
//     returned; it is never lost silently. A failed rotation or reopening
//     keeps the file that was open.
//   - A slow or unreachable syslog never blocks the caller: its lines wait in a
//     bounded queue, and lines over the bound are counted and announced.
//   - A record of strings, numbers, booleans, times and durations is formatted
//     and written to stderr or a file without an allocation.
//   - All methods are safe for concurrent use.
//
// Secrets: the package prints what it is given. It cannot know which value is a
// password, token, seed or JWT, so whoever logs a value redacts it first, by
// printing a constant such as "[REDACTED]" or by giving the type a LogValue
// method that does so.
//
// Ownership: [Open] creates a [Log], which owns its outputs until Close; the
// handlers and loggers made from it are views of it. Only a syslog output has a
// goroutine (one each), which Close waits for.
//
// [Limiter] holds repeated lines back: one for each key in an interval, then
// how many were held back. The package does not decide what is worth a line,
// reads no configuration file and catches no signal.
package serverlog
