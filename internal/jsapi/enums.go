package jsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Each enum is a word in JSON and a small number here. A word that is not in
// its list is refused, null and the empty word included.

// Retention says when a stream lets go of a message.
type Retention uint8

// Values of Retention, with their words in JSON.
const (
	RetainLimits    Retention = iota // "limits": when a limit is passed
	RetainInterest                   // "interest": when every consumer that wants it has acknowledged it
	RetainWorkQueue                  // "workqueue": when a consumer has acknowledged it
)

var retentionWords = []string{"limits", "interest", "workqueue"}

// String returns the word.
func (r Retention) String() string { return wordOf(retentionWords, r) }

// MarshalJSON returns the word, quoted.
func (r Retention) MarshalJSON() ([]byte, error) { return marshalWord(retentionWords, r) }

// UnmarshalJSON reads the word.
func (r *Retention) UnmarshalJSON(data []byte) error {
	return unmarshalWord(data, retentionWords, r, unknownWord)
}

// Discard says what happens to a message for which a stream has no room.
type Discard uint8

// Values of Discard, with their words in JSON.
const (
	DiscardOld Discard = iota // "old": older messages make room
	DiscardNew                // "new": it is refused
)

var discardWords = []string{"old", "new"}

// String returns the word.
func (d Discard) String() string { return wordOf(discardWords, d) }

// MarshalJSON returns the word, quoted.
func (d Discard) MarshalJSON() ([]byte, error) { return marshalWord(discardWords, d) }

// UnmarshalJSON reads the word.
func (d *Discard) UnmarshalJSON(data []byte) error {
	return unmarshalWord(data, discardWords, d, unknownWord)
}

// Storage says where a stream keeps its messages.
type Storage uint8

// Values of Storage, with their words in JSON.
const (
	FileStorage   Storage = iota // "file": on disk
	MemoryStorage                // "memory": in memory: gone when the server stops
)

var storageWords = []string{"file", "memory"}

// String returns the word.
func (s Storage) String() string { return wordOf(storageWords, s) }

// MarshalJSON returns the word, quoted.
func (s Storage) MarshalJSON() ([]byte, error) { return marshalWord(storageWords, s) }

// UnmarshalJSON reads the word.
func (s *Storage) UnmarshalJSON(data []byte) error {
	return unmarshalWord(data, storageWords, s, unknownWord)
}

// Compression says how stored messages are compressed.
type Compression uint8

// Values of Compression, with their words in JSON.
const (
	NoCompression Compression = iota // "none": not at all
	S2Compression                    // "s2": with S2
)

var compressionWords = []string{"none", "s2"}

// String returns the word.
func (c Compression) String() string { return wordOf(compressionWords, c) }

// MarshalJSON returns the word, quoted.
func (c Compression) MarshalJSON() ([]byte, error) { return marshalWord(compressionWords, c) }

// UnmarshalJSON reads the word.
func (c *Compression) UnmarshalJSON(data []byte) error {
	return unmarshalWord(data, compressionWords, c, unknownCompression)
}

// PersistMode says when a publish is acknowledged.
type PersistMode uint8

// Values of PersistMode, with their words in JSON.
const (
	PersistDefault PersistMode = iota // "default": when it is durable
	PersistAsync                      // "async": before it is on disk
)

var persistModeWords = []string{"default", "async"}

// String returns the word.
func (p PersistMode) String() string { return wordOf(persistModeWords, p) }

// MarshalJSON returns the word, quoted.
func (p PersistMode) MarshalJSON() ([]byte, error) { return marshalWord(persistModeWords, p) }

// UnmarshalJSON reads the word; the empty one is the default.
func (p *PersistMode) UnmarshalJSON(data []byte) error {
	if string(data) == `""` {
		*p = PersistDefault
		return nil
	}
	return unmarshalWord(data, persistModeWords, p, unknownWord)
}

// DeliverPolicy says where in the stream a consumer starts.
type DeliverPolicy uint8

// Values of DeliverPolicy, with their words in JSON.
const (
	DeliverAll             DeliverPolicy = iota // "all": with the first message
	DeliverLast                                 // "last": with the last message
	DeliverNew                                  // "new": with what arrives after the consumer is created
	DeliverByStartSequence                      // "by_start_sequence": with OptStartSeq
	DeliverByStartTime                          // "by_start_time": with the first message not older than OptStartTime
	DeliverLastPerSubject                       // "last_per_subject": with the last message of each subject
)

var deliverPolicyWords = []string{"all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"}

// String returns the word.
func (d DeliverPolicy) String() string { return wordOf(deliverPolicyWords, d) }

// MarshalJSON returns the word, quoted.
func (d DeliverPolicy) MarshalJSON() ([]byte, error) { return marshalWord(deliverPolicyWords, d) }

// UnmarshalJSON reads the word.
func (d *DeliverPolicy) UnmarshalJSON(data []byte) error {
	return unmarshalWord(data, deliverPolicyWords, d, unknownWord)
}

