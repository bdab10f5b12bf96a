package auth

import (
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func hashed(t *testing.T, secret string, cost int) Secret {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(secret), cost)
	if err != nil {
		t.Fatal(err)
	}
	return Secret(h)
}

func TestDecoyIsTheMostExpensiveHashAndOnlyThereWithBcrypt(t *testing.T) {
	t.Parallel()
	f := func(wantCost int, secrets ...Secret) {
		t.Helper()
		m := newPasswordMethod()
		for i, secret := range secrets {
			v, err := newVerifier(secret)
			if err != nil {
				t.Fatal(err)
			}
			m.add(v, Identity{User: string(rune('a' + i))})
		}
		got := 0
		if m.decoy != nil {
			got = m.decoy.cost
		}
		if got != wantCost {
			t.Errorf("decoy has cost %d, want %d", got, wantCost)
		}
	}
	f(0)
	f(0, "plain", "other")
	f(4, "plain", hashed(t, "x", 4))
	f(5, hashed(t, "x", 4), hashed(t, "y", 5), hashed(t, "z", 4), "plain")
}
