package options

import (
	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conf"
)

// readAuthorization reads who may connect to the global account.
func (l *loader) readAuthorization(s *conf.Section) {
	config := &l.options.Auth
	s.Text(&config.NoAuthUser, "no_auth_user")
	l.note(s, "no_auth_user")
	block := s.Entry("authorization")
	if block == nil {
		return
	}
	l.places["authorization"] = block.Pos
	a := s.Sub(block)
	if a == nil {
		return
	}
	a.Text(&config.User, "user", "username")
	l.readSecret(a, &config.Password, "password", "pass", "password")
	l.readSecret(a, &config.Token, "token", "token")
	l.readAuthTimeout(a)
	config.Users = l.readUsers(a)
	config.DefaultPermissions = l.readPermissions(a, "default_permissions", "permissions")
	refuseAll(a, unsupportedAuthorization)
	a.Done()
}

func (l *loader) readAuthTimeout(a *conf.Section) {
	e := a.Entry("timeout")
	if e == nil {
		return
	}
	l.places["authorization timeout"] = e.Value.Pos
	t := &l.options.Timing.AuthTimeout
	l.authTimeoutSet = readSeconds(a, t, e)
	if l.authTimeoutSet && *t > longAuthTimeout {
		a.Warnf(e, "is %v, so that connections without credentials stay long; keep it at or below %v (a number without unit is seconds)", *t, longAuthTimeout)
	}
}

// readSecret reads a password or token; what names it in warnings.
func (l *loader) readSecret(s *conf.Section, dst *auth.Secret, what string, names ...string) {
	var text string
	if !s.Text(&text, names...) {
		return
	}
	e := s.Entry(names...)
	if text == "" {
		s.Failf(e, "is empty; write a %s, or remove it", what)
		return
	}
	*dst = auth.Secret(text)
	l.secrets = append(l.secrets, secretPlace{e.Value.Pos, what, *dst})
}

// emptyText reports whether the value of an entry is an empty text.
func emptyText(e *conf.Entry) bool {
	text, err := e.Value.Text()
	return err == nil && text == ""
}

// readUsers reads the list of users of the section.
func (l *loader) readUsers(s *conf.Section) []auth.User {
	e := s.Entry("users")
	if e == nil {
		return nil
	}
	list, err := e.Value.List()
	if err != nil {
		s.Fail(e, err)
		return nil
	}
	var users []auth.User
	for _, element := range list {
		m, err := element.Map()
		if err != nil {
			s.Fail(e, err)
			continue
		}
		if user, ok := l.readUser(conf.NewSection(m, "users", &l.report)); ok {
			users = append(users, user)
		}
	}
	return users
}

func (l *loader) readUser(s *conf.Section) (auth.User, bool) {
	var user auth.User
	s.Text(&user.Name, "user", "username")
	if password := s.Entry("pass", "password"); password == nil || emptyText(password) {
		var none string
		s.Text(&none, "pass", "password")
		l.report.Warnf(s.Pos(), "the user that begins here has no password: whoever knows the name comes in; add \"password: ...\"")
	} else {
		l.readSecret(s, &user.Password, "password", "pass", "password")
	}
	user.Permissions = l.readPermissions(s, "permissions", "permission", "authorization")
	refused := refuseAll(s, unsupportedUser)
	s.Done()
	if refused {
		return user, false
	}
	switch first, taken := l.userPos[user.Name]; {
	case user.Name == "":
		l.report.Errorf(s.Pos(), "the user that begins here has no name; add \"user: NAME\"")
		return user, false
	case taken:
		l.report.Errorf(s.Pos(), "user %q is named twice, first at %s; names are unique across all accounts, rename or remove one", user.Name, first)
		return user, false
	}
	if l.userPos == nil {
		l.userPos = map[string]conf.Pos{}
	}
	l.userPos[user.Name] = s.Pos()
	return user, true
}

// readPermissions reads what a user may publish and subscribe to, nil if the
// section does not say.
func (l *loader) readPermissions(s *conf.Section, names ...string) *auth.PermissionsConfig {
	e := s.Entry(names...)
	if e == nil {
		return nil
	}
	p := s.Sub(e)
	if p == nil {
		return nil
	}
	out := &auth.PermissionsConfig{
		Publish:   readSubjects(p, "publish", "pub", "import"),
		Subscribe: readSubjects(p, "subscribe", "sub", "export"),
	}
	refuseAll(p, unsupportedPermissions)
	p.Done()
	return out
}

// readSubjects reads a subject, a list of subjects, or a map of both kinds of
// lists; a bare list is what is allowed.
func readSubjects(p *conf.Section, names ...string) auth.SubjectsConfig {
	var out auth.SubjectsConfig
	e := p.Entry(names...)
	if e == nil {
		return out
	}
	if e.Value.Kind != conf.KindMap {
		texts, err := e.Value.Texts()
		if err != nil {
			p.Failf(e, "needs a subject, a list of subjects, or a map with \"allow\" and \"deny\"")
			return out
		}
		out.Allow = texts
		return out
	}
	s := p.Sub(e)
	s.Texts(&out.Allow, "allow")
	s.Texts(&out.Deny, "deny")
	s.Done()
	return out
}

// readAccounts reads the accounts: a map of them, or a list of names.
func (l *loader) readAccounts(s *conf.Section) {
	e := s.Entry("accounts")
	if e == nil {
		return
	}
	if e.Value.Kind == conf.KindList {
		names, err := e.Value.Texts()
		if err != nil {
			s.Fail(e, err)
			return
		}
		for _, name := range names {
			l.addAccount(e.Value.Pos, auth.AccountConfig{Name: name})
		}
		return
	}
	m, err := e.Value.Map()
	if err != nil {
		s.Fail(e, err)
		return
	}
	for _, entry := range m.Entries() {
		if entry.Referenced && entry.Value.Kind != conf.KindMap {
			continue // a variable among the accounts
		}
		l.readAccount(entry, s)
	}
}

func (l *loader) readAccount(entry *conf.Entry, parent *conf.Section) {
	fields, err := entry.Value.Map()
	if err != nil {
		parent.Fail(entry, err)
		return
	}
	s := conf.NewSection(fields, "account "+entry.Key, &l.report)
	account := auth.AccountConfig{
		Name:               entry.Key,
		Users:              l.readUsers(s),
		DefaultPermissions: l.readPermissions(s, "default_permissions"),
	}
	l.readJetStreamAccount(s, entry.Key)
	refuseAll(s, unsupportedAccount)
	s.Done()
	l.addAccount(entry.Pos, account)
}

func (l *loader) addAccount(pos conf.Pos, account auth.AccountConfig) {
	if account.Name == systemAccount {
		l.warnings = append(l.warnings, Warning{Pos: pos, Text: "the system account " + systemAccount +
			" is an account like any other in this version: it has no services and no events"})
	}
	l.places["account "+account.Name] = pos
	l.options.Auth.Accounts = append(l.options.Auth.Accounts, account)
}
