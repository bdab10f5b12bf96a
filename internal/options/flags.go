package options

import "github.com/tidings-io/tidings/internal/auth"

// Flags are the arguments of the serve command. A nil field was not given and
// leaves what the configuration file or the defaults say; the zero Flags gives
// nothing.
type Flags struct {
	// ConfigFile is the configuration to read, "" for none.
	ConfigFile string
	// CheckOnly asks to check the configuration file and print its digest
	// instead of starting.
	CheckOnly bool
	// Signal is what to send to a running server instead of starting one.
	Signal Signal
	// Help, HelpTLS and Version ask to print something instead of starting.
	Help, HelpTLS, Version bool
	// Insecure allows a listener beyond loopback without authentication and
	// without a configuration file.
	Insecure bool
	// Strict makes each unsafe warning an error.
	Strict bool

	// Over Server:
	Host, ServerName, ClientAdvertise, PidFile, PortsFileDir *string
	Port, ProfPort                                           *int
	// Over Monitor:
	HTTPPort, HTTPSPort *int
	// Over Log:
	LogFile, RemoteSyslog                                   *string
	Debug, Trace, TraceVerbose, LogTime, LogTimeUTC, Syslog *bool
	LogSizeLimit                                            *int64
	MaxTracedMsgLen                                         *int
	// Over Auth:
	User            *string
	Password, Token *auth.Secret
	// Over TLS: TLS asks for it, TLSVerify with client certificates.
	TLS, TLSVerify             *bool
	TLSCert, TLSKey, TLSCACert *string
	// Over JetStream:
	JetStream *bool
	StoreDir  *string
	// StoreKeyFile and StorePreviousKeyFile hold a key each, and nothing else.
	StoreKeyFile, StorePreviousKeyFile *string
}

// Signal is a request to running servers. The zero Signal is none.
type Signal struct {
	// Name is "ldm", "stop", "quit", "term", "reopen" or "reload".
	Name string
	// Target is a process id, the path of a pid file, or a pattern of paths; ""
	// means the only server that runs.
	Target string
}
