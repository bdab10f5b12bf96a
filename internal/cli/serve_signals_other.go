//go:build !unix

package cli

import "os"

// serverSignals are the signals a server obeys.
var serverSignals = []os.Signal{os.Interrupt}

func signalMeaning(os.Signal) signalEffect { return signalDrain }

// signalsByName are what --signal can send: systems without Unix signals can
// only end a process.
var signalsByName = map[string]os.Signal{"stop": os.Kill}
