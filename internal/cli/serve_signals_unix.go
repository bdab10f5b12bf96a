//go:build unix

package cli

import (
	"os"
	"syscall"
)

// serverSignals are the signals a server obeys.
var serverSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP}

func signalMeaning(sig os.Signal) signalEffect {
	switch sig {
	case syscall.SIGUSR1:
		return signalReopen
	case syscall.SIGUSR2:
		return signalLameDuck
	case syscall.SIGHUP:
		return signalReload
	}
	return signalDrain
}

// signalsByName are what --signal can send.
var signalsByName = map[string]os.Signal{
	"ldm":    syscall.SIGUSR2,
	"stop":   syscall.SIGKILL,
	"quit":   syscall.SIGINT,
	"term":   syscall.SIGTERM,
	"reopen": syscall.SIGUSR1,
}
