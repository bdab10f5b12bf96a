package core

// Message is one publish on its way through core. Its slices are views of the
// publisher's input and valid until Publish returns, except as said at Stage.
type Message struct {
	Subject []byte
	// Shown is the subject that receivers see instead of the one that leads to
	// them, as in deliveries of consumers; nil: Subject.
	Shown []byte
	Reply []byte
	// Payload is the header block, if any, and the body.
	Payload []byte
	// HeaderLen is the length of the header block; -1 without headers.
	HeaderLen int
	// Tail is the message as the client protocol repeats it in a delivery, from
	// the reply subject on: "[reply ][#header ]#total CRLF payload CRLF".
	Tail []byte
	// Volatile: Tail must not be referred to, only copied.
	Volatile bool
	// Same: Subject equals that of the publisher's last Publish.
	Same bool
	// Head is "HMSG subject ", with the subject to be seen, set by the publisher; without headers a delivery
	// begins at Head[1:].
	Head []byte
}

// Receiver is a door's end that takes deliveries. Its methods are called by the
// goroutines of publishers.
type Receiver interface {
	// Deliver appends the message, as sub's receiver needs it, to st with
	// Stage.Append or Stage.Refer.
	Deliver(st *Stage, sub *Subscription, m *Message)
	// Flush takes what is staged. It must not block on the receiver's peer. It
	// may take the chunks (Stage.Take); what it leaves is recycled. Views that
	// were added with Refer are valid until Flush returns.
	Flush(st *Stage)
	// Exhausted tells that sub has had its last message.
	Exhausted(sub *Subscription)
	// Relief returns a channel that is closed when the receiver has caught up
	// with what was flushed, or is closed, or nil when it has no need of a pause.
	// Nobody should wait for a receiver that takes nothing at all, but those who are
	// patient: they hold nobody up.
	Relief(patient bool) <-chan struct{}
	// Filter returns the permissions that decide on single deliveries to sub,
	// or nil.
	Filter(sub *Subscription) Permissions
}
