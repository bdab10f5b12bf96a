package asset

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

type (
	consumerConfig = jsapi.ConsumerConfig
	consumerField  = Field[consumerConfig]
	nanoseconds    = time.Duration
)

// NewConsumer is what `consumer create` begins with: a durable pull consumer
// whose messages are acknowledged one by one.
func NewConsumer(name string) jsapi.ConsumerConfig {
	return consumerConfig{Name: name, Durable: name, AckPolicy: jsapi.AckExplicit}
}

func acknowledges(c *consumerConfig) bool { return c.AckPolicy != jsapi.AckNone }

// ConsumerFields returns the fields of a consumer's configuration but its name.
func ConsumerFields() []Field[jsapi.ConsumerConfig] {
	var fields []consumerField
	fields = append(fields, consumerPurpose()...)
	fields = append(fields, consumerAcks()...)
	fields = append(fields, consumerPush()...)
	fields = append(fields, consumerPull()...)
	return append(fields, consumerLife()...)
}

// consumerPurpose are the fields that say which messages it delivers.
func consumerPurpose() []consumerField {
	return []consumerField{
		text(consumerField{Name: "description", Value: "TEXT", Usage: "what the consumer is for"},
			func(c *consumerConfig) *string { return &c.Description }),
		filterField(),
		deliverField(),
		word(consumerField{Name: "replay", Value: "WORD", Usage: "how fast old messages are delivered"},
			func(c *consumerConfig) *jsapi.ReplayPolicy { return &c.ReplayPolicy },
			Choice{"instant", "as fast as they are taken"}, Choice{"original", "with the pauses with which they came"}),
		toggle(consumerField{Name: "headers-only", Usage: "deliver headers without bodies"},
			func(c *consumerConfig) *bool { return &c.HeadersOnly }),
	}
}

func filterField() consumerField {
	f := list(consumerField{
		Name: "filter", Value: "SUBJECT", Always: true,
		Usage:    "deliver only messages of these subjects; several separated by commas",
		Question: "Only messages of these subjects are delivered, separated by commas.", Usual: "all subjects",
	}, func(c *consumerConfig) *[]string { return &c.FilterSubjects })
	f.get = func(c *consumerConfig) []string { return c.Filters() }
	set := f.set
	f.set = func(c *consumerConfig, texts []string) error {
		c.FilterSubject = ""
		err := set(c, texts)
		if len(c.FilterSubjects) == 1 { // the form that every server knows
			c.FilterSubject, c.FilterSubjects = c.FilterSubjects[0], nil
		}
		return err
	}
	return f
}

// deliverField says with which message delivery begins.
func deliverField() consumerField {
	f := consumerField{
		Name: "deliver", Value: "WHICH", Always: true,
		Usage:    "begin with: all, new, last, last-per-subject, a sequence, a time, or 1h for an hour ago",
		Question: "With which message it begins; also a sequence, a time, or 1h for an hour ago.",
		Choices: []Choice{
			{"all", "with the first message"},
			{"last", "with the last message"},
			{"new", "with what arrives from now on"},
			{"last-per-subject", "with the last message of each subject"},
		},
	}
	policies := []jsapi.DeliverPolicy{jsapi.DeliverAll, jsapi.DeliverLast, jsapi.DeliverNew, jsapi.DeliverLastPerSubject}
	f.get = func(c *consumerConfig) []string {
		for i, p := range policies {
			if c.DeliverPolicy == p {
				return []string{f.Choices[i].Word}
			}
		}
		if c.OptStartTime != nil {
			return []string{c.OptStartTime.UTC().Format(time.RFC3339Nano)}
		}
		return []string{strconv.FormatUint(c.OptStartSeq, 10)}
	}
	f.set = func(c *consumerConfig, texts []string) error {
		text, err := one(texts)
		if err != nil {
			return err
		}
		c.OptStartSeq, c.OptStartTime = 0, nil
		for i, choice := range f.Choices {
			if text == choice.Word || text == policies[i].String() {
				c.DeliverPolicy = policies[i]
				return nil
			}
		}
		if n, err := parseCount(text); err == nil {
			c.DeliverPolicy, c.OptStartSeq = jsapi.DeliverByStartSequence, uint64(n)
			return nil
		}
		at, err := ParseMoment(text, time.Now())
		if err != nil {
			return fmt.Errorf("%q is none of all, new, last, last-per-subject, no sequence and no time such as 2026-03-01T12:00:00Z or 1h", text)
		}
		c.DeliverPolicy, c.OptStartTime = jsapi.DeliverByStartTime, &at
		return nil
	}
	return f
}

