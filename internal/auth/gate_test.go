package auth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/wire"
)

func hash(t *testing.T, secret string) auth.Secret {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return auth.Secret(h)
}

func newGate(t *testing.T, cfg auth.Config) *auth.Gate {
	t.Helper()
	g, err := auth.New(cfg, core.NewAccounts())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// authenticate returns the identity as text, "refused" without one.
func authenticate(t *testing.T, g *auth.Gate, connect wire.ConnectOptions) string {
	t.Helper()
	id, err := g.Authenticate(auth.Request{Connect: connect})
	if err == nil {
		return id.String()
	}
	if !errors.Is(err, auth.ErrAuthorization) || err.Error() != auth.ErrAuthorization.Error() {
		t.Errorf("got error %v, want ErrAuthorization and no other text", err)
	}
	return "refused"
}

func password(user, pass string) wire.ConnectOptions {
	return wire.ConnectOptions{User: user, Password: pass}
}

func token(secret string) wire.ConnectOptions { return wire.ConnectOptions{Token: secret} }

func TestWithoutConfigurationEverybodyIsInTheGlobalAccount(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Config{Accounts: []auth.AccountConfig{{Name: "A"}}})
	if g.Required() {
		t.Error("credentials are required, want not")
	}
	for _, connect := range []wire.ConnectOptions{{}, password("u", "p"), token("t")} {
		if got := authenticate(t, g, connect); got != "$G/" {
			t.Errorf("got %q, want %q", got, "$G/")
		}
	}
}

func TestTokenLetsIn(t *testing.T) {
	t.Parallel()
	for _, secret := range []auth.Secret{"tok", hash(t, "tok")} {
		g := newGate(t, auth.Config{Token: secret})
		if !g.Required() {
			t.Error("credentials are not required, want so")
		}
		f := func(connect wire.ConnectOptions, want string) {
			t.Helper()
			if got := authenticate(t, g, connect); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		f(token("tok"), "$G/")
		f(wire.ConnectOptions{Token: "tok", User: "a", Password: "b"}, "$G/")
		f(token("other"), "refused")
		f(token("toktok"), "refused")
		f(wire.ConnectOptions{}, "refused")
		f(password("", "tok"), "refused")
		f(password("tok", "tok"), "refused")
	}
}

func TestHashIsNotThePassword(t *testing.T) {
	t.Parallel()
	hashed := hash(t, "tok")
	for _, version := range []string{"$2a$", "$2b$", "$2x$", "$2y$"} {
		secret := auth.Secret(version) + hashed[4:]
		g := newGate(t, auth.Config{Token: secret})
		if got := authenticate(t, g, token("tok")); got != "$G/" {
			t.Errorf("%s: the password gives %q, want %q", version, got, "$G/")
		}
		if got := authenticate(t, g, token(string(secret))); got != "refused" {
			t.Errorf("%s: the hash gives %q, want refused", version, got)
		}
	}
}

func TestSingleUserLetsIn(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Config{User: "u", Password: "p"})
	f := func(connect wire.ConnectOptions, want string) {
		t.Helper()
		if got := authenticate(t, g, connect); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(password("u", "p"), "$G/u")
	f(wire.ConnectOptions{User: "u", Password: "p", Token: "x"}, "$G/u")
	f(password("u", "x"), "refused")
	f(password("u", ""), "refused")
	f(password("x", "p"), "refused")
	f(password("", "p"), "refused")
	f(token("p"), "refused")
	f(wire.ConnectOptions{}, "refused")
}

func TestUserWithoutPasswordComesInWithTheNameAlone(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Config{Users: []auth.User{{Name: "guest"}}})
	for given, want := range map[[2]string]string{
		{"guest", ""}:  "$G/guest",
		{"guest", "x"}: "refused",
		{"", ""}:       "refused",
	} {
		if got := authenticate(t, g, password(given[0], given[1])); got != want {
			t.Errorf("user %q with password %q is %q, want %q", given[0], given[1], got, want)
		}
	}
}

