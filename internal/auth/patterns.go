package auth

import "strings"

// patterns is a set of subject patterns as a tree by token, so that a question
// costs the length of a subject and not the number of patterns. It is immutable
// once it is filled.
type patterns struct {
	children map[string]*patterns // by literal token
	star     *patterns            // for "*"
	full     *entry               // a pattern goes on with a final ">"
	here     *entry               // a pattern ends at this token
}

// entry is what is known about one pattern.
type entry struct {
	plain  bool     // it holds for plain subscriptions, and for publishing
	queues []string // it holds for queue groups whose name matches one of these
}

// entry returns the entry of a valid pattern and makes it if need be.
func (p *patterns) entry(pattern string) *entry {
	for token := range strings.SplitSeq(pattern, ".") {
		switch token {
		case ">":
			if p.full == nil {
				p.full = &entry{}
			}
			return p.full
		case "*":
			if p.star == nil {
				p.star = &patterns{}
			}
			p = p.star
		default:
			child := p.children[token]
			if child == nil {
				if p.children == nil {
					p.children = make(map[string]*patterns)
				}
				child = &patterns{}
				p.children[token] = child
			}
			p = child
		}
	}
	if p.here == nil {
		p.here = &entry{}
	}
	return p.here
}

// The three questions below call visit for the entries in question until it
// returns true, and report whether it did.

// matching visits the patterns that the literal subject matches.
func (p *patterns) matching(literal string, visit func(*entry) bool) bool {
	if p.full != nil && visit(p.full) {
		return true
	}
	token, rest, more := strings.Cut(literal, ".")
	for _, next := range [2]*patterns{p.children[token], p.star} {
		switch {
		case next == nil:
		case more:
			if next.matching(rest, visit) {
				return true
			}
		case next.here != nil && visit(next.here):
			return true
		}
	}
	return false
}

// covering visits the patterns that every subject of a subscription matches.
func (p *patterns) covering(subscription string, visit func(*entry) bool) bool {
	if p.full != nil && visit(p.full) {
		return true
	}
	if subscription == ">" {
		return false
	}
	token, rest, more := strings.Cut(subscription, ".")
	for _, next := range [2]*patterns{p.children[token], p.star} {
		switch {
		case next == nil:
		case more:
			if next.covering(rest, visit) {
				return true
			}
		case next.here != nil && visit(next.here):
			return true
		}
	}
	return false
}

// overlapping visits the patterns that some subject of a subscription matches.
func (p *patterns) overlapping(subscription string, visit func(*entry) bool) bool {
	if subscription == ">" {
		return p.below(visit)
	}
	if p.full != nil && visit(p.full) {
		return true
	}
	token, rest, more := strings.Cut(subscription, ".")
	step := func(next *patterns) bool {
		switch {
		case next == nil:
			return false
		case more:
			return next.overlapping(rest, visit)
		default:
			return next.here != nil && visit(next.here)
		}
	}
	if token != "*" {
		return step(p.children[token]) || step(p.star)
	}
	for _, child := range p.children {
		if step(child) {
			return true
		}
	}
	return step(p.star)
}

// below visits the patterns with at least one more token.
func (p *patterns) below(visit func(*entry) bool) bool {
	if p.full != nil && visit(p.full) {
		return true
	}
	step := func(next *patterns) bool {
		return (next.here != nil && visit(next.here)) || next.below(visit)
	}
	for _, child := range p.children {
		if step(child) {
			return true
		}
	}
	return p.star != nil && step(p.star)
}
