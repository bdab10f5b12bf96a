// Command tidings is the messaging server and the tool to work with it.
//
// All of it is in package cli; this is the process around it: arguments and
// standard streams in, exit code out.
package main

import (
	"os"

	"github.com/tidings-io/tidings/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
