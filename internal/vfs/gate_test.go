package vfs_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidings-io/tidings/internal/vfs"
)

func TestGateLetsOneCallGoOnAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		g := vfs.NewGate(vfs.OpCreate)
		f.Observe(g.Pass)
		must(t, f.MkdirAll("d")) // passes
		for _, name := range []string{"c", "a", "b", "d/e"} {
			go func() { _, _ = f.Create(name) }()
		}
		there := func() string {
			synctest.Wait()
			names, err := m.List(".")
			must(t, err)
			return strings.Join(names, " ")
		}
		waiting := func() string {
			var names []string
			for _, c := range g.Waiting() {
				names = append(names, c.Name)
			}
			return strings.Join(names, " ")
		}
		if got := there() + ", " + waiting(); got != "d, a b c d/e" {
			t.Fatalf("at first: %q", got)
		}
		g.Let(2)
		if got := there() + ", " + waiting(); got != "c d, a b d/e" {
			t.Fatalf("after the third: %q", got)
		}
		g.Open()
		if got := there() + ", " + waiting(); got != "a b c d, " {
			t.Fatalf("open: %q", got)
		}
	})
}
