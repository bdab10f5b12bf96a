package server

import (
	"runtime"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
)

func TestMemoryIsGivenBackOncePerRest(t *testing.T) {
	t.Parallel()
	accounts := core.NewAccounts()
	r := newRest(accounts)
	held := make([]byte, 2*restLeast)
	r.due()
	accounts.Global().Sent.Add(1, 1)
	if r.due() {
		t.Error("memory is given back while messages come")
	}
	if !r.due() {
		t.Error("nothing is given back at rest")
	}
	if r.due() {
		t.Error("memory is given back twice in one rest")
	}
	runtime.KeepAlive(held)
}
