package subject

// Matches reports whether a message published to literal reaches a subscription
// to pattern. literal is taken byte by byte: a "*" in it is no wildcard, as the
// server routes a message published to "foo.*" to that very subject.
//
// Neither side is checked: with an empty token in literal, "*" and ">" match
// it. Whoever routes by the answer checks [ValidLiteral] first.
func Matches[P, L Text](pattern P, literal L) bool {
	p, l := 0, 0 // both at the start of a token
	for {
		switch {
		case isFullWildcard(pattern, p):
			return true
		case isWildcard(pattern, p):
			p, l = p+1, tokenEnd(literal, l)
		default:
			var same bool
			if p, l, same = sameToken(pattern, p, literal, l); !same {
				return false
			}
		}
		if p == len(pattern) || l == len(literal) {
			return p == len(pattern) && l == len(literal)
		}
		p, l = p+1, l+1
	}
}

// SubsetMatch reports whether every subject that matches a also matches b. Both
// are valid subscriptions.
func SubsetMatch[A, B Text](a A, b B) bool {
	i, j := 0, 0 // both at the start of a token
	for {
		switch {
		case isFullWildcard(b, j):
			return true
		case isFullWildcard(a, i):
			return false
		case isWildcard(b, j):
			i, j = tokenEnd(a, i), j+1
		default:
			var same bool
			if i, j, same = sameToken(a, i, b, j); !same {
				return false
			}
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		i, j = i+1, j+1
	}
}

// Overlap reports whether some subject matches both a and b. Both are valid
// subscriptions.
func Overlap[A, B Text](a A, b B) bool {
	i, j := 0, 0 // both at the start of a token
	for {
		switch {
		case isFullWildcard(a, i) || isFullWildcard(b, j):
			return true
		case isWildcard(a, i) || isWildcard(b, j):
			i, j = tokenEnd(a, i), tokenEnd(b, j)
		default:
			var same bool
			if i, j, same = sameToken(a, i, b, j); !same {
				return false
			}
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		i, j = i+1, j+1
	}
}

// isFullWildcard reports whether the token that starts at i is a final ">".
func isFullWildcard[T Text](s T, i int) bool {
	return i+1 == len(s) && s[i] == '>'
}

// isWildcard reports whether the token that starts at i is "*".
func isWildcard[T Text](s T, i int) bool {
	return i < len(s) && s[i] == '*' && (i+1 == len(s) || s[i+1] == '.')
}

// tokenEnd returns the index of the dot that ends the token at i, or len(s).
func tokenEnd[T Text](s T, i int) int {
	for i < len(s) && s[i] != '.' {
		i++
	}
	return i
}

// sameToken compares the tokens that start at i and j and returns their ends.
func sameToken[A, B Text](a A, i int, b B, j int) (aEnd, bEnd int, same bool) {
	for i < len(a) && j < len(b) && a[i] == b[j] && a[i] != '.' {
		i, j = i+1, j+1
	}
	same = (i == len(a) || a[i] == '.') && (j == len(b) || b[j] == '.')
	return i, j, same
}
