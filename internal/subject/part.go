package subject

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind says how a token of a destination gets its value.
type kind uint8

const (
	kindLiteral kind = iota
	kindWildcard
	kindPartition
	kindPartitionSubject
	kindRandomNumber
	kindSplit
	kindSplitFromLeft
	kindSplitFromRight
	kindSliceFromLeft
	kindSliceFromRight
	kindLeft
	kindRight
)

// part is one token of a destination.
type part struct {
	kind      kind
	text      string // literal: the token; split: the separator
	wildcards []int  // wildcards of the source it reads, from 0
	number    int    // partitions, bound of random, position, size or length; at least 1
}

// signature says what a mapping function takes.
type signature struct {
	kind     kind
	min, max int // number of arguments
}

// functions by lower-case name. A one-argument partition is made partitionSubject.
var functions = map[string]signature{
	"wildcard":       {kindWildcard, 1, 1},
	"partition":      {kindPartition, 1, math.MaxInt},
	"random":         {kindRandomNumber, 1, 1},
	"split":          {kindSplit, 2, 2},
	"splitfromleft":  {kindSplitFromLeft, 2, 2},
	"splitfromright": {kindSplitFromRight, 2, 2},
	"slicefromleft":  {kindSliceFromLeft, 2, 2},
	"slicefromright": {kindSliceFromRight, 2, 2},
	"left":           {kindLeft, 2, 2},
	"right":          {kindRight, 2, 2},
}

// parsePart reads one token of a destination. positional: "*" is allowed and
// stands for the next wildcard of the source. detail names the wrong argument.
func (t *Transform) parsePart(token string, positional bool) (p part, detail string, err error) {
	switch {
	case token == "*":
		if !positional {
			return p, "", ErrWildcardInDestination
		}
		next := 0
		for _, earlier := range t.parts {
			next += len(earlier.wildcards)
		}
		return t.wildcardPart(strconv.Itoa(next + 1))
	case token == ">" || !ValidLiteral(token) && !strings.HasPrefix(token, "{{"):
		return p, "", ErrInvalidDestination
	case looksLikeFunction(token):
		if number, ok := strings.CutPrefix(token, "$"); ok {
			return t.wildcardPart(number)
		}
		return t.parseFunction(token)
	default:
		return part{kind: kindLiteral, text: token}, "", nil
	}
}

// looksLikeFunction reports whether a token is $n or holds the braces of a
// mapping function. "$SYS" and "$1x" are literals.
func looksLikeFunction(token string) bool {
	if number, ok := strings.CutPrefix(token, "$"); ok {
		_, err := strconv.Atoi(number)
		return err == nil || errors.Is(err, strconv.ErrRange)
	}
	return strings.Contains(token, "{{") || strings.Contains(token, "}}")
}

func (t *Transform) wildcardPart(number string) (part, string, error) {
	index, detail, err := t.wildcardIndex(number)
	return part{kind: kindWildcard, wildcards: []int{index}}, detail, err
}

// parseFunction reads a token {{name(arguments)}}.
func (t *Transform) parseFunction(token string) (p part, detail string, err error) {
	call, ok := strings.CutPrefix(token, "{{")
	if ok {
		call, ok = strings.CutSuffix(call, "}}")
	}
	call = strings.TrimSpace(call)
	name, list, found := strings.Cut(call, "(")
	list, closed := strings.CutSuffix(list, ")")
	if !ok || !found || !closed {
		return p, "", ErrFunctionSyntax
	}
	sig, ok := functions[strings.ToLower(strings.TrimSpace(name))]
	if !ok {
		return p, "", ErrUnknownFunction
	}
	var args []string
	if strings.TrimSpace(list) != "" {
		args = strings.Split(list, ",")
	}
	for i := range args {
		args[i] = strings.TrimSpace(args[i])
	}
	if len(args) < sig.min {
		return p, "", ErrTooFewArguments
	}
	if len(args) > sig.max {
		return p, "", ErrTooManyArguments
	}
	return t.callPart(sig.kind, args)
}

// callPart checks the arguments of a function. Their number is right.
func (t *Transform) callPart(k kind, args []string) (p part, detail string, err error) {
	switch k {
	case kindWildcard:
		return t.wildcardPart(args[0])
	case kindPartition, kindRandomNumber:
		return t.numberPart(k, args)
	default:
		return t.tokenPart(k, args)
	}
}

// tokenPart checks the functions that cut the token at one wildcard.
func (t *Transform) tokenPart(k kind, args []string) (p part, detail string, err error) {
	index, detail, err := t.wildcardIndex(args[0])
	if err != nil {
		return p, detail, err
	}
	p = part{kind: k, wildcards: []int{index}}
	if k == kindSplit {
		if strings.ContainsAny(args[1], " \t\r\n") {
			return p, strconv.Quote(args[1]) + " holds white space", ErrInvalidArgument
		}
		p.text = args[1]
		return p, "", nil
	}
	p.number, detail, err = positive(args[1])
	return p, detail, err
}

