package asset_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func TestTimesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	f := func(text string, want time.Duration, written string) {
		t.Helper()
		got, err := asset.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q): got %v, %v, want %v", text, got, err, want)
		}
		if back := asset.FormatDuration(got); back != written {
			t.Errorf("FormatDuration(%v): got %q, want %q", got, back, written)
		}
	}
	f("30d", 720*time.Hour, "30d")
	f("1w2d3h", 219*time.Hour, "9d3h")
	f("90m", 90*time.Minute, "1h30m")
	f("1h0m30s", time.Hour+30*time.Second, "1h0m30s")
	f("10m", 10*time.Minute, "10m")
	f("10s", 10*time.Second, "10s")
	f("0", 0, "0s")
	for _, bad := range []string{"", "5", "x", "-1s", "-1d", "1d-1s", "9999999999d", "1d1d", "106751d9999h"} {
		if got, err := asset.ParseDuration(bad); err == nil {
			t.Errorf("ParseDuration(%q): got %v, want an error", bad, got)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	f.Add("1w2d3h4.5s")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := asset.ParseDuration(text)
		if err != nil {
			return
		}
		back, err := asset.ParseDuration(asset.FormatDuration(d))
		if err != nil || back != d {
			t.Errorf("%q is %v, written %q, read %v, %v", text, d, asset.FormatDuration(d), back, err)
		}
	})
}

func TestSizesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	f := func(text string, want int64, written string) {
		t.Helper()
		got, err := asset.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q): got %v, %v, want %v", text, got, err, want)
		}
		if back := asset.FormatSize(got); back != written {
			t.Errorf("FormatSize(%v): got %q, want %q", got, back, written)
		}
	}
	f("0", 0, "0B")
	f("1000", 1000, "1000B")
	f("64k", 65536, "64KiB")
	f("10 MB", 10<<20, "10MiB")
	f("1GiB", 1<<30, "1GiB")
	f("2T", 2<<40, "2TiB")
	for _, bad := range []string{"", "x", "1.5G", "-1", "5 apples", "99999999999T", "99999999999999999999"} {
		if got, err := asset.ParseSize(bad); err == nil {
			t.Errorf("ParseSize(%q): got %v, want an error", bad, got)
		}
	}
}

// fill sets every field of a struct to something that is not zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		if at, ok := reflect.TypeAssert[*time.Time](v.Addr()); ok {
			*at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			return
		}
		for _, field := range v.Fields() {
			fill(t, field)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"team": "shop"}))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(1)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1 << 10)
	default:
		t.Fatalf("a field of kind %v", v.Kind())
	}
}

// covered checks that a change of each field of a configuration is seen, but for
// those named.
func covered[C any](t *testing.T, fields []asset.Field[C], but ...string) {
	t.Helper()
	var full C
	fill(t, reflect.ValueOf(&full).Elem())
	for f := range reflect.TypeFor[C]().Fields() {
		var with C
		reflect.ValueOf(&with).Elem().FieldByIndex(f.Index).Set(reflect.ValueOf(&full).Elem().FieldByIndex(f.Index))
		if changes := asset.Changes(new(C), &with, fields); len(changes) == 0 && !slices.Contains(but, f.Name) {
			t.Errorf("a change of %s is not seen", f.Name)
		}
	}
}

func TestEveryFieldOfTheAPIIsInTheTable(t *testing.T) {
	t.Parallel()
	covered(t, asset.StreamFields(), "Name")
	// A start is one only with its policy.
	covered(t, asset.ConsumerFields(), "Name", "Durable", "OptStartSeq", "OptStartTime")
}

// readBack checks that what a field shows, it also reads.
func readBack[C any](t *testing.T, c *C, fields []asset.Field[C]) {
	t.Helper()
	var copied C
	for i := range fields {
		if texts := fields[i].Get(c); texts != nil {
			if err := fields[i].Set(&copied, texts); err != nil {
				t.Errorf("%s %q: %v", fields[i].Name, texts, err)
			}
		}
	}
	if changes := asset.Changes(c, &copied, fields); len(changes) > 0 {
		t.Errorf("not read as shown: %v", changes)
	}
}

