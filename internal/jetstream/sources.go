package jetstream

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// sourceCommand says which stream a source is, and how far it has been copied.
type sourceCommand struct {
	Key      string `json:"key"`
	Identity string `json:"identity,omitempty"`
	Seq      uint64 `json:"seq,omitempty"`
}

// admitSourcesLocked says why a stream cannot copy what its configuration names.
func (a *Account) admitSourcesLocked(cfg *jsapi.StreamConfig) *jsapi.Error {
	if a.cycleLocked(cfg, map[string]bool{}) || a.twiceLocked(cfg) {
		return jsapi.ErrStreamInvalidConfig.New("detected cycle")
	}
	return nil
}

// cycleLocked reports whether a stream would copy its own messages, directly or
// over others. path has the names on the way here.
func (a *Account) cycleLocked(cfg *jsapi.StreamConfig, path map[string]bool) bool {
	path[cfg.Name] = true
	defer delete(path, cfg.Name)
	for _, source := range allSources(cfg) {
		if !a.local(source) {
			continue
		}
		if path[source.Name] {
			return true
		}
		if origin := a.mu.streams[source.Name]; origin != nil && a.cycleLocked(origin.config.Load(), path) {
			return true
		}
	}
	return false
}

func allSources(cfg *jsapi.StreamConfig) []*jsapi.StreamSource {
	if cfg.Mirror != nil {
		return []*jsapi.StreamSource{cfg.Mirror}
	}
	return cfg.Sources
}

// twiceLocked reports whether a stream would copy the same messages twice: from a
// source and from another one that mirrors it.
func (a *Account) twiceLocked(cfg *jsapi.StreamConfig) bool {
	direct := map[string]bool{}
	for _, source := range cfg.Sources {
		direct[source.Name] = a.local(source)
	}
	for _, source := range cfg.Sources {
		for origin := a.localLocked(source); origin != nil; {
			mirror := origin.config.Load().Mirror
			if mirror == nil {
				break
			}
			if direct[mirror.Name] && a.local(mirror) {
				return true
			}
			origin = a.localLocked(mirror)
		}
	}
	return false
}

// localLocked returns the stream of the account that a source names, or nil.
func (a *Account) localLocked(source *jsapi.StreamSource) *Stream {
	if !a.local(source) {
		return nil
	}
	return a.mu.streams[source.Name]
}

// local reports whether a source is a stream of the same account on this server.
func (a *Account) local(source *jsapi.StreamSource) bool {
	if source.External == nil || source.External.API == "" {
		return true
	}
	domain := a.node.cfg.Domain // the prefix without a domain is refused before
	return domain != "" && source.External.API == jsapi.DomainPrefix(domain)
}

// startFollowersLocked begins to copy what the configuration names.
func (s *Stream) startFollowersLocked() {
	cfg := s.config.Load()
	if cfg.Mirror != nil {
		s.mu.copying = append(s.mu.copying, newFollower(s, cfg.Mirror, true))
	}
	for _, source := range cfg.Sources {
		s.mu.copying = append(s.mu.copying, newFollower(s, source, false))
	}
	s.account.noteCopying(s, len(s.mu.copying) > 0)
}

// sameSources reports whether two configurations copy the same.
func sameSources(a, b *jsapi.StreamConfig) bool {
	if (a.Mirror == nil) != (b.Mirror == nil) || len(a.Sources) != len(b.Sources) {
		return false
	}
	x, y := jsapi.StreamConfig{Mirror: a.Mirror, Sources: a.Sources}, jsapi.StreamConfig{Mirror: b.Mirror, Sources: b.Sources}
	return x.Equal(&y)
}

// resolve finds the origins of everything that the account's streams copy: after
// a stream has come or gone.
func (a *Account) resolve() {
	a.copying.Lock()
	streams := slices.Collect(maps.Keys(a.copying.streams))
	a.copying.Unlock()
	for _, s := range streams {
		s.resolve()
	}
}

