package options

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conf"
)

// Options is how one server shall run. Defaults returns a usable value; the
// zero Options is not one.
type Options struct {
	Server  Server
	Limits  Limits
	Timing  Timing
	Log     Log
	Monitor Monitor
	// JetStream is the storage of messages.
	JetStream JetStream
	// TLS is that of the client listener; nil means no TLS.
	TLS *TLS
	// Auth says who may connect. Live.
	Auth auth.Config

	// ConfigFile is the path of the file the options came from, "" without one.
	ConfigFile string
	// ConfigDigest is the digest of the file's content, "sha256:" and hex.
	ConfigDigest string
	// Warnings are what is doubtful but was accepted, in order of place.
	Warnings []Warning
}

// Warning is a setting that was accepted and deserves a look.
type Warning struct {
	// Pos is the place in the configuration, zero for a flag or a default.
	Pos conf.Pos
	// Text names the setting, the reason and the way out.
	Text string
	// Unsafe marks what opens the server to others more than may be meant;
	// with --strict it is an error.
	Unsafe bool
}

// String returns "file:line:col: text", or the text alone.
func (w Warning) String() string {
	p := conf.Problem{Pos: w.Pos, Text: w.Text}
	return p.String()
}

// Defaults returns the options of a server started without file and flags: it
// listens for clients on the loopback interface only.
func Defaults() Options {
	return Options{
		Server:    defaultServer(),
		Limits:    defaultLimits(),
		Timing:    defaultTiming(),
		Log:       defaultLog(),
		Monitor:   defaultMonitor(),
		JetStream: defaultJetStream(),
	}
}

// Load returns the options that flags ask for: defaults, the configuration
// file if flags name one, and flags, the later over the earlier.
//
// The error is conf.Errors if a setting is at fault.
func Load(flags Flags) (*Options, error) {
	l := &loader{options: Defaults(), places: map[string]conf.Pos{}}
	if flags.ConfigFile != "" {
		if err := l.file(flags.ConfigFile); err != nil {
			return nil, err
		}
	}
	l.flags(&flags)
	l.settle()
	l.check()
	if !l.report.Failed() {
		l.checkSafety(flags.Insecure)
	}
	l.addWarnings(l.report.Warnings())
	if flags.Strict {
		l.refuseUnsafe()
	}
	if err := l.report.Err(); err != nil {
		return nil, err
	}
	l.options.Warnings = inOrder(l.warnings)
	return &l.options, nil
}

// Validate checks what depends on more than one setting and the ranges of
// those that a program may have set itself. Load has done it.
func (o *Options) Validate() error {
	l := &loader{options: *o}
	l.check()
	return l.report.Err()
}

// loader builds one Options value.
type loader struct {
	options  Options
	report   conf.Report
	warnings []Warning
	places   map[string]conf.Pos // where the file sets an option, by its first name
	chacha   conf.Pos            // where the file asks for a cipher that there is not; zero: nowhere
	userPos  map[string]conf.Pos // where the file names a user
	secrets  []secretPlace

	hostSet        bool // the host of the client listener was given
	monitorHostSet bool // that of the monitoring listener was given
	authTimeoutSet bool // so was the authentication timeout
}

// secretPlace is a password or token and where it stands.
type secretPlace struct {
	pos  conf.Pos
	what string
	text auth.Secret
}

// at returns where the file sets the option, zero if it does not.
func (l *loader) at(name string) conf.Pos { return l.places[name] }

// file reads the configuration at path.
func (l *loader) file(path string) error {
	root, err := conf.ParseFile(path)
	if err != nil {
		return err
	}
	l.addWarnings(root.Warnings())
	l.options.ConfigFile = path
	if l.options.ConfigDigest, err = root.Digest(); err != nil {
		return err
	}
	l.options.Server.Host = allInterfaces
	s := conf.NewSection(root, "", &l.report)
	for _, read := range []func(*conf.Section){
		l.readServer, l.readLimits, l.readTiming, l.readLog, l.readMonitor, l.readJetStream,
		l.readTLS, l.readAuthorization, l.readAccounts, l.refuseUnsupported, l.readOwn,
	} {
		read(s)
	}
	s.Done()
	return nil
}

// note remembers where an option stands, for checks that come later.
func (l *loader) note(s *conf.Section, names ...string) {
	if e := s.Entry(names...); e != nil {
		l.places[names[0]] = e.Value.Pos
	}
}

// readOwn reads the block of settings that only this server has: none yet.
func (l *loader) readOwn(s *conf.Section) {
	if own := s.Map("tidings"); own != nil {
		own.Done()
	}
}

func (l *loader) addWarnings(problems []*conf.Problem) {
	for _, p := range problems {
		l.warnings = append(l.warnings, Warning{Pos: p.Pos, Text: p.Text})
	}
}

// unsafe warns of a setting that opens the server.
func (l *loader) unsafe(pos conf.Pos, format string, args ...any) {
	l.warnings = append(l.warnings, Warning{Pos: pos, Text: fmt.Sprintf(format, args...), Unsafe: true})
}

// inOrder sorts by place; what has none comes first.
func inOrder(warnings []Warning) []Warning {
	slices.SortStableFunc(warnings, func(a, b Warning) int {
		return cmp.Or(
			cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
		)
	})
	return warnings
}

func (l *loader) refuseUnsafe() {
	for _, w := range l.warnings {
		if w.Unsafe {
			l.report.Errorf(w.Pos, "%s (refused by --strict)", w.Text)
		}
	}
}
