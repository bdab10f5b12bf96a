package options

import (
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conf"
	"github.com/tidings-io/tidings/internal/core"
)

// settle completes the defaults that depend on other settings.
func (l *loader) settle() {
	if tls := l.options.TLS; tls != nil && !l.authTimeoutSet {
		l.options.Timing.AuthTimeout = tls.Timeout + time.Second
	}
	l.settleMonitorHost()
	l.settleJetStream()
}

// check finds what is wrong with the options as a whole.
func (l *loader) check() {
	l.checkServer()
	l.checkLimits()
	l.checkTiming()
	l.checkLog()
	l.checkMonitor()
	l.checkJetStream()
	if !l.report.Failed() { // what was refused may be what these would miss
		l.checkTLS()
		l.checkAuth()
	}
}

// checkAuth lets the authorization gate judge its configuration.
func (l *loader) checkAuth() {
	_, err := auth.New(l.options.Auth, core.NewAccounts())
	if err == nil {
		return
	}
	pos := l.at("authorization")
	if refused, ok := errors.AsType[*auth.ConfigError](err); ok {
		if userPos, ok := l.userPos[refused.User]; ok && refused.User != "" {
			pos = userPos
		} else if strings.HasPrefix(refused.Reason, "no_auth_user") {
			pos = l.at("no_auth_user")
		} else if accountPos, ok := l.places["account "+refused.Account]; ok {
			pos = accountPos
		}
	}
	l.report.Errorf(pos, "%v", err)
}

// authRequired reports whether a client needs credentials.
func (l *loader) authRequired() bool {
	a := &l.options.Auth
	if a.NoAuthUser != "" {
		return false
	}
	return a.Token != "" || a.User != "" || l.hasUsers()
}

// hasUsers reports whether there is a list of users, in whatever account.
func (l *loader) hasUsers() bool {
	a := &l.options.Auth
	return len(a.Users) > 0 || slices.ContainsFunc(a.Accounts, func(account auth.AccountConfig) bool {
		return len(account.Users) > 0
	})
}

// checkSafety warns of what opens the server to others. Without a file it is
// an error to be open to everybody, unless insecure.
func (l *loader) checkSafety(insecure bool) {
	o := &l.options
	beyond := !isLoopback(o.Server.Host)
	switch {
	case beyond && !l.authRequired() && o.ConfigFile == "" && !insecure:
		l.report.Errorf(conf.Pos{}, "the server would listen on %s without authentication, so that anybody who reaches it may read and publish; give --user and --pass or --auth, listen on %s, or say --insecure", o.Server.Host, loopback)
	case beyond && !l.authRequired():
		l.unsafe(l.hostPos(), "clients connect on %s without authentication: anybody who reaches it may read and publish; add an \"authorization\" block or \"host: %s\"", o.Server.Host, loopback)
	case beyond && (o.TLS == nil || o.TLS.AllowNonTLS):
		l.unsafe(l.hostPos(), "credentials cross the network in the clear, as clients may connect on %s without TLS; add a \"tls\" block, or \"host: %s\"", o.Server.Host, loopback)
	}
	if o.Monitor.Enabled() && !isLoopback(o.Monitor.Host) {
		l.unsafe(l.monitorPos(), "monitoring listens on %s without a login; write http: \"%s:PORT\" unless others shall see it", o.Monitor.Host, loopback)
	}
	if o.Server.ProfPort != 0 && beyond {
		l.unsafe(l.at("prof_port"), "profiling listens on %s without a login; remove prof_port, or set \"host: %s\"", o.Server.Host, loopback)
	}
	for _, secret := range l.secrets {
		if !isBcrypt(secret.text) {
			l.unsafe(secret.pos, "the %s is in plain text; store a bcrypt hash ($2a$...) instead", secret.what)
		}
	}
}

// hostPos is the place that makes the client listener bind where it does: the
// setting, or the file as a whole.
func (l *loader) hostPos() conf.Pos {
	if pos := l.at("host"); !pos.IsZero() || l.options.ConfigFile == "" || l.hostSet {
		return pos
	}
	return conf.Pos{File: l.options.ConfigFile, Line: 1, Col: 1}
}

// isLoopback reports whether only this machine reaches host.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

// isBcrypt reports whether the secret is a hash. The gate checks that one that
// looks like a hash is valid.
func isBcrypt(s auth.Secret) bool {
	return len(s) > 4 && s[:2] == "$2" && s[3] == '$' && strings.IndexByte("abxy", s[2]) >= 0
}
