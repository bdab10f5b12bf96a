package options

import (
	"math"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conf"
)

// SizeAtStart stands, as a size, for one that is chosen when the server starts:
// see [JetStream.Capacity].
const SizeAtStart = -1

// JetStream is the storage of messages: streams and their consumers.
type JetStream struct {
	// Enabled turns JetStream on. Default false.
	Enabled bool
	// StoreDir is the directory for all data; the server makes it. With Enabled
	// it is never "".
	StoreDir string
	// StoreDirChosen says that nobody named StoreDir: it is the one of
	// defaultStoreDir.
	StoreDirChosen bool
	// MaxMemory and MaxStore are how many bytes all streams may have in memory
	// and on disk; 0 allows none. Default SizeAtStart.
	MaxMemory, MaxStore int64
	// Domain is the name that sets this JetStream apart from others, one token;
	// "" means none.
	Domain string
	// Strict refuses requests with fields that are not known. Default true.
	Strict bool
	// SyncInterval is how long acknowledged messages may wait for the disk; 0,
	// the default, means that an acknowledgement says they are there.
	SyncInterval time.Duration
	// MaxBufferedMsgs and MaxBufferedSize (bytes) bound what may wait to be stored
	// in one stream. Default 100 000 and 128 MiB.
	MaxBufferedMsgs int
	MaxBufferedSize int64
	// RequestQueueLimit and InfoQueueLimit are how many requests to the API may
	// wait, those for information by themselves. Default 10 000, and the same.
	RequestQueueLimit, InfoQueueLimit int
	// Encryption is that of messages on disk.
	Encryption Encryption
	// Limits bound what a request can ask for.
	Limits JetStreamLimits
	// Accounts are those whose block says something about JetStream, in the order
	// of the file. Ask AccountLimits.
	Accounts []JetStreamAccount
}

// Encryption is how messages are encrypted on disk: with AES.
type Encryption struct {
	// Key is the secret that keys are made of; "" stores messages as they are.
	Key auth.Secret
	// PreviousKey is the one that data may still be encrypted with, "" if there is
	// none. With it Key is set, too.
	PreviousKey auth.Secret
}

// Defaults that existing servers have (server configuration reference).
const (
	defaultBufferedMsgs = 100_000
	defaultBufferedSize = 128 << 20
	defaultRequestQueue = 10_000
)

func defaultJetStream() JetStream {
	return JetStream{
		MaxMemory: SizeAtStart, MaxStore: SizeAtStart, Strict: true,
		MaxBufferedMsgs: defaultBufferedMsgs, MaxBufferedSize: defaultBufferedSize,
		RequestQueueLimit: defaultRequestQueue, InfoQueueLimit: defaultRequestQueue,
		Limits: defaultJetStreamLimits(),
	}
}

// readJetStream reads the setting "jetstream" in each of its forms.
func (l *loader) readJetStream(s *conf.Section) {
	js := &l.options.JetStream
	l.readStoreDir(s, "store_dir", "storedir")
	e := s.Entry("jetstream")
	if e == nil {
		return
	}
	l.places["jetstream"] = e.Value.Pos
	if e.Value.Kind != conf.KindMap {
		if on, ok := readSwitch(s, e); ok {
			js.Enabled = on
		}
		return
	}
	b := s.Sub(e)
	js.Enabled = true
	b.Bool(&js.Enabled, "enabled", "enable")
	if dir := b.Entry("store_dir", "store", "storedir"); dir != nil && !l.at("store_dir").IsZero() {
		b.Failf(dir, "is set a second time, first at %s; keep one", l.at("store_dir"))
	} else {
		l.readStoreDir(b, "store_dir", "store", "storedir")
	}
	readCapacity(b, &js.MaxMemory, "max_memory_store", "max_mem_store", "max_mem")
	readCapacity(b, &js.MaxStore, "max_file_store", "max_file")
	b.Bool(&js.Strict, "strict")
	b.Text(&js.Domain, "domain")
	l.note(b, "domain")
	l.readSyncInterval(b)
	l.readQueues(b)
	l.readEncryption(b)
	l.readJetStreamLimits(b)
	warnOfClusters(b)
	refuseAll(b, unsupportedJetStream)
	b.Done()
}

func (l *loader) readStoreDir(s *conf.Section, names ...string) {
	if s.Text(&l.options.JetStream.StoreDir, names...) {
		l.places["store_dir"] = s.Entry(names...).Value.Pos
	}
}

// readSwitch reads true, false, "enabled" or "disabled".
func readSwitch(s *conf.Section, e *conf.Entry) (on, ok bool) {
	if on, err := e.Value.Bool(); err == nil {
		return on, true
	}
	text, err := e.Value.Text()
	if err != nil {
		s.Failf(e, "is %s but must be true, false, \"enabled\", \"disabled\" or a map", e.Value.Kind)
		return false, false
	}
	switch strings.ToLower(text) {
	case "enabled", "enable":
		return true, true
	case "disabled", "disable":
		return false, true
	default:
		s.Failf(e, "is %q but must be \"enabled\" or \"disabled\"", text)
		return false, false
	}
}

