package asset_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func TestNewBucketsAreValidStreams(t *testing.T) {
	t.Parallel()
	for _, c := range []jsapi.StreamConfig{asset.NewKV("A"), asset.NewObjects("A")} {
		if err := asset.CheckStream(&c); err != nil {
			t.Error(err)
		}
	}
}

func TestFilesOfBucketsHaveTheNamesOfFlags(t *testing.T) {
	t.Parallel()
	c := asset.NewKV("A")
	file := "history: 5\nttl: 1m\nmax-value-size: 64KiB\nlimit_marker_ttl: 1h\ncompress: true\nmetadata: {a: b}\nrepublish: '> -> changes.>'\n"
	if err := asset.LoadFields([]byte(file), &c, asset.KVFields(), func(name string) bool { return name == "history" }); err != nil {
		t.Fatal(err)
	}
	if err := asset.CheckStream(&c); err != nil {
		t.Error(err)
	}
	if c.MaxMsgsPerSubject != 1 || c.MaxAge != time.Minute || c.DuplicateWindow != time.Minute || c.MaxMsgSize != 64<<10 ||
		!c.AllowMsgTTL || c.SubjectDeleteMarkerTTL != time.Hour || c.Compression != jsapi.S2Compression ||
		c.Metadata["a"] != "b" || c.Republish == nil || c.Republish.Destination != "changes.>" {
		t.Errorf("got %+v", c)
	}
}

func TestMistakesInFilesOfBucketsAreNamed(t *testing.T) {
	t.Parallel()
	f := func(file, want string) {
		t.Helper()
		c := asset.NewKV("A")
		err := asset.LoadFields([]byte(file), &c, asset.KVFields(), func(string) bool { return false })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", file, err, want)
		}
	}
	f("histroy: 3", "histroy: there is no such field; the fields are description")
	f("history: 100", "history: 100: use a number from 1 to 64")
	f("history: 1.5", "history: a fraction is no setting")
	f("ttl: soon", "ttl: ")
	f("mirror: a.b", `mirror: bucket "a.b"`)
	f("[1]", "neither JSON nor YAML")
}

func TestMirrorsAndSourcesAreBuckets(t *testing.T) {
	t.Parallel()
	c := asset.NewKV("A")
	fields := asset.KVFields()
	set := func(name string, texts ...string) {
		t.Helper()
		for i := range fields {
			if fields[i].Name != name {
				continue
			}
			if err := fields[i].Set(&c, texts); err != nil {
				t.Fatal(err)
			}
			if got := fields[i].Get(&c); strings.Join(got, "") != strings.Join(texts, "") {
				t.Errorf("%s: got %q", name, got)
			}
		}
	}
	set("source", "B", "C")
	if s := c.Sources[1]; s.Name != "KV_C" || s.SubjectTransforms[0].Source != "$KV.C.>" || s.SubjectTransforms[0].Destination != "$KV.A.>" {
		t.Errorf("got %+v", s)
	}
	set("source")
	set("mirror", "B")
	if c.Mirror.Name != "KV_B" || !c.MirrorDirect || c.Subjects != nil {
		t.Errorf("got %+v", c)
	}
	if err := asset.CheckStream(&c); err != nil {
		t.Error(err)
	}
	set("mirror", "")
	if c.Mirror != nil || len(c.Subjects) != 1 {
		t.Errorf("got %+v", c)
	}
}

func FuzzFilesOfBuckets(f *testing.F) {
	f.Add([]byte("history: 5\nttl: 1m"))
	f.Add([]byte(`{"config":{"max_bytes":"1GiB","source":["A"]}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		c := asset.NewKV("A")
		if asset.LoadFields(data, &c, asset.KVFields(), func(string) bool { return false }) != nil {
			return
		}
		_ = asset.CheckStream(&c) // must not panic, whatever it says
	})
}
