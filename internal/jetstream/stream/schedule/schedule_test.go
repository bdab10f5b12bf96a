package schedule_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/stream/schedule"
)

const layout = "2006-01-02T15:04:05.999"

func at(t *testing.T, text string) int64 {
	t.Helper()
	when, err := time.Parse(layout, text)
	if err != nil {
		t.Fatal(err)
	}
	return when.UnixNano()
}

func TestSchedulesAreDueWhenTheySay(t *testing.T) {
	t.Parallel()
	f := func(pattern, zone, stored string, want ...string) {
		t.Helper()
		var z *string
		if zone != "" {
			z = &zone
		}
		s, err := schedule.Parse(pattern, z)
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			return
		}
		due, ok := s.First(at(t, stored))
		for i, w := range want {
			if !ok || time.Unix(0, due).UTC().Format(layout) != w {
				t.Errorf("%q stored %s: due %d is %v, %s, want %s", pattern, stored, i, ok, time.Unix(0, due).UTC().Format(layout), w)
				return
			}
			due, ok = s.Next(due, due+int64(time.Millisecond))
		}
		if s.Once() && ok {
			t.Errorf("%q is due again", pattern)
		}
	}
	f("@at 2030-05-06T07:08:09+02:00", "", "2030-01-01T00:00:00", "2030-05-06T05:08:09")
	f("@at 1999-05-06T07:08:09.5Z", "", "2030-01-01T00:00:00", "1999-05-06T07:08:09.5")
	f("@every 1m", "", "2030-01-01T00:00:00.7", "2030-01-01T00:01:01", "2030-01-01T00:02:01")
	f("@every 1.5s", "", "2030-01-01T00:00:00.2", "2030-01-01T00:00:01.5", "2030-01-01T00:00:03", "2030-01-01T00:00:04.5")
	f("@hourly", "", "2030-01-01T00:00:00", "2030-01-01T01:00:00", "2030-01-01T02:00:00")
	f("@daily", "", "2030-01-31T12:00:00", "2030-02-01T00:00:00")
	f("@weekly", "", "2030-01-01T00:00:00", "2030-01-06T00:00:00", "2030-01-13T00:00:00")
	f("@monthly", "", "2030-01-01T00:00:00", "2030-02-01T00:00:00")
	f("@annually", "", "2030-01-01T00:00:00", "2031-01-01T00:00:00")
	f("*/20 * * * * *", "", "2030-01-01T00:00:05", "2030-01-01T00:00:20", "2030-01-01T00:00:40", "2030-01-01T00:01:00")
	f("0 5/25 8-9 * * *", "", "2030-01-01T08:06:00", "2030-01-01T08:30:00", "2030-01-01T08:55:00", "2030-01-01T09:05:00")
	f("0 30 4 1,15 * 5", "", "2030-01-01T05:00:00", "2030-01-04T04:30:00", "2030-01-11T04:30:00", "2030-01-15T04:30:00")
	f("0 0 0 * jan-mar mon", "", "2030-03-20T00:00:00", "2030-03-25T00:00:00", "2031-01-06T00:00:00")
	f("0 0 0 29 2 ?", "", "2030-01-01T00:00:00", "2032-02-29T00:00:00", "2036-02-29T00:00:00")
	f("0 0 0 31 * *", "", "2030-01-31T00:00:00", "2030-03-31T00:00:00", "2030-05-31T00:00:00")
	// Clocks of a zone: winter, summer, the hour that there is not, and the one twice.
	f("0 30 5 * * *", "Europe/Berlin", "2030-01-01T12:00:00", "2030-01-02T04:30:00")
	f("0 30 5 * * *", "Europe/Berlin", "2030-07-01T12:00:00", "2030-07-02T03:30:00")
	f("0 30 2 * * *", "Europe/Berlin", "2030-03-30T12:00:00", "2030-04-01T00:30:00")
	f("0 30 2 * * *", "Europe/Berlin", "2030-10-26T12:00:00", "2030-10-27T00:30:00", "2030-10-27T01:30:00")
	// Midnight does not exist on that day.
	f("0 0 1 * * *", "America/Santiago", "2030-09-07T12:00:00", "2030-09-08T04:00:00", "2030-09-09T04:00:00")
	f("0 0 * * * *", "Asia/Kathmandu", "2030-01-01T00:00:00", "2030-01-01T00:15:00", "2030-01-01T01:15:00")
}

