package auth

// passwordMethod accepts users with their passwords.
type passwordMethod struct {
	users map[string]passwordUser
	// decoy is the most expensive bcrypt among the users, nil without any. Every
	// refusal takes one bcrypt, so that its time does not tell whether the user
	// exists.
	decoy *verifier
}

type passwordUser struct {
	password verifier
	identity Identity
}

func newPasswordMethod() *passwordMethod {
	return &passwordMethod{users: make(map[string]passwordUser)}
}

// add takes in a user whose name is new.
func (m *passwordMethod) add(password verifier, identity Identity) {
	m.users[identity.User] = passwordUser{password, identity}
	if password.hash != nil && (m.decoy == nil || m.decoy.cost < password.cost) {
		m.decoy = &password
	}
}

func (m *passwordMethod) authenticate(r *Request) (Identity, bool, error) {
	if r.Connect.User == "" {
		return Identity{}, false, nil
	}
	user, known := m.users[r.Connect.User]
	// The zero password of an unknown user is no hash of anything.
	if user.password.verify(r.Connect.Password) && known {
		return user.identity, true, nil
	}
	if user.password.hash == nil && m.decoy != nil {
		m.decoy.verify(r.Connect.Password)
	}
	refusal := &RefusalError{Method: MethodPassword, User: r.Connect.User, Reason: "wrong password"}
	if !known {
		refusal.Reason = "unknown user"
	}
	return Identity{}, true, refusal
}
