package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/bcrypt"
)

// verifier compares what a client sent with one configured secret.
type verifier struct {
	plain [sha256.Size]byte // hash of the secret, so that its length does not show in the time
	hash  []byte            // bcrypt, nil if the secret is plain
	cost  int               // of the bcrypt
}

// newVerifier reads a secret. One that starts like a bcrypt hash must be one: as
// a plain secret it would make the hash itself the password.
func newVerifier(secret Secret) (verifier, error) {
	if !looksLikeBcrypt(secret) {
		return verifier{plain: sha256.Sum256([]byte(secret))}, nil
	}
	cost, err := bcrypt.Cost([]byte(secret))
	if err != nil || len(secret) != 60 {
		return verifier{}, errors.New("starts like a bcrypt hash but is not a valid one; hash it again or choose another")
	}
	return verifier{hash: []byte(secret), cost: cost}, nil
}

// verify reports whether given is the secret.
func (v *verifier) verify(given string) bool {
	if v.hash != nil {
		return bcrypt.CompareHashAndPassword(v.hash, []byte(given)) == nil
	}
	sum := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(sum[:], v.plain[:]) == 1
}

// looksLikeBcrypt reports whether s starts with $2a$, $2b$, $2x$ or $2y$.
func looksLikeBcrypt(s Secret) bool {
	if len(s) < 4 || s[:2] != "$2" || s[3] != '$' {
		return false
	}
	switch s[2] {
	case 'a', 'b', 'x', 'y':
		return true
	}
	return false
}