// AckPolicy says how messages of a consumer are acknowledged.
type AckPolicy uint8

// Values of AckPolicy, with their words in JSON.
const (
	AckNone        AckPolicy = iota // "none": by being delivered
	AckAll                          // "all": by the acknowledgement of it or of a later one
	AckExplicit                     // "explicit": each by itself
	AckFlowControl                  // "flow_control": by the response to a flow control request
)

var ackPolicyWords = []string{"none", "all", "explicit", "flow_control"}

// String returns the word.
func (a AckPolicy) String() string { return wordOf(ackPolicyWords, a) }

// MarshalJSON returns the word, quoted.
func (a AckPolicy) MarshalJSON() ([]byte, error) { return marshalWord(ackPolicyWords, a) }

// UnmarshalJSON reads the word.
func (a *AckPolicy) UnmarshalJSON(data []byte) error {
	return unmarshalWord(data, ackPolicyWords, a, unknownWord)
}

// ReplayPolicy says how fast a consumer gets what is stored.
type ReplayPolicy uint8

// Values of ReplayPolicy, with their words in JSON.
const (
	ReplayInstant  ReplayPolicy = iota // "instant": as fast as it takes them
	ReplayOriginal                     // "original": with the pauses of their arrival
)

var replayPolicyWords = []string{"instant", "original"}

// String returns the word.
func (r ReplayPolicy) String() string { return wordOf(replayPolicyWords, r) }

// MarshalJSON returns the word, quoted.
func (r ReplayPolicy) MarshalJSON() ([]byte, error) { return marshalWord(replayPolicyWords, r) }

// UnmarshalJSON reads the word.
func (r *ReplayPolicy) UnmarshalJSON(data []byte) error {
	return unmarshalWord(data, replayPolicyWords, r, unknownWord)
}

// PriorityPolicy says which of the pull requests of a priority group is served (ADR-42).
type PriorityPolicy uint8

// Values of PriorityPolicy, with their words in JSON.
const (
	PriorityNone        PriorityPolicy = iota // "none": there are no groups
	PriorityOverflow                          // "overflow": those whose thresholds of pending messages are passed
	PriorityPinned                            // "pinned_client": those of one client at a time
	PriorityPrioritized                       // "prioritized": those of the lowest priority number
)

var priorityPolicyWords = []string{"none", "overflow", "pinned_client", "prioritized"}

// String returns the word.
func (p PriorityPolicy) String() string { return wordOf(priorityPolicyWords, p) }

// MarshalJSON returns the word, quoted.
func (p PriorityPolicy) MarshalJSON() ([]byte, error) { return marshalWord(priorityPolicyWords, p) }

// UnmarshalJSON reads the word.
func (p *PriorityPolicy) UnmarshalJSON(data []byte) error {
	return unmarshalWord(data, priorityPolicyWords, p, unknownPriority)
}

// ConsumerAction says what a request to create a consumer expects.
type ConsumerAction uint8

// Values of ConsumerAction, with their words in JSON.
const (
	CreateOrUpdate ConsumerAction = iota // "": either
	CreateOnly                           // "create": there is none, or an equal one
	UpdateOnly                           // "update": there is one
)

var consumerActionWords = []string{"", "create", "update"}

// String returns the word.
func (a ConsumerAction) String() string { return wordOf(consumerActionWords, a) }

// MarshalJSON returns the word, quoted.
func (a ConsumerAction) MarshalJSON() ([]byte, error) { return marshalWord(consumerActionWords, a) }

// UnmarshalJSON reads the word.
func (a *ConsumerAction) UnmarshalJSON(data []byte) error {
	return unmarshalWord(data, consumerActionWords, a, unknownAction)
}

func wordOf[T ~uint8](words []string, v T) string {
	if int(v) >= len(words) {
		return fmt.Sprintf("invalid value %d", v)
	}
	return words[v]
}

func marshalWord[T ~uint8](words []string, v T) ([]byte, error) {
	if int(v) >= len(words) {
		return nil, fmt.Errorf("can not marshal %d", v)
	}
	return []byte(`"` + words[v] + `"`), nil
}

func unmarshalWord[T ~uint8](data []byte, words []string, into *T, unknown func(raw []byte) error) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || string(data) == "null" {
		return unknown(data)
	}
	i := slices.Index(words, word)
	if i < 0 {
		return unknown(data)
	}
	*into = T(i)
	return nil
}

func unknownWord(raw []byte) error     { return fmt.Errorf("can not unmarshal %q", raw) }
func unknownPriority(raw []byte) error { return fmt.Errorf("unknown priority policy: %s", raw) }
func unknownAction(raw []byte) error   { return fmt.Errorf("unknown consumer action: %s", raw) }
func unknownCompression([]byte) error  { return errors.New("unknown compression algorithm") }
