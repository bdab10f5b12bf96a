package subject

// Text is a subject as the caller has it: a string, or bytes of a read buffer.
// The functions of this package neither keep nor change it.
type Text interface {
	~string | ~[]byte
}

// ValidLiteral reports whether a message can be published to s: s has no empty
// token, no white space and no wildcard token.
func ValidLiteral[T Text](s T) bool {
	tokenStart := 0
	wildcard := false // the token so far is exactly "*" or ">"
	for i := range len(s) {
		switch s[i] {
		case '.':
			if i == tokenStart || wildcard {
				return false
			}
			tokenStart, wildcard = i+1, false
		case ' ', '\t', '\r', '\n':
			return false
		case '*', '>':
			wildcard = i == tokenStart
		default:
			wildcard = false
		}
	}
	return tokenStart < len(s) && !wildcard
}

// ValidSubscription reports whether s can be subscribed to: a literal subject,
// or one with "*" in place of tokens and ">" in place of the last one.
func ValidSubscription[T Text](s T) bool {
	tokenStart := 0
	for i := range len(s) {
		switch s[i] {
		case '.':
			if i == tokenStart || (i == tokenStart+1 && s[tokenStart] == '>') {
				return false
			}
			tokenStart = i + 1
		case ' ', '\t', '\r', '\n':
			return false
		}
	}
	return tokenStart < len(s)
}

// HasWildcard reports whether a token of s is "*" or ">". s need not be valid.
func HasWildcard[T Text](s T) bool {
	for i := range len(s) {
		if (s[i] == '*' || s[i] == '>') && isWholeToken(s, i) {
			return true
		}
	}
	return false
}

// CountTokens returns the number of tokens of s, 0 for the empty subject. It
// counts the empty tokens of a subject that is not valid.
func CountTokens[T Text](s T) int {
	if len(s) == 0 {
		return 0
	}
	n := 1
	for i := range len(s) {
		if s[i] == '.' {
			n++
		}
	}
	return n
}

// isWholeToken reports whether the byte at i is a token of its own.
func isWholeToken[T Text](s T, i int) bool {
	return (i == 0 || s[i-1] == '.') && (i+1 == len(s) || s[i+1] == '.')
}