func TestWhatAFieldShowsItReads(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	stream := asset.NewStream("S")
	readBack(t, &stream, asset.StreamFields())
	fill(t, reflect.ValueOf(&stream).Elem())
	stream.Sources = append(stream.Sources, &jsapi.StreamSource{
		Name: "B", OptStartTime: &at, SubjectTransforms: []jsapi.SubjectTransform{{Source: "a.*", Destination: "b.$1"}},
		External: &jsapi.External{API: "$JS.hub.API", Deliver: "d"}, Consumer: &jsapi.SourceConsumer{Name: "c", DeliverSubject: "s"},
	})
	stream.Sources[0] = &jsapi.StreamSource{Name: "A", FilterSubject: "a.>", OptStartSeq: 7}
	stream.Mirror = stream.Sources[0]
	readBack(t, &stream, asset.StreamFields())

	consumer := asset.NewConsumer("C")
	readBack(t, &consumer, asset.ConsumerFields())
	fill(t, reflect.ValueOf(&consumer).Elem())
	consumer.FilterSubject, consumer.DeliverPolicy = "", jsapi.DeliverByStartSequence
	consumer.Metadata = map[string]string{asset.DeadLetterKey: "dead", "a": "b", "_nats.level": "5"}
	readBack(t, &consumer, asset.ConsumerFields())
	consumer.DeliverPolicy = jsapi.DeliverByStartTime
	readBack(t, &consumer, asset.ConsumerFields())
}

