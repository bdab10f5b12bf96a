package store_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

// scriptedWith is a closed store with something in every kind of file, encrypted
// if there is a key.
func scriptedWith(t *testing.T, key string) (*vfs.Mem, *node) {
	t.Helper()
	m := vfs.NewMem()
	n := scriptNode()
	n.key = key
	must(t, script(n, scriptOptions(m)))
	must(t, n.s.Close())
	return m, n
}

// contents are those of all files.
func contents(t *testing.T, m *vfs.Mem) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range filesBelow(t, m, "js") {
		b, err := vfs.ReadFile(m, name)
		must(t, err)
		all[name] = string(b)
	}
	return all
}

// TestKeyThatDoesNotFitTheStoreChangesNothing tries what an operator may get wrong.
func TestKeyThatDoesNotFitTheStoreChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := func(m *vfs.Mem, key, previous string, want error, way string) {
			t.Helper()
			before := contents(t, m)
			opts := scriptOptions(m)
			opts.Encrypt(key, previous)
			_, err := store.Open(opts)
			if !errors.Is(err, want) || !strings.Contains(err.Error(), way) {
				t.Errorf("key %q, previous %q: %v", key, previous, err)
			}
			if previous == "" {
				_, err = store.Check(opts)
				wantErr(t, err, want)
				_, err = store.Repair(opts, false)
				wantErr(t, err, want)
			}
			after := contents(t, m)
			if len(after) != len(before) {
				t.Errorf("key %q, previous %q: %d files became %d", key, previous, len(before), len(after))
			}
			for name, b := range after {
				if before[name] != b {
					t.Errorf("key %q, previous %q: %s has changed", key, previous, name)
				}
			}
		}
		plain, _ := scriptedWith(t, "")
		sealed, _ := scriptedWith(t, "right")
		f(plain, "right", "", store.ErrNotEncrypted, "backup")
		f(sealed, "", "", store.ErrEncrypted, "--store_key_file")
		f(sealed, "wrong", "", store.ErrKey, "prev_key")
		f(sealed, "wrong", "worse", store.ErrKey, "previous")
		must(t, sealed.Remove("js/"+encrypted.KeyFile))
		f(sealed, "right", "", store.ErrKeyFileMissing, "missing")
		f(sealed, "", "", store.ErrKeyFileMissing, "missing")
	})
}

// TestKeyOfAStoreCanBeChanged opens it with both keys, then with the new one.
func TestKeyOfAStoreCanBeChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := scriptedWith(t, "old")
		n.key = ""
		for _, keys := range [][2]string{{"new", "old"}, {"new", ""}, {"new", "old"}} {
			opts := scriptOptions(m)
			opts.Encrypt(keys[0], keys[1])
			k := n.known()
			must(t, k.open(opts))
			must(t, k.check(true))
			must(t, k.s.Close())
		}
		opts := scriptOptions(m)
		opts.Encrypt("old", "")
		_, err := store.Open(opts)
		wantErr(t, err, store.ErrKey)
	})
}

// TestSegmentWithoutItsHeaderIsLeftAlone damages the header that encryption puts
// before each file, of the segment that would be gone on with.
func TestSegmentWithoutItsHeaderIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		n := newNode()
		n.key = "key"
		must(t, n.open(options(m, 1)))
		st, err := n.create()
		must(t, err)
		fill(t, n, st, 3000)
		synctest.Wait()
		must(t, n.s.Close())
		last := ""
		for _, name := range filesBelow(t, m, "js/streams") {
			if strings.Contains(name, "/seg-") {
				last = name
			}
		}
		for copied := range int64(8) {
			flip(t, m, last, 9+512*copied)
		}
		k := n.known()
		must(t, k.open(options(m, 1)))
		fill(t, k, k.streams[st.group], 9000)
		synctest.Wait()
		must(t, k.s.Err())
		if s := k.s.Stats(); s.Stuck != "" {
			t.Errorf("the log is stuck: %s", s.Stuck)
		}
		must(t, k.s.Close())
	})
}

// TestEncryptedStoreShowsNothingAndIsCheckedLikeAnyOther looks for subjects and
// bodies on the disk.
func TestEncryptedStoreShowsNothingAndIsCheckedLikeAnyOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		plain, _ := scriptedWith(t, "")
		sealed, _ := scriptedWith(t, "key")
		found := 0
		for _, b := range contents(t, plain) {
			found += strings.Count(b, "derived ")
		}
		if found == 0 {
			t.Error("the test looks for something that is nowhere")
		}
		for name, b := range contents(t, sealed) {
			if strings.Contains(b, "derived ") || strings.Contains(b, "TdBh") {
				t.Errorf("%s is readable", name)
			}
		}
		opts := store.Options{FS: sealed, Dir: "js"}
		opts.Encrypt("key", "")
		report, err := store.Check(opts)
		must(t, err)
		if len(report.Damage)+len(report.Strangers) > 0 || report.Log.Entries == 0 {
			t.Errorf("got %+v", report)
		}
	})
}
