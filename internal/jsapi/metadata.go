package jsapi

import (
	"maps"
	"strconv"
)

// Keys of metadata that belong to the server (ADR-44). The first is stored, the
// others are only in answers.
const (
	MetaRequiredLevel = "_nats.req.level"
	MetaServerLevel   = "_nats.level"
	MetaServerVersion = "_nats.ver"
	// MetaSyncInterval is shown where messages are acknowledged before they are
	// synced, by the server's choice: how long that may take.
	MetaSyncInterval = "_tidings.sync_interval"
)

// RequiredLevel returns the lowest API level of a server that can run such a
// stream (ADR-44).
func (c *StreamConfig) RequiredLevel() int {
	switch {
	case c.AllowBatchPublish:
		return 4
	case c.AllowMsgCounter, c.AllowAtomicPublish, c.AllowMsgSchedules, c.PersistMode == PersistAsync:
		return 2
	case c.AllowMsgTTL, c.SubjectDeleteMarkerTTL != 0:
		return 1
	}
	return 0
}

// RequiredLevel returns the lowest API level of a server that can run such a
// consumer (ADR-44).
func (c *ConsumerConfig) RequiredLevel() int {
	switch {
	case c.AckPolicy == AckFlowControl:
		return 4
	case c.PauseUntil != nil && !c.PauseUntil.IsZero(), len(c.PriorityGroups) > 0,
		c.PriorityPolicy != PriorityNone, c.PriorityTimeout != 0:
		return 1
	}
	return 0
}

// SetRequiredLevel stores the level that [ConsumerConfig.RequiredLevel] returns,
// after a change of a checked configuration.
func (c *ConsumerConfig) SetRequiredLevel() {
	c.Metadata = withRequiredLevel(c.Metadata, c.RequiredLevel())
}

// levelAlone has the metadata of configurations that have none of their own: most
// have, and there may be very many. Metadata is never changed in place.
var levelAlone = func() (alone [APILevel + 1]map[string]string) {
	for level := range alone {
		alone[level] = map[string]string{MetaRequiredLevel: strconv.Itoa(level)}
	}
	return alone
}()

// withRequiredLevel returns stored metadata with the level.
func withRequiredLevel(metadata map[string]string, level int) map[string]string {
	if len(metadata) == 0 && level < len(levelAlone) {
		return levelAlone[level]
	}
	stored := make(map[string]string, len(metadata)+1)
	maps.Copy(stored, metadata)
	delete(stored, MetaServerLevel)
	delete(stored, MetaServerVersion)
	delete(stored, MetaSyncInterval)
	stored[MetaRequiredLevel] = strconv.Itoa(level)
	return stored
}

// ServerMetadata returns a copy of stored metadata as answers show it: with the
// server's API level and version.
func ServerMetadata(metadata map[string]string, version string) map[string]string {
	shown := make(map[string]string, len(metadata)+2)
	maps.Copy(shown, metadata)
	shown[MetaServerLevel] = strconv.Itoa(APILevel)
	shown[MetaServerVersion] = version
	return shown
}

func metadataSize(metadata map[string]string) int {
	size := 0
	for key, value := range metadata {
		size += len(key) + len(value)
	}
	return size
}
