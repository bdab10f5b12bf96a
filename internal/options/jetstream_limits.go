package options

import (
	"math"
	"time"

	"github.com/tidings-io/tidings/internal/conf"
)

// JetStreamLimits bound what a request to JetStream can ask for.
type JetStreamLimits struct {
	// MaxRequestBatch is how many messages one pull may ask for; 0, the default,
	// sets no limit.
	MaxRequestBatch int
	// MaxAckPending is the largest max_ack_pending of a consumer; 0, the default,
	// sets no limit.
	MaxAckPending int
	// MaxDuplicateWindow is the largest duplicate window of a stream; 0, the
	// default, sets no limit.
	MaxDuplicateWindow time.Duration
	// Batch bounds atomic batches of messages.
	Batch BatchLimits
}

// BatchLimits bound atomic batches of messages.
type BatchLimits struct {
	// MaxInflightPerStream and MaxInflightTotal are how many may be open at a
	// time, in one stream and in all. Default 50 and 1000.
	MaxInflightPerStream, MaxInflightTotal int
	// MaxMsgs is how many messages one may have. Default 1000.
	MaxMsgs int
	// Timeout is how long one may pause before it is given up. Default 10s.
	Timeout time.Duration
}

func defaultJetStreamLimits() JetStreamLimits {
	return JetStreamLimits{Batch: BatchLimits{
		MaxInflightPerStream: 50, MaxInflightTotal: 1000, MaxMsgs: 1000, Timeout: 10 * time.Second,
	}}
}

// readJetStreamLimits reads the block "limits". In it 0 leaves the default, and
// so does less, as -1 is how others write "no limit".
func (l *loader) readJetStreamLimits(b *conf.Section) {
	s := b.Map("limits")
	if s == nil {
		return
	}
	limits := &l.options.JetStream.Limits
	readAtMost(s, &limits.MaxRequestBatch, "max_request_batch")
	readAtMost(s, &limits.MaxAckPending, "max_ack_pending")
	readPositive(s, &limits.MaxDuplicateWindow, "duplicate_window")
	var assets int64
	if s.Int(&assets, math.MinInt32, math.MaxInt32, "max_ha_assets") && assets > 0 {
		s.Warnf(s.Entry("max_ha_assets"), "%s", onlyClusters)
	}
	if batch := s.Map("batch"); batch != nil {
		to := &limits.Batch
		readAtMost(batch, &to.MaxInflightPerStream, "max_inflight_per_stream")
		readAtMost(batch, &to.MaxInflightTotal, "max_inflight_total")
		readAtMost(batch, &to.MaxMsgs, "max_msgs")
		readPositive(batch, &to.Timeout, "timeout")
		batch.Done()
	}
	s.Done()
}

// readPositive reads a duration as text; 0 and less leave the default.
func readPositive(s *conf.Section, dst *time.Duration, name string) {
	var d time.Duration
	if s.DurationText(&d, name) && d > 0 {
		*dst = d
	}
}

// onlyClusters ends the warning about a setting of clusters.
const onlyClusters = "is about several servers together and changes nothing on this one, which stands alone; it does no harm"

// warnOfClusters reads the settings that have no effect on a server by itself,
// so that a file for a cluster's JetStream can be used, and says so.
func warnOfClusters(b *conf.Section) {
	var n int64
	var text string
	var on bool
	type setting struct {
		name string
		read func(name string) bool
	}
	size := func(name string) bool { return readSize(b, &n, name) }
	count := func(name string) bool { return b.Int(&n, 0, math.MaxInt64, name) }
	word := func(name string) bool { return b.Text(&text, name) && text != "" }
	for _, set := range []setting{
		{"max_outstanding_catchup", size},
		{"meta_compact", count},
		{"meta_compact_size", size},
		{"meta_compact_sync", func(name string) bool { return b.Bool(&on, name) }},
		{"unique_tag", word},
		{"extension_hint", word},
	} {
		if set.read(set.name) {
			b.Warnf(b.Entry(set.name), "%s", onlyClusters)
		}
	}
	if b.Int(&n, 4, 8192, "max_concurrent_io") {
		b.Warnf(b.Entry("max_concurrent_io"), "changes nothing: one log takes the writes of all streams, so that they do not compete for the disk")
	}
}
