package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
)

// ErrNoContext is returned when a context that was named does not exist.
var ErrNoContext = errors.New("no such context")

// Store reads and writes the context files of one user.
type Store struct {
	dir     string // ours: contexts/NAME.json and the file "selected"
	natsDir string // the nats tool's: context/NAME.json
}

// NewStore returns the store of the user whose environment getenv reads:
// $XDG_CONFIG_HOME, else ~/.config (the system's own place on Windows). It
// touches no file.
func NewStore(getenv func(string) string) (*Store, error) {
	base := getenv("XDG_CONFIG_HOME")
	if base == "" && runtime.GOOS == "windows" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil, fmt.Errorf("find the place for contexts: %w; set XDG_CONFIG_HOME", err)
		}
		base = dir
	}
	if base == "" {
		home := getenv("HOME")
		if home == "" {
			return nil, errors.New("find the place for contexts: neither XDG_CONFIG_HOME nor HOME is set")
		}
		base = filepath.Join(home, ".config")
	}
	return &Store{dir: filepath.Join(base, "tidings"), natsDir: filepath.Join(base, "nats")}, nil
}

// Load returns the context of that name: ours, else the nats tool's.
//
// Errors: [ErrNoContext]; a file that cannot be read or understood.
func (s *Store) Load(name string) (Context, error) {
	if err := CheckContextName(name); err != nil {
		return Context{}, err
	}
	c, err := s.read(name, OriginTidings)
	if errors.Is(err, fs.ErrNotExist) {
		c, err = s.read(name, OriginNats)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Context{}, fmt.Errorf("context %q: %w; `tidings context list` shows what there is", name, ErrNoContext)
	}
	return c, err
}

func (s *Store) read(name string, origin Origin) (Context, error) {
	c := Context{Name: name, Origin: origin, Path: s.path(name, origin)}
	data, err := os.ReadFile(c.Path)
	if err != nil {
		return c, fmt.Errorf("context %q: %w", name, err)
	}
	decode := decodeContext
	if origin == OriginNats {
		decode = decodeNatsContext
	}
	if c.Description, c.Settings, err = decode(data); err != nil {
		return c, fmt.Errorf("context %q (%s): %w", name, c.Path, err)
	}
	return c, nil
}

func (s *Store) path(name string, origin Origin) string {
	if origin == OriginNats {
		return filepath.Join(s.natsDir, "context", name+".json")
	}
	return filepath.Join(s.dir, "contexts", name+".json")
}

// Entry is one line of a list of contexts.
type Entry struct {
	Context
	Hidden bool  // a context of ours has the same name and is used instead
	Err    error // the file is there but cannot be used
}

// List returns all contexts, ours and the nats tool's, sorted by name. Files
// that cannot be used are in the list with their error.
func (s *Store) List() ([]Entry, error) {
	ours := map[string]bool{}
	var out []Entry
	for _, origin := range []Origin{OriginTidings, OriginNats} {
		names, err := s.names(origin)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			c, err := s.read(name, origin)
			out = append(out, Entry{Context: c, Err: err, Hidden: origin == OriginNats && ours[name]})
			ours[name] = ours[name] || origin == OriginTidings
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// names returns the names of the context files there are.
func (s *Store) names(origin Origin) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(s.path("x", origin)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list contexts: %w", err)
	}
	var out []string
	for _, entry := range entries {
		name, isJSON := strings.CutSuffix(entry.Name(), ".json")
		if isJSON && !entry.IsDir() && CheckContextName(name) == nil {
			out = append(out, name)
		}
	}
	return out, nil
}

// Save writes a context of ours, whether it existed or not, readable by its
// owner only.
func (s *Store) Save(c Context) error {
	if err := CheckContextName(c.Name); err != nil {
		return err
	}
	if err := c.Settings.Validate(); err != nil {
		return err
	}
	data, err := encodeContext(c)
	if err != nil {
		return fmt.Errorf("context %q: %w", c.Name, err)
	}
	return writePrivate(s.path(c.Name, OriginTidings), data)
}

// Remove deletes a context of ours and, if it was selected, the selection.
//
// Errors: [ErrNoContext]; a context of the nats tool is never removed.
func (s *Store) Remove(name string) error {
	c, err := s.Load(name)
	if err != nil && c.Origin != OriginTidings { // a broken file of ours may be removed
		return err
	}
	if c.Origin == OriginNats {
		return fmt.Errorf("context %q belongs to the nats tool (%s); remove it there", name, c.Path)
	}
	if err := os.Remove(c.Path); err != nil {
		return fmt.Errorf("remove context %q: %w", name, err)
	}
	selected, err := s.Selected()
	if err != nil || selected != name {
		return err
	}
	return s.Unselect()
}

// Select makes name the context that is used when none is named.
func (s *Store) Select(name string) error {
	if _, err := s.Load(name); err != nil {
		return err
	}
	return writePrivate(s.selectedPath(), []byte(name+"\n"))
}

// Unselect leaves no context selected.
func (s *Store) Unselect() error {
	err := os.Remove(s.selectedPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unselect context: %w", err)
	}
	return nil
}

// Selected returns the name of the selected context, "" if there is none. The
// nats tool's own selection does not count.
func (s *Store) Selected() (string, error) {
	data, err := os.ReadFile(s.selectedPath())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the selected context: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

func (s *Store) selectedPath() string { return filepath.Join(s.dir, "selected") }

// writePrivate replaces a file in one step, so that a reader sees the old or
// the new content. os.CreateTemp gives mode 0600 from the start: a secret is
// never readable by others, not even for a moment.
func writePrivate(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
