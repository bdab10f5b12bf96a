package jetstream

import "strings"

// subjects finds which streams of an account capture subjects that overlap with a
// given one. It is a tree of tokens; only what the streams say is in it, never
// subjects of messages.
type subjects struct {
	root subjectNode
}

type subjectNode struct {
	next map[string]*subjectNode
	ends []*Stream
}

func (t *subjects) add(s *Stream, subject string) {
	n := &t.root
	for token := range strings.SplitSeq(subject, ".") {
		child := n.next[token]
		if child == nil {
			child = &subjectNode{}
			if n.next == nil {
				n.next = map[string]*subjectNode{}
			}
			n.next[token] = child
		}
		n = child
	}
	n.ends = append(n.ends, s)
}

func (t *subjects) remove(s *Stream, subject string) {
	t.root.remove(s, subject)
}

// remove reports whether the node has become empty.
func (n *subjectNode) remove(s *Stream, rest string) bool {
	token, rest, more := strings.Cut(rest, ".")
	child := n.next[token]
	if child == nil {
		return false
	}
	if more {
		if child.remove(s, rest) {
			delete(n.next, token)
		}
	} else {
		for i, end := range child.ends {
			if end == s {
				child.ends = append(child.ends[:i], child.ends[i+1:]...)
				break
			}
		}
		if child.empty() {
			delete(n.next, token)
		}
	}
	return n.empty()
}

func (n *subjectNode) empty() bool { return len(n.next) == 0 && len(n.ends) == 0 }

// overlapping calls f for streams with a subject that overlaps, until it returns
// false. A stream may come more than once.
func (t *subjects) overlapping(subject string, f func(*Stream) bool) {
	t.root.overlapping(subject, true, f)
}

func (n *subjectNode) overlapping(rest string, more bool, f func(*Stream) bool) bool {
	if !more {
		return n.each(f)
	}
	token, after, moreAfter := strings.Cut(rest, ".")
	if token == ">" {
		for _, child := range n.next {
			if !child.all(f) {
				return false
			}
		}
		return true
	}
	if child := n.next[">"]; child != nil && !child.each(f) {
		return false
	}
	if token == "*" {
		for name, child := range n.next {
			if name != ">" && !child.overlapping(after, moreAfter, f) {
				return false
			}
		}
		return true
	}
	for _, name := range [...]string{token, "*"} {
		if child := n.next[name]; child != nil && !child.overlapping(after, moreAfter, f) {
			return false
		}
	}
	return true
}

func (n *subjectNode) each(f func(*Stream) bool) bool {
	for _, s := range n.ends {
		if !f(s) {
			return false
		}
	}
	return true
}

// all is each of the node and everything below it.
func (n *subjectNode) all(f func(*Stream) bool) bool {
	if !n.each(f) {
		return false
	}
	for _, child := range n.next {
		if !child.all(f) {
			return false
		}
	}
	return true
}
