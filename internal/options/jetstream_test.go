package options_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/options"
)

// loadText loads a configuration from its text.
func loadText(t *testing.T, text string) (*options.Options, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return options.Load(options.Flags{ConfigFile: file})
}

func TestJetStreamIsOnInEachOfItsForms(t *testing.T) {
	t.Parallel()
	f := func(want bool, setting string) {
		t.Helper()
		o, err := loadText(t, "store_dir: /data\n"+setting)
		if err != nil {
			t.Errorf("%s: %v", setting, err)
			return
		}
		if o.JetStream.Enabled != want {
			t.Errorf("%s: JetStream is on: %v, want %v", setting, o.JetStream.Enabled, want)
		}
	}
	for _, on := range []string{"true", "on", "enabled", `"enable"`, "ENABLED", "{}", "{ enabled: true }", "{ enable: yes }"} {
		f(true, "jetstream: "+on)
	}
	for _, off := range []string{"false", "no", "disabled", `"disable"`, "Disabled", "{ enabled: false }", "{ enable: off, max_mem: 1G }"} {
		f(false, "jetstream: "+off)
	}
	f(false, "")
}

func TestSizesHaveTheUnitsOfTheirForm(t *testing.T) {
	t.Parallel()
	f := func(want int64, size string) {
		t.Helper()
		o, err := loadText(t, "jetstream { store_dir: /data, max_file: "+size+" }")
		if err != nil {
			t.Errorf("%s: %v", size, err)
			return
		}
		if o.JetStream.MaxStore != want {
			t.Errorf("%s: %d bytes, want %d", size, o.JetStream.MaxStore, want)
		}
	}
	f(0, "0")
	f(options.SizeAtStart, "-1")
	f(options.SizeAtStart, `""`)
	f(1_000_000_000, "1G")
	f(1<<30, "1GB")
	f(1<<30, `"1G"`)
	f(1<<30, `"1g"`)
	f(1<<30, `"1GB"`)
	f(1<<30, `"1GiB"`)
	f(3<<10, `"3K"`)
	f(5<<20, `"5M"`)
	f(7<<40, `"7T"`)
	f(17, `"17"`)
	for _, bad := range []string{`"G"`, `"B"`, `"1B"`, `"-1G"`, `"1 G"`, `"8388608T"`, `"1P"`, "true", "1.5"} {
		if _, err := loadText(t, "jetstream { store_dir: /data, max_file: "+bad+" }"); err == nil {
			t.Errorf("%s was accepted as a size", bad)
		}
	}
}

