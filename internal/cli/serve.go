package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/options"
	"github.com/tidings-io/tidings/internal/server"
	"github.com/tidings-io/tidings/internal/serverlog"
)

// natsServerName is the program name under which the tool acts as its serve
// command, so that it can take the place of that program.
const natsServerName = "nats-server"

// isServerName reports whether the tool was started under that name.
func isServerName(program string) bool {
	name := filepath.Base(program)
	return name == natsServerName || name == natsServerName+".exe"
}

// serveCommand hands its arguments on unread: they are the flags of nats-server,
// which package options knows.
func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:                "serve",
		Short:              "Start a server",
		GroupID:            groupServer,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if code := runServe("tidings serve", args, a.out, a.errOut); code != exitOK {
				return codeError(code)
			}
			return nil
		},
		ValidArgsFunction: completeServe,
	}
	cmd.SetHelpFunc(func(*cobra.Command, []string) { a.out.Print(serveHelp("tidings serve")) })
	return cmd
}

// runServe starts a server with the flags args and blocks until it has stopped.
// It returns the exit code; everything else it has to say is written already.
func runServe(program string, args []string, out, errOut *ui.Printer) int {
	flags, err := options.ParseServeArgs(args)
	switch {
	case err != nil:
		complain(errOut, program, err)
		return exitUsage
	case flags.Help:
		out.Print(serveHelp(program))
		return exitOK
	case flags.HelpTLS:
		out.Print(serveHelpTLS)
		return exitOK
	case flags.Version:
		out.Printf("%s: v%s (tidings %s)\n", program, server.NATSVersion, server.Version)
		return exitOK
	case flags.Signal.Name != "":
		err = signalServers(flags.Signal)
	default:
		err = serveWith(program, flags, errOut)
	}
	if err != nil {
		complain(errOut, program, err)
		return exitFailed
	}
	return exitOK
}

// complain writes one line for each error that err is made of.
func complain(w *ui.Printer, program string, err error) {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, one := range many.Unwrap() {
			complain(w, program, one)
		}
		return
	}
	w.Printf("%s: %v\n", program, err)
}

// serveWith checks the configuration and, unless that is all, runs the server.
func serveWith(program string, flags options.Flags, errOut *ui.Printer) error {
	o, err := options.Load(flags)
	if err != nil {
		return err
	}
	if flags.CheckOnly {
		for _, w := range o.Warnings {
			errOut.Printf("%s: warning: %s\n", program, w)
		}
		errOut.Printf("%s: configuration file %s is valid (%s)\n", program, o.ConfigFile, o.ConfigDigest)
		return nil
	}
	log, err := serverlog.Open(logConfig(o.Log, errOut))
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return errors.Join(serveLogged(o, log), log.Close())
}

func logConfig(o options.Log, errOut io.Writer) serverlog.Config {
	return serverlog.Config{
		Debug: o.Debug, Trace: o.Trace, HideTime: !o.Time, UTC: o.TimeUTC,
		File: o.File, FileSizeLimit: o.SizeLimit, FileMaxNum: o.MaxNum,
		Syslog: o.Syslog, RemoteSyslog: o.RemoteSyslog, Stderr: errOut,
	}
}

// serveLogged starts the server and obeys signals until it has stopped.
func serveLogged(o *options.Options, log *serverlog.Log) error {
	logger := log.Logger()
	signals := make(chan os.Signal, 8) // a burst of signals must not lose the one that ends us
	signal.Notify(signals, serverSignals...)
	defer signal.Stop(signals)
	if limit := options.LimitMemory(); limit > 0 {
		logger.Info("Memory is limited by the control group", "bytes", limit)
	}
	s, err := server.New(o, server.Setup{Log: logger})
	if err != nil {
		return err
	}
	if err := s.Start(); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w; stop the program that listens there, or choose another port with --port", err)
		}
		return err
	}
	return obey(s, log, logger, signals)
}

// obey does what signals ask for and returns when the server has stopped. The
// first one that ends the server lets clients take what is queued for them; a
// second one cuts that short.
func obey(s *server.Server, log *serverlog.Log, logger *slog.Logger, signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopped := make(chan error, 1) // one goroutine sends once
	ending := false
	end := func(how func(context.Context) error) {
		if ending {
			cancel()
			return
		}
		ending = true
		go func() { stopped <- how(ctx) }()
	}
	for {
		select {
		case sig := <-signals:
			switch signalMeaning(sig) {
			case signalDrain:
				end(s.Drain)
			case signalLameDuck:
				if !ending {
					end(s.LameDuck)
				}
			case signalReopen:
				if err := log.Reopen(); err != nil {
					logger.Error("Log file could not be reopened", "error", err)
				}
			case signalReload:
				logger.Warn("Reload is not supported yet; restart the server to apply its configuration")
			}
		case err := <-stopped:
			if errors.Is(err, context.Canceled) {
				err = nil // asked for
			}
			return err
		}
	}
}

// signalEffect is what a signal asks a running server to do.
type signalEffect int

const (
	signalDrain signalEffect = iota
	signalLameDuck
	signalReopen
	signalReload
)