func TestFlagsAreAppliedToAConfiguration(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("x", pflag.ContinueOnError)
	given := asset.AddFlags(flags, asset.StreamFields())
	err := flags.Parse([]string{
		"--subjects", "a.>,b", "--subjects=c", "--storage", "memory", "--max-bytes", "1GiB", "--max-age=30d", "--max-messages", "unlimited",
		"--deny-delete", "--allow-direct=false", "--source", "A filter=a.b start=5", "--source", "B domain=hub", "--metadata", "k=v", "--tag=x",
		"--transform", "a.* b.$1", "--republish", "a.> -> r.>", "--republish-headers-only",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := asset.NewStream("S")
	if err := given.Apply(&got); err != nil {
		t.Fatal(err)
	}
	want := asset.NewStream("S")
	want.Subjects, want.Storage, want.MaxBytes, want.MaxAge = []string{"a.>", "b", "c"}, jsapi.MemoryStorage, 1<<30, 720*time.Hour
	want.DenyDelete, want.AllowDirect, want.Metadata = true, false, map[string]string{"k": "v"}
	want.Placement = &jsapi.Placement{Tags: []string{"x"}}
	want.Sources = []*jsapi.StreamSource{
		{Name: "A", FilterSubject: "a.b", OptStartSeq: 5},
		{Name: "B", External: &jsapi.External{API: "$JS.hub.API"}},
	}
	want.SubjectTransform = &jsapi.SubjectTransform{Source: "a.*", Destination: "b.$1"}
	want.Republish = &jsapi.Republish{Source: "a.>", Destination: "r.>", HeadersOnly: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !given.Has("storage") || given.Has("discard") || !given.Any() {
		t.Error("what was given is not known")
	}
}

func TestBadTextsAreRefusedWithAWayOut(t *testing.T) {
	t.Parallel()
	f := func(want string, args ...string) {
		t.Helper()
		streamFlags := pflag.NewFlagSet("x", pflag.ContinueOnError)
		asset.AddFlags(streamFlags, asset.StreamFields())
		err := streamFlags.Parse(args)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
	f(`"disk" is not one of file, memory`, "--storage", "disk")
	f(`"lots" is not a whole number; write one such as 1000, or unlimited`, "--max-messages", "lots")
	f(`"10 apples" is not a size; write one such as 4096, 64KiB, 10MiB or 1GiB, or unlimited`, "--max-bytes", "10 apples")
	f(`"5000000000" is too large`, "--max-message-size", "5000000000")
	f(`"10" is not a time`, "--max-age", "10")
	f("is given more than once", "--max-age", "10s", "--max-age", "1h")
	f(`"maybe" is neither yes nor no`, "--deny-purge=maybe")
	f(`after the stream's name write filter=SUBJECT`, "--mirror", "A x=y")
	f("filter and transform exclude each other", "--source", "A filter=a transform=a:b")
	f(`write two subjects`, "--transform", "a")
	f(`write KEY=VALUE`, "--metadata", "a")
}

func TestConsumersBeginWhereTheyAreTold(t *testing.T) {
	t.Parallel()
	fields := asset.ConsumerFields()
	i := slices.IndexFunc(fields, func(f asset.Field[jsapi.ConsumerConfig]) bool { return f.Name == "deliver" })
	f := func(text string, want jsapi.DeliverPolicy, seq uint64, at string) {
		t.Helper()
		var c jsapi.ConsumerConfig
		if err := fields[i].Set(&c, []string{text}); err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		got := ""
		if c.OptStartTime != nil {
			got = c.OptStartTime.Format(time.RFC3339)
		}
		if c.DeliverPolicy != want || c.OptStartSeq != seq || at != "*" && got != at {
			t.Errorf("%q: got %v, %d, %s", text, c.DeliverPolicy, c.OptStartSeq, got)
		}
	}
	f("all", jsapi.DeliverAll, 0, "")
	f("last_per_subject", jsapi.DeliverLastPerSubject, 0, "")
	f("last-per-subject", jsapi.DeliverLastPerSubject, 0, "")
	f("100", jsapi.DeliverByStartSequence, 100, "")
	f("2026-03-01T12:00:00Z", jsapi.DeliverByStartTime, 0, "2026-03-01T12:00:00Z")
	f("1h", jsapi.DeliverByStartTime, 0, "*")
	if err := fields[i].Set(&jsapi.ConsumerConfig{}, []string{"yesterday"}); err == nil {
		t.Error("yesterday is taken")
	}
}

func TestFilesHoldWhatTheAPIHolds(t *testing.T) {
	t.Parallel()
	f := func(file string, want jsapi.StreamConfig) {
		t.Helper()
		var got jsapi.StreamConfig
		if err := asset.Load([]byte(file), &got); err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
	f("name: S\nsubjects: [a.>]\nmax_age: 30d\nmax_bytes: 1GiB\nmax_msgs: unlimited\nretention: workqueue",
		jsapi.StreamConfig{Name: "S", Subjects: []string{"a.>"}, MaxAge: 720 * time.Hour, MaxBytes: 1 << 30, MaxMsgs: -1, Retention: jsapi.RetainWorkQueue})
	f(`{"name":"S","max_age":1000000000,"max_bytes":9007199254740993}`,
		jsapi.StreamConfig{Name: "S", MaxAge: time.Second, MaxBytes: 9007199254740993})
	f(`{"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":"S","sealed":true},"state":{}}`,
		jsapi.StreamConfig{Name: "S", Sealed: true})
	f("consumer_limits:\n  inactive_threshold: 5m", jsapi.StreamConfig{ConsumerLimits: jsapi.ConsumerLimits{InactiveThreshold: 5 * time.Minute}})

	bad := func(file, want string) {
		t.Helper()
		err := asset.Load([]byte(file), &jsapi.StreamConfig{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
	bad("max_agee: 5", "max_agee: there is no such field; the fields are allow_atomic,")
	bad("max_age: soon", `max_age: "soon" is not a time`)
	bad("retention: keep", `can not unmarshal`)
	bad("consumer_limits:\n  x: 5", "consumer_limits: consumer_limits.x: there is no such field")
	bad("- a", "it must hold one configuration")
	bad("a: [", "neither JSON nor YAML")
	bad("max_msgs: [1]", `field "max_msgs" can not be`)
}

func TestTextIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	var stream, gotStream jsapi.StreamConfig
	fill(t, reflect.ValueOf(&stream).Elem())
	text, err := asset.Text(&stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := asset.Load(text, &gotStream); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(stream, gotStream); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
	var consumer, gotConsumer jsapi.ConsumerConfig
	fill(t, reflect.ValueOf(&consumer).Elem())
	if text, err = asset.Text(&consumer); err != nil {
		t.Fatal(err)
	}
	if err := asset.Load(text, &gotConsumer); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(consumer, gotConsumer); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("name: S\nsubjects: [a.>]\nmax_age: 30d\nsources: [{name: A}]\n")
	f.Add(`{"config":{"name":"S"}}`)
	f.Fuzz(func(_ *testing.T, text string) {
		_ = asset.Load([]byte(text), &jsapi.StreamConfig{})
		_ = asset.Load([]byte(text), &jsapi.ConsumerConfig{})
	})
}

func TestGuideAsksUntilTheAnswerIsUnderstood(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	answers := []string{"", "orders.>", "disk", "memory"}
	ask := func(q asset.Question, problem string) (string, error) {
		fmt.Fprintf(&log, "%s [%s] %s\n", q.Label, q.Default, problem)
		if len(answers) == 0 {
			return q.Default, nil
		}
		answer := answers[0]
		answers = answers[1:]
		return answer, nil
	}
	c := asset.NewStream("S")
	skip := func(name string) bool {
		return name != "subjects" && name != "storage" && name != "max-age" && name != "deny-purge"
	}
	if err := asset.Guide(&c, asset.StreamFields(), skip, asset.NeedsSubjects, ask); err != nil {
		t.Fatal(err)
	}
	want := `subjects [] 
subjects [] subjects: a stream needs subjects, a mirror or a source; name subjects with --subjects
storage [file] 
storage [file] storage: "disk" is not one of file, memory
max age [unlimited] 
deny purge [no] 
`
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Error(diff)
	}
	if c.Storage != jsapi.MemoryStorage || len(c.Subjects) != 1 || c.MaxAge != 0 {
		t.Errorf("got %+v", c)
	}
	stop := errors.New("stop")
	err := asset.Guide(&c, asset.StreamFields(), skip, asset.NeedsSubjects, func(asset.Question, string) (string, error) { return "", stop })
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}
