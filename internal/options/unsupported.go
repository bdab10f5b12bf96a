package options

import (
	"slices"
	"strings"

	"github.com/tidings-io/tidings/internal/conf"
)

// systemAccount is the name of the account for the server's own messages.
const systemAccount = "$SYS"

// notSupported ends the text of what is known but not there yet.
const notSupported = "not supported yet by this version of Tidings; remove it or run nats-server for it"

// unsupported is a key of nats-server that this version refuses, unless its
// value asks for what is the case anyway.
type unsupported struct {
	names    []string // the key and its aliases
	harmless func(*conf.Value) bool
}

// The values that ask for nothing.
func never(*conf.Value) bool { return false }

func isFalse(v *conf.Value) bool {
	b, err := v.Bool()
	return err == nil && !b
}

func isBool(v *conf.Value) bool { return v.Kind == conf.KindBool }

func isZero(v *conf.Value) bool {
	n, err := v.Int()
	return err == nil && n == 0
}

// isEmpty accepts {}, [], "" and false.
func isEmpty(v *conf.Value) bool {
	switch v.Kind {
	case conf.KindMap:
		m, err := v.Map()
		return err == nil && m.Len() == 0
	case conf.KindList:
		list, err := v.List()
		return err == nil && len(list) == 0
	default:
		return isText("")(v) || isFalse(v)
	}
}

// isText accepts one of texts, regardless of case.
func isText(texts ...string) func(*conf.Value) bool {
	return func(v *conf.Value) bool {
		text, err := v.Text()
		return err == nil && slices.Contains(texts, strings.ToLower(text))
	}
}

func one(name string, harmless func(*conf.Value) bool) unsupported {
	return unsupported{[]string{name}, harmless}
}

var unsupportedTop = []unsupported{
	one("cluster", isEmpty), one("gateway", isEmpty),
	{[]string{"leafnodes", "leaf"}, isEmpty},
	{[]string{"websocket", "ws"}, isEmpty},
	one("mqtt", isEmpty),
	{[]string{"mappings", "maps"}, isEmpty},
	{[]string{"operator", "operators", "roots", "root", "root_operators", "root_operator"}, isEmpty},
	{[]string{"trusted", "trusted_keys"}, isEmpty},
	{[]string{"resolver", "account_resolver", "accounts_resolver"}, isText("")},
	one("resolver_tls", isEmpty), one("resolver_preload", isEmpty), one("resolver_pinned_accounts", isEmpty),
	one("default_sentinel", isText("")), one("default_js_domain", isEmpty),
	one("ocsp", isFalse), one("ocsp_cache", isFalse),
	one("proxies", isEmpty), one("proxy_protocol", isFalse),
	one("feature_flags", isEmpty), one("prof_block_rate", isZero),
	one("connect_error_reports", never), one("reconnect_error_reports", never),
	{[]string{"system_account", "system"}, isText(strings.ToLower(systemAccount))},
	{[]string{"no_system_account", "no_system", "no_sys_acc"}, isBool},
}

var unsupportedTLS = []unsupported{
	one("verify_and_map", isFalse), one("verify_cert_and_check_known_urls", isFalse),
	one("cert_store", isText("")), one("cert_match_by", isText("")), one("cert_match", isText("")),
	one("ca_certs_match", isEmpty), one("cert_match_skip_invalid", isFalse), one("ocsp_peer", isFalse),
}

var unsupportedAuthorization = []unsupported{
	{[]string{"auth_callout", "auth_hook"}, isEmpty},
	one("proxy_required", isFalse),
}

var unsupportedUser = []unsupported{
	one("nkey", isText("")),
	{[]string{"allowed_connection_types", "connection_types", "clients"}, never},
	one("proxy_required", isFalse),
}

var unsupportedPermissions = []unsupported{
	{[]string{"allow_responses", "publish_allow_responses"}, isFalse},
}

var unsupportedAccount = []unsupported{
	one("nkey", isText("")), one("exports", isEmpty), one("imports", isEmpty),
	{[]string{"mappings", "maps"}, isEmpty},
	one("limits", isEmpty),
	{[]string{"msg_trace", "trace_dest"}, isText("")},
}

var unsupportedJetStream = []unsupported{one("tpm", isEmpty)}

// refuseUnsupported refuses the keys of the top level.
func (l *loader) refuseUnsupported(s *conf.Section) { refuseAll(s, unsupportedTop) }

// refuseAll reports each key of list that asks for something, and whether
// there was one.
func refuseAll(s *conf.Section, list []unsupported) bool {
	refused := false
	for _, u := range list {
		if e := s.Entry(u.names...); e != nil && !u.harmless(e.Value) {
			s.Report().Errorf(e.Pos, "%q is %s", e.Key, notSupported)
			refused = true
		}
	}
	return refused
}
