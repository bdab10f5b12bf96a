package asset

import (
	"errors"
	"fmt"

	"github.com/tidings-io/tidings/internal/jsapi"
)

type (
	streamConfig = jsapi.StreamConfig
	streamField  = Field[streamConfig]
)

// NewStream is what `stream create` begins with: messages stay until removed,
// and can be read without a consumer.
func NewStream(name string) jsapi.StreamConfig {
	return streamConfig{
		Name: name, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, MaxConsumers: -1,
		Replicas: 1, AllowDirect: true,
	}
}

func hasOwnSubjects(c *streamConfig) bool { return c.Mirror == nil }

// StreamFields returns the fields of a stream's configuration but its name.
func StreamFields() []Field[jsapi.StreamConfig] {
	var fields []streamField
	fields = append(fields, streamPurpose()...)
	fields = append(fields, streamLimits()...)
	fields = append(fields, streamOrigins()...)
	fields = append(fields, streamRights()...)
	return append(fields, streamPlaces()...)
}

// streamPurpose are the fields that say what the stream is for.
func streamPurpose() []streamField {
	return []streamField{
		text(streamField{Name: "description", Value: "TEXT", Usage: "what the stream is for"},
			func(c *streamConfig) *string { return &c.Description }),
		list(streamField{
			Name: "subjects", Value: "SUBJECT", Always: true,
			Usage:    "store the messages of these subjects; several separated by commas, wildcards allowed",
			Question: "Subjects whose messages are stored, separated by commas; orders.> takes all below orders.",
			Asked:    func(c *streamConfig) bool { return c.Mirror == nil && len(c.Sources) == 0 },
		}, func(c *streamConfig) *[]string { return &c.Subjects }),
		word(streamField{
			Name: "storage", Value: "WORD", Usage: "where messages are kept", Always: true,
			Question: "Where messages are kept.",
		}, func(c *streamConfig) *jsapi.Storage { return &c.Storage },
			Choice{"file", "on disk; they survive a restart"},
			Choice{"memory", "in memory; they are gone when the server stops"}),
		word(streamField{
			Name: "retention", Value: "WORD", Usage: "when messages are removed", Always: true,
			Question: "When messages are removed.", Asked: hasOwnSubjects,
		}, func(c *streamConfig) *jsapi.Retention { return &c.Retention },
			Choice{"limits", "when a limit below is reached"},
			Choice{"interest", "when all consumers there are have acknowledged them"},
			Choice{"workqueue", "when one consumer has acknowledged them"}),
		word(streamField{
			Name: "discard", Value: "WORD", Usage: "what happens at a limit", Always: true,
			Question: "What happens when a limit is reached.",
		}, func(c *streamConfig) *jsapi.Discard { return &c.Discard },
			Choice{"old", "the oldest messages are removed"},
			Choice{"new", "new messages are refused"}),
		toggle(streamField{Name: "discard-new-per-subject", Usage: "with --discard new: refuse by the limit of each subject, too"},
			func(c *streamConfig) *bool { return &c.DiscardNewPerSubject }),
	}
}

// streamLimits are the fields that bound the stream.
func streamLimits() []streamField {
	return []streamField{
		countLimit(streamField{
			Name: "max-messages", Value: "COUNT", Usage: "keep at most so many messages", Always: true,
			Question: "At most so many messages are kept.",
		}, func(c *streamConfig) *int64 { return &c.MaxMsgs }),
		countLimit(streamField{
			Name: "max-messages-per-subject", Value: "COUNT", Usage: "keep at most so many messages of each subject", Always: true,
			Question: "At most so many messages of each subject are kept.",
		}, func(c *streamConfig) *int64 { return &c.MaxMsgsPerSubject }),
		sizeLimit(streamField{
			Name: "max-bytes", Value: "SIZE", Usage: "keep at most so many bytes, such as 10GiB", Always: true,
			Question: "At most so many bytes are kept, such as 10GiB.",
		}, func(c *streamConfig) *int64 { return &c.MaxBytes }),
		period(streamField{
			Name: "max-age", Value: "TIME", Usage: "keep messages for so long, such as 30d or 12h", Always: true,
			Question: "Messages are kept for so long, such as 30d or 12h.",
		}, Unlimited, func(c *streamConfig) *nanoseconds { return &c.MaxAge }),
		sizeLimit(streamField{
			Name: "max-message-size", Value: "SIZE", Usage: "refuse messages with more bytes, header included", Always: true,
			Question: "Messages with more bytes than this are refused.",
		}, func(c *streamConfig) *int32 { return &c.MaxMsgSize }),
		countLimit(streamField{Name: "max-consumers", Value: "COUNT", Usage: "allow so many consumers"},
			func(c *streamConfig) *int { return &c.MaxConsumers }),
		period(streamField{
			Name: "duplicate-window", Value: "TIME", Usage: "refuse a message id that was seen within this time (default 2m)",
			Question: "A message whose id was seen within this time is a duplicate and not stored again.", Asked: hasOwnSubjects, Usual: "2m",
		}, none, func(c *streamConfig) *nanoseconds { return &c.DuplicateWindow }),
		toggle(streamField{Name: "no-ack", Usage: "do not acknowledge what is published"},
			func(c *streamConfig) *bool { return &c.NoAck }),
		word(streamField{Name: "compression", Value: "WORD", Usage: "whether files are compressed"},
			func(c *streamConfig) *jsapi.Compression { return &c.Compression },
			Choice{"none", "not at all"}, Choice{"s2", "fast compression"}),
		count(streamField{Name: "first-sequence", Value: "NUMBER", Usage: "sequence of the first message"},
			func(c *streamConfig) *uint64 { return &c.FirstSeq }),
		word(streamField{Name: "persist-mode", Value: "WORD", Usage: "when a publish is acknowledged"},
			func(c *streamConfig) *jsapi.PersistMode { return &c.PersistMode },
			Choice{"default", "when the message is durable"}, Choice{"async", "before it is on disk: faster, less safe"}),
		period(streamField{Name: "consumer-inactive-threshold", Value: "TIME", Usage: "remove consumers nobody used for so long, unless they say otherwise"},
			none, func(c *streamConfig) *nanoseconds { return &c.ConsumerLimits.InactiveThreshold }),
		countLimit(streamField{Name: "consumer-max-ack-pending", Value: "COUNT", Usage: "most messages a consumer may have unacknowledged"},
			func(c *streamConfig) *int { return &c.ConsumerLimits.MaxAckPending }),
	}
}