// readSyncInterval reads a duration as text, or "always".
func (l *loader) readSyncInterval(b *conf.Section) {
	e := b.Entry("sync_interval", "sync")
	if e == nil || isText("always")(e.Value) {
		return
	}
	js := &l.options.JetStream
	if !b.DurationText(&js.SyncInterval, "sync_interval", "sync") {
		return
	}
	switch {
	case js.SyncInterval < 0:
		b.Failf(e, "is %v but cannot be negative; write a duration, or \"always\"", js.SyncInterval)
		js.SyncInterval = 0
	case js.SyncInterval > 0:
		b.Warnf(e, "is %v: what clients were told is stored may be lost with the power for so long; leave it out, or write \"always\", for messages that are on disk when they are acknowledged", js.SyncInterval)
	}
}

// readQueues reads how much may wait; 0 and less leave the default.
func (l *loader) readQueues(b *conf.Section) {
	js := &l.options.JetStream
	readAtMost(b, &js.MaxBufferedMsgs, "max_buffered_msgs")
	var size int64
	if readSize(b, &size, "max_buffered_size") && size > 0 {
		js.MaxBufferedSize = size
	}
	readAtMost(b, &js.RequestQueueLimit, "request_queue_limit")
	js.InfoQueueLimit = js.RequestQueueLimit
	readAtMost(b, &js.InfoQueueLimit, "info_queue_limit")
}

// readAtMost reads a number; 0 and less leave the default.
func readAtMost(s *conf.Section, dst *int, names ...string) {
	var n int64
	if s.Int(&n, math.MinInt32, math.MaxInt32, names...) && n > 0 {
		*dst = int(n)
	}
}

func (l *loader) readEncryption(b *conf.Section) {
	enc := &l.options.JetStream.Encryption
	for _, key := range []struct {
		dst   *auth.Secret
		names []string
	}{
		{&enc.Key, []string{"key", "ek", "encryption_key"}},
		{&enc.PreviousKey, []string{"prev_key", "prev_ek", "prev_encryption_key"}},
	} {
		var text string
		if !b.Text(&text, key.names...) {
			continue
		}
		e := b.Entry(key.names...)
		if text == "" {
			b.Failf(e, "is empty; write the key, or remove the setting")
		}
		*key.dst = auth.Secret(text)
		l.places[key.names[0]] = e.Value.Pos
	}
	var cipher string
	if !b.Text(&cipher, "cipher") {
		return
	}
	e := b.Entry("cipher")
	switch strings.ToLower(cipher) {
	case "chacha", "chachapoly":
		l.chacha = e.Value.Pos
	case "aes":
	default:
		b.Failf(e, "is %q but must be \"aes\"", cipher)
	}
	if enc.Key == "" {
		b.Warnf(e, "has no use without a key: messages are stored as they are")
	}
}

// settleJetStream chooses a directory where one is needed and none was named.
func (l *loader) settleJetStream() {
	js := &l.options.JetStream
	if !js.Enabled {
		if js.StoreDir != "" {
			l.warnings = append(l.warnings, Warning{
				Pos:  l.at("store_dir"),
				Text: "store_dir is set but JetStream is off, so that nothing is stored; add \"jetstream: enabled\" or --jetstream",
			})
		}
		return
	}
	if js.StoreDir != "" {
		return
	}
	dir, err := defaultStoreDir()
	if err != nil {
		l.report.Errorf(l.at("jetstream"), "%v", err)
		return
	}
	js.StoreDir, js.StoreDirChosen = dir, true
}

func (l *loader) checkJetStream() {
	js := &l.options.JetStream
	if !js.Enabled {
		return
	}
	if js.StoreDir == "" {
		l.report.Errorf(l.at("store_dir"), "JetStream has no directory to store in; set store_dir")
	}
	if strings.ContainsAny(js.Domain, ".*> \t\r\n") {
		l.report.Errorf(l.at("domain"), "domain %q cannot be part of a subject; write one word without dots, blanks, \"*\" and \">\"", js.Domain)
	}
	enc := &js.Encryption
	if enc.Key == "" && enc.PreviousKey != "" {
		l.report.Errorf(l.at("prev_key"), "prev_key is what messages were encrypted with before, and needs key beside it: what they are to be encrypted with from now on")
	}
	if enc.Key != "" && !l.chacha.IsZero() {
		l.report.Errorf(l.chacha, "cipher \"chachapoly\" is not supported: Tidings encrypts with AES, so that a write which is torn by a loss of power harms nothing else; write \"aes\", or leave cipher out")
	}
	if js.MaxMemory < SizeAtStart || js.MaxStore < SizeAtStart || js.SyncInterval < 0 {
		l.report.Errorf(l.at("jetstream"), "a size or time of JetStream is negative (max_mem %d, max_file %d, sync_interval %v)", js.MaxMemory, js.MaxStore, js.SyncInterval)
	}
	l.checkReservations()
}
