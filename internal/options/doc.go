// Package options turns a configuration file and command-line flags into one
// [Options] value, which says how a server shall run. It starts nothing.
//
// The way of a setting: [ParseServeArgs] turns arguments into [Flags]; [Load]
// takes the defaults, reads the file named by the flags over them, then the
// flags over both, checks what depends on more than one setting, and returns
// the value with its warnings. Each part of Options has one file here that
// holds its fields, defaults and reader.
//
// Promises: a setting is read, or refused with its place; none is ignored in
// silence. Keys of nats-server that are not supported yet are refused by name.
// Errors are conf.Errors, all of a file at once. Secrets are of type
// auth.Secret and print as "[redacted]". Loading reads the configuration and
// the files of TLS certificates, and changes nothing.
//
// Reload marks in the comments of fields: "live" settings may change while the
// server runs; the others need a restart.
package options
