package client_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/client"
)

// What a context file holds after it was loaded is what is saved again.
func FuzzContextFileSurvivesLoadAndSave(f *testing.F) {
	f.Add([]byte(`{"server":"nats://h","tls_first":true,"description":"x","timeout":"5s"}`))
	f.Add([]byte(`{"pasword":1}`))
	dir := f.TempDir()
	store, err := client.NewStore(environment(map[string]string{"XDG_CONFIG_HOME": dir}))
	if err != nil {
		f.Fatal(err)
	}
	if err := store.Save(client.Context{Name: "a", Settings: client.Settings{client.Server: "h"}}); err != nil {
		f.Fatal(err)
	}
	first, err := store.Load("a")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(first.Path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := store.Load("a")
		if err != nil {
			return
		}
		if err := store.Save(loaded); err != nil {
			t.Fatalf("save what was loaded: %v", err)
		}
		again, err := store.Load("a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(loaded, again); diff != "" {
			t.Error(diff)
		}
	})
}
