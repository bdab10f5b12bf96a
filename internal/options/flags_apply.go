package options

import (
	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conf"
)

// flags puts the flags over what defaults and file say.
func (l *loader) flags(f *Flags) {
	srv, log, mon := &l.options.Server, &l.options.Log, &l.options.Monitor
	if f.Host != nil && *f.Host != "" {
		srv.Host, l.hostSet = *f.Host, true
		delete(l.places, "host")
	}
	override(l, &srv.Name, f.ServerName, "server_name")
	override(l, &srv.ClientAdvertise, f.ClientAdvertise, "client_advertise")
	override(l, &srv.PidFile, f.PidFile, "pid_file")
	override(l, &srv.PortsFileDir, f.PortsFileDir, "ports_file_dir")
	override(l, &srv.ProfPort, f.ProfPort, "prof_port")
	if f.Port != nil && *f.Port == 0 {
		srv.Port = DefaultPort
	} else {
		override(l, &srv.Port, f.Port, "port")
	}
	override(l, &mon.HTTPPort, f.HTTPPort, "http")
	override(l, &mon.HTTPSPort, f.HTTPSPort, "https")
	override(l, &log.File, f.LogFile, "log_file")
	override(l, &log.RemoteSyslog, f.RemoteSyslog, "remote_syslog")
	override(l, &log.Syslog, f.Syslog, "syslog")
	override(l, &log.Debug, f.Debug, "debug")
	override(l, &log.Trace, f.Trace, "trace")
	override(l, &log.TraceVerbose, f.TraceVerbose, "trace_verbose")
	if f.Trace != nil && !*f.Trace {
		log.TraceVerbose, log.TraceHeaders = false, false
	}
	override(l, &log.Time, f.LogTime, "logtime")
	override(l, &log.TimeUTC, f.LogTimeUTC, "logtime_utc")
	override(l, &log.SizeLimit, f.LogSizeLimit, "log_size_limit")
	override(l, &log.MaxTracedMsgLen, f.MaxTracedMsgLen, "max_traced_msg_len")
	l.jetStreamFlags(f)
	l.credentialFlags(f)
	l.tlsFlags(f)
}

// override sets dst if the flag was given; what the file said at name no
// longer counts.
func override[T any](l *loader, dst *T, flag *T, name string) {
	if flag != nil {
		*dst = *flag
		delete(l.places, name)
	}
}

// jetStreamFlags turns JetStream on or off and says where its data and keys are.
func (l *loader) jetStreamFlags(f *Flags) {
	js := &l.options.JetStream
	override(l, &js.Enabled, f.JetStream, "jetstream")
	override(l, &js.StoreDir, f.StoreDir, "store_dir")
	l.keyFlag(&js.Encryption.Key, f.StoreKeyFile, "--store_key_file", "key")
	l.keyFlag(&js.Encryption.PreviousKey, f.StorePreviousKeyFile, "--store_prev_key_file", "prev_key")
}

// keyFlag reads a key from the file that a flag names.
func (l *loader) keyFlag(dst *auth.Secret, path *string, flag, name string) {
	if path == nil {
		return
	}
	key, err := ReadKeyFile(*path)
	if err != nil {
		l.report.Errorf(conf.Pos{}, "flag %s: %v", flag, err)
		return
	}
	override(l, dst, &key, name)
}

// credentialFlags replaces the single credential of the file.
func (l *loader) credentialFlags(f *Flags) {
	if f.User == nil && f.Password == nil && f.Token == nil {
		return
	}
	config := &l.options.Auth
	var empty conf.Pos
	switch {
	case f.Token != nil && (f.User != nil || f.Password != nil):
		l.report.Errorf(empty, "flags --auth and --user with --pass exclude each other; keep one")
		return
	case f.Token != nil && *f.Token == "" || f.Password != nil && *f.Password == "" || f.User != nil && *f.User == "":
		l.report.Errorf(empty, "a flag for credentials (--user, --pass, --auth) is empty; write its value")
		return
	case f.Token != nil:
		config.User, config.Password, config.Token = "", "", *f.Token
		l.secrets = []secretPlace{{what: "token of --auth", text: *f.Token}}
	default:
		config.Token = ""
		override(l, &config.User, f.User, "user")
		if f.Password != nil {
			config.Password = *f.Password
			l.secrets = []secretPlace{{what: "password of --pass", text: *f.Password}}
		}
	}
	delete(l.places, "authorization")
	switch {
	case l.hasUsers():
		l.report.Errorf(empty, "flags --user and --auth give one credential for everybody, but %s has a list of users; keep one of both", l.options.ConfigFile)
	case config.Token == "" && config.User == "":
		l.report.Errorf(empty, "flag --pass needs --user beside it")
	case config.Token == "" && config.Password == "":
		l.report.Errorf(empty, "flag --user needs --pass beside it")
	}
}

// tlsFlags turns TLS on or changes what the file says of it.
func (l *loader) tlsFlags(f *Flags) {
	on, verify := f.TLS != nil && *f.TLS, f.TLSVerify != nil && *f.TLSVerify
	files := f.TLSCert != nil || f.TLSKey != nil || f.TLSCACert != nil
	t := l.options.TLS
	switch {
	case f.TLS != nil && !*f.TLS && !verify && !files:
		l.options.TLS = nil
		return
	case t == nil && !on && !verify && files:
		l.report.Errorf(conf.Pos{}, "flags --tlscert, --tlskey and --tlscacert need --tls or --tlsverify beside them")
		return
	case t == nil && !on && !verify:
		return
	case t == nil:
		t = &TLS{Timeout: defaultTLSTimeout}
		l.options.TLS = t
		if f.TLSCert == nil || f.TLSKey == nil {
			l.report.Errorf(conf.Pos{}, "TLS needs a certificate; give --tlscert FILE and --tlskey FILE")
			return
		}
	}
	if f.TLSCert != nil || f.TLSKey != nil {
		var pair CertificateFiles
		if len(t.Certificates) == 1 {
			pair = t.Certificates[0]
		}
		override(l, &pair.CertFile, f.TLSCert, "tls")
		override(l, &pair.KeyFile, f.TLSKey, "tls")
		t.Certificates = []CertificateFiles{pair}
	}
	override(l, &t.CAFile, f.TLSCACert, "tls")
	override(l, &t.Verify, f.TLSVerify, "tls")
}
