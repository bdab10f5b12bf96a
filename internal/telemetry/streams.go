package telemetry

import (
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// How many streams and consumers have series of their own where they are asked
// for: the first by account and name.
const (
	maxStreams   = 1000
	maxConsumers = 2000
)

// Stream is the figures of one stream.
type Stream struct {
	Account   string
	Name      string
	Messages  uint64
	Bytes     uint64
	Consumers []Consumer
}

// Consumer is the figures of one consumer.
type Consumer struct {
	Name       string
	Pending    uint64 // messages that wait to be delivered
	AckPending int    // messages that wait to be acknowledged
}

var (
	byStream   = []string{"account", "stream"}
	byConsumer = []string{"account", "stream", "consumer"}
)

// ofStream are the figures of a stream.
var ofStream = []figure[*Stream]{
	gauge("tidings_jetstream_stream_messages", "Messages of a stream.", byStream,
		func(s *Stream) float64 { return float64(s.Messages) }),
	gauge("tidings_jetstream_stream_bytes", "Bytes of the messages of a stream.", byStream,
		func(s *Stream) float64 { return float64(s.Bytes) }),
}

// ofConsumer are the figures of a consumer.
var ofConsumer = []figure[*Consumer]{
	gauge("tidings_jetstream_consumer_pending", "Messages that wait to be delivered to a consumer.", byConsumer,
		func(c *Consumer) float64 { return float64(c.Pending) }),
	gauge("tidings_jetstream_consumer_ack_pending", "Messages that a consumer has got and not acknowledged.", byConsumer,
		func(c *Consumer) float64 { return float64(c.AckPending) }),
}

// streamCollector computes the figures of single streams and consumers.
type streamCollector struct{ source Source }

// Describe sends the descriptions of all figures.
func (c streamCollector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range ofStream {
		to <- f.desc
	}
	for _, f := range ofConsumer {
		to <- f.desc
	}
}

// Collect sends the figures.
func (c streamCollector) Collect(to chan<- prometheus.Metric) {
	streams := c.source.Streams(maxStreams, maxConsumers)
	for i := range streams {
		s := &streams[i]
		if !utf8.ValidString(s.Account) || !utf8.ValidString(s.Name) {
			continue // no label can show it
		}
		for _, f := range ofStream {
			f.send(to, s, s.Account, s.Name)
		}
		for j := range s.Consumers {
			consumer := &s.Consumers[j]
			if !utf8.ValidString(consumer.Name) {
				continue
			}
			for _, f := range ofConsumer {
				f.send(to, consumer, s.Account, s.Name, consumer.Name)
			}
		}
	}
}

// choose answers with plain, or with the handler that shows single streams too if
// the option "streams" is true.
func choose(plain, withStreams http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := r.URL.Query().Get("streams")
		if text == "" {
			plain.ServeHTTP(w, r)
			return
		}
		on, err := strconv.ParseBool(text)
		switch {
		case err != nil:
			http.Error(w, fmt.Sprintf("streams %q: write true or false (or 1 or 0)", text), http.StatusBadRequest)
		case on:
			withStreams.ServeHTTP(w, r)
		default:
			plain.ServeHTTP(w, r)
		}
	})
}