// numberPart checks the functions whose first argument is a number: random and
// partition, which then lists wildcards.
func (t *Transform) numberPart(k kind, args []string) (p part, detail string, err error) {
	p.kind = k
	if p.number, detail, err = positive(args[0]); err != nil {
		return p, detail, err
	}
	if k == kindPartition && len(args) == 1 && (t.wildcards > 0 || t.full) {
		// A source without wildcards is left to hash no token at all: that is
		// the partition other servers give it.
		p.kind = kindPartitionSubject
	}
	for _, arg := range args[1:] {
		index, detail, err := t.wildcardIndex(arg)
		if err != nil {
			return p, detail, err
		}
		p.wildcards = append(p.wildcards, index)
	}
	return p, "", nil
}

// positive reads a number from 1 to 2147483647.
func positive(arg string) (n int, detail string, err error) {
	n64, err := strconv.ParseInt(arg, 10, 32)
	if err != nil || n64 < 1 {
		return 0, strconv.Quote(arg) + " is not a number from 1 to 2147483647", ErrInvalidArgument
	}
	return int(n64), "", nil
}

// wildcardIndex reads the number of a wildcard and returns it counted from 0.
func (t *Transform) wildcardIndex(arg string) (index int, detail string, err error) {
	n, err := strconv.Atoi(arg)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, strconv.Quote(arg) + " is not the number of a wildcard", ErrInvalidArgument
	}
	if n < 1 || n > t.wildcards {
		return 0, strconv.Quote(arg) + `; the source has ` + strconv.Itoa(t.wildcards) + ` "*" wildcards, counted from 1`, ErrIndexOutOfRange
	}
	return n - 1, "", nil
}

// append adds the value of p for subject, whose tokens at the source's wildcards
// are tokens. Positions and sizes count bytes, as every server must cut alike.
func (p *part) append(dst []byte, subject string, tokens []string, random uint64) []byte {
	switch p.kind {
	case kindLiteral:
		return append(dst, p.text...)
	case kindPartitionSubject:
		return strconv.AppendUint(dst, uint64(fnv(fnvOffset, subject)%uint32(p.number)), 10)
	case kindPartition:
		hash := fnvOffset
		for _, index := range p.wildcards {
			hash = fnv(hash, tokens[index])
		}
		return strconv.AppendUint(dst, uint64(hash%uint32(p.number)), 10)
	case kindRandomNumber:
		return strconv.AppendUint(dst, random%uint64(p.number), 10)
	default:
		return p.appendFrom(dst, tokens[p.wildcards[0]])
	}
}

// appendFrom adds the value of a part that is made of one token of the subject.
func (p *part) appendFrom(dst []byte, token string) []byte {
	switch p.kind {
	case kindSplit:
		return appendSplit(dst, token, p.text)
	case kindSplitFromLeft:
		return appendCut(dst, token, p.number)
	case kindSplitFromRight:
		return appendCut(dst, token, len(token)-p.number)
	case kindSliceFromLeft:
		return appendSlices(dst, token, p.number, p.number)
	case kindSliceFromRight:
		return appendSlices(dst, token, (len(token)-1)%p.number+1, p.number)
	case kindLeft:
		return append(dst, token[:min(p.number, len(token))]...)
	case kindRight:
		return append(dst, token[max(0, len(token)-p.number):]...)
	default: // wildcard
		return append(dst, token...)
	}
}

// fnvOffset is the 32-bit FNV-1a hash of nothing.
const fnvOffset uint32 = 2166136261

// fnv continues the 32-bit FNV-1a hash h with text.
func fnv(h uint32, text string) uint32 {
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * 16777619
	}
	return h
}

// appendSplit adds the pieces between separators, without the empty ones; the
// empty separator splits after every character.
func appendSplit(dst []byte, token, separator string) []byte {
	start := len(dst)
	for token != "" {
		piece, rest, _ := strings.Cut(token, separator)
		if separator == "" {
			_, size := utf8.DecodeRuneInString(token)
			piece, rest = token[:size], token[size:]
		}
		if piece != "" {
			if len(dst) > start {
				dst = append(dst, '.')
			}
			dst = append(dst, piece...)
		}
		token = rest
	}
	return dst
}

// appendCut adds token in two pieces, the first of size at; whole if one of
// them would be empty.
func appendCut(dst []byte, token string, at int) []byte {
	if at <= 0 || at >= len(token) {
		return append(dst, token...)
	}
	dst = append(dst, token[:at]...)
	dst = append(dst, '.')
	return append(dst, token[at:]...)
}

// appendSlices adds token in pieces, the first of size first, the others of size.
func appendSlices(dst []byte, token string, first, size int) []byte {
	for first < len(token) {
		dst = append(dst, token[:first]...)
		dst = append(dst, '.')
		token, first = token[first:], size
	}
	return append(dst, token...)
}