func TestWhatWasMissedIsDueOnce(t *testing.T) {
	t.Parallel()
	s, err := schedule.Parse("@every 1m", nil)
	if err != nil {
		t.Fatal(err)
	}
	due, _ := s.First(at(t, "2030-01-01T00:00:00"))
	next, ok := s.Next(due, due+int64(61*time.Minute)+1)
	if want := due + int64(62*time.Minute); !ok || next != want {
		t.Errorf("next is %d, want %d", next, want)
	}
}

func TestNoSchedulesAreRefused(t *testing.T) {
	t.Parallel()
	f := func(pattern string) {
		t.Helper()
		if _, err := schedule.Parse(pattern, nil); !errors.Is(err, schedule.ErrPattern) {
			t.Errorf("%q: error %v", pattern, err)
		}
	}
	for _, pattern := range []string{
		"", "@", "@never", "@Hourly", "@at", "@at ", "@at 2030-01-01", "@at  2030-01-01T00:00:00Z", "@every", "@every 1", "@every 999ms",
		"@every -5s", "@every 9999999h", "@every 1d", "* * * * *", "* * * * * * *", "60 * * * * *", "* 60 * * * *", "* * 24 * * *",
		"* * * 0 * *", "* * * 32 * *", "* * * * 0 *", "* * * * 13 *", "* * * * * 7", "*/0 * * * * *", "5-1 * * * * *", "a * * * * *",
		"1,, * * * * *", "+1 * * * * *", "-1 * * * * *", "1- * * * * *", "*-5 * * * * *", "0 0 0 31 2 *", "0 0 0 30 feb *", "0 0 0 * january *",
		"0 0 0 * * fri-sun", "0 0 0 * * 1#2", "0 0 0 L * *", "TZ=UTC 0 0 0 * * *", "1/ * * * * *", "1/x * * * * *", "00000 * * * * *",
	} {
		f(pattern)
	}
	utc := "UTC"
	for _, pattern := range []string{"@at 2030-01-01T00:00:00Z", "@every 5s"} {
		if _, err := schedule.Parse(pattern, &utc); !errors.Is(err, schedule.ErrPattern) {
			t.Errorf("%q with a zone: error %v", pattern, err)
		}
	}
	for _, zone := range []string{"", "Nowhere", "+02:00", "../etc/passwd"} {
		if _, err := schedule.Parse("@daily", &zone); !errors.Is(err, schedule.ErrZone) {
			t.Errorf("zone %q: error %v", zone, err)
		}
	}
}

func TestTimesBeyondCountingDoNotOverflow(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"@at 9999-12-31T23:59:59Z", "@at 0001-01-01T00:00:00Z", "@every 2500000h"} {
		s, err := schedule.Parse(pattern, nil)
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			continue
		}
		due, ok := s.First(at(t, "2261-01-01T00:00:00"))
		if next, again := s.Next(due, due); !ok || again && next < due {
			t.Errorf("%q: due %d, %v, next %d", pattern, due, ok, next)
		}
	}
}

// Whatever is accepted is due after now, again and again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"@every 5s", "@daily", "0 30 4 1,15 * 5", "*/7 1-3,7 */2 ? jan-mar mon,wed", "@at 2030-01-01T00:00:00Z", "0 0 0 29 2 1"} {
		f.Add(s, "Europe/Berlin", int64(1893456000_000000000))
		f.Add(s, "", int64(0))
	}
	f.Fuzz(func(t *testing.T, pattern, zone string, now int64) {
		var z *string
		if zone != "" {
			z = &zone
		}
		s, err := schedule.Parse(pattern, z)
		if err != nil || now < 0 || now > 1<<62 {
			return
		}
		due, ok := s.First(now)
		for range 3 {
			if !ok {
				return
			}
			next, again := s.Next(due, max(due, now))
			if again && next <= max(due, now) {
				t.Fatalf("%q in %q: due %d, next %d, now %d", pattern, zone, due, next, now)
			}
			s.Format(due)
			due, ok = next, again
		}
	})
}
