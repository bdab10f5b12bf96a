package jsapi

import (
	"strings"
)

// APIPrefix is the first part of every subject of the API, without the dot.
// The API of a domain has [DomainPrefix] in its place.
const APIPrefix = "$JS.API"

// Limits and defaults of the API.
const (
	// ListLimit is the number of streams or consumers in one page of a list.
	ListLimit = 256
	// NamesLimit is the number of names in one page.
	NamesLimit = 1024
	// SubjectDetailsLimit is the number of subjects in one page of stream info.
	SubjectDetailsLimit = 100_000
	// MultiLastLimit is the number of subjects one direct get may match.
	MultiLastLimit = 1024
	// DirectGetQueue is the queue group of those who answer direct gets.
	DirectGetQueue = "_sys_"
	// APILevel is the feature level that protocol version 2.15 stands for (ADR-44).
	APILevel = 5
)

// Operation is what a request to the API asks for. The zero value is none.
type Operation uint8

// The operations of the API. Those marked with a cluster are refused by a server
// that stands alone.
const (
	NoOperation Operation = iota
	AccountInfo
	StreamCreate
	StreamUpdate
	StreamNames
	StreamList
	StreamInfoOp
	StreamDelete
	StreamPurge
	StreamMsgGet
	StreamMsgDelete
	StreamSnapshot
	StreamRestore
	StreamPeerRemove     // cluster
	StreamPeerEvacuate   // cluster
	StreamCancelMove     // cluster
	StreamLeaderStepdown // cluster
	DirectGet
	ConsumerCreate
	ConsumerDurableCreate
	ConsumerNames
	ConsumerList
	ConsumerInfoOp
	ConsumerDelete
	ConsumerPause
	ConsumerUnpin
	ConsumerReset
	ConsumerMsgNext
	ConsumerLeaderStepdown  // cluster
	MetaLeaderStepdown      // system account, cluster
	MetaRescue              // system account, cluster
	ServerRemove            // system account, cluster
	ServerEvacuate          // system account, cluster
	AccountPurge            // system account
	AccountStreamMove       // system account, cluster
	AccountStreamCancelMove // system account, cluster
)

// shape is what follows the words of an operation in its subject.
type shape uint8

const (
	bare            shape = iota
	stream                // <stream>
	streamRest            // <stream>[.<subject>]
	streamMaybeMore       // <stream>[.<consumer>[.<filter subject>]]
	streamConsumer        // <stream>.<consumer>
	account               // <account>
	accountStream         // <account>.<stream>
)

// operations holds, per operation, the words of its subject, what follows them
// and the last part of its response's type.
var operations = [...]struct {
	words    string
	shape    shape
	response string
}{
	AccountInfo:             {"INFO", bare, "account_info_response"},
	StreamCreate:            {"STREAM.CREATE", stream, "stream_create_response"},
	StreamUpdate:            {"STREAM.UPDATE", stream, "stream_update_response"},
	StreamNames:             {"STREAM.NAMES", bare, "stream_names_response"},
	StreamList:              {"STREAM.LIST", bare, "stream_list_response"},
	StreamInfoOp:            {"STREAM.INFO", stream, "stream_info_response"},
	StreamDelete:            {"STREAM.DELETE", stream, "stream_delete_response"},
	StreamPurge:             {"STREAM.PURGE", stream, "stream_purge_response"},
	StreamMsgGet:            {"STREAM.MSG.GET", stream, "stream_msg_get_response"},
	StreamMsgDelete:         {"STREAM.MSG.DELETE", stream, "stream_msg_delete_response"},
	StreamSnapshot:          {"STREAM.SNAPSHOT", stream, "stream_snapshot_response"},
	StreamRestore:           {"STREAM.RESTORE", stream, "stream_restore_response"},
	StreamPeerRemove:        {"STREAM.PEER.REMOVE", stream, "stream_remove_peer_response"},
	StreamPeerEvacuate:      {"STREAM.PEER.EVACUATE", stream, "stream_evacuate_peer_response"},
	StreamCancelMove:        {"STREAM.CANCEL_MOVE", stream, "stream_cancel_move_response"},
	StreamLeaderStepdown:    {"STREAM.LEADER.STEPDOWN", stream, "stream_leader_stepdown_response"},
	DirectGet:               {"DIRECT.GET", streamRest, ""},
	ConsumerCreate:          {"CONSUMER.CREATE", streamMaybeMore, "consumer_create_response"},
	ConsumerDurableCreate:   {"CONSUMER.DURABLE.CREATE", streamConsumer, "consumer_create_response"},
	ConsumerNames:           {"CONSUMER.NAMES", stream, "consumer_names_response"},
	ConsumerList:            {"CONSUMER.LIST", stream, "consumer_list_response"},
	ConsumerInfoOp:          {"CONSUMER.INFO", streamConsumer, "consumer_info_response"},
	ConsumerDelete:          {"CONSUMER.DELETE", streamConsumer, "consumer_delete_response"},
	ConsumerPause:           {"CONSUMER.PAUSE", streamConsumer, "consumer_pause_response"},
	ConsumerUnpin:           {"CONSUMER.UNPIN", streamConsumer, "consumer_unpin_response"},
	ConsumerReset:           {"CONSUMER.RESET", streamConsumer, "consumer_reset_response"},
	ConsumerMsgNext:         {"CONSUMER.MSG.NEXT", streamConsumer, ""},
	ConsumerLeaderStepdown:  {"CONSUMER.LEADER.STEPDOWN", streamConsumer, "consumer_leader_stepdown_response"},
	MetaLeaderStepdown:      {"META.LEADER.STEPDOWN", bare, "meta_leader_stepdown_response"},
	MetaRescue:              {"META.RESCUE", bare, "meta_rescue_response"},
	ServerRemove:            {"SERVER.REMOVE", bare, "meta_server_remove_response"},
	ServerEvacuate:          {"SERVER.EVACUATE", bare, "meta_server_evacuate_response"},
	AccountPurge:            {"ACCOUNT.PURGE", account, "account_purge_response"},
	AccountStreamMove:       {"ACCOUNT.STREAM.MOVE", accountStream, "stream_update_response"},
	AccountStreamCancelMove: {"ACCOUNT.STREAM.CANCEL_MOVE", accountStream, "stream_update_response"},
}