// consumerAcks are the fields about acknowledgement and redelivery.
func consumerAcks() []consumerField {
	return []consumerField{
		word(consumerField{
			Name: "ack", Value: "WORD", Usage: "how messages are acknowledged", Always: true,
			Question: "How messages are acknowledged.", Rare: "flow-control",
		}, func(c *consumerConfig) *jsapi.AckPolicy { return &c.AckPolicy },
			Choice{"none", "not at all: delivered is done"},
			Choice{"all", "one acknowledgement is for all before it, too"},
			Choice{"explicit", "each by itself"},
			Choice{"flow-control", "by flow control, for copies of streams"}),
		period(consumerField{
			Name: "ack-wait", Value: "TIME", Usage: "deliver again what is not acknowledged within this time (default 30s)",
			Question: "What is not acknowledged within this time is delivered again.", Asked: acknowledges, Usual: "30s",
		}, none, func(c *consumerConfig) *nanoseconds { return &c.AckWait }),
		countLimit(consumerField{
			Name: "max-deliver", Value: "COUNT", Usage: "deliver a message at most so often",
			Question: "A message is delivered at most so often.", Asked: acknowledges, Usual: Unlimited,
		}, func(c *consumerConfig) *int { return &c.MaxDeliver }),
		backoffField(), deadLetterField(),
		countLimit(consumerField{
			Name: "max-ack-pending", Value: "COUNT", Usage: "hold delivery when so many messages are unacknowledged (default 1000)",
			Question: "Delivery waits when so many messages are unacknowledged.", Asked: acknowledges, Usual: "1000",
		}, func(c *consumerConfig) *int { return &c.MaxAckPending }),
		text(consumerField{Name: "sample", Value: "PERCENT", Usage: "publish a metric about so many of 100 acknowledgements"},
			func(c *consumerConfig) *string { return &c.SampleFreq }),
	}
}

func backoffField() consumerField {
	f := consumerField{
		Name: "backoff", Value: "TIMES", List: true,
		Usage: "wait so long before the first, second … redelivery: 1s,10s,1m (instead of --ack-wait)",
	}
	f.get = func(c *consumerConfig) (out []string) {
		for _, d := range c.Backoff {
			out = append(out, FormatDuration(d))
		}
		return out
	}
	f.set = func(c *consumerConfig, texts []string) error {
		var entries []string
		split := list(consumerField{}, func(*consumerConfig) *[]string { return &entries })
		if err := split.set(c, texts); err != nil {
			return err
		}
		c.Backoff = nil
		for _, entry := range entries {
			d, err := ParseDuration(entry)
			if err != nil {
				return err
			}
			c.Backoff = append(c.Backoff, d)
		}
		return nil
	}
	return f
}

func deadLetterField() consumerField {
	f := consumerField{
		Name: "dead-letter", Value: "SUBJECT",
		Usage:    "publish what reached --max-deliver or was terminated to this subject; a stream must store it",
		Question: "Messages that reached the limit of deliveries or were terminated go to this subject, which a stream must store.",
		Asked:    acknowledges, Usual: none,
	}
	f.get = func(c *consumerConfig) []string { return some(c.Metadata[DeadLetterKey]) }
	f.set = func(c *consumerConfig, texts []string) error {
		subject, err := one(texts)
		if err != nil {
			return err
		}
		next := maps.Clone(c.Metadata)
		if next == nil {
			next = map[string]string{}
		}
		next[DeadLetterKey] = subject
		if subject == "" {
			delete(next, DeadLetterKey)
		}
		c.Metadata = next
		return nil
	}
	return f
}

// consumerPush are the fields of consumers that send by themselves.
func consumerPush() []consumerField {
	pushes := func(c *consumerConfig) bool { return c.Push() }
	return []consumerField{
		text(consumerField{
			Name: "deliver-subject", Value: "SUBJECT", Usage: "send messages to this subject by itself (a push consumer)",
			Question: "Subject it sends messages to by itself (a push consumer); without one, clients ask for messages (a pull consumer).", Usual: none,
		}, func(c *consumerConfig) *string { return &c.DeliverSubject }),
		text(consumerField{
			Name: "deliver-group", Value: "NAME", Usage: "share what is sent in this queue group",
			Question: "Queue group whose members share what is sent.", Asked: pushes, Usual: none,
		}, func(c *consumerConfig) *string { return &c.DeliverGroup }),
		period(consumerField{Name: "heartbeat", Value: "TIME", Usage: "tell that it is alive when it has sent nothing for so long"},
			none, func(c *consumerConfig) *nanoseconds { return &c.Heartbeat }),
		toggle(consumerField{Name: "flow-control", Usage: "wait for the client when it is slow (needs --heartbeat)"},
			func(c *consumerConfig) *bool { return &c.FlowControl }),
		count(consumerField{Name: "rate-limit", Value: "BITS", Usage: "send at most so many bits a second"},
			func(c *consumerConfig) *uint64 { return &c.RateLimit }),
	}
}

