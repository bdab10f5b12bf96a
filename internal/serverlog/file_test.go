package serverlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/serverlog"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// logFiles returns the files of the log at path, oldest first, the current last.
func logFiles(t *testing.T, path string) []string {
	t.Helper()
	rotated, err := filepath.Glob(path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rotated)
	return append(rotated, path)
}

func TestFileIsAppendedTo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.log")
	for _, text := range []string{"first", "second"} {
		l, rec := open(t, serverlog.Config{HideTime: true, File: path})
		l.Logger().Info(text)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if rec.writes != nil {
			t.Errorf("stderr: got %q, want nothing", rec.writes)
		}
	}
	if got, want := readFile(t, path), pid()+"[INF] first\n"+pid()+"[INF] second\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRotationKeepsEveryLineAndTheLimit(t *testing.T) {
	t.Parallel()
	const writers, lines, limit = 4, 100, 1000
	path := filepath.Join(t.TempDir(), "x.log")
	l, rec := open(t, serverlog.Config{File: path, FileSizeLimit: limit})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range lines {
				l.Logger().Info("line", "id", fmt.Sprintf("%d/%d", w, i))
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	seen := map[string]bool{}
	files := logFiles(t, path)
	for i, name := range files {
		content := readFile(t, name)
		if len(content) > limit {
			t.Errorf("%s: got %d bytes, want at most %d", name, len(content), limit)
		}
		if i > 0 && !strings.Contains(content, "log file rotated backup="+files[i-1]+"\n") {
			t.Errorf("%s does not name %s", name, files[i-1])
		}
		for line := range strings.Lines(content) {
			if _, id, ok := strings.Cut(line, " id="); ok {
				seen[strings.TrimSpace(id)] = true
			}
		}
		if stamp, ok := strings.CutPrefix(name, path+"."); ok {
			if _, err := time.Parse("2006.01.02.15.04.05.000000000", stamp); err != nil {
				t.Errorf("name of rotated file: %v", err)
			}
		}
	}
	if len(seen) != writers*lines {
		t.Errorf("got %d different lines, want %d", len(seen), writers*lines)
	}
	if rec.writes != nil {
		t.Errorf("stderr: got %q, want nothing", rec.writes)
	}
}

func TestRotationRemovesTheOldestAndNothingElse(t *testing.T) {
	t.Parallel()
	f := func(maxNum, want int) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "x.log")
		others := []string{path + ".gz", path + ".2026.01.02.note", path + "2"}
		for _, other := range others {
			if err := os.WriteFile(other, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		l, _ := open(t, serverlog.Config{File: path, FileSizeLimit: 400, FileMaxNum: maxNum})
		for i := range 50 {
			l.Logger().Info("line", "i", i)
		}
		files := slices.DeleteFunc(logFiles(t, path), func(name string) bool { return slices.Contains(others, name) })
		if len(files) != want {
			t.Errorf("keep %d: got %d files %q, want %d", maxNum, len(files), files, want)
		}
		if !strings.Contains(readFile(t, path), "i=49\n") {
			t.Errorf("keep %d: the last line is not in the current file", maxNum)
		}
		for _, other := range others {
			readFile(t, other)
		}
	}
	f(1, 1)
	f(2, 2)
	f(4, 4)
}

func TestReopenFollowsAFileThatWasRenamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.log")
	l, _ := open(t, serverlog.Config{HideTime: true, File: path})
	l.Logger().Info("before")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("between")
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("after")
	if got, want := readFile(t, path+".old"), pid()+"[INF] before\n"+pid()+"[INF] between\n"; got != want {
		t.Errorf("old file: got %q, want %q", got, want)
	}
	if got, want := readFile(t, path), pid()+"[INF] after\n"; got != want {
		t.Errorf("new file: got %q, want %q", got, want)
	}
}

func TestReopenDuringLoggingLosesNothing(t *testing.T) {
	t.Parallel()
	const lines = 500
	path := filepath.Join(t.TempDir(), "x.log")
	l, _ := open(t, serverlog.Config{HideTime: true, File: path})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range lines {
			l.Logger().Info("line", "i", i)
		}
	})
	for range 20 {
		if err := l.Reopen(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if got := strings.Count(readFile(t, path), "\n"); got != lines {
		t.Errorf("got %d lines, want %d", got, lines)
	}
}

func TestFailedReopenKeepsTheOldFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "logs", "x.log")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	l, _ := open(t, serverlog.Config{HideTime: true, File: path})
	moved := filepath.Join(dir, "moved")
	if err := os.Rename(filepath.Dir(path), moved); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil || !strings.Contains(err.Error(), "create the directory first") {
		t.Errorf("got %v, want an error that says to create the directory", err)
	}
	l.Logger().Info("still here")
	if got, want := readFile(t, filepath.Join(moved, "x.log")), pid()+"[INF] still here\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLinesGoToStderrWhileTheFileCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	path := filepath.Join(dir, "x.log")
	mkdir := func() {
		t.Helper()
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mkdir()
	l, rec := open(t, serverlog.Config{HideTime: true, File: path, FileSizeLimit: 30})
	l.Logger().Info("fills the first file")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("no place to rotate to")
	if diff := cmp.Diff([]string{pid() + "[INF] no place to rotate to\n"}, rec.writes); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
	mkdir()
	l.Logger().Info("back")
	if got, want := readFile(t, path), pid()+"[INF] back\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
