//go:build unix

package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/testserver"
)

// What a newcomer pastes from the documentation works, in its order, in an empty
// directory with an empty server.
func TestDocumentationWorksAsPasted(t *testing.T) {
	t.Parallel()
	f := func(file, from, to string) {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			s := testserver.StartConfig(t, fmt.Sprintf("jetstream { store_dir: %q }", t.TempDir()))
			dir := t.TempDir()
			for _, block := range shellBlocks(t, file, from, to) {
				cmd := exec.Command("sh", "-e", "-c", block)
				cmd.Dir = dir
				cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "NATS_URL=" + s.URL, "GORACE=atexit_sleep_ms=0"}
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v:\n%s\n%s", err, block, out)
				}
			}
		})
	}
	f("cli.md", "## Streams", "## Contexts")
	f("jetstream.md", "## Five minutes", "## Retention")
	f("delay.md", "## Switching it on", "## Limits")
}

// shellBlocks returns what can be pasted between two headings of a document,
// without the server and without what asks questions.
func shellBlocks(t *testing.T, file, from, to string) []string {
	t.Helper()
	data, err := os.ReadFile("../../docs/" + file)
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(data), "\n"+from+"\n")
	text, _, ends := strings.Cut(text, "\n"+to+"\n")
	if !found || !ends {
		t.Fatalf("%s has no headings %q and %q", file, from, to)
	}
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		if block := match[1]; !strings.HasPrefix(block, "tidings serve") && block != "tidings stream create\n" {
			blocks = append(blocks, block)
		}
	}
	if len(blocks) < 3 {
		t.Fatalf("%s: only %d blocks were found", file, len(blocks))
	}
	return blocks
}
