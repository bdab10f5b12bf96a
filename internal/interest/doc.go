// Package interest finds the subscriptions and queue groups that a subject
// reaches. One [Index] belongs to one account.
//
// Structure. Subscriptions with the same subject form a chain; the head of each
// chain sits in an open-addressing hash table keyed by the subject's text. There
// are tables for literal subjects, sharded by hash, and one for patterns with
// wildcards. A pattern's shape is the places of its wildcards ("orders.*.>" is
// "L*>"). The shapes in use are kept by first token; a look-up masks the subject
// with each shape and asks the pattern table for the result. So a match costs
// one hash look-up for the literal and one for each shape in use below the
// subject's first token, however many subscriptions there are.
//
// Readers take no lock: table slots, chain links, member lists and shape lists
// are published by atomic pointers and never change under a reader in a way that
// hides an entry that stays. Writers lock one shard. Whoever removes a
// subscription may still see it returned by a match that was under way.
//
// A caller that keeps the result of a match takes a [Stamp] before it and asks
// Stamp.Valid on each use: generation numbers per shard of literals, per first
// token of patterns, and one for patterns that begin with a wildcard, so that a
// new inbox subscription does not flush everybody's memory of other subjects.
//
// Queue groups: members of the same queue name on the same subject share one
// list; a match merges the lists of equal names over all matching subjects.
//
// Cost that is accepted: somebody who subscribes with thousands of different
// shapes below one first token makes matches below that token slower, in the
// account that it belongs to.
package interest
