package jsapi

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/subject" //nolint:depguard // the table of internal/arch has this arrow
)

// Defaults and limits of consumers.
const (
	DefaultAckWait           = 30 * time.Second
	DefaultMaxAckPending     = 1000
	DefaultMaxWaiting        = 512
	DefaultInactiveThreshold = 5 * time.Second // of consumers that are not durable
	DefaultPriorityTimeout   = 2 * time.Minute // of pinned clients

	// FlowControlHeartbeat is the heartbeat of consumers whose acknowledgements
	// are flow control responses.
	FlowControlHeartbeat = time.Second

	shortestHeartbeat      = 100 * time.Millisecond
	shortestRequestExpires = time.Millisecond
	groupNameMaxBytes      = 16
)

// ConsumerRules say under which circumstances a configuration is checked.
type ConsumerRules struct {
	// Pedantic refuses what would otherwise be adjusted silently.
	Pedantic bool
	// Clustered allows more than one replica.
	Clustered bool
	// MaxAckPending limits the field of that name, and so its default; 0 or -1:
	// unlimited. The limits of the stream hold besides.
	MaxAckPending int
	// MaxRequestBatch limits the field of that name; 0: unlimited.
	MaxRequestBatch int
}

// consumerCheck is one check: the configuration on its way, the stream and the
// rules.
type consumerCheck struct {
	ConsumerConfig
	stream *StreamConfig
	rules  ConsumerRules
}

// Checked returns the configuration of a consumer on a stream, whose own
// configuration has been checked, with defaults filled in, or says why there
// can be no such consumer. An empty name is taken: the server gives one. Lists
// are shared with c, which stays as it is. Checking the result again changes
// nothing.
//
// Errors: the errors of consumers; ErrStreamInvalidConfig with a text;
// ErrPedantic.
func (c *ConsumerConfig) Checked(stream *StreamConfig, rules ConsumerRules) (ConsumerConfig, *Error) {
	check := consumerCheck{ConsumerConfig: *c, stream: stream, rules: rules}
	for _, step := range [...]func(*consumerCheck) *Error{
		(*consumerCheck).names,
		(*consumerCheck).level,
		(*consumerCheck).negatives,
		(*consumerCheck).replicas,
		(*consumerCheck).flowAcks,
		(*consumerCheck).redelivery,
		(*consumerCheck).ackPending,
		(*consumerCheck).description,
		(*consumerCheck).pushOrPull,
		(*consumerCheck).direct,
		(*consumerCheck).start,
		(*consumerCheck).filters,
		(*consumerCheck).sampling,
		(*consumerCheck).metadata,
		(*consumerCheck).priorities,
		(*consumerCheck).workQueue,
		(*consumerCheck).inactivity,
	} {
		if err := step(&check); err != nil {
			return ConsumerConfig{}, err
		}
	}
	return check.ConsumerConfig, nil
}

