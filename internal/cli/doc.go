// Package cli is the command line tool: one file per command, plus what all of
// them share.
//
// The path of one command: [Main] builds the command tree over the process's
// streams and environment; cobra parses the flags; the command's file turns
// them into a plain value and runs it; a command that talks to a server gets
// its connection from app.connect, which says on standard error which server
// and which context are in use. What a command returns as error becomes one
// line on standard error and one of the exit codes of [ExitCodes].
//
// Promises: standard output carries results only, so it can be piped on;
// --json makes them JSON, one object per line where there is a sequence of
// them; no output shows a password or token; every command ends on SIGINT and
// SIGTERM; names of commands that do not exist yet are refused by name.
// Questions are asked only where somebody sees them and can answer, and Ctrl-C
// and Esc end them with nothing done. Commands that go on until they are ended
// outlive a restart of the server, and neither miss nor repeat what it stores.
//
// Connections, contexts and their errors are package client's; looks are
// package ui's; measuring is package bench's.
package cli
