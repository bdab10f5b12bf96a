// Package monitor turns the state of a server into the pages that people and
// programs look at: /varz, /connz, /subsz and /healthz, with the field names and
// shapes that existing NATS tools read, and an index at /.
//
// A request names a page and options. The page asks its [Source] for snapshots,
// picks, orders and cuts them as the options say, and is written as JSON (or as a
// call of a JavaScript function, for the option "callback"). An option with a
// value that cannot be used gets status 400 and a text that says what can.
//
// The package knows no connection, account or option: the Source hands it plain
// values that belong to the page from then on. It owns the counts of requests
// (http_req_stats) and the look at the process (memory, CPU), nothing else, and
// holds no lock of the server. Pages that list connections or subscriptions are
// built one at a time, so that a crowd of pollers cannot take the processors
// away from messages; an asker who does not read is cut off.
//
// Fields of things the server does not have yet (routes, leaf nodes, JetStream)
// are there, with zero values, where readers expect them on every server; see
// testdata/fields.txt. Figures for Prometheus are package telemetry's.
package monitor
