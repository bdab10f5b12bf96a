package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Options say where a parse finds what its text refers to. The zero Options
// read the process environment and the file system.
type Options struct {
	// LookupEnv finds environment variables; nil means os.LookupEnv.
	LookupEnv func(name string) (string, bool)
	// ReadFile reads included files, at most limit bytes; nil reads the file
	// system.
	ReadFile func(path string, limit int64) ([]byte, error)
}

// ParseFile parses the file at path and what it includes. The error is
// [Errors] when the content is at fault.
func ParseFile(path string) (*Map, error) { return ParseFileWith(path, Options{}) }

// ParseFileWith is ParseFile with other ways to environment and files.
func ParseFileWith(path string, opts Options) (*Map, error) {
	s := newSession(opts)
	text, err := s.read(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return s.parseRoot(path, string(text))
}

// Parse parses text. Errors call it name, and includes are relative to the
// directory of name.
func Parse(name string, text []byte, opts Options) (*Map, error) {
	if len(text) > MaxBytes {
		return nil, Errors{{Pos{name, 1, 1}, fmt.Sprintf("the text has %d bytes, more than the limit of %d", len(text), MaxBytes)}}
	}
	s := newSession(opts)
	s.bytesLeft -= int64(len(text))
	return s.parseRoot(name, string(text))
}

// session is what the files of one configuration share while it is parsed.
type session struct {
	opts      Options
	report    Report
	bytesLeft int64
	includes  int
}

func newSession(opts Options) *session {
	if opts.LookupEnv == nil {
		opts.LookupEnv = os.LookupEnv
	}
	if opts.ReadFile == nil {
		opts.ReadFile = readAtMost
	}
	return &session{opts: opts, bytesLeft: MaxBytes}
}

func (s *session) parseRoot(name, text string) (*Map, error) {
	p := &parser{session: s, cursor: newCursor(name, text), chain: []string{filepath.Clean(name)}}
	root := newMap(Pos{name, 1, 1})
	p.file(root)
	if root.Len() == 0 && !s.report.Failed() {
		s.report.Errorf(root.Pos, "the configuration has no entries; write at least one, such as \"port: 4222\"")
	}
	if err := s.report.Err(); err != nil {
		return nil, err
	}
	root.notes = s.report.Warnings()
	return root, nil
}

// parser reads one file, or the text of one environment variable.
type parser struct {
	*session
	cursor
	scopes []*Map          // maps around the cursor, outermost first
	depth  int             // maps and arrays around the cursor
	chain  []string        // paths of the files that include this one, itself last
	envs   []string        // environment variables whose text is being read
	broken int             // line of the last syntax error of this file, 0 without one
	failed map[string]bool // keys whose value was refused: using them is no second error
}

// syntax reports a syntax error at pos. Further errors on that line and later
// complaints about braces that do not match are most likely its consequence
// and are left out.
func (p *parser) syntax(pos Pos, format string, args ...any) {
	if p.broken == p.line {
		return
	}
	p.broken = p.line
	p.report.Errorf(pos, format, args...)
}

// file parses a whole file into root; braces around all of it are optional.
func (p *parser) file(root *Map) {
	p.scopes = append(p.scopes, root)
	p.skipBlank()
	open, braced := p.pos(), p.peek() == '{' && !p.atEnd()
	if braced {
		p.step()
	}
	for {
		p.skipBlank()
		switch {
		case p.atEnd():
			if braced && p.broken == 0 {
				p.report.Warnf(open, "the \"{\" here is never closed; the file may be cut short, end it with \"}\"")
			}
			return
		case p.peek() == '}':
			if !braced && p.broken == 0 {
				p.report.Warnf(p.pos(), "a \"}\" that closes nothing is ignored; remove it or find the missing \"{\"")
			}
			braced = false
			p.step()
			continue
		}
		p.entry(root, !braced)
	}
}

// mapValue parses a map; the cursor is at its "{".
func (p *parser) mapValue(v *Value) bool {
	if !p.enter() {
		return false
	}
	defer p.leave()
	m := newMap(p.pos())
	p.scopes = append(p.scopes, m)
	defer func() { p.scopes = p.scopes[:len(p.scopes)-1] }()
	p.step()
	for {
		p.skipBlank()
		if p.atEnd() {
			if p.broken == 0 {
				p.syntax(m.Pos, "the map that opens here is never closed; add \"}\" at its end")
			}
			return false
		}
		if p.peek() == '}' {
			p.step()
			v.Kind, v.fields, v.size = KindMap, m, m.size.wrapped()
			return true
		}
		p.entry(m, false)
	}
}

func (p *parser) enter() bool {
	if p.depth >= MaxDepth {
		p.syntax(p.pos(), "maps and arrays are nested deeper than the limit of %d levels", MaxDepth)
		p.stop()
		return false
	}
	p.depth++
	return true
}

func (p *parser) leave() { p.depth-- }

// entry parses one entry or include statement into m. oneLine says that a
// value must begin on the line of its separator.
func (p *parser) entry(m *Map, oneLine bool) {
	if p.report.dropped > 0 { // nobody reads more errors
		p.stop()
		return
	}
	pos := p.pos()
	switch b := p.peek(); b {
	case ',', ';':
		p.syntax(pos, "unexpected %q: no entry stands before it; remove it", b)
		p.step()
		return
	case ':', '=':
		p.syntax(pos, "unexpected %q: a key must stand before it", b)
		p.skipToLineEnd()
		return
	case '/':
		p.syntax(pos, "unexpected \"/\"; a comment begins with \"#\" or \"//\", a key that begins with \"/\" must stand in quotes")
		p.skipToLineEnd()
		return
	}
	key, bare, ok := p.key()
	if !ok {
		return
	}
	if bare && strings.EqualFold(key, "include") && !p.atSeparator() {
		if p.include(m, pos) {
			p.endEntry(pos, key, p.line)
		}
		return
	}
	p.skipLines()
	if !p.atEnd() && p.atSeparator() {
		p.step()
		p.skipSpaces()
		if !p.valueFollows(key, pos, oneLine) {
			return
		}
	}
	v, ok := p.entryValue(key, pos)
	if !ok {
		p.fail(key)
		p.recover(",;", "}")
		return
	}
	p.add(m, &Entry{Key: key, Pos: pos, Value: v})
	p.endEntry(pos, key, v.Pos.Line)
}

// fail remembers that the value of key was refused.
func (p *parser) fail(key string) {
	if p.failed == nil {
		p.failed = map[string]bool{}
	}
	p.failed[key] = true
}

// valueFollows looks for a value after a separator, on later lines too unless
// oneLine.
func (p *parser) valueFollows(key string, pos Pos, oneLine bool) bool {
	if oneLine && !p.atEnd() && isLineEnd(p.peek()) {
		p.syntax(pos, "%q has no value on its line; write one, or \"\" for empty text", key)
		return false
	}
	p.skipLines()
	return true
}

// entryValue parses the value of key.
func (p *parser) entryValue(key string, pos Pos) (*Value, bool) {
	if !p.atEnd() {
		return p.value()
	}
	if len(p.scopes) == 1 && p.separatorEnds() {
		p.report.Warnf(pos, "%q has no value before the end of the file and is taken as empty text; write \"\" if that is meant", key)
		return &Value{Pos: p.pos(), size: scalar}, true
	}
	p.syntax(pos, "%q has no value; write one after it, such as \"%s: VALUE\"", key, key)
	return nil, false
}

// separatorEnds reports whether the text ends with a separator and blanks.
func (p *parser) separatorEnds() bool {
	text := strings.TrimRight(p.text, " \t\v\f")
	return strings.HasSuffix(text, ":") || strings.HasSuffix(text, "=")
}

func (p *parser) atSeparator() bool { return p.peek() == ':' || p.peek() == '=' }

// key parses a key and tells whether it stands without quotes.
func (p *parser) key() (key string, bare, ok bool) {
	quote := p.peek()
	if quote != '"' && quote != '\'' {
		return p.takeUntil(endsKey), true, true
	}
	end := strings.IndexByte(p.text[p.off+1:], quote)
	if end < 0 {
		p.syntax(p.pos(), "the quoted key that begins here is never closed; add the closing %c", quote)
		p.stop()
		return "", false, false
	}
	key = p.text[p.off+1 : p.off+1+end]
	p.stepTo(p.off + end + 2)
	return key, false, true
}

// add puts e into m and watches the size of the tree.
func (p *parser) add(m *Map, e *Entry) {
	if old := m.set(e); old != nil {
		p.report.Warnf(e.Pos, "%q was already set at line %d; the value here counts", e.Key, old.Pos.Line)
	}
	p.checkSize(m.size, e.Pos)
}

// checkSize ends the parse when a tree of size z, around the cursor, is more
// than the limits allow. Variables make trees larger and deeper than the text.
func (p *parser) checkSize(z size, pos Pos) bool {
	switch {
	case z.values > MaxValues:
		p.syntax(pos, "the configuration has more than the limit of %d values (a variable counts each time it is used)", MaxValues)
	case p.depth+z.levels > MaxDepth:
		p.syntax(pos, "maps and arrays are nested deeper than the limit of %d levels", MaxDepth)
	default:
		return true
	}
	p.stop()
	return false
}

// endEntry expects the end of the entry that began at pos: a line end, a
// comment, ",", ";" or a closing brace.
func (p *parser) endEntry(pos Pos, key string, valueLine int) {
	if p.endItem("}", ",;") {
		return
	}
	var hint string
	switch {
	case strings.ContainsAny(key, "{["):
		hint = fmt.Sprintf("; the key was read as %q: put a blank before the bracket", key)
	case valueLine > pos.Line:
		hint = fmt.Sprintf("; %q has no value on its line, so the next line was read as its value", key)
	default:
		hint = "; put text with blanks in quotes"
	}
	p.syntax(p.pos(), "expected a new line, \",\", \";\" or \"}\" after the value of %q, found %s%s", key, p.found(), hint)
	p.recover(",;", "}")
}

// recover skips the rest of an item that is not understood: to the end of the
// line at most, past the first of separators or up to the first of closers.
func (p *parser) recover(separators, closers string) {
	for !p.atEnd() && !isLineEnd(p.peek()) && strings.IndexByte(closers, p.peek()) < 0 {
		p.off++
		if strings.IndexByte(separators, p.text[p.off-1]) >= 0 {
			return
		}
	}
}

// endItem skips the separator after an item. closer is the byte that may
// follow without one; separators are those that may stand on the same line.
func (p *parser) endItem(closer, separators string) bool {
	p.skipSpaces()
	if p.atEnd() || strings.IndexByte(closer, p.peek()) >= 0 {
		return true
	}
	if strings.IndexByte(separators, p.peek()) >= 0 {
		p.step()
		return true
	}
	if !isLineEnd(p.peek()) && !p.atComment() {
		return false
	}
	p.skipBlank()
	if p.peek() == ',' { // JSON with commas at the start of lines
		p.step()
	}
	return true
}
