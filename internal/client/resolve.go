package client

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Inputs is what [Resolve] decides from.
type Inputs struct {
	Flags   Settings            // settings given as flags
	Context string              // value of --context, or ""
	Getenv  func(string) string // the environment
	Store   *Store              // nil: there are no contexts
}

// Value is a resolved setting and where it came from.
type Value struct {
	Text   string
	Source string // such as "flag --server" or "context local"
}

// Resolved is the outcome of merging all layers.
type Resolved struct {
	Context    Context // the context in use; its Name is "" if there is none
	ContextWhy string  // what chose the context, or why there is none

	values map[Name]Value
}

// defaults are the settings of last resort.
var defaults = Settings{
	Server:         "nats://127.0.0.1:4222",
	Timeout:        "5s",
	InboxPrefix:    "_INBOX",
	ConnectionName: "tidings",
}

// layer is one source of settings. source gives the words for one of them.
type layer struct {
	settings Settings
	source   func(Name) string
}

// Resolve merges, the strongest first: flags; the context named by --context;
// environment variables; the context named by TIDINGS_CONTEXT or NATS_CONTEXT;
// the selected context; defaults.
//
// Two rules keep secrets where they belong. The selected context takes part
// only if no server is named by a flag or variable, because its credentials are
// for its own server. And the ways to authenticate are taken from one layer
// together, so that a token of one and a password of another never mix; only a
// password alone is joined with the user of a weaker layer.
func Resolve(in Inputs) (*Resolved, error) {
	flags := layer{in.Flags, func(n Name) string { return "flag --" + string(n) }}
	env := envLayer(in.Getenv)
	for _, l := range []layer{flags, env} {
		if err := l.validate(); err != nil {
			return nil, err
		}
	}
	r := &Resolved{values: map[Name]Value{}}
	serverNamed := flags.settings[Server] != "" || env.settings[Server] != ""
	place, err := r.chooseContext(in, serverNamed)
	if err != nil {
		return nil, err
	}
	context := layer{r.Context.Settings, func(Name) string { return "context " + r.Context.Name }}
	layers := []layer{flags, env, context}
	if place == contextByFlag {
		layers = []layer{flags, context, env}
	}
	layers = append(layers, layer{defaults, func(Name) string { return "default" }})
	r.merge(layers)
	return r, nil
}

func (l layer) validate() error {
	for _, f := range Fields {
		if value, set := l.settings[f.Name]; set {
			if err := f.check(value); err != nil {
				return fmt.Errorf("%w (%s)", err, l.source(f.Name))
			}
		}
	}
	return nil
}

func envLayer(getenv func(string) string) layer {
	settings, from := Settings{}, map[Name]string{}
	for _, f := range Fields {
		if key, value := firstEnv(getenv, f.Env); value != "" {
			settings[f.Name], from[f.Name] = value, key
		}
	}
	return layer{settings, func(n Name) string { return "environment " + from[n] }}
}

func firstEnv(getenv func(string) string, keys []string) (key, value string) {
	for _, key := range keys {
		if value := getenv(key); value != "" {
			return key, value
		}
	}
	return "", ""
}

type contextPlace int

const (
	noContext contextPlace = iota
	contextByFlag
	contextByEnv
	contextSelected
)

// chooseContext loads the context in use into r and says what chose it.
func (r *Resolved) chooseContext(in Inputs, serverNamed bool) (contextPlace, error) {
	key, fromEnv := firstEnv(in.Getenv, ContextEnv)
	switch {
	case in.Context != "":
		r.ContextWhy = "named by --context"
		return contextByFlag, r.load(in.Store, in.Context)
	case fromEnv != "":
		r.ContextWhy = "named by " + key
		return contextByEnv, r.load(in.Store, fromEnv)
	case in.Store == nil:
		r.ContextWhy = "none is selected"
		return noContext, nil
	}
	selected, err := in.Store.Selected()
	switch {
	case err != nil:
		return noContext, err
	case selected == "":
		r.ContextWhy = "none is selected"
		return noContext, nil
	case serverNamed:
		r.ContextWhy = fmt.Sprintf("the selected context %s is left out because a server was named elsewhere; add --context %s to use its settings there", selected, selected)
		return noContext, nil
	}
	r.ContextWhy = "selected with `tidings context select`"
	err = r.load(in.Store, selected)
	if errors.Is(err, ErrNoContext) {
		return noContext, fmt.Errorf("the selected context is gone: %w; choose one with `tidings context select` or none with `tidings context select --none`", err)
	}
	return contextSelected, err
}