func (c *consumerCheck) names() *Error {
	if c.Durable != "" && c.Name != "" && c.Durable != c.Name {
		return ErrConsumerCreateDurableAndNameMismatch.New()
	}
	for _, name := range [...]string{c.Durable, c.Name} {
		switch {
		case name == "":
		case strings.ContainsAny(name, `/\`):
			return ErrConsumerNameContainsPathSeparators.New()
		case !validName(name):
			return invalidStream(`consumer name can not contain '.', '*', '>', '\', '/'`)
		case len(name) > NameMaxBytes:
			return ErrConsumerNameTooLong.New(NameMaxBytes)
		}
	}
	return nil
}

// level must come before the steps that change what it is made of.
func (c *consumerCheck) level() *Error {
	c.Metadata = withRequiredLevel(c.Metadata, c.RequiredLevel())
	return nil
}

// negatives makes zeros of numbers that cannot be negative, and of unlimited
// ones what says so.
func (c *consumerCheck) negatives() *Error {
	for _, unlimited := range [...]struct {
		name  string
		value *int
	}{{"max_deliver", &c.MaxDeliver}, {"max_ack_pending", &c.MaxAckPending}} {
		if *unlimited.value < -1 {
			if c.rules.Pedantic {
				return pedantic("%s must be set to -1", unlimited.name)
			}
			*unlimited.value = -1
		}
	}
	if c.MaxDeliver == 0 {
		c.MaxDeliver = -1
	}
	for _, number := range [...]struct {
		name  string
		value *int
	}{{"max_waiting", &c.MaxWaiting}, {"max_batch", &c.MaxRequestBatch}, {"max_bytes", &c.MaxRequestMaxBytes}} {
		if *number.value < 0 && c.rules.Pedantic {
			return pedantic("%s must not be negative", number.name)
		}
		*number.value = max(*number.value, 0)
	}
	for _, duration := range [...]struct {
		name  string
		value *time.Duration
	}{
		{"max_expires", &c.MaxRequestExpires},
		{"inactive_threshold", &c.InactiveThreshold},
		{"idle_heartbeat", &c.Heartbeat},
		{"priority_timeout", &c.PriorityTimeout},
	} {
		if *duration.value < 0 && c.rules.Pedantic {
			return pedantic("%s must not be negative", duration.name)
		}
		*duration.value = max(*duration.value, 0)
	}
	return nil
}

func (c *consumerCheck) replicas() *Error {
	switch {
	case c.Replicas < 0:
		return ErrReplicasCountCannotBeNegative.New()
	case c.Replicas > 1 && !c.rules.Clustered:
		return ErrStreamReplicasNotSupported.New()
	case c.Replicas > max(c.stream.Replicas, 1):
		return ErrConsumerReplicasExceedsStream.New()
	case c.Replicas != 0 && c.stream.Retention != RetainLimits && c.Replicas != max(c.stream.Replicas, 1):
		return ErrConsumerReplicasShouldMatchStream.New()
	}
	return nil
}

// flowAcks: with this policy the client acknowledges by answering flow control
// requests, which leaves no room for redelivery by time.
func (c *consumerCheck) flowAcks() *Error {
	if c.AckPolicy != AckFlowControl {
		return nil
	}
	switch {
	case !c.Push():
		return ErrConsumerAckFCRequiresPush.New()
	case c.rules.Pedantic && !c.FlowControl:
		return ErrConsumerAckFCRequiresFC.New()
	case c.rules.Pedantic && c.Heartbeat != FlowControlHeartbeat:
		return invalidStream("flow control ack policy heartbeat needs to be %v", FlowControlHeartbeat)
	case c.MaxAckPending < 0:
		return ErrConsumerAckFCRequiresMaxAckPending.New()
	case c.AckWait != 0 || len(c.Backoff) > 0:
		return ErrConsumerAckFCRequiresNoAckWait.New()
	case c.MaxDeliver > 0:
		return ErrConsumerAckFCRequiresNoMaxDeliver.New()
	}
	c.FlowControl, c.Heartbeat = true, FlowControlHeartbeat
	return nil
}

func (c *consumerCheck) redelivery() *Error {
	if c.AckWait < 0 {
		return ErrConsumerAckWaitNegative.New()
	}
	for _, delay := range c.Backoff {
		if delay < 0 {
			return ErrConsumerBackOffNegative.New()
		}
	}
	switch {
	case len(c.Backoff) == 0:
		c.Backoff = nil
		if c.AckWait == 0 && (c.AckPolicy == AckExplicit || c.AckPolicy == AckAll) {
			c.AckWait = DefaultAckWait
		}
		return nil
	case c.MaxDeliver > 0 && len(c.Backoff) > c.MaxDeliver:
		return ErrConsumerMaxDeliverBackoff.New()
	case c.rules.Pedantic && c.AckWait != c.Backoff[0]:
		return pedantic("first backoff value has to equal batch AckWait")
	}
	c.AckWait = c.Backoff[0]
	return nil
}

func (c *consumerCheck) ackPending() *Error {
	streamLimit, accountLimit := c.stream.ConsumerLimits.MaxAckPending, c.rules.MaxAckPending
	if c.MaxAckPending == 0 {
		switch {
		case streamLimit > 0 && c.rules.Pedantic:
			return pedantic("max_ack_pending must be set if it's configured in stream limits")
		case streamLimit > 0:
			c.MaxAckPending = streamLimit
		case c.AckPolicy != AckNone:
			c.MaxAckPending = DefaultMaxAckPending
			if accountLimit > 0 {
				c.MaxAckPending = min(c.MaxAckPending, accountLimit)
			}
		}
	}
	if streamLimit > 0 && c.MaxAckPending > streamLimit {
		return ErrConsumerMaxPendingAckExcess.New(streamLimit)
	}
	if accountLimit > 0 && c.MaxAckPending > accountLimit {
		return ErrConsumerMaxPendingAckExcess.New(accountLimit)
	}
	return nil
}

func (c *consumerCheck) description() *Error {
	if len(c.Description) > DescriptionMaxBytes {
		return ErrConsumerDescriptionTooLong.New(DescriptionMaxBytes)
	}
	return nil
}

func (c *consumerCheck) pushOrPull() *Error {
	if c.Push() {
		return c.push()
	}
	return c.pull()
}

func (c *consumerCheck) push() *Error {
	switch {
	case subject.HasWildcard(c.DeliverSubject):
		return ErrConsumerDeliverToWildcards.New()
	case !subject.ValidLiteral(c.DeliverSubject):
		return ErrConsumerInvalidDeliverSubject.New()
	case c.deliversIntoStream():
		return ErrConsumerDeliverCycle.New()
	case c.MaxWaiting > 0:
		return ErrConsumerPushMaxWaiting.New()
	case c.MaxAckPending > 0 && c.AckPolicy == AckNone && c.stream.ConsumerLimits.MaxAckPending <= 0:
		return ErrConsumerMaxPendingAckPolicyRequired.New()
	case c.Heartbeat > 0 && c.Heartbeat < shortestHeartbeat:
		return ErrConsumerSmallHeartbeat.New()
	case c.FlowControl && c.Heartbeat == 0:
		return ErrConsumerWithFlowControlNeedsHeartbeats.New()
	case c.PriorityPolicy != PriorityNone || len(c.PriorityGroups) > 0:
		return ErrConsumerPushWithPriorityGroup.New()
	}
	return nil
}

func (c *consumerCheck) deliversIntoStream() bool {
	for _, s := range c.stream.Subjects {
		if subject.Matches(s, c.DeliverSubject) {
			return true
		}
	}
	return false
}

func (c *consumerCheck) pull() *Error {
	if c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	switch {
	case c.AckPolicy == AckNone && c.stream.Retention == RetainWorkQueue:
		return ErrConsumerPullRequiresAck.New()
	case c.RateLimit > 0:
		return ErrConsumerPullWithRateLimit.New()
	case c.Heartbeat > 0:
		return ErrConsumerHBRequiresPush.New()
	case c.FlowControl:
		return ErrConsumerFCRequiresPush.New()
	case c.MaxRequestExpires > 0 && c.MaxRequestExpires < shortestRequestExpires:
		return ErrConsumerMaxRequestExpiresTooSmall.New()
	case c.rules.MaxRequestBatch > 0 && c.MaxRequestBatch > c.rules.MaxRequestBatch:
		return ErrConsumerMaxRequestBatchExceeded.New(c.rules.MaxRequestBatch)
	}
	return nil
}

func (c *consumerCheck) direct() *Error {
	switch {
	case !c.Direct:
	case !c.Push():
		return ErrConsumerDirectRequiresPush.New()
	case c.Durable != "":
		return ErrConsumerDirectRequiresEphemeral.New()
	}
	return nil
}

// start compares the deliver policy with the optional start.
func (c *consumerCheck) start() *Error {
	words := strings.ReplaceAll(c.DeliverPolicy.String(), "_", " ")
	wrong := func(field, state string) *Error {
		return ErrConsumerInvalidPolicy.New("consumer delivery policy is deliver " + words + ", but optional " + field + " is " + state)
	}
	hasSeq, hasTime := c.OptStartSeq > 0, c.OptStartTime != nil
	switch c.DeliverPolicy {
	case DeliverByStartSequence:
		if !hasSeq {
			return wrong("start sequence", "not set")
		}
		if hasTime {
			return wrong("start time", "also set")
		}
	case DeliverByStartTime:
		if !hasTime {
			return wrong("start time", "not set")
		}
		if hasSeq {
			return wrong("start sequence", "also set")
		}
	default:
		if hasSeq {
			return wrong("start sequence", "also set")
		}
		if hasTime {
			return wrong("start time", "also set")
		}
		if c.DeliverPolicy == DeliverLastPerSubject && len(c.Filters()) == 0 {
			return wrong("filter subject", "not set")
		}
	}
	return nil
}

func (c *consumerCheck) filters() *Error {
	if c.FilterSubject != "" && len(c.FilterSubjects) > 0 {
		return ErrConsumerDuplicateFilterSubjects.New()
	}
	if len(c.FilterSubjects) == 0 {
		c.FilterSubjects = nil
	}
	filters := c.Filters()
	if slices.Contains(filters, "") {
		return ErrConsumerEmptyFilter.New()
	}
	for i, filter := range filters {
		if !subject.ValidSubscription(filter) {
			return invalidStream("invalid subject")
		}
		for _, earlier := range filters[:i] { // two that only cross may stand together
			if subject.SubsetMatch(filter, earlier) || subject.SubsetMatch(earlier, filter) {
				return ErrConsumerOverlappingSubjectFilters.New()
			}
		}
	}
	return nil
}

func (c *consumerCheck) sampling() *Error {
	if _, err := c.SamplePercent(); err != nil {
		return ErrConsumerInvalidSampling.New(err)
	}
	return nil
}

func (c *consumerCheck) metadata() *Error {
	if metadataSize(c.Metadata) > MetadataMaxBytes {
		return ErrConsumerMetadataLength.New(strconv.Itoa(MetadataMaxBytes>>10) + "KB")
	}
	return nil
}

func (c *consumerCheck) priorities() *Error {
	if c.PriorityPolicy == PriorityNone {
		switch {
		case len(c.PriorityGroups) > 0:
			return ErrConsumerPriorityGroupWithPolicyNone.New()
		case c.PriorityTimeout > 0:
			return ErrConsumerPinnedTTLWithoutPriorityPolicyNone.New()
		}
		c.PriorityGroups = nil
		return nil
	}
	if len(c.PriorityGroups) == 0 {
		return ErrConsumerPriorityPolicyWithoutGroup.New()
	}
	for _, group := range c.PriorityGroups {
		switch {
		case group == "":
			return ErrConsumerEmptyGroupName.New()
		case !validGroup(group):
			return ErrConsumerInvalidGroupName.New()
		}
	}
	if c.PriorityPolicy == PriorityPinned && c.PriorityTimeout == 0 {
		c.PriorityTimeout = DefaultPriorityTimeout
	}
	return nil
}

func validGroup(name string) bool {
	return len(name) <= groupNameMaxBytes && strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_/=", r)
	}) < 0
}

// workQueue: what leaves the stream when it is acknowledged needs that, and a
// start anywhere else would leave messages behind for ever.
func (c *consumerCheck) workQueue() *Error {
	switch {
	case c.stream.Retention != RetainWorkQueue || c.Direct || c.Sourcing:
	case c.AckPolicy != AckExplicit && c.AckPolicy != AckFlowControl:
		return ErrConsumerWQRequiresExplicitAck.New()
	case c.DeliverPolicy != DeliverAll:
		return ErrConsumerWQConsumerNotDeliverAll.New()
	}
	return nil
}

func (c *consumerCheck) inactivity() *Error {
	limit := c.stream.ConsumerLimits.InactiveThreshold
	if c.InactiveThreshold == 0 {
		switch {
		case limit > 0 && c.rules.Pedantic:
			return pedantic("inactive_threshold must be set if it's configured in stream limits")
		case limit > 0:
			c.InactiveThreshold = limit
		case c.Durable == "":
			c.InactiveThreshold = DefaultInactiveThreshold
		}
	}
	if limit > 0 && c.InactiveThreshold > limit {
		return ErrConsumerInactiveThresholdExcess.New(limit)
	}
	return nil
}
