package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

func TestObjectNamesBecomeFilesOfThisDirectoryOnly(t *testing.T) {
	t.Parallel()
	f := func(name, want string) {
		t.Helper()
		got, err := fileNameOf(name)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v, want %q", name, got, err, want)
		}
	}
	f("a.txt", "a.txt")
	f("dir/a.txt", "a.txt")
	f("../../etc/passwd", "passwd")
	f(`..\..\boot.ini`, "boot.ini")
	f("..", "")
	f("a/..", "")
	f("/", "")
	f("", "")
	f("C:", "")
	f("a\x00b", "")
}

func TestFilesAppearOnlyWhenComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	failed := errors.New("half way")
	err := writeFile(path, false, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
	write := func(text string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	if err := writeFile(path, false, write("one")); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(path, false, write("two")); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file was overwritten: %v", err)
	}
	if err := writeFile(path, true, write("three")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "three" {
		t.Errorf("got %q", got)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
}

func TestAFileThatCameMeanwhileIsNotOverwritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	err := writeFile(path, false, func(io.Writer) error { return os.WriteFile(path, []byte("other"), 0o600) })
	if !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "other" {
		t.Errorf("got %q", got)
	}
}

func TestPlansTellTheNextRunsInTheirZone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC) // the day before clocks change in Berlin
	f := func(pattern, zone string, want ...string) {
		t.Helper()
		p, err := parsePlan(pattern, zone)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, at := range p.runs(now, now, 3) {
			got = append(got, at.In(p.location()).Format(time.RFC3339))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s in %q:\ngot  %v\nwant %v", pattern, zone, got, want)
		}
	}
	f("0 30 6 * * *", "Europe/Berlin", "2026-03-29T06:30:00+02:00", "2026-03-30T06:30:00+02:00", "2026-03-31T06:30:00+02:00")
	f("@hourly", "", "2026-03-28T13:00:00Z", "2026-03-28T14:00:00Z", "2026-03-28T15:00:00Z")
	f("@every 90m", "", "2026-03-28T13:30:00Z", "2026-03-28T15:00:00Z", "2026-03-28T16:30:00Z")
	f("@at 2027-01-01T00:00:00Z", "", "2027-01-01T00:00:00Z")
}

func TestOldIntervalsShowTheRunAfterNow(t *testing.T) {
	t.Parallel()
	p, err := parsePlan("@every 1h", "")
	if err != nil {
		t.Fatal(err)
	}
	stored := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := stored.Add(1000*time.Hour + 20*time.Minute)
	runs := p.runs(stored, now, 1)
	if len(runs) != 1 || !runs[0].Equal(stored.Add(1001*time.Hour)) {
		t.Errorf("got %v", runs)
	}
}

func TestCountersOfAnySizeAreReadAndOthersRefused(t *testing.T) {
	t.Parallel()
	header := nats.Header{"Nats-Incr": {"+1"}, "Nats-Counter-Sources": {`{"A":{"x":"7"}}`}}
	v, err := counterOf("c", "S", header, []byte(`{"val":"123456789012345678901234567890"}`), 3, time.Unix(0, 0))
	if err != nil || v.Value != "123456789012345678901234567890" || v.Change != "+1" || v.Sources["A"]["x"] != "7" {
		t.Errorf("got %+v, %v", v, err)
	}
	for _, body := range []string{"", "12", `{"val":"x"}`, `{"val":"1.5"}`, `{"other":1}`} {
		if _, err := counterOf("c", "S", nil, []byte(body), 3, time.Unix(0, 0)); err == nil {
			t.Errorf("%q was taken for a counter", body)
		}
	}
}

func TestPreviewsAreOneShortLine(t *testing.T) {
	t.Parallel()
	f := func(value, want string) {
		t.Helper()
		if got := preview([]byte(value)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("", "")
	f("a\nb\tc\x1b", `a b c\x1b`)
	f(strings.Repeat("ä", 60), strings.Repeat("ä", 60))
	f(strings.Repeat("ä", 61), strings.Repeat("ä", 60)+"…")
	f(strings.Repeat("a", 1000), strings.Repeat("a", 60)+"…")
}

func TestFiltersForCompletionAreSubjects(t *testing.T) {
	t.Parallel()
	f := func(word, want string) {
		t.Helper()
		if got := keyFilter("$KV.B.", word); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	f("", "$KV.B.>")
	f("ov", "$KV.B.>")
	f("oven.", "$KV.B.oven.>")
	f("oven.st", "$KV.B.oven.>")
	f("a..b", "$KV.B.>")
	f(".a", "$KV.B.>")
	f("*.a", "$KV.B.>")
}

// readLines reads all lines, or returns the first error.
func readLines(text []byte) (views []*kvView, err error) {
	lines, err := newKVLineReader(bytes.NewReader(text))
	for err == nil {
		var v *kvView
		if v, err = lines.next(); err == nil {
			views = append(views, v)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return views, err
}

func TestLinesOfABucketAreReadWithAndWithoutHead(t *testing.T) {
	t.Parallel()
	f := func(text string, want int, wrong string) {
		t.Helper()
		views, err := readLines([]byte(text))
		if wrong == "" && (err != nil || len(views) != want) {
			t.Errorf("%q: got %d lines, %v", text, len(views), err)
		}
		if wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%q: got error %v, want %q", text, err, wrong)
		}
	}
	f("", 0, "")
	f(`{"tidings":"key-value bucket","version":1}`, 0, "")
	f("{\"key\":\"a\",\"value\":\"1\"}\n\n{\"key\":\"a\",\"operation\":\"delete\"}\n", 2, "")
	f(`{"tidings":"something","version":1}`, 0, "line 1: this is a")
	f(`{"key":"a","value":"1","value_base64":"AA=="}`, 0, "both there")
	f("\n{\"key\":\"a\"}", 0, `line 2: "value" is missing`)
	f(`{"key":"a","operation":"x"}`, 0, "none of put, delete, purge")
	f(`{"value":"a"}`, 0, `"key" is missing`)
	f(`nope`, 0, "line 1: ")
}

func FuzzLinesOfABucket(f *testing.F) {
	f.Add([]byte(`{"tidings":"key-value bucket","version":1,"config":{"name":"KV_A"}}` + "\n" + `{"key":"a","value":"1"}`))
	f.Add([]byte(`{"key":"a","value_base64":"AAEC"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		views, err := readLines(text)
		if err != nil {
			return
		}
		for _, v := range views {
			if v.Key == "" || v.Operation == "put" && v.Value == nil && v.ValueBase64 == nil {
				t.Errorf("%+v was taken", v)
			}
		}
	})
}