// streamOrigins are the fields that say where messages come from and where
// they go besides.
func streamOrigins() []streamField {
	mirror := streamField{Name: "mirror", Value: "STREAM", Usage: "be a copy of this stream; settings follow its name: \"ORDERS filter=orders.new start=100 domain=hub\""}
	mirror.get = func(c *streamConfig) []string {
		if c.Mirror == nil {
			return nil
		}
		return []string{formatSource(c.Mirror)}
	}
	mirror.set = func(c *streamConfig, texts []string) (err error) {
		text, err := one(texts)
		if err != nil || text == "" {
			c.Mirror = nil // no name: a mirror becomes a stream of its own
			return err
		}
		c.Mirror, err = parseSource(text)
		return err
	}
	sources := streamField{Name: "source", Value: "STREAM", List: true, Usage: "copy the messages of this stream, too; may be repeated; settings as for --mirror"}
	sources.get = func(c *streamConfig) (out []string) {
		for _, s := range c.Sources {
			out = append(out, formatSource(s))
		}
		return out
	}
	sources.set = func(c *streamConfig, texts []string) error {
		c.Sources = nil
		for _, text := range texts {
			if text == "" {
				continue
			}
			s, err := parseSource(text)
			if err != nil {
				return err
			}
			c.Sources = append(c.Sources, s)
		}
		return nil
	}
	return []streamField{
		mirror, sources, transformField(), republishField(),
		toggle(streamField{Name: "republish-headers-only", Usage: "republish without bodies"}, republishHeadersOnly),
	}
}

func transformField() streamField {
	f := streamField{Name: "transform", Value: "SUBJECTS", Usage: "store under another subject: \"orders.* -> shop.$1\""}
	f.get = func(c *streamConfig) []string {
		if c.SubjectTransform == nil {
			return nil
		}
		return []string{joinPair(c.SubjectTransform.Source, c.SubjectTransform.Destination)}
	}
	f.set = func(c *streamConfig, texts []string) error {
		text, err := one(texts)
		if err != nil || text == "" {
			c.SubjectTransform = nil
			return err
		}
		t, err := parseTransform(text)
		c.SubjectTransform = &t
		return err
	}
	return f
}

func republishField() streamField {
	f := streamField{Name: "republish", Value: "SUBJECTS", Usage: "publish what is stored again: \"orders.> -> stored.>\""}
	f.get = func(c *streamConfig) []string {
		if c.Republish == nil {
			return nil
		}
		return []string{joinPair(c.Republish.Source, c.Republish.Destination)}
	}
	f.set = func(c *streamConfig, texts []string) error {
		text, err := one(texts)
		if err != nil || text == "" {
			c.Republish = nil
			return err
		}
		source, destination, err := splitPair(text)
		if err != nil {
			return err
		}
		headersOnly := c.Republish != nil && c.Republish.HeadersOnly
		c.Republish = &jsapi.Republish{Source: source, Destination: destination, HeadersOnly: headersOnly}
		return nil
	}
	return f
}

// republishHeadersOnly returns the switch, a throw-away one if nothing is
// republished.
func republishHeadersOnly(c *streamConfig) *bool {
	if c.Republish == nil {
		return new(bool)
	}
	return &c.Republish.HeadersOnly
}