// String returns the words of the operation's subject, such as "STREAM.CREATE".
func (o Operation) String() string {
	if o == NoOperation || int(o) >= len(operations) {
		return "no operation"
	}
	return operations[o].words
}

// ResponseType returns the type field of the operation's responses; empty if
// they are no JSON (direct get and the pull of messages).
func (o Operation) ResponseType() string {
	if int(o) >= len(operations) || operations[o].response == "" {
		return ""
	}
	return typePrefix + operations[o].response
}

// Subject returns the subject of a request to the API with that prefix
// ([APIPrefix], [DomainPrefix] or the prefix of an import), followed by args:
// stream, consumer, filter subject or account, as the operation needs. They
// must be valid; nothing is checked.
func (o Operation) Subject(prefix string, args ...string) string {
	size := len(prefix) + 1 + len(o.String())
	for _, arg := range args {
		size += 1 + len(arg)
	}
	b := make([]byte, 0, size)
	b = append(append(append(b, prefix...), '.'), o.String()...)
	for _, arg := range args {
		b = append(append(b, '.'), arg...)
	}
	return string(b)
}

// Pattern returns the subscription that takes all requests for the operation
// under that prefix. Consumer creation and direct get have shorter forms of
// their subjects, which need the second subscription.
func (o Operation) Pattern(prefix string) (pattern, also string) {
	words := prefix + "." + o.String()
	switch operations[o].shape {
	case stream, account:
		return words + ".*", ""
	case streamConsumer, accountStream:
		return words + ".*.*", ""
	case streamRest, streamMaybeMore:
		return words + ".*", words + ".*.>"
	default:
		return words, ""
	}
}

// DomainPrefix returns the prefix of the API of a domain: "$JS.hub.API". The
// empty domain has [APIPrefix].
func DomainPrefix(domain string) string {
	if domain == "" {
		return APIPrefix
	}
	return "$JS." + domain + ".API"
}

// APISubject is a subject of the API taken apart. Its strings are views of the
// subject; what its operation does not name is empty.
type APISubject struct {
	Operation Operation
	Domain    string // of "$JS.<domain>.API"
	Account   string
	Stream    string
	Consumer  string
	// Filter is the filter subject of a consumer to create, or the subject that
	// a direct get asks the last message of.
	Filter string
}

// ParseAPISubject takes a subject of the API apart. It reports false for a
// subject that asks for no operation; names are not checked beyond being one
// token each. It does not allocate.
func ParseAPISubject(subject string) (APISubject, bool) {
	var s APISubject
	rest, ok := strings.CutPrefix(subject, "$JS.")
	if !ok {
		return s, false
	}
	if after, ok := strings.CutPrefix(rest, "API."); ok {
		rest = after
	} else {
		if s.Domain, rest, ok = strings.Cut(rest, "."); !ok || s.Domain == "" {
			return APISubject{}, false
		}
		if rest, ok = strings.CutPrefix(rest, "API."); !ok {
			return APISubject{}, false
		}
	}
	for o := AccountInfo; int(o) < len(operations); o++ {
		args, ok := strings.CutPrefix(rest, operations[o].words)
		if !ok || args != "" && args[0] != '.' {
			continue
		}
		s.Operation = o
		if s.args(args, operations[o].shape) {
			return s, true
		}
	}
	return APISubject{}, false
}

// args takes what follows the words of the operation, from its dot on.
func (s *APISubject) args(text string, shape shape) bool {
	if text == "" {
		return shape == bare
	}
	first, rest, more := strings.Cut(text[1:], ".")
	if first == "" || more && rest == "" {
		return false
	}
	one := more && !strings.Contains(rest, ".") // exactly one token follows
	switch shape {
	case bare:
		return false
	case stream:
		s.Stream = first
		return !more
	case account:
		s.Account = first
		return !more
	case streamRest:
		s.Stream, s.Filter = first, rest
		return true
	case accountStream:
		s.Account, s.Stream = first, rest
		return one
	case streamConsumer:
		s.Stream, s.Consumer = first, rest
		return one
	case streamMaybeMore:
		s.Stream = first
		if !more {
			return true
		}
		s.Consumer, s.Filter, more = strings.Cut(rest, ".")
		return s.Consumer != "" && (!more || s.Filter != "")
	}
	return false
}

// typePrefix begins the type of every response.
const typePrefix = "io.nats.jetstream.api.v1."

// Types of answers that no operation of their own has.
const (
	// TypeSystemResponse is the type of an answer to a request that the API does
	// not know.
	TypeSystemResponse = typePrefix + "system_response"
	// TypeSystemOverloaded is the type of the answer of a server that has no room
	// for a request.
	TypeSystemOverloaded = typePrefix + "system_overloaded"
)
