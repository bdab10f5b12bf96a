package jsapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// AckPrefix begins the reply subjects of delivered messages.
const AckPrefix = "$JS.ACK."

// AckSubject is the reply subject of a delivered message taken apart. The
// strings are views of the subject, or of a caller's names when it is written.
//
// There are two forms: "$JS.ACK.<stream>.<consumer>.<deliveries>.<stream
// sequence>.<consumer sequence>.<time>.<pending>", and the second one, which
// has "<domain or _>.<account hash>" before the stream and may have tokens
// after the last (ADR-15). Servers take both.
type AckSubject struct {
	Domain      string // second form; empty: no domain
	AccountHash string // second form: see [AccountHash]; empty in the first
	Stream      string
	Consumer    string
	Deliveries  uint64 // of this message to this consumer, from 1
	StreamSeq   uint64
	ConsumerSeq uint64
	Time        int64  // when the message was stored, Unix nanoseconds
	Pending     uint64 // messages after this one that the consumer will get
}

// ParseAckSubject takes the reply subject of a delivered message apart. It does
// not allocate.
func ParseAckSubject(subject string) (AckSubject, bool) {
	var a AckSubject
	rest, ok := strings.CutPrefix(subject, AckPrefix)
	if !ok {
		return a, false
	}
	dots := strings.Count(rest, ".")
	switch {
	case dots == 6:
	case dots >= 8:
		a.Domain, rest, _ = strings.Cut(rest, ".")
		a.AccountHash, rest, _ = strings.Cut(rest, ".")
		if a.Domain == "" || a.AccountHash == "" {
			return AckSubject{}, false
		}
		if a.Domain == "_" {
			a.Domain = ""
		}
	default:
		return a, false
	}
	a.Stream, rest, _ = strings.Cut(rest, ".")
	a.Consumer, rest, _ = strings.Cut(rest, ".")
	ok = a.Stream != "" && a.Consumer != ""
	var stamp uint64
	for _, field := range [...]*uint64{&a.Deliveries, &a.StreamSeq, &a.ConsumerSeq, &stamp, &a.Pending} {
		var token string
		token, rest, _ = strings.Cut(rest, ".")
		n, valid := parseNumber(token)
		*field = n
		ok = ok && valid
	}
	if !ok || stamp > 1<<63-1 {
		return AckSubject{}, false
	}
	a.Time = int64(stamp)
	return a, true
}

// AppendAckV1 appends the first form of the subject; Domain and AccountHash are
// not in it.
func AppendAckV1(dst []byte, a *AckSubject) []byte {
	return appendAckTail(append(dst, AckPrefix...), a)
}

// AppendAckV2 appends the second form of the subject.
func AppendAckV2(dst []byte, a *AckSubject) []byte {
	dst = append(dst, AckPrefix...)
	dst = appendDomain(dst, a.Domain, a.AccountHash)
	return appendAckTail(dst, a)
}

func appendAckTail(dst []byte, a *AckSubject) []byte {
	dst = append(append(dst, a.Stream...), '.')
	dst = append(append(dst, a.Consumer...), '.')
	dst = append(strconv.AppendUint(dst, a.Deliveries, 10), '.')
	dst = append(strconv.AppendUint(dst, a.StreamSeq, 10), '.')
	dst = append(strconv.AppendUint(dst, a.ConsumerSeq, 10), '.')
	dst = append(strconv.AppendInt(dst, a.Time, 10), '.')
	return strconv.AppendUint(dst, a.Pending, 10)
}

func appendDomain(dst []byte, domain, hash string) []byte {
	if domain == "" {
		domain = "_"
	}
	dst = append(append(dst, domain...), '.')
	return append(append(dst, hash...), '.')
}

