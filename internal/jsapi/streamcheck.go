package jsapi

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/subject" //nolint:depguard // the table of internal/arch has this arrow
)

// Limits and defaults of configurations.
const (
	NameMaxBytes        = 255
	DescriptionMaxBytes = 4096
	MetadataMaxBytes    = 128 << 10 // all keys and values together
	MaxReplicas         = 5

	DefaultDuplicateWindow = 2 * time.Minute

	shortestAge    = 100 * time.Millisecond // of max_age and duplicate_window
	shortestMarker = time.Second
)

// StreamRules say under which circumstances a configuration is checked.
type StreamRules struct {
	// Pedantic refuses what would otherwise be adjusted silently.
	Pedantic bool
	// Clustered allows more than one replica.
	Clustered bool
	// Existing takes what an update or a restore may bring and a new stream may not:
	// a sealed one, and mirror_direct where there is no mirror any more.
	Existing bool
	// DuplicateWindowMax limits the duplicate window; 0: unlimited. The default
	// window is not longer either.
	DuplicateWindowMax time.Duration
}

// Checked returns the configuration of a new stream with defaults filled in, or
// says why there can be no such stream. Lists and sources are shared with c,
// which stays as it is. Checking the result again changes nothing.
//
// Errors: ErrStreamInvalidConfig with a text, or one of the more special errors
// of streams, mirrors and sources.
func (c *StreamConfig) Checked(rules StreamRules) (StreamConfig, *Error) {
	s := *c
	if err := checkStreamName(s.Name); err != nil {
		return StreamConfig{}, err
	}
	for _, step := range [...]func(*StreamConfig, StreamRules) *Error{
		(*StreamConfig).checkTexts,
		(*StreamConfig).fillLimits,
		(*StreamConfig).checkReplicas,
		(*StreamConfig).checkSealed,
		(*StreamConfig).checkAge,
		(*StreamConfig).checkDiscard,
		(*StreamConfig).checkCounter,
		(*StreamConfig).checkSchedules,
		(*StreamConfig).checkMarkers,
		(*StreamConfig).checkRollup,
		(*StreamConfig).checkPersistMode,
		(*StreamConfig).checkMirror,
		(*StreamConfig).checkSources,
		(*StreamConfig).checkSubjects,
		(*StreamConfig).checkTransform,
		(*StreamConfig).checkRepublish,
		(*StreamConfig).checkPlacement,
	} {
		if err := step(&s, rules); err != nil {
			return StreamConfig{}, err
		}
	}
	return s, nil
}

func invalidStream(format string, args ...any) *Error {
	return ErrStreamInvalidConfig.New(fmt.Sprintf(format, args...))
}

func pedantic(format string, args ...any) *Error {
	return ErrPedantic.New(fmt.Sprintf(format, args...))
}

