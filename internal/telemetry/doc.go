// Package telemetry offers a server's figures to Prometheus: [New] returns the
// handler of /metrics, in the text format or in OpenMetrics as the scraper asks.
//
// Each scrape takes one snapshot from a [Source] and computes the figures from
// it; nothing runs between scrapes, and nothing is counted here but the work of the
// disk below a [Disk]. The figures of the Go runtime and of the process come from
// the collectors of the official client, in a registry of its own, so that a
// program that embeds the server keeps its default registry to itself.
//
// Names are stable and begin with "tidings_"; docs/metrics.md lists them and a
// test holds both to the same list. The number of series is bounded: nothing is
// labelled by connection or subject, streams and consumers are shown only to those
// who ask for them, at most [maxStreams] and [maxConsumers], and the label
// "account" has at most [maxAccounts] values besides "other", which sums the rest.
// An account keeps its series once it has one, so that no counter ever goes back.
package telemetry
