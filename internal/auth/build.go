package auth

import (
	"strconv"

	"github.com/tidings-io/tidings/internal/core"
)

// New builds the gate of cfg. The accounts that cfg names exist in accounts
// afterwards. cfg is not retained.
//
// Errors: [*ConfigError]; some accounts may exist by then.
func New(cfg Config, accounts *core.Accounts) (*Gate, error) {
	if err := checkCombination(&cfg); err != nil {
		return nil, err
	}
	b := &builder{accounts: accounts, passwords: newPasswordMethod()}
	g := &Gate{}
	switch {
	case cfg.Token != "":
		token, err := newVerifier(cfg.Token)
		if err != nil {
			return nil, &ConfigError{Reason: "token " + err.Error()}
		}
		identity := Identity{Account: accounts.Global(), Method: MethodToken}
		g.methods = append(g.methods, &tokenMethod{token: token, identity: identity})
	case cfg.User != "":
		user := User{Name: cfg.User, Password: cfg.Password}
		if err := b.addUsers("", accounts.Global(), []User{user}, nil); err != nil {
			return nil, err
		}
	default:
		if err := b.addUsers("", accounts.Global(), cfg.Users, cfg.DefaultPermissions); err != nil {
			return nil, err
		}
	}
	if err := b.addAccounts(cfg.Accounts); err != nil {
		return nil, err
	}
	if len(b.passwords.users) > 0 {
		g.methods = append(g.methods, b.passwords)
	}
	anonymous, err := b.anonymous(cfg.NoAuthUser, len(g.methods) > 0)
	if err != nil {
		return nil, err
	}
	g.anonymous = anonymous
	return g, nil
}

const noUsersForDefaults = "default permissions hold for a list of users, and there is none beside them"

// checkCombination refuses what cannot hold at the same time, rather than to
// ignore one of both.
func checkCombination(cfg *Config) error {
	refuse := func(reason string) error { return &ConfigError{Reason: reason} }
	users := len(cfg.Users) > 0
	for _, account := range cfg.Accounts {
		users = users || len(account.Users) > 0
		if account.DefaultPermissions != nil && len(account.Users) == 0 {
			return &ConfigError{Account: account.Name, Reason: noUsersForDefaults}
		}
	}
	switch single := cfg.User != "" || cfg.Password != ""; {
	case cfg.Token != "" && single:
		return refuse("token and user/password exclude each other; keep one")
	case cfg.Token != "" && users:
		return refuse("token and users exclude each other; give each user a password or keep the token only")
	case single && users:
		return refuse("a single user/password and a list of users exclude each other; move the user into the list")
	case cfg.User == "" && cfg.Password != "":
		return refuse("password without user")
	case cfg.NoAuthUser != "" && !users:
		return refuse("no_auth_user " + strconv.Quote(cfg.NoAuthUser) + " needs a list of users that names it")
	case cfg.DefaultPermissions != nil && len(cfg.Users) == 0:
		return refuse(noUsersForDefaults)
	}
	return nil
}

// builder gathers users.
type builder struct {
	accounts  *core.Accounts
	passwords *passwordMethod
}

func (b *builder) addAccounts(configs []AccountConfig) error {
	seen := make(map[string]bool, len(configs))
	for _, c := range configs {
		switch {
		case c.Name == "":
			return &ConfigError{Reason: "account without name"}
		case c.Name == core.GlobalAccount:
			return &ConfigError{Account: c.Name, Reason: "the name is reserved for users outside of accounts"}
		case seen[c.Name]:
			return &ConfigError{Account: c.Name, Reason: "duplicate account name"}
		}
		seen[c.Name] = true
		if err := b.addUsers(c.Name, b.accounts.Get(c.Name), c.Users, c.DefaultPermissions); err != nil {
			return err
		}
	}
	return nil
}

// addUsers takes in the users of one account. name is the account's in errors.
func (b *builder) addUsers(name string, account *core.Account, users []User, defaults *PermissionsConfig) error {
	fallback, err := newPermissions(defaults)
	if err != nil {
		return &ConfigError{Account: name, Reason: "default permissions: " + err.Error()}
	}
	for i, user := range users {
		refuse := func(reason string) error {
			return &ConfigError{Account: name, User: user.Name, Reason: reason}
		}
		if user.Name == "" {
			return refuse("user number " + strconv.Itoa(i+1) + " has no name")
		}
		if _, taken := b.passwords.users[user.Name]; taken {
			return refuse("duplicate user; names are unique across all accounts")
		}
		password, err := newVerifier(user.Password)
		if err != nil {
			return refuse("password " + err.Error())
		}
		permissions := fallback
		if user.Permissions != nil {
			if permissions, err = newPermissions(user.Permissions); err != nil {
				return refuse("permissions: " + err.Error())
			}
		}
		b.passwords.add(password, Identity{
			User: user.Name, Account: account, Permissions: permissions, Method: MethodPassword,
		})
	}
	return nil
}

// anonymous returns who a client without credentials is, nil if it is refused.
func (b *builder) anonymous(noAuthUser string, methods bool) (*Identity, error) {
	if noAuthUser != "" {
		user, known := b.passwords.users[noAuthUser]
		if !known {
			return nil, &ConfigError{Reason: "no_auth_user " + strconv.Quote(noAuthUser) + " is not among the users"}
		}
		identity := user.identity
		identity.Method = MethodNoAuthUser
		return &identity, nil
	}
	if methods {
		return nil, nil // refused is a proper answer
	}
	return &Identity{Account: b.accounts.Global()}, nil
}
