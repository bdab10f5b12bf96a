package conf

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// cursor walks over the text of one file and knows line and column.
type cursor struct {
	file      string
	text      string
	off       int
	line      int // of off, from 1
	lineStart int // offset of the first byte of that line
}

func newCursor(file, text string) cursor {
	c := cursor{file: file, text: text, line: 1}
	if strings.HasPrefix(text, "\ufeff") { // a byte order mark is not content
		c.off, c.lineStart = 3, 3
	}
	return c
}

func (c *cursor) pos() Pos { return Pos{c.file, c.line, c.off - c.lineStart + 1} }

func (c *cursor) atEnd() bool { return c.off >= len(c.text) }

// peek returns the byte at the cursor, 0 at the end.
func (c *cursor) peek() byte {
	if c.atEnd() {
		return 0
	}
	return c.text[c.off]
}

// step moves one byte forward. "\n", "\r" and "\r\n" each end one line.
func (c *cursor) step() {
	b := c.text[c.off]
	c.off++
	if b == '\n' || b == '\r' && c.peek() != '\n' {
		c.line++
		c.lineStart = c.off
	}
}

// stepTo moves forward to offset end.
func (c *cursor) stepTo(end int) {
	for c.off < end {
		c.step()
	}
}

// stop moves to the end of the text, so that parsing ends.
func (c *cursor) stop() { c.off = len(c.text) }

func (c *cursor) rest() string { return c.text[c.off:] }

func (c *cursor) atComment() bool {
	return c.peek() == '#' || strings.HasPrefix(c.rest(), "//")
}

func (c *cursor) skipSpaces() {
	for !c.atEnd() && isSpace(c.peek()) {
		c.off++
	}
}

// skipLines skips blanks and line ends.
func (c *cursor) skipLines() {
	for !c.atEnd() && (isSpace(c.peek()) || isLineEnd(c.peek())) {
		c.step()
	}
}

// skipToLineEnd leaves the cursor at the end of the line.
func (c *cursor) skipToLineEnd() {
	for !c.atEnd() && !isLineEnd(c.peek()) {
		c.off++
	}
}

// skipBlank skips blanks, line ends and comments.
func (c *cursor) skipBlank() {
	for {
		c.skipLines()
		if c.atEnd() || !c.atComment() {
			return
		}
		c.skipToLineEnd()
	}
}

// takeUntil returns the text up to the first byte that stop accepts.
func (c *cursor) takeUntil(stop func(byte) bool) string {
	start := c.off
	for !c.atEnd() && !stop(c.peek()) {
		c.off++
	}
	return c.text[start:c.off]
}

// found names what stands at the cursor, for error texts.
func (c *cursor) found() string {
	switch {
	case c.atEnd():
		return "the end of the file"
	case isLineEnd(c.peek()):
		return "the end of the line"
	}
	r, _ := utf8.DecodeRuneInString(c.rest())
	return fmt.Sprintf("%q", r)
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\v' || b == '\f' }

func isLineEnd(b byte) bool { return b == '\n' || b == '\r' }

func endsKey(b byte) bool { return isSpace(b) || isLineEnd(b) || b == ':' || b == '=' }

func endsBareText(b byte) bool {
	return isSpace(b) || isLineEnd(b) || b == ',' || b == ';' || b == '}' || b == ']'
}

func endsIncludePath(b byte) bool { return isSpace(b) || isLineEnd(b) || b == ';' || b == '}' }
