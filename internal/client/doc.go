// Package client is the commands' way to a server: which server, with whose
// credentials, and what to tell the person when it does not work.
//
// The path of one command: the flags given, the environment and the context
// files are layers of [Settings]; [Resolve] merges them into [Resolved], where
// every value knows the layer it came from; [Dial] opens the connection with
// them; [Request] and [Flush] talk over it and turn what can go wrong into an
// [*Error] that names the thing, the reason and the way out, and whose [Kind]
// decides the exit code.
//
// Promises: nothing is taken from a place the person was not told of
// ([Resolved.Describe]); secrets appear in no output and no error
// ([Field.Shown], [RedactURL]); a selected context never lends its credentials
// to a server that was named somewhere else; context files of this tool are
// written with mode 0600 and replaced atomically; the context files of the nats
// tool are read, never written.
//
// A connection with [Options].KeepTrying outlives its server: pulls, push
// subscriptions and acknowledgements go on when it is back
// ([JetStream.Lasting]).
//
// [Store] owns the context files and takes no lock: two tools writing the same
// context at once leave one of the two versions whole.
//
// It does not print, read flags, or know any command.
package client