func checkStreamName(name string) *Error {
	switch {
	case strings.ContainsAny(name, `/\`):
		return ErrStreamNameContainsPathSeparators.New()
	case !validName(name):
		return invalidStream(`stream name is required and can not contain '.', '*', '>', '\', '/'`)
	case len(name) > NameMaxBytes:
		return invalidStream("stream name is too long, maximum allowed is %d", NameMaxBytes)
	}
	return nil
}

// validName reports whether a name of a stream or consumer is a token that is
// no wildcard and no path, of whatever length.
func validName(name string) bool {
	return name != "" && !strings.ContainsAny(name, ".*> \t\r\n\f\x00/\\")
}

func (c *StreamConfig) checkTexts(StreamRules) *Error {
	if len(c.Description) > DescriptionMaxBytes {
		return invalidStream("stream description is too long, maximum allowed is %d", DescriptionMaxBytes)
	}
	c.Metadata = withRequiredLevel(c.Metadata, c.RequiredLevel())
	if metadataSize(c.Metadata) > MetadataMaxBytes {
		return invalidStream("stream metadata exceeds maximum size of %d bytes", MetadataMaxBytes)
	}
	return nil
}

// fillLimits makes -1 of what does not limit.
func (c *StreamConfig) fillLimits(rules StreamRules) *Error {
	size := int64(c.MaxMsgSize)
	consumers := int64(c.MaxConsumers)
	for _, limit := range [...]struct {
		name  string
		value *int64
	}{
		{"max_msgs", &c.MaxMsgs},
		{"max_msgs_per_subject", &c.MaxMsgsPerSubject},
		{"max_bytes", &c.MaxBytes},
		{"max_msg_size", &size},
		{"max_consumers", &consumers},
	} {
		if *limit.value < -1 && rules.Pedantic {
			return pedantic("%s must be set to -1", limit.name)
		}
		if *limit.value <= 0 {
			*limit.value = -1
		}
	}
	c.MaxMsgSize, c.MaxConsumers = int32(size), int(consumers)
	return nil
}

func (c *StreamConfig) checkReplicas(rules StreamRules) *Error {
	switch {
	case c.Replicas < 0:
		return ErrReplicasCountCannotBeNegative.New()
	case c.Replicas > MaxReplicas:
		return invalidStream("maximum replicas is %d", MaxReplicas)
	case c.Replicas > 1 && !rules.Clustered:
		return ErrStreamReplicasNotSupported.New()
	}
	c.Replicas = max(c.Replicas, 1)
	return nil
}

func (c *StreamConfig) checkSealed(rules StreamRules) *Error {
	if !c.Sealed {
		return nil
	}
	if !rules.Existing {
		return invalidStream("stream configuration for create can not be sealed")
	}
	c.Discard, c.DenyDelete, c.DenyPurge = DiscardNew, true, true
	return nil
}

func (c *StreamConfig) checkAge(rules StreamRules) *Error {
	if c.Mirror == nil && c.MirrorDirect && !rules.Existing {
		return invalidStream("stream has no mirror but does have mirror direct")
	}
	switch {
	case c.MaxAge < 0:
		return invalidStream("max age can not be negative")
	case c.MaxAge > 0 && c.MaxAge < shortestAge:
		return invalidStream("max age needs to be >= %v", shortestAge)
	}
	if c.DuplicateWindow == 0 && c.Mirror == nil && len(c.Sources) == 0 {
		if err := c.fillDuplicateWindow(rules); err != nil {
			return err
		}
	}
	switch {
	case c.DuplicateWindow < 0:
		return invalidStream("duplicates window can not be negative")
	case c.DuplicateWindow > 0 && c.DuplicateWindow < shortestAge:
		return invalidStream("duplicates window needs to be >= %v", shortestAge)
	case c.MaxAge > 0 && c.DuplicateWindow > c.MaxAge:
		return invalidStream("duplicates window can not be larger then max age")
	case rules.DuplicateWindowMax > 0 && c.DuplicateWindow > rules.DuplicateWindowMax:
		return invalidStream("duplicates window can not be larger then server limit of %v", rules.DuplicateWindowMax)
	}
	return nil
}

func (c *StreamConfig) fillDuplicateWindow(rules StreamRules) *Error {
	c.DuplicateWindow = DefaultDuplicateWindow
	if rules.DuplicateWindowMax > 0 {
		c.DuplicateWindow = min(c.DuplicateWindow, rules.DuplicateWindowMax)
	}
	if c.MaxAge == 0 || c.MaxAge >= c.DuplicateWindow {
		return nil
	}
	if rules.Pedantic {
		return pedantic("duplicate window cannot be bigger than max age")
	}
	c.DuplicateWindow = c.MaxAge
	return nil
}

func (c *StreamConfig) checkDiscard(StreamRules) *Error {
	switch {
	case !c.DiscardNewPerSubject:
	case c.Discard != DiscardNew:
		return invalidStream("discard new per subject requires discard new policy to be set")
	case c.MaxMsgsPerSubject <= 0:
		return invalidStream("discard new per subject requires max msgs per subject > 0")
	}
	return nil
}

func (c *StreamConfig) checkCounter(StreamRules) *Error {
	if !c.AllowMsgCounter {
		return nil
	}
	switch {
	case c.Discard == DiscardNew:
		return invalidStream("counter stream cannot use discard new")
	case c.Retention != RetainLimits:
		return invalidStream("counter stream can only use limits retention")
	case c.AllowMsgTTL && c.SubjectDeleteMarkerTTL == 0: // markers switch it on by themselves
		return invalidStream("counter stream cannot use message TTLs")
	case c.AllowMsgSchedules:
		return invalidStream("counter stream cannot use message schedules")
	}
	return nil
}

func (c *StreamConfig) checkSchedules(rules StreamRules) *Error {
	if !c.AllowMsgSchedules || c.Mirror != nil {
		return nil
	}
	if c.Discard == DiscardNew && !c.Sealed {
		return invalidStream("message scheduling cannot use discard new")
	}
	if !c.AllowRollup {
		if rules.Pedantic {
			return invalidStream("message scheduling cannot be set if roll-ups are disabled")
		}
		c.AllowRollup, c.DenyPurge = true, c.Sealed
	}
	return nil
}

// checkMarkers: delete markers are messages with a TTL that roll up their
// subject, so both must be allowed.
func (c *StreamConfig) checkMarkers(rules StreamRules) *Error {
	ttl := c.SubjectDeleteMarkerTTL
	switch {
	case ttl == 0:
		return nil
	case c.Mirror != nil:
		return invalidStream("subject delete markers forbidden on mirrors")
	case ttl < 0:
		return invalidStream("subject delete marker TTL must not be negative")
	case ttl < shortestMarker:
		return invalidStream("subject delete marker TTL must be at least 1 second")
	case rules.Pedantic && !c.AllowMsgTTL:
		return invalidStream("subject delete marker cannot be set if message TTLs are disabled")
	case rules.Pedantic && !c.AllowRollup:
		return invalidStream("subject delete marker cannot be set if roll-ups are disabled")
	}
	c.AllowMsgTTL = true
	if !c.AllowRollup {
		c.AllowRollup, c.DenyPurge = true, c.Sealed
	}
	return nil
}

func (c *StreamConfig) checkRollup(StreamRules) *Error {
	if c.AllowRollup && c.DenyPurge && !c.Sealed { // a sealed stream takes no messages
		return invalidStream("roll-ups require the purge permission")
	}
	return nil
}

func (c *StreamConfig) checkPersistMode(StreamRules) *Error {
	switch {
	case c.PersistMode != PersistAsync:
	case c.Storage != FileStorage:
		return invalidStream("async persist mode is only supported on file storage")
	case c.AllowAtomicPublish:
		return invalidStream("async persist mode is not supported with atomic batch publish")
	}
	return nil
}

func (c *StreamConfig) checkSubjects(StreamRules) *Error {
	if len(c.Subjects) == 0 {
		c.Subjects = nil
		if c.Mirror == nil && len(c.Sources) == 0 {
			c.Subjects = []string{c.Name}
		}
		return nil
	}
	for i, s := range c.Subjects {
		if err := c.checkSubject(s); err != nil {
			return err
		}
		for _, earlier := range c.Subjects[:i] {
			if subject.Overlap(earlier, s) {
				return invalidStream("subject %q overlaps with %q", earlier, s)
			}
		}
	}
	return nil
}

// checkSubject refuses a subject whose messages are requests: the answer of the
// stream would compete with the answer to the request.
func (c *StreamConfig) checkSubject(s string) *Error {
	switch {
	case !subject.ValidSubscription(s):
		return invalidStream("invalid subject")
	case c.NoAck:
		return nil
	case s == ">":
		return invalidStream("capturing all subjects requires no-ack to be true")
	case subject.Overlap(s, "$JS.>") && !subject.SubsetMatch(s, "$JS.EVENT.>"):
		return invalidStream("subjects that overlap with jetstream api require no-ack to be true")
	case subject.Overlap(s, "$SYS.>") && !subject.SubsetMatch(s, "$SYS.ACCOUNT.>"):
		return invalidStream("subjects that overlap with system api require no-ack to be true")
	}
	return nil
}

func (c *StreamConfig) checkTransform(StreamRules) *Error {
	if c.SubjectTransform == nil {
		return nil
	}
	return checkTransform(*c.SubjectTransform, ErrStreamTransformInvalidSource, ErrStreamTransformInvalidDestination)
}

// checkTransform refuses a transform with the error for its source or for the
// rest. An empty source matches all; an empty destination changes nothing.
func checkTransform(t SubjectTransform, badSource, badDestination Code) *Error {
	source := t.Source
	if source == "" {
		source = ">"
	}
	if !subject.ValidSubscription(source) {
		return badSource.New("invalid subject " + source)
	}
	if t.Destination == "" {
		return nil
	}
	if _, err := subject.NewTransform(source, t.Destination); err != nil {
		return badDestination.New(transformReason(err))
	}
	return nil
}

func transformReason(err error) string {
	var e *subject.TransformError
	if errors.As(err, &e) && e.Token != "" {
		return fmt.Sprintf("%s: %v", e.Token, e.Err)
	}
	if e != nil {
		return e.Err.Error()
	}
	return err.Error()
}

func (c *StreamConfig) checkRepublish(rules StreamRules) *Error {
	if c.Republish == nil {
		return nil
	}
	r := *c.Republish
	if r.Source == "" {
		if rules.Pedantic {
			return pedantic("republish source can not be empty")
		}
		r.Source = ">"
	}
	for _, s := range c.Subjects {
		if r.Destination != "" && subject.ValidSubscription(r.Destination) && subject.Overlap(r.Destination, s) {
			return invalidStream("stream configuration for republish destination forms a cycle")
		}
	}
	if !subject.ValidSubscription(r.Source) || r.Destination != "" && !validTransform(r.Source, r.Destination) {
		return invalidStream("stream configuration for republish with transform from '%s' to '%s' not valid", r.Source, r.Destination)
	}
	c.Republish = &r
	return nil
}

func validTransform(source, destination string) bool {
	_, err := subject.NewTransform(source, destination)
	return err == nil
}

func (c *StreamConfig) checkPlacement(StreamRules) *Error {
	switch p := c.Placement; {
	case p == nil:
	case p.Preferred != "":
		return invalidStream("preferred server not permitted in placement")
	case p.Cluster == "" && len(p.Tags) == 0:
		c.Placement = nil
	}
	return nil
}
