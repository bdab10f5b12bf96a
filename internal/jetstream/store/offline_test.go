package store_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/vfs"
)

func TestCheckFindsNothingWrongInASoundStoreAndChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := scripted(t)
		f := vfs.NewFaulty(m, 1)
		f.Observe(func(c vfs.Call) {
			if c.Op&vfs.OpChange != 0 {
				t.Errorf("%v %s", c.Op, c.Name)
			}
		})
		report, err := store.Check(store.Options{FS: f, Dir: "js"})
		must(t, err)
		if len(report.Damage)+len(report.Strangers)+len(report.Quarantine) > 0 {
			t.Errorf("got %+v", report)
		}
		if len(report.Checkpoints) != 2 || report.Log.Entries == 0 || report.Node.ID == "" {
			t.Errorf("got %+v", report)
		}
		records := 0
		for _, gr := range report.Groups {
			records += gr.Records
			st := n.streams[gr.Group]
			if st != nil && (gr.Applied != st.applied || gr.Segments > 0 && gr.Records == 0) {
				t.Errorf("got %+v, want %d entries applied", gr, st.applied)
			}
		}
		if records == 0 {
			t.Error("no record is in a segment")
		}
		short, err := store.Show(store.Options{FS: m, Dir: "js"})
		must(t, err)
		if len(short.Groups) != len(report.Groups) {
			t.Errorf("Show has %d groups, Check %d", len(short.Groups), len(report.Groups))
		}
	})
}

func TestCheckRefusesAStoreInUseAndADirectoryThatIsNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		n := newNode()
		must(t, n.open(options(m, 1)))
		_, err := store.Check(store.Options{FS: m, Dir: "js"})
		wantErr(t, err, vfs.ErrLocked)
		must(t, n.s.Close())
		must(t, m.MkdirAll("other"))
		if _, err := store.Check(store.Options{FS: m, Dir: "other"}); err == nil || !strings.Contains(err.Error(), "no store") {
			t.Errorf("got %v", err)
		}
	})
}

func TestCheckFindsAFlippedBitInEveryKindOfFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, _ := scripted(t)
		for _, name := range filesBelow(t, m, "js") {
			if strings.HasSuffix(name, "LOCK") || strings.HasSuffix(name, "ERASE") || strings.HasSuffix(name, ".wal") {
				continue
			}
			before, err := store.Check(store.Options{FS: m, Dir: "js"})
			must(t, err)
			size := length(t, m, name)
			for _, off := range []int64{8, 30, 62, size / 2} {
				left := m.AfterPowerLoss(nil)
				flip(t, left, name, off)
				report, err := store.Check(store.Options{FS: left, Dir: "js"})
				must(t, err)
				if len(report.Damage) <= len(before.Damage) && !strings.Contains(name, "seg-") {
					t.Errorf("%s at %d: nothing is said", name, off)
				}
			}
		}
	})
}

func TestRepairMakesAStoreOpenAgainAndDeletesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := scripted(t)
		flip(t, m, "js/NODE", 20)
		for _, name := range filesBelow(t, m, "js") {
			if strings.Contains(name, "/checkpoint-") {
				flip(t, m, name, 20) // the older one
				break
			}
		}
		stranger, err := m.Create("js/streams/notes.txt")
		must(t, err)
		must(t, stranger.Close())
		k := n.known()
		if err := k.open(scriptOptions(m)); err == nil || !strings.Contains(err.Error(), "repair") {
			t.Fatalf("got %v", err)
		}
		before := len(filesBelow(t, m, "js"))
		planned, err := store.Repair(store.Options{FS: m, Dir: "js"}, true)
		must(t, err)
		if len(planned) != 4 || len(filesBelow(t, m, "js")) != before {
			t.Errorf("would do %+v", planned)
		}
		done, err := store.Repair(store.Options{FS: m, Dir: "js"}, false)
		must(t, err)
		if len(done) != 4 || len(filesBelow(t, m, "js")) != before+1 {
			t.Errorf("did %+v", done)
		}
		must(t, k.open(scriptOptions(m)))
		must(t, k.check(true))
		must(t, k.s.Close())
		done, err = store.Repair(store.Options{FS: m, Dir: "js"}, false)
		must(t, err)
		if len(done) > 0 {
			t.Errorf("a second time: %+v", done)
		}
	})
}

func TestScrubFindsDamageAndSparesTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := scripted(t)
		opts := scriptOptions(m)
		told := 0
		opts.OnDamage = func(g store.Group, _ error) {
			if g == 2 {
				told++
			}
		}
		k := n.known()
		must(t, k.open(opts))
		synctest.Wait()
		sound, err := k.s.Scrub(t.Context(), 0)
		must(t, err)
		if len(sound.Damage) > 0 || sound.Messages == 0 || sound.Entries == 0 {
			t.Fatalf("got %+v", sound)
		}
		e, ok := k.streams[2].x.Next(0, nil)
		for ok && e.Place.File>>30 != 1 { // in a segment
			e, ok = k.streams[2].x.Next(e.Seq+1, nil)
		}
		if !ok {
			t.Fatal("no message is in a segment")
		}
		stats := k.s.Stats()
		if stats.Segments == 0 || stats.Bytes == 0 || stats.LogFiles == 0 || len(stats.Groups) == 0 {
			t.Errorf("got %+v", stats)
		}
		var name string
		for _, file := range filesBelow(t, m, "js/streams/2") {
			if strings.Contains(file, "seg-") {
				name = file
				flip(t, m, name, length(t, m, name)/2)
			}
		}
		report, err := k.s.Scrub(t.Context(), 1<<40)
		must(t, err)
		var damage *store.DamageError
		if len(report.Damage) == 0 || !errors.As(report.Damage[0], &damage) || damage.Seq == 0 || !strings.Contains(name, damage.File) || told != len(report.Damage) {
			t.Errorf("got %+v, told %d", report, told)
		}
		if report.Messages+len(report.Damage) != sound.Messages {
			t.Errorf("%d messages and %d damaged of %d", report.Messages, len(report.Damage), sound.Messages)
		}
		must(t, k.s.Close())
	})
}
