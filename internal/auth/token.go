package auth

// tokenMethod accepts the one token.
type tokenMethod struct {
	token    verifier
	identity Identity
}

func (m *tokenMethod) authenticate(r *Request) (Identity, bool, error) {
	if r.Connect.Token == "" {
		return Identity{}, false, nil
	}
	if !m.token.verify(r.Connect.Token) {
		return Identity{}, true, &RefusalError{Method: MethodToken, Reason: "wrong token"}
	}
	return m.identity, true, nil
}