func TestUsersGetTheirAccount(t *testing.T) {
	t.Parallel()
	accounts := core.NewAccounts()
	g, err := auth.New(auth.Config{
		Users: []auth.User{{Name: "g", Password: "pg"}},
		Accounts: []auth.AccountConfig{
			{Name: "A", Users: []auth.User{{Name: "a", Password: hash(t, "pa")}, {Name: "plain", Password: "pp"}}},
			{Name: "B"},
		},
	}, accounts)
	if err != nil {
		t.Fatal(err)
	}
	if accounts.Lookup("A") == nil || accounts.Lookup("B") == nil {
		t.Error("a configured account is missing")
	}
	f := func(connect wire.ConnectOptions, want string) {
		t.Helper()
		if got := authenticate(t, g, connect); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(password("g", "pg"), "$G/g")
	f(password("a", "pa"), "A/a")
	f(password("plain", "pp"), "A/plain")
	f(password("plain", "pa"), "refused")
	f(password("a", "pg"), "refused")
	f(password("nobody", "pa"), "refused")
	f(password("nobody", ""), "refused")
	f(wire.ConnectOptions{}, "refused")
	f(wire.ConnectOptions{JWT: "x"}, "refused")
}

func TestNoAuthUserIsForClientsWithoutAnyCredentials(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Config{
		Users:      []auth.User{{Name: "g", Password: "pg"}},
		Accounts:   []auth.AccountConfig{{Name: "A", Users: []auth.User{{Name: "a", Password: "pa"}}}},
		NoAuthUser: "a",
	})
	if g.Required() {
		t.Error("credentials are required, want not")
	}
	f := func(connect wire.ConnectOptions, want string) {
		t.Helper()
		if got := authenticate(t, g, connect); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(wire.DefaultConnect(), "A/a")
	f(password("g", "pg"), "$G/g")
	f(password("g", "x"), "refused")
	f(password("nobody", ""), "refused")
	f(password("a", ""), "refused")
	f(password("", "x"), "refused")
	f(token("x"), "refused")
	f(wire.ConnectOptions{NKey: "U"}, "refused")

	id, err := g.Authenticate(auth.Request{})
	if err != nil || id.Method != auth.MethodNoAuthUser {
		t.Errorf("got method %q, %v, want %q", id.Method, err, auth.MethodNoAuthUser)
	}
}

func TestDefaultPermissionsHoldForUsersWithoutTheirOwn(t *testing.T) {
	t.Parallel()
	only := func(subject string) *auth.PermissionsConfig {
		return &auth.PermissionsConfig{Publish: auth.SubjectsConfig{Allow: []string{subject}}}
	}
	users := func(prefix string) []auth.User {
		return []auth.User{
			{Name: prefix + "none", Password: "p"},
			{Name: prefix + "own", Password: "p", Permissions: only("own")},
			{Name: prefix + "empty", Password: "p", Permissions: &auth.PermissionsConfig{}},
		}
	}
	g := newGate(t, auth.Config{
		Users: users("g"), DefaultPermissions: only("global"),
		Accounts: []auth.AccountConfig{
			{Name: "A", Users: users("a"), DefaultPermissions: only("account")},
			{Name: "B", Users: []auth.User{{Name: "b", Password: "p"}}},
		},
	})
	f := func(user, want string) {
		t.Helper()
		id, err := g.Authenticate(auth.Request{Connect: password(user, "p")})
		if err != nil {
			t.Error(err)
			return
		}
		var may []string
		for _, subject := range []string{"global", "account", "own"} {
			if id.Permissions == nil || id.Permissions.MayPublish(subject) {
				may = append(may, subject)
			}
		}
		if got := strings.Join(may, " "); got != want {
			t.Errorf("user %q may publish to %q, want %q", user, got, want)
		}
	}
	f("gnone", "global")
	f("gown", "own")
	f("gempty", "global account own")
	f("anone", "account")
	f("aown", "own")
	f("b", "global account own")
}

func TestConfigErrorsNameUserAndReason(t *testing.T) {
	t.Parallel()
	type users = []auth.User
	some := users{{Name: "a", Password: "s3cret"}}
	restricted := func(c auth.SubjectsConfig) users {
		return users{{Name: "a", Password: "s3cret", Permissions: &auth.PermissionsConfig{Subscribe: c}}}
	}
	f := func(want string, cfg auth.Config) {
		t.Helper()
		_, err := auth.New(cfg, core.NewAccounts())
		if _, ok := errors.AsType[*auth.ConfigError](err); !ok {
			t.Errorf("got error %v, want %q", err, want)
			return
		}
		if err.Error() != want {
			t.Errorf("got error\n%s\nwant\n%s", err, want)
		}
	}

	f(`token and user/password exclude each other; keep one`, auth.Config{Token: "s3cret", User: "a", Password: "s3cret"})
	f(`token and users exclude each other; give each user a password or keep the token only`,
		auth.Config{Token: "s3cret", Users: some})
	f(`token and users exclude each other; give each user a password or keep the token only`,
		auth.Config{Token: "s3cret", Accounts: []auth.AccountConfig{{Name: "A", Users: some}}})
	f(`a single user/password and a list of users exclude each other; move the user into the list`,
		auth.Config{User: "x", Password: "s3cret", Users: some})
	f(`a single user/password and a list of users exclude each other; move the user into the list`,
		auth.Config{User: "x", Password: "s3cret", Accounts: []auth.AccountConfig{{Name: "A", Users: some}}})
	f(`password without user`, auth.Config{Password: "s3cret"})
	f(`account "A": user number 1 has no name`, auth.Config{Accounts: []auth.AccountConfig{{Name: "A", Users: users{{Password: "s3cret"}}}}})
	f(`user "a": duplicate user; names are unique across all accounts`, auth.Config{Users: append(some, some...)})
	f(`account "B": user "a": duplicate user; names are unique across all accounts`,
		auth.Config{Accounts: []auth.AccountConfig{{Name: "A", Users: some}, {Name: "B", Users: some}}})
	f(`account "A": user "a": duplicate user; names are unique across all accounts`,
		auth.Config{Users: some, Accounts: []auth.AccountConfig{{Name: "A", Users: some}}})
	f(`account without name`, auth.Config{Accounts: []auth.AccountConfig{{Users: some}}})
	f(`account "$G": the name is reserved for users outside of accounts`, auth.Config{Accounts: []auth.AccountConfig{{Name: "$G"}}})
	f(`account "A": duplicate account name`, auth.Config{Accounts: []auth.AccountConfig{{Name: "A"}, {Name: "A"}}})
	f(`no_auth_user "x" is not among the users`, auth.Config{Users: some, NoAuthUser: "x"})
	f(`no_auth_user "a" needs a list of users that names it`, auth.Config{NoAuthUser: "a", User: "a", Password: "s3cret"})
	f(`no_auth_user "a" needs a list of users that names it`, auth.Config{NoAuthUser: "a"})
	f(`token starts like a bcrypt hash but is not a valid one; hash it again or choose another`, auth.Config{Token: "$2a$s3cret"})
	f(`user "a": password starts like a bcrypt hash but is not a valid one; hash it again or choose another`,
		auth.Config{Users: users{{Name: "a", Password: "$2a$11$s3cret"}}})
	f(`default permissions hold for a list of users, and there is none beside them`,
		auth.Config{Token: "s3cret", DefaultPermissions: &auth.PermissionsConfig{}})
	f(`account "A": default permissions hold for a list of users, and there is none beside them`,
		auth.Config{Accounts: []auth.AccountConfig{{Name: "A", DefaultPermissions: &auth.PermissionsConfig{}}}})

	f(`user "a": permissions: subscribe allow: "foo..x" is not a valid subject`,
		auth.Config{Users: restricted(auth.SubjectsConfig{Allow: []string{"foo..x"}})})
	f(`user "a": permissions: subscribe deny: " foo" is not a valid subject`,
		auth.Config{Users: restricted(auth.SubjectsConfig{Deny: []string{" foo"}})})
	f(`user "a": permissions: subscribe deny: "foo q r": "q r" is not a valid queue; write "subject queue"`,
		auth.Config{Users: restricted(auth.SubjectsConfig{Deny: []string{"foo q r"}})})
	f(`user "a": permissions: subscribe deny: "foo >.x": ">.x" is not a valid queue; write "subject queue"`,
		auth.Config{Users: restricted(auth.SubjectsConfig{Deny: []string{"foo >.x"}})})
	f(`default permissions: publish allow: "foo q" is not a valid subject`, auth.Config{
		Users:              some,
		DefaultPermissions: &auth.PermissionsConfig{Publish: auth.SubjectsConfig{Allow: []string{"foo q"}}},
	})
}

func TestSecretsDoNotShow(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	cfg := auth.Config{
		Token: secret, Password: secret, Users: []auth.User{{Name: "a", Password: secret}},
		Accounts: []auth.AccountConfig{{Name: "A", Users: []auth.User{{Name: "b", Password: secret}}}},
	}
	request := auth.Request{Connect: wire.ConnectOptions{User: "a", Password: secret, Token: secret, JWT: secret, Signature: secret}}
	g := newGate(t, auth.Config{Users: []auth.User{{Name: "a", Password: secret + "x"}}})
	_, refusal := g.Authenticate(request)
	id, err := g.Authenticate(auth.Request{Connect: password("a", secret+"x")})
	if err != nil {
		t.Fatal(err)
	}

	for name, value := range map[string]any{
		"config": cfg, "request": request, "pointer to config": &cfg, "pointer to request": &request,
		"refusal": refusal, "identity": id, "user": cfg.Users[0], "secret": cfg.Token,
	} {
		var out bytes.Buffer
		fmt.Fprintf(&out, "%v %+v %#v %s %q\n", value, value, value, value, value)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", value)
		if name != "request" && name != "pointer to request" && name != "identity" {
			encoded, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(encoded)
		}
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s shows a secret:\n%s", name, &out)
		}
	}
}

func TestRefusalTellsTheLogWhyAndTheClientNothing(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Config{Users: []auth.User{{Name: "a", Password: "p"}}})
	f := func(connect wire.ConnectOptions, want string) {
		t.Helper()
		_, err := g.Authenticate(auth.Request{Connect: connect})
		var refusal *auth.RefusalError
		if !errors.As(err, &refusal) {
			t.Errorf("got error %v, want a RefusalError", err)
			return
		}
		if got := refusal.LogValue().String(); got != want {
			t.Errorf("log value %q, want %q", got, want)
		}
		if got := err.Error(); got != "authorization violation" {
			t.Errorf("error text %q says more than it may", got)
		}
	}
	f(password("a", "x"), "[method=password user=a reason=wrong password]")
	f(password("x", "p"), "[method=password user=x reason=unknown user]")
	f(wire.ConnectOptions{}, "[reason=no credentials]")
	f(token("p"), "[reason=credentials of a kind that is not configured]")
}
