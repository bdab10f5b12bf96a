package cli_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/cli"
	"github.com/tidings-io/tidings/internal/client"
)

// docs/cli.md repeats two tables of the program; they must not drift apart.
func TestDocumentationListsCodesAndVariables(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, c := range cli.ExitCodes {
		if row := fmt.Sprintf("| %d | %s |", c.Code, c.Meaning); !strings.Contains(text, row) {
			t.Errorf("docs/cli.md lacks %q", row)
		}
	}
	row := func(flag string, env []string) {
		t.Helper()
		if want := "`" + strings.Join(env, "`, `") + "` |"; !strings.Contains(text, "`--"+flag+"`") || !strings.Contains(text, want) {
			t.Errorf("docs/cli.md lacks --%s with %s", flag, want)
		}
	}
	for _, f := range client.Fields {
		row(string(f.Name), f.Env)
	}
	row("context", client.ContextEnv)
}
