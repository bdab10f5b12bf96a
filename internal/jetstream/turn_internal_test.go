package jetstream

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
)

// TestPanicInATurnEndsTheProcess has a turn panic in a goroutine that survives
// panics, as those of connections do.
func TestPanicInATurnEndsTheProcess(t *testing.T) {
	t.Parallel()
	const inside = "TIDINGS_TEST_PANIC"
	if os.Getenv(inside) != "" {
		func() {
			defer func() { _ = recover() }()
			s := &Stream{kept: &core.Publisher{}}
			s.post(work{kind: workCall, do: func() { panic("broken invariant") }})
		}()
		os.Exit(0)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inside+"=1")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "broken invariant") || !strings.Contains(string(out), "turn_internal_test.go") {
		t.Errorf("error %v, output:\n%s", err, out)
	}
}