func (r *Resolved) load(store *Store, name string) (err error) {
	if store == nil {
		return fmt.Errorf("context %q: %w", name, ErrNoContext)
	}
	r.Context, err = store.Load(name)
	return err
}

var authNames = []Name{User, Password, Token, Credentials, NKey}

func (l layer) authenticates() bool {
	for _, name := range authNames {
		if l.settings[name] != "" {
			return true
		}
	}
	return hasUserInfo(l.settings[Server])
}

func (r *Resolved) merge(layers []layer) {
	auth, pair, server := -1, -1, -1
	for i, l := range layers {
		if auth < 0 && l.authenticates() {
			auth = i
		}
		if pair < 0 && (l.settings[TLSCertificate] != "" || l.settings[TLSKey] != "") {
			pair = i
		}
		if server < 0 && l.settings[Server] != "" {
			server = i
		}
		for name, value := range l.settings {
			if _, taken := r.values[name]; taken || isAuth(name) || name == TLSCertificate || name == TLSKey {
				continue
			}
			r.values[name] = Value{value, l.source(name)}
		}
	}
	r.take(layers, auth, authNames...)
	r.take(layers, pair, TLSCertificate, TLSKey)
	if auth < 0 {
		return
	}
	r.joinUser(layers, auth)
	if v := r.values[Server]; auth < server && hasUserInfo(v.Text) {
		r.values[Server] = Value{withoutUserInfo(v.Text), v.Source}
	}
}

// take sets the names from layer i alone.
func (r *Resolved) take(layers []layer, i int, names ...Name) {
	if i < 0 {
		return
	}
	for _, name := range names {
		if value := layers[i].settings[name]; value != "" {
			r.values[name] = Value{value, layers[i].source(name)}
		}
	}
}

// joinUser completes a password that came without a user.
func (r *Resolved) joinUser(layers []layer, auth int) {
	s := layers[auth].settings
	if s[Password] == "" || s[User] != "" {
		return
	}
	for _, l := range layers[auth+1:] {
		if user := l.settings[User]; user != "" {
			r.values[User] = Value{user, l.source(User)}
			return
		}
	}
}

func isAuth(name Name) bool { return slices.Contains(authNames, name) }

// Value returns the setting of that name; its Text is "" if it is not set.
func (r *Resolved) Value(name Name) Value { return r.values[name] }

// Text returns the text of the setting of that name, "" if it is not set.
func (r *Resolved) Text(name Name) string { return r.values[name].Text }

// Servers returns the servers to try, in order, each as a URL.
func (r *Resolved) Servers() []string {
	list, err := serverList(r.Text(Server))
	if err != nil { // every layer was validated
		return nil
	}
	return list
}

// For returns the same settings for one of the servers only.
func (r *Resolved) For(server string) *Resolved {
	one := *r
	one.values = maps.Clone(r.values)
	one.values[Server] = Value{server, r.values[Server].Source}
	return &one
}

// Timeout returns the time to wait for a connection or an answer.
func (r *Resolved) Timeout() time.Duration {
	d, err := time.ParseDuration(r.Text(Timeout))
	if err != nil { // every layer was validated
		return 5 * time.Second
	}
	return d
}

func (r *Resolved) tlsFirst() bool {
	on, err := strconv.ParseBool(r.Text(TLSFirst))
	return err == nil && on
}

// Describe says in a few words what is in use, for the line every connecting
// command shows: "context local", or where the server's name came from.
func (r *Resolved) Describe() string {
	server := r.values[Server].Source
	switch {
	case r.Context.Name == "":
		return "no context, server from " + strings.TrimPrefix(server, "flag ")
	case r.Context.Settings[Server] == "" || !strings.HasPrefix(server, "context "):
		return "context " + r.Context.Name + ", server from " + strings.TrimPrefix(server, "flag ")
	case r.Context.Origin == OriginNats:
		return "context " + r.Context.Name + " of the nats tool"
	}
	return "context " + r.Context.Name
}