// consumerPull are the fields of consumers that are asked for messages.
func consumerPull() []consumerField {
	return []consumerField{
		countLimit(consumerField{Name: "max-waiting", Value: "COUNT", Usage: "let so many requests wait (default 512)"},
			func(c *consumerConfig) *int { return &c.MaxWaiting }),
		count(consumerField{Name: "max-batch", Value: "COUNT", Usage: "let a request ask for at most so many messages"},
			func(c *consumerConfig) *int { return &c.MaxRequestBatch }),
		period(consumerField{Name: "max-expires", Value: "TIME", Usage: "let a request wait at most so long"},
			none, func(c *consumerConfig) *nanoseconds { return &c.MaxRequestExpires }),
		number(consumerField{Name: "max-request-bytes", Value: "SIZE", Usage: "let a request ask for at most so many bytes"},
			func(c *consumerConfig) *int { return &c.MaxRequestMaxBytes }, FormatSize, ParseSize),
		list(consumerField{Name: "priority-groups", Value: "NAME", Usage: "groups of clients that requests name"},
			func(c *consumerConfig) *[]string { return &c.PriorityGroups }),
		word(consumerField{Name: "priority-policy", Value: "WORD", Usage: "which client of a group is served"},
			func(c *consumerConfig) *jsapi.PriorityPolicy { return &c.PriorityPolicy },
			Choice{"none", "there are no groups"},
			Choice{"overflow", "those whose thresholds of pending messages are passed"},
			Choice{"pinned-client", "one client at a time"},
			Choice{"prioritized", "those of the lowest priority number"}),
		period(consumerField{Name: "priority-timeout", Value: "TIME", Usage: "pin another client when the pinned one was silent for so long"},
			none, func(c *consumerConfig) *nanoseconds { return &c.PriorityTimeout }),
	}
}

// consumerLife are the fields about where it lives and how long.
func consumerLife() []consumerField {
	direct := toggle(consumerField{Name: "direct", Usage: "of a mirror or source", NoFlag: true}, func(c *consumerConfig) *bool { return &c.Direct })
	sourcing := toggle(consumerField{Name: "sourcing", Usage: "of a mirror or source", NoFlag: true}, func(c *consumerConfig) *bool { return &c.Sourcing })
	pause := consumerField{Name: "pause-until", Value: "TIME", Usage: "deliver nothing before this time: a time, or 1h for in an hour"}
	pause.get = func(c *consumerConfig) []string {
		if c.PauseUntil == nil || c.PauseUntil.IsZero() {
			return nil
		}
		return []string{c.PauseUntil.UTC().Format(time.RFC3339Nano)}
	}
	pause.set = func(c *consumerConfig, texts []string) error {
		text, err := one(texts)
		if err != nil || text == "" {
			c.PauseUntil = nil
			return err
		}
		at, err := ParseFuture(text, time.Now())
		c.PauseUntil = &at
		return err
	}
	return []consumerField{
		period(consumerField{Name: "inactive-threshold", Value: "TIME", Usage: "remove the consumer when nobody used it for so long"},
			none, func(c *consumerConfig) *nanoseconds { return &c.InactiveThreshold }),
		count(consumerField{Name: "replicas", Value: "COUNT", Usage: "keep so many copies in a cluster (default as the stream)"},
			func(c *consumerConfig) *int { return &c.Replicas }),
		toggle(consumerField{Name: "memory", Usage: "keep its state in memory only"},
			func(c *consumerConfig) *bool { return &c.MemoryStorage }),
		pause, direct, sourcing,
		metadata(func(c *consumerConfig) *map[string]string { return &c.Metadata }),
	}
}

// CheckConsumer reports what makes a configuration impossible on a stream,
// whatever server that is on.
func CheckConsumer(c *jsapi.ConsumerConfig, stream *jsapi.StreamConfig) error {
	if _, err := c.Checked(stream, jsapi.ConsumerRules{Clustered: true}); err != nil {
		return err
	}
	return nil
}

// ParseFuture reads a point in time that is to come: as [ParseMoment], but a
// time alone counts from now on.
func ParseFuture(text string, now time.Time) (time.Time, error) {
	if d, err := ParseDuration(text); err == nil {
		return now.Add(d).UTC(), nil
	}
	return ParseMoment(text, now)
}
