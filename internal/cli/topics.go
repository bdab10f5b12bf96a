package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
)

// topics are help texts that belong to no single command.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What a command's exit code means", Long: exitCodeText()},
		{Use: "environment", Short: "Variables the commands read", Long: environmentText()},
		{Use: "templates", Short: "What --templates fills in", Long: templateText},
	}
}

func exitCodeText() string {
	var b strings.Builder
	b.WriteString("Every command ends with one of these codes:\n\n")
	for _, c := range ExitCodes {
		fmt.Fprintf(&b, "  %3d  %s\n", c.Code, c.Meaning)
	}
	return strings.TrimRight(b.String(), "\n")
}

func environmentText() string {
	var b strings.Builder
	b.WriteString("Connections are made with these settings; a flag is stronger than a variable, a\n" +
		"variable stronger than the selected context. `tidings context show` tells what is\n" +
		"in use and why. Where two variables are named, the first is the stronger one.\n\n")
	line := func(flag string, env []string) {
		fmt.Fprintf(&b, "  %-20s %s\n", "--"+flag, strings.Join(env, ", "))
	}
	for _, f := range client.Fields {
		line(string(f.Name), f.Env)
	}
	line("context", client.ContextEnv)
	b.WriteString("\n" +
		"  XDG_CONFIG_HOME      place of the contexts; without it ~/.config\n" +
		"  NO_COLOR             if set, --color auto shows no colours")
	return b.String()
}

const templateText = `With --templates, the body and header values of ` + "`tidings pub`, `tidings request`" + `
and ` + "`tidings reply`" + ` are templates in which these are filled in for each message:

  {{.Count}}           number of the message, from 1
  {{.Time}}            time of day, such as 2026-03-01T12:30:05Z
  {{.UnixNano}}        nanoseconds since 1970
  {{.ID}}              a unique identifier
  {{.Random 5 20}}     5 to 20 random letters and digits
  {{.Subject}}         subject of the message; in reply: of the request
  {{.Body}}            in reply: body of the request

The language is that of Go's text/template. Without --templates, braces are sent
as they are.

Example:
  tidings pub --templates --count 3 demo.number 'message {{.Count}} of {{.Time}}'`
