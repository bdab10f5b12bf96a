package options

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-io/tidings/internal/auth"
)

// flagSpec is one flag: its names without dashes, and what it does. Exactly
// one of switched and valued is set, unless the flag is not supported yet.
type flagSpec struct {
	names    []string
	switched func(*Flags, bool)         // a flag that needs no value
	valued   func(*Flags, string) error // a flag that needs one
}

var signalNames = []string{"ldm", "stop", "quit", "term", "reopen", "reload"}

// flagTable lists the supported flags, those of nats-server and our own.
var flagTable = []flagSpec{
	{names: []string{"a", "addr", "net"}, valued: text(func(f *Flags) **string { return &f.Host })},
	{names: []string{"p", "port"}, valued: port(func(f *Flags) **int { return &f.Port })},
	{names: []string{"n", "name", "server_name"}, valued: text(func(f *Flags) **string { return &f.ServerName })},
	{names: []string{"P", "pid"}, valued: text(func(f *Flags) **string { return &f.PidFile })},
	{names: []string{"m", "http_port"}, valued: port(func(f *Flags) **int { return &f.HTTPPort })},
	{names: []string{"ms", "https_port"}, valued: port(func(f *Flags) **int { return &f.HTTPSPort })},
	{names: []string{"c", "config"}, valued: func(f *Flags, v string) error { f.ConfigFile = v; return nil }},
	{names: []string{"t"}, switched: func(f *Flags, on bool) { f.CheckOnly = on }},
	{names: []string{"sl", "signal"}, valued: setSignal},
	{names: []string{"client_advertise"}, valued: text(func(f *Flags) **string { return &f.ClientAdvertise })},
	{names: []string{"ports_file_dir"}, valued: text(func(f *Flags) **string { return &f.PortsFileDir })},
	{names: []string{"l", "log"}, valued: text(func(f *Flags) **string { return &f.LogFile })},
	{names: []string{"T", "logtime"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.LogTime} })},
	{names: []string{"logtime_utc"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.LogTimeUTC} })},
	{names: []string{"s", "syslog"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.Syslog} })},
	{names: []string{"r", "remote_syslog"}, valued: text(func(f *Flags) **string { return &f.RemoteSyslog })},
	{names: []string{"D", "debug"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.Debug} })},
	{names: []string{"V", "trace"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.Trace} })},
	{names: []string{"VV"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.Trace, &f.TraceVerbose} })},
	{names: []string{"DV"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.Debug, &f.Trace} })},
	{names: []string{"DVV"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.Debug, &f.Trace, &f.TraceVerbose} })},
	{names: []string{"log_size_limit"}, valued: setLogSizeLimit},
	{names: []string{"max_traced_msg_len"}, valued: setMaxTraced},
	{names: []string{"user"}, valued: text(func(f *Flags) **string { return &f.User })},
	{names: []string{"pass"}, valued: secret(func(f *Flags) **auth.Secret { return &f.Password })},
	{names: []string{"auth"}, valued: secret(func(f *Flags) **auth.Secret { return &f.Token })},
	{names: []string{"tls"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.TLS} })},
	{names: []string{"tlsverify"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.TLSVerify} })},
	{names: []string{"tlscert"}, valued: text(func(f *Flags) **string { return &f.TLSCert })},
	{names: []string{"tlskey"}, valued: text(func(f *Flags) **string { return &f.TLSKey })},
	{names: []string{"tlscacert"}, valued: text(func(f *Flags) **string { return &f.TLSCACert })},
	{names: []string{"js", "jetstream"}, switched: toggle(func(f *Flags) []**bool { return []**bool{&f.JetStream} })},
	{names: []string{"sd", "store_dir"}, valued: text(func(f *Flags) **string { return &f.StoreDir })},
	{names: []string{"store_key_file"}, valued: text(func(f *Flags) **string { return &f.StoreKeyFile })},
	{names: []string{"store_prev_key_file"}, valued: text(func(f *Flags) **string { return &f.StorePreviousKeyFile })},
	{names: []string{"profile"}, valued: port(func(f *Flags) **int { return &f.ProfPort })},
	{names: []string{"h", "help"}, switched: func(f *Flags, on bool) { f.Help = on }},
	{names: []string{"help_tls"}, switched: func(f *Flags, on bool) { f.HelpTLS = on }},
	{names: []string{"v", "version"}, switched: func(f *Flags, on bool) { f.Version = on }},
	{names: []string{"insecure"}, switched: func(f *Flags, on bool) { f.Insecure = on }},
	{names: []string{"strict"}, switched: func(f *Flags, on bool) { f.Strict = on }},
	{names: []string{"routes"}},
	{names: []string{"cluster"}},
	{names: []string{"cluster_name"}},
	{names: []string{"cluster_listen"}},
	{names: []string{"cluster_advertise"}},
	{names: []string{"no_advertise"}},
	{names: []string{"connect_retries"}},
}

func text(field func(*Flags) **string) func(*Flags, string) error {
	return func(f *Flags, v string) error {
		*field(f) = &v
		return nil
	}
}

func secret(field func(*Flags) **auth.Secret) func(*Flags, string) error {
	return func(f *Flags, v string) error {
		s := auth.Secret(v)
		*field(f) = &s
		return nil
	}
}

func port(field func(*Flags) **int) func(*Flags, string) error {
	return func(f *Flags, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n != 0 && !validPort(n) {
			return fmt.Errorf("%q is not a port; write a number from 1 to 65535, or -1 for a free one", v)
		}
		*field(f) = &n
		return nil
	}
}

func toggle(fields func(*Flags) []**bool) func(*Flags, bool) {
	return func(f *Flags, on bool) {
		for _, field := range fields(f) {
			*field = &on
		}
	}
}

func setLogSizeLimit(f *Flags, v string) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a size; write a number of bytes", v)
	}
	f.LogSizeLimit = &n
	return nil
}

func setMaxTraced(f *Flags, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return fmt.Errorf("%q is not a length; write a number of bytes", v)
	}
	f.MaxTracedMsgLen = &n
	return nil
}

func setSignal(f *Flags, v string) error {
	name, target, _ := strings.Cut(v, "=")
	if !slices.Contains(signalNames, name) {
		return fmt.Errorf("%q is not a signal; known are %s, each with =PID or =FILE if need be", name, strings.Join(signalNames, ", "))
	}
	f.Signal = Signal{name, target}
	return nil
}
