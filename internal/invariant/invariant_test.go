package invariant_test

import (
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/invariant"
)

func TestBrokenInvariantPanicsWithItsValuesWhereEnabled(t *testing.T) {
	t.Parallel()
	defer func() {
		got, _ := recover().(string)
		if invariant.Enabled && !strings.Contains(got, "7 is odd") {
			t.Errorf("got panic %q, want it to hold the values", got)
		}
		if !invariant.Enabled && got != "" {
			t.Errorf("got panic %q in a build without assertions", got)
		}
	}()
	invariant.That(false, "%d is odd", 7)
}

func TestTrueInvariantIsSilent(t *testing.T) {
	t.Parallel()
	invariant.That(true, "never shown")
}
