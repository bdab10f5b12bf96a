//go:build !unix

package server_test

import "os"

var terminate = os.Interrupt
