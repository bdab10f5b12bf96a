// Package bench puts load on a server and measures it.
//
// There are three loads on subjects: [Publish] (with subscribers of its own if
// asked), [Subscribe], [Request]; and three on stores: [Stream], [Consume], [KV],
// which make a stream or bucket and remove it after. Each opens its connections, starts one goroutine per
// publisher or requester, waits for the end, and returns a [Result]. Messages
// to a subscriber are handled on the client library's goroutine for it.
//
// The path of one message: a publisher writes the time into its own prebuilt
// payload (see stamp) and publishes it; a subscriber counts it and records the
// difference to its own clock. Neither allocates, locks, or shares a cache line
// with another client: counters and histograms belong to one client and are
// summed at the end. What the client library does per message is part of what
// is measured.
//
// Promises: counts are exact; a message is never counted twice; what was asked
// for and did not come is reported as missing; an interruption ends the load
// and still gives the figures so far. Latencies are kept to within 1 %.
//
// Latencies between two machines compare two clocks; negative differences are
// counted apart and not shown as latencies. The package draws nothing: it hands
// out [ui.Task]s to whoever shows progress.
package bench
