package jsapi

import (
	"maps"
	"reflect"
)

// CheckedUpdate returns next, checked as by [StreamConfig.Checked], or says why
// a stream with the configuration c cannot become that.
//
// Errors: those of Checked; ErrStreamMirrorNotUpdatable; ErrStreamMismatch;
// ErrStreamInvalidConfig with a text.
func (c *StreamConfig) CheckedUpdate(next *StreamConfig, rules StreamRules) (StreamConfig, *Error) {
	rules.Existing = true
	n := *next
	if c.Sealed && n.Sealed {
		n.Discard = DiscardNew
		if !n.DenyDelete {
			return StreamConfig{}, invalidStream("stream configuration update can not cancel deny message deletes")
		}
		if !n.DenyPurge {
			return StreamConfig{}, invalidStream("stream configuration update can not cancel deny purge")
		}
	}
	s, err := n.Checked(rules)
	if err != nil {
		return StreamConfig{}, err
	}
	if err := c.checkUpdate(&s); err != nil {
		return StreamConfig{}, err
	}
	return s, nil
}

func (c *StreamConfig) checkUpdate(next *StreamConfig) *Error {
	cannot := func(text string) *Error { return invalidStream("stream configuration update can not %s", text) }
	switch {
	case c.Name != next.Name:
		return ErrStreamMismatch.New()
	case next.Mirror != nil && !reflect.DeepEqual(c.Mirror, next.Mirror): // only its end is allowed
		return ErrStreamMirrorNotUpdatable.New()
	case c.Storage != next.Storage:
		return cannot("change storage type")
	case c.Retention != next.Retention && (c.Retention == RetainWorkQueue || next.Retention == RetainWorkQueue):
		return cannot("change retention policy to/from workqueue")
	case c.Sealed && !next.Sealed:
		return cannot("unseal a sealed stream")
	case c.DenyDelete && !next.DenyDelete:
		return cannot("cancel deny message deletes")
	case c.DenyPurge && !next.DenyPurge:
		return cannot("cancel deny purge")
	case c.AllowMsgCounter != next.AllowMsgCounter:
		return cannot("change message counter setting")
	case c.PersistMode != next.PersistMode:
		return cannot("change persist mode")
	case c.AllowMsgTTL && !next.AllowMsgTTL:
		return invalidStream("message TTL status can not be disabled")
	case c.AllowMsgSchedules && !next.AllowMsgSchedules:
		return invalidStream("message schedules can not be disabled")
	}
	return nil
}

// Equal reports whether two checked configurations are the same, so that
// creating the second where the first exists is no error. Metadata that only
// answers show does not count.
func (c *StreamConfig) Equal(other *StreamConfig) bool {
	a, b := *c, *other
	a.Metadata, b.Metadata = userMetadata(a.Metadata), userMetadata(b.Metadata)
	return reflect.DeepEqual(a, b)
}

// Equal reports whether two checked configurations are the same; see
// [StreamConfig.Equal].
func (c *ConsumerConfig) Equal(other *ConsumerConfig) bool {
	a, b := *c, *other
	a.Metadata, b.Metadata = userMetadata(a.Metadata), userMetadata(b.Metadata)
	return reflect.DeepEqual(a, b)
}

func userMetadata(metadata map[string]string) map[string]string {
	m := maps.Clone(metadata)
	delete(m, MetaServerLevel)
	delete(m, MetaServerVersion)
	delete(m, MetaSyncInterval)
	if len(m) == 0 {
		return nil
	}
	return m
}

// FollowOrigin takes from the origin of a mirror, a stream of the same server,
// whether direct gets are answered.
//
// Errors: ErrPedantic if that is asked for and the mirror says something else.
func (c *StreamConfig) FollowOrigin(origin *StreamConfig, rules StreamRules) *Error {
	if rules.Pedantic && c.MirrorDirect != origin.AllowDirect {
		return pedantic("origin stream has direct get set, mirror has it disabled")
	}
	c.MirrorDirect = origin.AllowDirect
	return nil
}
