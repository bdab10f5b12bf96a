package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// serveHelp is the help text of the server under the given program name.
func serveHelp(program string) string { return strings.ReplaceAll(serveHelpText, "PROGRAM", program) }

const serveHelpText = `Start a server for NATS clients. Without flags it listens on 127.0.0.1:4222, where
only programs on this machine can connect. Flags are those of nats-server; one dash
or two make no difference.

Usage:
  PROGRAM [flags]

Examples:
  PROGRAM
  PROGRAM --port 4333 --http_port 8222
  PROGRAM --jetstream --store_dir /var/lib/tidings
  PROGRAM --addr 0.0.0.0 --user ann --pass secret
  PROGRAM --config server.conf
  PROGRAM -t --config server.conf

Server:
  -a, --addr, --net HOST          address to listen on (default 127.0.0.1)
  -p, --port PORT                 port for clients (default 4222; -1 takes a free one)
  -n, --name, --server_name NAME  name of the server
  -P, --pid FILE                  write the process id into this file
  -m, --http_port PORT            port of the monitoring pages
  -ms, --https_port PORT          the same with TLS
  -c, --config FILE               configuration file
  -t                              check the configuration file and end
  -sl, --signal NAME[=PID|=FILE]  tell a running server: ldm (leave slowly), quit or
                                  term (stop, delivering what is queued), stop (at
                                  once), reopen (the log file)
      --client_advertise ADDRESS  address that clients are told to connect to
      --ports_file_dir DIR        write the ports in use into a file there
  -js, --jetstream                store messages: streams, key-value, objects
  -sd, --store_dir DIR            directory for them (default: tidings/jetstream in the
                                  user's state directory, ~/.local/state on Linux)
      --store_key_file FILE       encrypt them with the key in this file
      --store_prev_key_file FILE  the key they were encrypted with before
      --insecure                  listen beyond this machine without authorization
      --strict                    refuse settings that only deserve a warning

Logging:
  -l, --log FILE                  log into this file
  -T, --logtime[=false]           begin lines with the time
      --logtime_utc               in UTC
  -s, --syslog                    log to the system's log
  -r, --remote_syslog ADDRESS     log to udp://HOST:PORT
  -D, --debug                     log for debugging
  -V, --trace                     log each protocol operation
  -VV, -DV, -DVV                  more, both, both and more
      --log_size_limit BYTES      begin a new log file at this size
      --max_traced_msg_len BYTES  show no more of a payload

Authorization:
      --user NAME, --pass TEXT    what clients must present
      --auth TOKEN                the same as a token

TLS:
      --tls                       require TLS
      --tlscert FILE              certificate of the server
      --tlskey FILE               its private key
      --tlsverify                 require a certificate of clients, too
      --tlscacert FILE            authorities that may sign those
      --help_tls                  how to configure more

Others:
      --profile PORT              port for profiles of the program
  -v, --version                   show the version
  -h, --help                      show this text

SIGINT and SIGTERM stop the server after clients have got what is queued for them; a
second one cuts that short. SIGUSR1 reopens the log file, SIGUSR2 is ldm.
`

const serveHelpTLS = `TLS is configured in a section of the configuration file:

  tls {
    cert_file: "server.pem"      # certificate of the server
    key_file:  "server-key.pem"  # its private key
    ca_file:   "clients-ca.pem"  # authorities that sign clients' certificates
    verify:    true              # require a certificate of clients
    timeout:   2s                # longest handshake
  }

The flags --tls, --tlscert, --tlskey, --tlsverify and --tlscacert do the same.
`

// completeServe offers the flags the help text names. Values are files or
// nothing the shell could know.
func completeServe(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if !strings.HasPrefix(word, "-") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var flags []cobra.Completion
	for _, field := range strings.FieldsFunc(serveHelpText, func(r rune) bool { return strings.ContainsRune(" ,\n[", r) }) {
		if len(field) > 2 && strings.HasPrefix(field, "--") && strings.HasPrefix(field, word) && !slices.Contains(flags, field) {
			flags = append(flags, field)
		}
	}
	return flags, cobra.ShellCompDirectiveNoFileComp
}
