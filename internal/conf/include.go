package conf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// include follows an include statement whose keyword, at pos, was just read,
// and puts the entries of the file into m. It reports whether the statement
// itself was well-formed.
func (p *parser) include(m *Map, pos Pos) bool {
	p.skipSpaces()
	path, ok := p.includePath(pos)
	if !ok {
		return false
	}
	resolved, text, err := p.openInclude(path)
	switch {
	case err != nil:
		p.report.Errorf(pos, "cannot include %q: %s; the path is relative to the including file", path, reason(err))
	case slices.Contains(p.chain, resolved):
		p.report.Errorf(pos, "cannot include %q: the file includes itself (%s); remove one of the includes", path, strings.Join(append(slices.Clone(p.chain), resolved), " -> "))
	case len(p.chain) >= MaxIncludeDepth:
		p.report.Errorf(pos, "cannot include %q: files include each other deeper than the limit of %d", path, MaxIncludeDepth)
	default:
		p.merge(m, resolved, text)
	}
	return true
}

// includePath reads the path of an include statement.
func (p *parser) includePath(pos Pos) (path string, ok bool) {
	switch b := p.peek(); {
	case p.atEnd() || isLineEnd(b):
		p.syntax(pos, "include needs the path of a file, such as include \"accounts.conf\"")
		return "", false
	case b == '"' || b == '\'':
		path, ok = p.quoted()
	case b == '(' || b == '[' || b == '{' || b == '=' || b == ':':
		p.syntax(p.pos(), "include needs the path of one file right after it, found %s", p.found())
		p.skipToLineEnd()
		return "", false
	default:
		path, ok = p.takeUntil(endsIncludePath), true
	}
	if ok && path == "" {
		p.syntax(pos, "include has an empty path; write the path of a file")
		return "", false
	}
	return path, ok
}

// openInclude reads the file that path, written in this file, stands for. Like
// any other, an absolute path is looked for below the directory of the
// including file first, as nats-server does, and only then at the root.
func (p *parser) openInclude(path string) (resolved string, text []byte, err error) {
	p.includes++
	if p.includes > MaxIncludes {
		p.stop()
		return "", nil, fmt.Errorf("the configuration has more than %d include statements", MaxIncludes)
	}
	resolved = filepath.Join(filepath.Dir(p.cursor.file), path)
	if slices.Contains(p.chain, resolved) {
		return resolved, nil, nil
	}
	text, err = p.read(resolved)
	if errors.Is(err, fs.ErrNotExist) && filepath.IsAbs(path) {
		resolved = filepath.Clean(path)
		if slices.Contains(p.chain, resolved) {
			return resolved, nil, nil
		}
		text, err = p.read(resolved)
	}
	return resolved, text, err
}

// merge parses text and adds its entries to m. Variables of an included file
// see that file and the environment only.
func (p *parser) merge(m *Map, path string, text []byte) {
	child := &parser{
		session: p.session,
		cursor:  newCursor(path, string(text)),
		chain:   append(slices.Clone(p.chain), path),
		depth:   p.depth,
		envs:    p.envs,
	}
	included := newMap(Pos{path, 1, 1})
	child.file(included)
	for _, e := range included.entries {
		p.add(m, e)
	}
}

// read reads a file within the bytes that are left for this configuration.
func (s *session) read(path string) ([]byte, error) {
	text, err := s.opts.ReadFile(path, s.bytesLeft+1)
	if err != nil {
		return nil, err
	}
	s.bytesLeft -= int64(len(text))
	if s.bytesLeft < 0 {
		s.bytesLeft = 0
		return nil, fmt.Errorf("%s: the configuration is larger than the limit of %d bytes", path, MaxBytes)
	}
	return text, nil
}

// readAtMost reads at most limit bytes of the file at path.
func readAtMost(path string, limit int64) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, limit))
}

// reason returns the cause of a file error without the path, which the caller
// names itself.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Path + ": " + pathErr.Err.Error()
	}
	return err.Error()
}
