// Package ui is how the commands look: tables, live progress, dialogs, plots,
// colours, and texts made safe for a terminal.
//
// A command makes one [Screen] from its two output streams and asks it for what
// it needs. A table goes to standard output, where it is the result; progress
// and prompts go to standard error, so that a result can be piped on while they
// are seen. Whether a stream is a terminal is decided once, when the Screen is
// made: colours and progress appear only there, unless asked for.
//
// Everything that came from another program passes [Printable] before it is
// shown: a message body must not move the cursor or retitle a window.
//
// Nothing here keeps state between calls except [Progress], which owns one
// goroutine from Start to Stop, and [Dialog], which has the terminal to itself
// while it reads a line, and gives it back in the mode in which it was. The package knows no command and no connection.
package ui
