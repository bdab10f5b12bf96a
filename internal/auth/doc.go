// Package auth decides who a connection is and what it may do.
//
// The path of one connection: its CONNECT goes to [Gate.Authenticate]. The gate
// asks its methods in order; each looks only at the credentials of its own kind
// and either has no opinion, accepts or refuses. The first opinion counts. With
// no credentials at all, the client becomes the no_auth_user if there is one;
// with no method configured everybody is let into the global account. The answer
// is an [Identity]: user, account and permissions.
//
// What a client is told never says why it was refused; the error's log value
// does. Unknown users cost as much time as wrong passwords. Secrets are of type
// [Secret], which prints as "[redacted]" wherever it is formatted or logged.
//
// A [Config] is checked as a whole by [New]; its errors are [*ConfigError] and
// name account, user and reason. The gate and the permissions it hands out are
// immutable and safe for concurrent use; a changed configuration is a new gate.
//
// Not here: reading the configuration file, deadlines for authentication, the
// texts of the protocol, and closing connections.
package auth