// parseNumber reads an unsigned decimal number without sign.
func parseNumber(s string) (uint64, bool) {
	if s == "" || len(s) > 20 {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		d := uint64(s[i] - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// AccountHash returns the eight characters that stand for an account in the
// second form of acknowledgement and flow control subjects.
func AccountHash(account string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(account))
	var hash [8]byte
	for i := range hash {
		hash[i] = digits[sum[i]%byte(len(digits))]
	}
	return string(hash[:])
}

// FlowPrefix begins the reply subjects of flow control requests.
const FlowPrefix = "$JS.FC."

// FlowSubject is the reply subject of a flow control request:
// "$JS.FC.<stream>.<consumer>.<id>", or with "<domain or _>.<account hash>"
// before the stream (ADR-15).
type FlowSubject struct {
	Domain      string // second form; empty: no domain
	AccountHash string // second form; empty in the first
	Stream      string
	Consumer    string
	ID          string // one token, different for each request
}

// ParseFlowSubject takes the subject of a flow control response apart. It does
// not allocate.
func ParseFlowSubject(subject string) (FlowSubject, bool) {
	var f FlowSubject
	rest, ok := strings.CutPrefix(subject, FlowPrefix)
	if !ok {
		return f, false
	}
	switch strings.Count(rest, ".") {
	case 2:
	case 4:
		f.Domain, rest, _ = strings.Cut(rest, ".")
		f.AccountHash, rest, _ = strings.Cut(rest, ".")
		ok = f.Domain != "" && f.AccountHash != ""
		if f.Domain == "_" {
			f.Domain = ""
		}
	default:
		return f, false
	}
	f.Stream, rest, _ = strings.Cut(rest, ".")
	f.Consumer, f.ID, _ = strings.Cut(rest, ".")
	if !ok || f.Stream == "" || f.Consumer == "" || f.ID == "" {
		return FlowSubject{}, false
	}
	return f, true
}

// AppendFlowV1 appends the first form of the subject.
func AppendFlowV1(dst []byte, f *FlowSubject) []byte {
	return appendFlowTail(append(dst, FlowPrefix...), f)
}

// AppendFlowV2 appends the second form of the subject.
func AppendFlowV2(dst []byte, f *FlowSubject) []byte {
	return appendFlowTail(appendDomain(append(dst, FlowPrefix...), f.Domain, f.AccountHash), f)
}

func appendFlowTail(dst []byte, f *FlowSubject) []byte {
	dst = append(append(dst, f.Stream...), '.')
	dst = append(append(dst, f.Consumer...), '.')
	return append(dst, f.ID...)
}

// AckKind is what an acknowledgement says about a message.
type AckKind uint8

// The kinds of acknowledgements.
const (
	Acknowledged AckKind = iota + 1 // empty, "+ACK" or "+OK": done with it
	Refused                         // "-NAK": deliver it again
	InProgress                      // "+WPI": start its ack wait anew
	NextPull                        // "+NXT": done with it, and here is a pull request
	Terminated                      // "+TERM": do not deliver it again
)

// Ack is the payload of an acknowledgement.
type Ack struct {
	Kind  AckKind
	Delay time.Duration // of Refused: redeliver not before; 0: at once
	Pull  []byte        // of NextPull: body of the pull request, a view; see [ParsePull]
	Why   string        // of Terminated: the reason, if one is given
}

// ErrAckPayload is returned for a payload that is no acknowledgement.
var ErrAckPayload = errors.New("payload is no acknowledgement")

// ParseAck reads the payload of an acknowledgement. It does not allocate for
// payloads without delay and reason.
func ParseAck(payload []byte) (Ack, error) {
	switch string(payload) {
	case "", "+ACK", "+OK":
		return Ack{Kind: Acknowledged}, nil
	case "-NAK":
		return Ack{Kind: Refused}, nil
	case "+WPI":
		return Ack{Kind: InProgress}, nil
	case "+NXT":
		return Ack{Kind: NextPull}, nil
	case "+TERM":
		return Ack{Kind: Terminated}, nil
	}
	verb, arg, found := bytes.Cut(payload, []byte(" "))
	if !found {
		return Ack{}, ErrAckPayload
	}
	arg = bytes.TrimSpace(arg)
	switch string(verb) {
	case "-NAK":
		return Ack{Kind: Refused, Delay: parseDelay(arg)}, nil
	case "+NXT":
		return Ack{Kind: NextPull, Pull: arg}, nil
	case "+TERM":
		return Ack{Kind: Terminated, Why: string(arg)}, nil
	}
	return Ack{}, ErrAckPayload
}

// parseDelay reads what follows "-NAK ": {"delay":<nanoseconds>} or a duration
// such as "2s". A negative delay is none, as is what cannot be read: the message
// must come again in any case.
func parseDelay(arg []byte) time.Duration {
	if len(arg) == 0 {
		return 0
	}
	if arg[0] != '{' {
		delay, err := time.ParseDuration(string(arg))
		if err != nil {
			return 0
		}
		return max(delay, 0)
	}
	var options struct {
		Delay time.Duration `json:"delay"`
	}
	if err := json.Unmarshal(arg, &options); err != nil {
		return 0
	}
	return max(options.Delay, 0)
}
