package subject

import (
	"strconv"
	"strings"
)

// Transform rewrites subjects that match a source into a destination (ADR-30).
// It is immutable and safe for concurrent use.
type Transform struct {
	source, destination string
	wildcards           int    // number of "*" in source
	full                bool   // source and destination end in ">"
	parts               []part // tokens of destination, without the final ">"
}

// NewTransform builds the transform of subjects that match source. destination
// is made of literal tokens, $n or {{wildcard(n)}} for the n-th "*" of source,
// mapping functions, and a final ">" exactly if source has one; it need not use
// every wildcard. Names of functions are taken in any case.
//
// Errors: [*TransformError].
func NewTransform(source, destination string) (*Transform, error) {
	return newTransform(source, destination, false)
}

// NewImportTransform builds the transform of an import between accounts. Its
// destination uses every wildcard of source, as $n or {{wildcard(n)}} or, all of
// them, as "*" in the order of source; other functions are refused.
//
// Errors: [*TransformError].
func NewImportTransform(source, destination string) (*Transform, error) {
	t, err := newTransform(source, destination, true)
	if err != nil {
		return nil, err
	}
	used := make([]bool, t.wildcards)
	for _, p := range t.parts {
		for _, index := range p.wildcards {
			used[index] = true
		}
	}
	for i, ok := range used {
		if !ok {
			return nil, &TransformError{
				Source: source, Destination: destination,
				Detail: "number " + strconv.Itoa(i+1) + " is not used", Err: ErrUnusedWildcard,
			}
		}
	}
	return t, nil
}

func newTransform(source, destination string, strict bool) (*Transform, error) {
	refuse := func(token, detail string, reason error) error {
		return &TransformError{Source: source, Destination: destination, Token: token, Detail: detail, Err: reason}
	}
	if !ValidSubscription(source) {
		return nil, refuse("", "", ErrInvalidSource)
	}
	t := &Transform{source: source, destination: destination}
	for token := range strings.SplitSeq(source, ".") {
		if token == "*" {
			t.wildcards++
		}
	}
	t.full = isFullWildcard(source, tokenStartOfLast(source))

	positional := strict && hasStar(destination)
	body, full := cutFullWildcard(destination)
	if full != t.full {
		return nil, refuse("", "", ErrFullWildcardMismatch)
	}
	if destination == ">" {
		return t, nil
	}
	for token := range strings.SplitSeq(body, ".") {
		p, detail, err := t.parsePart(token, positional)
		if err != nil {
			return nil, refuse(token, detail, err)
		}
		if strict && p.kind != kindLiteral && p.kind != kindWildcard {
			return nil, refuse(token, "", ErrFunctionNotAllowed)
		}
		t.parts = append(t.parts, p)
	}
	return t, nil
}

// Source returns the pattern of the subjects that t rewrites.
func (t *Transform) Source() string { return t.source }

// Destination returns the destination as it was given.
func (t *Transform) Destination() string { return t.destination }

// Apply returns what literal becomes. It returns false if literal does not match
// the source or is no literal, or if the result would not be a literal: a
// function may cut a token down to nothing or to "*". random decides the value
// of {{random(n)}}; the same number gives the same subject.
func (t *Transform) Apply(literal string, random uint64) (string, bool) {
	if !ValidLiteral(literal) || !Matches(t.source, literal) {
		return "", false
	}
	var (
		room    [8]string
		scratch [128]byte
	)
	tokens, rest := t.capture(room[:0], literal)
	dst := scratch[:0]
	for i, p := range t.parts {
		if i > 0 {
			dst = append(dst, '.')
		}
		if p.kind == kindRandomNumber {
			random = mix(random)
		}
		dst = p.append(dst, literal, tokens, random)
	}
	if t.full {
		if len(t.parts) > 0 {
			dst = append(dst, '.')
		}
		dst = append(dst, rest...)
	}
	if !ValidLiteral(dst) {
		return "", false
	}
	return string(dst), true
}

// capture appends the tokens of literal that stand where the source has "*", and
// returns what stands where it has ">". literal matches the source.
func (t *Transform) capture(tokens []string, literal string) (captured []string, rest string) {
	s, l := 0, 0 // both at the start of a token
	for s < len(t.source) && l < len(literal) {
		if isFullWildcard(t.source, s) {
			return tokens, literal[l:]
		}
		end := tokenEnd(literal, l)
		if isWildcard(t.source, s) {
			tokens = append(tokens, literal[l:end])
		}
		s, l = tokenEnd(t.source, s)+1, end+1
	}
	return tokens, ""
}

// Reverse returns the transform that undoes t: it turns each result of t back
// into the subject it came from. Requests that cross an import go one way, their
// interest the other.
//
// Errors: [ErrNotReversible] in a [*TransformError].
func (t *Transform) Reverse() (*Transform, error) {
	refuse := &TransformError{Source: t.source, Destination: t.destination, Err: ErrNotReversible}
	position := make([]int, t.wildcards) // of each wildcard of source among those of destination, from 1
	var source, destination []string
	used := 0
	for _, p := range t.parts {
		switch {
		case p.kind == kindLiteral:
			source = append(source, p.text)
		case p.kind == kindWildcard && position[p.wildcards[0]] == 0:
			used++
			position[p.wildcards[0]] = used
			source = append(source, "*")
		default:
			return nil, refuse
		}
	}
	if used != t.wildcards {
		return nil, refuse
	}
	next := 0
	for token := range strings.SplitSeq(t.source, ".") {
		switch {
		case token == "*":
			destination = append(destination, "$"+strconv.Itoa(position[next]))
			next++
		case looksLikeFunction(token):
			return nil, refuse // as a destination the literal would mean something else
		default:
			destination = append(destination, token)
		}
	}
	if t.full {
		source = append(source, ">")
	}
	return NewTransform(strings.Join(source, "."), strings.Join(destination, "."))
}

// cutFullWildcard splits a final ">" off a destination.
func cutFullWildcard(destination string) (body string, full bool) {
	if destination == ">" {
		return "", true
	}
	return strings.CutSuffix(destination, ".>")
}

// hasStar reports whether a token of s is "*".
func hasStar(s string) bool {
	for i := range len(s) {
		if s[i] == '*' && isWholeToken(s, i) {
			return true
		}
	}
	return false
}

func tokenStartOfLast(s string) int { return strings.LastIndexByte(s, '.') + 1 }

// mix returns the next of a sequence of well-spread numbers (SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
