package wire

// Lines a server sends as they are.
const (
	LinePing = "PING\r\n"
	LinePong = "PONG\r\n"
	LineOK   = "+OK\r\n"
)

// Texts of -ERR lines. Client libraries compare them, so their wording is fixed
// (client protocol reference, "-ERR").
const (
	TextUnknownOperation      = "Unknown Protocol Operation"
	TextAuthorization         = "Authorization Violation"
	TextAuthenticationTimeout = "Authentication Timeout"
	TextMaxPayload            = "Maximum Payload Violation"
	TextMaxControlLine        = "maximum control line exceeded"
	TextMaxConnections        = "maximum connections exceeded"
	TextMaxSubscriptions      = "maximum subscriptions exceeded"
	TextStale                 = "Stale Connection"
	TextInvalidPublish        = "Invalid Publish Subject"
	TextInvalidSubject        = "Invalid Subject"
	TextTLSRequired           = "Secure Connection - TLS Required"
	TextTLSThrottled          = "Connection throttling is active. Please try again later."
	TextHeadersOff            = "message headers not supported"
	TextNoRespondersHeaders   = "no responders requires headers support"
	TextInvalidProtocol       = "invalid client protocol"
)

// Reason says why a connection was closed, in the words that monitoring shows.
type Reason string

// Why connections are closed.
const (
	ClientClosed            Reason = "Client Closed"
	AuthenticationTimeout   Reason = "Authentication Timeout"
	AuthenticationFailure   Reason = "Authentication Failure"
	TLSHandshakeFailure     Reason = "TLS Handshake Failure"
	SlowConsumerPending     Reason = "Slow Consumer (Pending Bytes)"
	SlowConsumerDeadline    Reason = "Slow Consumer (Write Deadline)"
	WriteFailed             Reason = "Write Error"
	ReadFailed              Reason = "Read Error"
	ParseFailed             Reason = "Parse Error"
	StaleConnection         Reason = "Stale Connection"
	ProtocolViolation       Reason = "Protocol Violation"
	BadProtocolVersion      Reason = "Bad Client Protocol Version"
	MaxConnectionsExceeded  Reason = "Maximum Connections Exceeded"
	MaxPayloadExceeded      Reason = "Maximum Message Payload Exceeded"
	MaxControlLineExceeded  Reason = "Maximum Control Line Exceeded"
	ServerShutdown          Reason = "Server Shutdown"
	NoRespondersNeedHeaders Reason = "No Responders Requires Headers"
	MessageHeaderViolation  Reason = "Message Header Violation"
	ConnectionPanicked      Reason = "Internal Error"
)

// AppendErr appends the -ERR line with text.
func AppendErr(dst []byte, text string) []byte {
	dst = append(dst, "-ERR '"...)
	dst = append(dst, text...)
	return append(dst, "'\r\n"...)
}