func TestAccountsHaveJetStreamWhereTheirBlockSaysSo(t *testing.T) {
	t.Parallel()
	f := func(want, text string) {
		t.Helper()
		o, err := loadText(t, "store_dir: /data\n"+text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		var got []string
		for _, account := range []string{"$G", "$SYS", "A", "B"} {
			if _, on := o.JetStreamFor(account); on {
				got = append(got, account)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: JetStream for %q, want %q", text, got, want)
		}
	}
	f("", "")
	f("", "accounts { A { jetstream: enabled } }")
	f("$G", "jetstream: enabled")
	f("$G", "jetstream: enabled\naccounts { $SYS { users: [{user: a, password: b}] } }")
	f("", "jetstream: enabled\naccounts { A {}, B {} }")
	f("A", "jetstream: enabled\naccounts { A { jetstream: enabled }, B {} }")
	f("A", "jetstream: enabled\naccounts { A { jetstream {} }, B { jetstream: disabled } }")
}

func TestLimitsOfAnAccountAreUnlimitedUnlessSet(t *testing.T) {
	t.Parallel()
	o, err := loadText(t, "jetstream { store_dir: /data, max_mem: 2MB }\naccounts { A { jetstream { mem: 1MB } } }")
	if err != nil {
		t.Fatal(err)
	}
	limits, on := o.JetStreamFor("A")
	if !on || limits.MaxMemory != 1<<20 || limits.MaxStorage != -1 || limits.MaxStreams != -1 || limits.MaxConsumers != -1 ||
		limits.MaxAckPending != -1 || limits.MemoryMaxStreamBytes != -1 || limits.StorageMaxStreamBytes != -1 || limits.MaxBytesRequired {
		t.Errorf("limits %+v (on: %v), want 1 MiB of memory and nothing else limited", limits, on)
	}
	if memory, store := o.JetStream.Reserved(); memory != 1<<20 || store != 0 {
		t.Errorf("reserved %d and %d bytes, want 1 MiB and 0", memory, store)
	}
}

func TestDataStaysInTheUsersStateDirectoryByDefault(t *testing.T) {
	f := func(want string) {
		t.Helper()
		o, err := options.Load(options.Flags{JetStream: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		if o.JetStream.StoreDir != want || !o.JetStream.StoreDirChosen {
			t.Errorf("store_dir %q (chosen: %v), want %q", o.JetStream.StoreDir, o.JetStream.StoreDirChosen, want)
		}
	}
	for _, name := range []string{"STATE_DIRECTORY", "XDG_STATE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	f(filepath.Join(state, "tidings", "jetstream"))
	t.Setenv("STATE_DIRECTORY", filepath.Join(state, "service"))
	f(filepath.Join(state, "service", "jetstream"))
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("XDG_STATE_HOME", "relative")
	t.Setenv("HOME", "")
	t.Setenv("USERPROFILE", "")
	if _, err := options.Load(options.Flags{JetStream: new(true)}); err == nil || !strings.Contains(err.Error(), "--store_dir") {
		t.Errorf("without a home directory: %v, want an error that names --store_dir", err)
	}
}

func TestNamedStoreDirIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	o, err := options.Load(options.Flags{JetStream: new(true), StoreDir: new("data")})
	if err != nil {
		t.Fatal(err)
	}
	if o.JetStream.StoreDir != "data" || o.JetStream.StoreDirChosen {
		t.Errorf("store_dir %q (chosen: %v), want \"data\" as it was given", o.JetStream.StoreDir, o.JetStream.StoreDirChosen)
	}
}

func TestCapacityIsWhatWasSetOrPartOfTheMachine(t *testing.T) {
	t.Parallel()
	js := options.Defaults().JetStream
	js.StoreDir = filepath.Join(t.TempDir(), "not", "made", "yet")
	memory, store := js.Capacity()
	if memory < 64<<20 || store <= 0 {
		t.Errorf("of this machine: %d bytes of memory, %d of disk; want something usable", memory, store)
	}
	js.MaxMemory, js.MaxStore = 5, 0
	if memory, store = js.Capacity(); memory != 5 || store != 0 {
		t.Errorf("got %d and %d bytes, want what was set: 5 and 0", memory, store)
	}
}

func TestKeyFilesMustHoldAKey(t *testing.T) {
	t.Parallel()
	f := func(text, key, want string) {
		t.Helper()
		dir := t.TempDir()
		file := filepath.Join(dir, "key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := options.Load(options.Flags{JetStream: new(true), StoreDir: &dir, StoreKeyFile: &file, StorePreviousKeyFile: &file})
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("key file of %d bytes: %v, want an error with %q", len(text), err, want)
		case want == "" && (err != nil || string(o.JetStream.Encryption.Key) != key || string(o.JetStream.Encryption.PreviousKey) != key):
			t.Errorf("key file of %d bytes: %v, want %q", len(text), err, key)
		}
	}
	f("secret\n", "secret", "")
	f(" two words \r\n", "two words", "")
	f("", "", "empty")
	f("\n \n", "", "empty")
	f(strings.Repeat("x", 70_000), "", "longer")
	missing := filepath.Join(t.TempDir(), "none")
	if _, err := options.Load(options.Flags{StorePreviousKeyFile: &missing}); err == nil || !strings.Contains(err.Error(), "--store_prev_key_file") {
		t.Errorf("missing key file: %v, want an error that names the flag", err)
	}
}

func TestKeysAreReadAndCiphersChecked(t *testing.T) {
	f := func(setting, want string) {
		t.Helper()
		o, err := loadText(t, "jetstream { store_dir: /data, "+setting+" }")
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", setting, err)
		case want == "" && o.JetStream.Encryption.Key != "secret":
			t.Errorf("%s: key %q", setting, string(o.JetStream.Encryption.Key))
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want an error with %q", setting, err, want)
		}
	}
	t.Setenv("STORE_KEY", "secret")
	f("key: secret", "")
	f("ek: $STORE_KEY", "")
	f(`encryption_key: "secret", prev_ek: old, cipher: AES`, "")
	f(`key: ""`, "is empty")
	f("key: secret, cipher: chachapoly", "torn")
	f("key: secret, cipher: chacha", `write "aes"`)
	f("key: secret, cipher: des", `must be "aes"`)
	f("prev_key: old", "needs key")
}
