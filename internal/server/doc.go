// Package server assembles a running server from its parts, in order: log,
// accounts, authorization, connections, listeners. It owns their lifetimes and
// nothing else; package tidings offers it to programs, `tidings serve` to people.
//
// Start opens the monitoring listener before the client listener, so that
// whoever sees the client port can look in. Stopping goes the other way round:
// Drain stops accepting, writes out what is queued for clients and closes their
// connections; Close does the same with less patience.
package server