// noteCopying keeps the account's table of streams that copy from others.
func (a *Account) noteCopying(s *Stream, on bool) {
	a.copying.Lock()
	defer a.copying.Unlock()
	if on {
		a.copying.streams[s] = struct{}{}
	} else {
		delete(a.copying.streams, s)
	}
}

func (s *Stream) resolve() {
	s.stopLeaving(true)
	s.mu.Lock()
	copying := append([]*follower(nil), s.mu.copying...)
	s.mu.Unlock()
	for _, f := range copying {
		origin, err := s.account.originOf(f)
		f.attach(origin, err)
	}
}

func (a *Account) originOf(f *follower) (*Stream, *jsapi.Error) {
	if !a.local(f.source) {
		code := jsapi.ErrSourceConsumerSetupFailed
		if f.mirror {
			code = jsapi.ErrMirrorConsumerSetupFailed
		}
		return nil, code.New(errElsewhere)
	}
	if origin := a.Stream(f.source.Name); origin != nil {
		return origin, nil
	}
	return nil, jsapi.ErrStreamNotFound.New()
}

var errElsewhere = errors.New("streams of other accounts and domains cannot be copied by this version")

// sourcesInfoLocked tells how far the copying has come.
func (s *Stream) sourcesInfoLocked(info *jsapi.StreamInfo) {
	for _, f := range s.mu.copying {
		i := f.info()
		if f.mirror {
			info.Mirror = i
		} else {
			info.Sources = append(info.Sources, i)
		}
	}
}

func (f *follower) info() *jsapi.StreamSourceInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := &jsapi.StreamSourceInfo{
		Name: f.source.Name, External: f.source.External, Active: -1, Error: f.mu.err,
		FilterSubject: f.source.FilterSubject, SubjectTransforms: f.source.SubjectTransforms,
		Lag: f.mu.lag, Seq: f.mu.seen,
	}
	switch {
	case f.mu.origin != nil && f.mu.looked && f.mu.err == nil && !f.mu.running:
		i.Active = 0 // it would hear of a message at once
	case !f.mu.active.IsZero():
		i.Active = time.Since(f.mu.active)
	}
	return i
}

// measure counts what is still to be copied. It is called without locks.
func (f *follower) measure() {
	f.mu.Lock()
	origin, feed, next := f.mu.origin, f.mu.feed, f.mu.next
	f.mu.Unlock()
	var lag uint64
	switch {
	case origin == nil:
	case feed != nil:
		lag = feed.pending()
	default:
		origin.View(func(x *index.Index) { lag = x.Count(next, x.NewFilter(f.patterns...)) })
	}
	f.mu.Lock()
	f.mu.lag = lag
	f.mu.Unlock()
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

// renewFollowersLocked goes over to the sources of a changed configuration; resolve
// follows, without the lock.
func (s *Stream) renewFollowersLocked() {
	s.mu.leaving = append(s.mu.leaving, s.mu.copying...)
	s.mu.copying = nil
	s.startFollowersLocked()
}

// stopCopying ends the followers of a stream that ends. The consumers that were
// made for them go, too, unless it is the server that ends.
func (s *Stream) stopCopying() {
	s.mu.Lock()
	s.mu.leaving = append(s.mu.leaving, s.mu.copying...)
	s.mu.copying = nil
	s.account.noteCopying(s, false)
	s.mu.Unlock()
	s.stopLeaving(!s.node.ending())
}

// stopLeaving stops the followers that are not needed any more.
func (s *Stream) stopLeaving(forget bool) {
	s.mu.Lock()
	leaving := s.mu.leaving
	s.mu.leaving = nil
	kept := map[string]bool{}
	for _, f := range s.mu.copying {
		kept[f.key] = true
	}
	s.mu.Unlock()
	for _, f := range leaving {
		feed := f.fed()
		f.stop()
		if forget && feed != nil && !kept[f.key] {
			feed.forget()
		}
	}
}
