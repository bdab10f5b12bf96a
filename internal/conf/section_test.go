package conf_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/conf"
)

// section parses text and opens a section over it.
func section(t *testing.T, text string) (*conf.Section, *conf.Report) {
	t.Helper()
	m, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var report conf.Report
	return conf.NewSection(m, "", &report), &report
}

func TestSectionFindsNamesInAnyCaseAndByAlias(t *testing.T) {
	t.Parallel()
	s, report := section(t, "Max_Conn: 2k\nTAGS: [a, b]\nwait: 1m30s\nname: x\non: yes\nrate: 2\nsince: 2026-01-31T12:00:00Z")
	var (
		n    int64
		tags []string
		wait time.Duration
		name string
		on   bool
		rate float64
		when time.Time
	)
	found := []bool{
		s.Int(&n, 0, 5000, "max_connections", "max_conn"), s.Texts(&tags, "tags"), s.Duration(&wait, "wait"),
		s.Text(&name, "name"), s.Bool(&on, "on"), s.Float(&rate, "rate"), s.Time(&when, "since"), s.Text(&name, "other"),
	}
	s.Done()
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]bool{true, true, true, true, true, true, true, false}, found); diff != "" {
		t.Errorf("found -want +got:\n%s", diff)
	}
	got := []any{n, tags, wait, name, on, rate, when}
	want := []any{int64(2000), []string{"a", "b"}, 90 * time.Second, "x", true, 2.0, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values -want +got:\n%s", diff)
	}
}

func TestSectionReportsWrongValuesAndUnknownNames(t *testing.T) {
	t.Parallel()
	s, report := section(t, `
port: "4222"
size: 11
wait: soon
tls { certt: a }
prot: 1
base: 1
other: $base
cluster{ x
on: "yes"
name: 12
list: [a, 1]
`)
	var (
		n    int64
		wait time.Duration
		text string
		on   bool
		list []string
	)
	s.Int(&n, 1, 10, "port")
	s.Int(&n, 1, 10, "size")
	s.Duration(&wait, "wait")
	tls := s.Map("tls")
	tls.Text(&text, "cert")
	tls.Done()
	s.Bool(&on, "on")
	s.Text(&text, "name")
	s.Texts(&list, "list")
	s.Done()
	want := strings.Join([]string{
		`test.conf:2:7: "port" is text but must be a whole number; write it without quotes; units such as 64KB or 1MB are fine`,
		`test.conf:3:7: "size" is 11 but must be from 1 to 10`,
		`test.conf:4:7: "wait" "soon" is not a duration; write a number with a unit, such as "500ms", "10s" or "1m30s"`,
		`test.conf:5:7: unknown field "certt" in tls; did you mean "cert"?`,
		`test.conf:6:1: unknown field "prot"; did you mean "port"?`,
		`test.conf:8:1: unknown field "other"; remove it`,
		`test.conf:9:1: unknown field "cluster{"; put a blank before '{'`,
		`test.conf:10:5: "on" is text but must be true or false; write true, false, yes, no, on or off without quotes`,
		`test.conf:11:7: "name" is a whole number but must be text; put it in quotes`,
		`test.conf:12:11: "list" is a whole number but must be text; put it in quotes`,
	}, "\n")
	if diff := cmp.Diff(want, report.Err().Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSectionWarnsOfBareSecondsAndRepeatedOptions(t *testing.T) {
	t.Parallel()
	s, report := section(t, "wait: 5\nhttp: 1\nmonitor: 2")
	var (
		wait time.Duration
		n    int64
	)
	s.Duration(&wait, "wait")
	s.Int(&n, 0, 10, "http", "monitor")
	if wait != 5*time.Second || n != 2 {
		t.Errorf("wait, n = %v, %d; want 5s, 2", wait, n)
	}
	var got []string
	for _, w := range report.Warnings() {
		got = append(got, w.String())
	}
	want := []string{
		`test.conf:1:7: "wait" is a bare number and taken as seconds; write "5s"`,
		`test.conf:3:1: "monitor" sets again what "http" at line 2 has set; the value here counts`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNearestSuggestsOnlySlips(t *testing.T) {
	t.Parallel()
	known := []string{"port", "host", "max_payload", "max_pending"}
	f := func(name, want string) {
		t.Helper()
		if got := conf.Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
	f("prot", "port")
	f("HOSTS", "host")
	f("maxpayload", "max_payload")
	f("max_pendin", "max_pending")
	f("wholly_different", "")
	f("", "")
	f(strings.Repeat("port", 1000), "")
}

func TestNumbersWithAnUnknownUnitAreNamed(t *testing.T) {
	t.Parallel()
	m, err := conf.Parse("test.conf", []byte("size: 8XB\nkey: \"12secret\"\n"), conf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"size": `8XB: unknown unit "XB"; write 8MB`,
		"key":  "is text but must be a whole number",
	} {
		if _, err := m.Lookup(key).Value.Int(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one with %q", key, err, want)
		}
	}
}
