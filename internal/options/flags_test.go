package options_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/options"
)

func TestParseServeArgsTakesEverySpelling(t *testing.T) {
	t.Parallel()
	f := func(want options.Flags, args ...string) {
		t.Helper()
		got, err := options.ParseServeArgs(args)
		if err != nil {
			t.Errorf("%v: %v", args, err)
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: -want +got:\n%s", args, diff)
		}
	}
	f(options.Flags{})
	for _, args := range [][]string{
		{"-p", "4333"}, {"-p=4333"}, {"--p", "4333"}, {"--port", "4333"}, {"-port", "4333"}, {"--port=4333"}, {"-p", "1", "-p", "4333"},
	} {
		f(options.Flags{Port: new(4333)}, args...)
	}
	f(options.Flags{Port: new(-1)}, "-p", "-1")
	f(options.Flags{Host: new("h")}, "-a", "h")
	f(options.Flags{Host: new("h")}, "--net", "h")
	f(options.Flags{ServerName: new("n")}, "--server_name", "n")
	f(options.Flags{PidFile: new("f")}, "-P", "f")
	f(options.Flags{HTTPPort: new(8222)}, "-m", "8222")
	f(options.Flags{HTTPSPort: new(8333)}, "-ms", "8333")
	f(options.Flags{ConfigFile: "f", CheckOnly: true}, "-t", "--config", "f")
	f(options.Flags{Debug: new(true)}, "-D")
	f(options.Flags{Debug: new(false)}, "-D=false")
	f(options.Flags{Trace: new(true)}, "--trace")
	f(options.Flags{Debug: new(true), Trace: new(true)}, "-DV")
	f(options.Flags{Trace: new(true), TraceVerbose: new(true)}, "-VV")
	f(options.Flags{Debug: new(true), Trace: new(true), TraceVerbose: new(true)}, "-DVV")
	f(options.Flags{LogTime: new(false)}, "-T=false")
	f(options.Flags{LogTimeUTC: new(true)}, "--logtime_utc")
	f(options.Flags{LogFile: new("f"), LogSizeLimit: new(int64(5)), MaxTracedMsgLen: new(7)}, "-l", "f", "--log_size_limit", "5", "--max_traced_msg_len", "7")
	f(options.Flags{Syslog: new(true), RemoteSyslog: new("udp://h:514")}, "-s", "-r", "udp://h:514")
	f(options.Flags{User: new("u"), Password: new(auth.Secret("p"))}, "--user", "u", "--pass", "p")
	f(options.Flags{Token: new(auth.Secret("=a=b"))}, "--auth==a=b")
	f(options.Flags{TLS: new(true), TLSVerify: new(true), TLSCert: new("c"), TLSKey: new("k"), TLSCACert: new("a")}, "--tls", "--tlsverify", "--tlscert", "c", "--tlskey=k", "-tlscacert", "a")
	f(options.Flags{ClientAdvertise: new("h:1"), PortsFileDir: new("d"), ProfPort: new(9)}, "--client_advertise", "h:1", "--ports_file_dir", "d", "--profile", "9")
	f(options.Flags{Signal: options.Signal{Name: "reload"}}, "-sl", "reload")
	f(options.Flags{Signal: options.Signal{Name: "ldm", Target: "/run/a.pid"}}, "--signal", "ldm=/run/a.pid")
	f(options.Flags{Help: true}, "-h")
	f(options.Flags{Help: true}, "help")
	f(options.Flags{Version: true, HelpTLS: true}, "version", "--help_tls")
	f(options.Flags{JetStream: new(true), StoreDir: new("d")}, "-js", "-sd", "d")
	f(options.Flags{JetStream: new(false), StoreDir: new("d")}, "--jetstream=false", "--store_dir=d")
	f(options.Flags{StoreKeyFile: new("a"), StorePreviousKeyFile: new("b")}, "--store_key_file", "a", "--store_prev_key_file", "b")
	f(options.Flags{Insecure: true, Strict: true}, "--insecure", "--strict")
	f(options.Flags{}, "--")
}

func TestParseServeArgsExplainsMistakes(t *testing.T) {
	t.Parallel()
	f := func(want string, args ...string) {
		t.Helper()
		_, err := options.ParseServeArgs(args)
		if err == nil || err.Error() != want {
			t.Errorf("%v:\n got %v\nwant %s", args, err, want)
		}
	}
	const notYet = "is not supported yet by this version of Tidings; remove it or run nats-server for it"
	f("unknown flag --prot; did you mean --port?", "--prot", "1")
	f("unknown flag --http-prt; did you mean --http_port?", "--http-prt=1")
	f("unknown flag -p4333; write -p 4333", "-p4333")
	f("unknown flag --wholly_unknown; see --help", "--wholly_unknown")
	f("flag -p needs a value", "-p")
	f(`flag --port: "x" is not a port; write a number from 1 to 65535, or -1 for a free one`, "--port", "x")
	f(`flag -m: "70000" is not a port; write a number from 1 to 65535, or -1 for a free one`, "-m", "70000")
	f(`flag -D: "maybe" is neither true nor false`, "-D=maybe")
	f(`unexpected argument "false"; flags begin with "-", and a switch takes its value after "="`, "-D", "false")
	f(`unexpected argument "x"; only flags are understood`, "--", "x")
	f(`flag -sl: "hup" is not a signal; known are ldm, stop, quit, term, reopen, reload, each with =PID or =FILE if need be`, "-sl", "hup")
	f("-t checks a configuration file, and none is given; add -c FILE", "-t")
	f(`flag --max_traced_msg_len: "-1" is not a length; write a number of bytes`, "--max_traced_msg_len", "-1")
	f("flag --routes "+notYet, "--routes=nats://h:1")
	f("flag --cluster "+notYet+"\nflag --cluster_name "+notYet, "--cluster", "nats://h:1", "--cluster_name", "c")
}

func TestCredentialAndTLSFlagsMustFitTogether(t *testing.T) {
	t.Parallel()
	f := func(want string, args ...string) {
		t.Helper()
		flags, err := options.ParseServeArgs(args)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = options.Load(flags); err == nil || err.Error() != want {
			t.Errorf("%v:\n got %v\nwant %s", args, err, want)
		}
	}
	f("flag --user needs --pass beside it", "--user", "a")
	f("flag --pass needs --user beside it", "--pass", "a")
	f("flags --auth and --user with --pass exclude each other; keep one", "--auth", "x", "--user", "a")
	f("a flag for credentials (--user, --pass, --auth) is empty; write its value", "--auth", "")
	f("TLS needs a certificate; give --tlscert FILE and --tlskey FILE", "--tls")
	f("flags --tlscert, --tlskey and --tlscacert need --tls or --tlsverify beside them", "--tlscert", "x")
	f(`tls: cert_file "nope": no such file or directory`, "--tls", "--tlscert", "nope", "--tlskey", "nope")
}

// FuzzParseServeArgs checks that whatever stands on the command line is read or
// refused, and read the same twice.
func FuzzParseServeArgs(f *testing.F) {
	for _, seed := range []string{"-p 4333", "--port=4333 -DV", "-sl reload=1", "-- x", "-", "--auth==", "-js -sd /data", "-p4333"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Fields(line)
		first, err := options.ParseServeArgs(args)
		second, again := options.ParseServeArgs(args)
		if (err == nil) != (again == nil) || !cmp.Equal(first, second) {
			t.Errorf("%q: read as %v (%v), then as %v (%v)", args, first, err, second, again)
		}
	})
}
