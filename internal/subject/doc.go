// Package subject knows what a subject is: which ones are valid, which
// subscription matches which subject, and how mappings and transforms (ADR-30)
// rewrite them. It holds words only: no subscriptions, no accounts, no I/O.
//
// A subject is one or more tokens separated by dots. A token is at least one
// byte and holds no space, tab, carriage return or line feed; everything else,
// UTF-8 or not, is allowed and compared byte by byte. A literal subject is what
// a message is published to. A subscription may also use the wildcards "*" (one
// token) and ">" (one or more tokens, only at the end). Both are wildcards only
// as a whole token: "foo*" and "foo.>>" are literals.
//
// The path of one published message: its account looks for a [Mapping] whose
// source matches, [Mapping.Apply] picks a destination by weight and cluster and
// lets that destination's [Transform] build the new subject; the result is a
// literal subject or there is none.
//
// Everything here is pure and safe for concurrent use: values are immutable
// after they are built, random numbers are passed in, and the functions over
// subjects take strings and byte slices alike and never allocate.
package subject