// streamRights are the fields that allow or deny operations.
func streamRights() []streamField {
	flag := func(name, usage string, at func(*streamConfig) *bool) streamField {
		return toggle(streamField{Name: name, Usage: usage}, at)
	}
	sealed := flag("sealed", "nothing can be stored or removed any more", func(c *streamConfig) *bool { return &c.Sealed })
	sealed.NoFlag = true
	rollup := flag("allow-rollup", "let a message with the header Nats-Rollup replace all before it", func(c *streamConfig) *bool { return &c.AllowRollup })
	rollup.Question = "Whether a message with the header Nats-Rollup may replace all before it."
	rollup.Asked = hasOwnSubjects
	deletes := flag("deny-delete", "refuse to remove single messages; cannot be undone", func(c *streamConfig) *bool { return &c.DenyDelete })
	deletes.Question = "Whether removing single messages is refused; cannot be undone."
	purges := flag("deny-purge", "refuse to purge; cannot be undone", func(c *streamConfig) *bool { return &c.DenyPurge })
	purges.Question = "Whether purging is refused; cannot be undone."
	return []streamField{
		sealed, deletes, purges, rollup,
		flag("allow-direct", "let messages be read by direct gets, also from replicas", func(c *streamConfig) *bool { return &c.AllowDirect }),
		flag("mirror-direct", "let a mirror answer direct gets for its origin", func(c *streamConfig) *bool { return &c.MirrorDirect }),
		flag("allow-ttl", "let messages have a time to live of their own (header Nats-TTL)", func(c *streamConfig) *bool { return &c.AllowMsgTTL }),
		period(streamField{Name: "delete-marker-ttl", Value: "TIME", Usage: "leave a marker for so long when the last message of a subject goes"},
			none, func(c *streamConfig) *nanoseconds { return &c.SubjectDeleteMarkerTTL }),
		flag("allow-counter", "let messages count up and down (header Nats-Incr)", func(c *streamConfig) *bool { return &c.AllowMsgCounter }),
		flag("allow-atomic", "let messages be stored in batches, all or none", func(c *streamConfig) *bool { return &c.AllowAtomicPublish }),
		flag("allow-batch", "let messages be stored in fast batches", func(c *streamConfig) *bool { return &c.AllowBatchPublish }),
		flag("allow-schedules", "let messages be scheduled (header Nats-Schedule)", func(c *streamConfig) *bool { return &c.AllowMsgSchedules }),
	}
}

// streamPlaces are the fields that say where the stream lives.
func streamPlaces() []streamField {
	return []streamField{
		count(streamField{
			Name: "replicas", Value: "COUNT", Usage: "keep so many copies in a cluster, 1 to 5", Always: true,
			Question: "So many servers of a cluster keep a copy, 1 to 5.",
		}, func(c *streamConfig) *int { return &c.Replicas }),
		placementCluster(), placementTags(),
		metadata(func(c *streamConfig) *map[string]string { return &c.Metadata }),
	}
}

func placementCluster() streamField {
	f := streamField{Name: "cluster", Value: "NAME", Usage: "live in this cluster"}
	f.get = func(c *streamConfig) []string {
		if c.Placement == nil {
			return nil
		}
		return some(c.Placement.Cluster)
	}
	f.set = func(c *streamConfig, texts []string) error {
		name, err := one(texts)
		placement(c).Cluster = name
		dropEmptyPlacement(c)
		return err
	}
	return f
}

func placementTags() streamField {
	f := list(streamField{Name: "tag", Value: "TAG", Usage: "live on servers with this tag; several separated by commas"},
		func(c *streamConfig) *[]string { return &placement(c).Tags })
	set := f.set
	f.get = func(c *streamConfig) []string {
		if c.Placement == nil {
			return nil
		}
		return c.Placement.Tags
	}
	f.set = func(c *streamConfig, texts []string) error {
		err := set(c, texts)
		dropEmptyPlacement(c)
		return err
	}
	return f
}

// placement returns a copy of the placement to change: c may share its own with
// the configuration it was copied from.
func placement(c *streamConfig) *jsapi.Placement {
	p := jsapi.Placement{}
	if c.Placement != nil {
		p = *c.Placement
	}
	c.Placement = &p
	return c.Placement
}

func dropEmptyPlacement(c *streamConfig) {
	if p := c.Placement; p != nil && p.Cluster == "" && p.Preferred == "" && len(p.Tags) == 0 {
		c.Placement = nil
	}
}

// CheckStream reports what makes a configuration impossible, whatever server it
// is meant for.
func CheckStream(c *streamConfig) error {
	_, err := c.Checked(jsapi.StreamRules{Clustered: true, Existing: true})
	if err == nil {
		return nil
	}
	return fmt.Errorf("stream %q: %w", c.Name, error(err))
}

var errNoSubjects = errors.New("a stream needs subjects, a mirror or a source; name subjects with --subjects")

// NeedsSubjects reports that nothing would ever be stored.
func NeedsSubjects(c *streamConfig) error {
	if len(c.Subjects) == 0 && c.Mirror == nil && len(c.Sources) == 0 {
		return errNoSubjects
	}
	return nil
}
