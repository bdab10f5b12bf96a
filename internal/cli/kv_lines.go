package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// A bucket as lines: a head that says what follows, then one line per revision
// as in `kv get --json`, in the order of revisions. Lines without a head are
// read, too.
const (
	kvLinesKind    = "key-value bucket"
	kvLinesVersion = 1
)

// kvHead is the first line.
type kvHead struct {
	Kind    string              `json:"tidings"`
	Version int                 `json:"version"`
	Bucket  string              `json:"bucket"`
	History bool                `json:"history"` // more than one line per key
	Config  *jsapi.StreamConfig `json:"config,omitempty"`
}

// kvLineReader reads a bucket as lines.
type kvLineReader struct {
	scanner *bufio.Scanner
	line    int
	head    kvHead
	first   *kvView // read already, while looking for a head
}

// newKVLineReader reads the head if there is one.
func newKVLineReader(r io.Reader) (*kvLineReader, error) {
	lines := &kvLineReader{scanner: bufio.NewScanner(r), head: kvHead{History: true}}
	lines.scanner.Buffer(nil, maxLine)
	text, err := lines.text()
	if errors.Is(err, io.EOF) {
		return lines, nil
	}
	if err != nil {
		return nil, err
	}
	var head kvHead
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, lines.wrong(err.Error())
	}
	switch {
	case head.Kind == "":
		lines.first, err = lines.parse(text)
		return lines, err
	case head.Kind != kvLinesKind:
		return nil, lines.wrong(fmt.Sprintf("this is a %q, not a %s", head.Kind, kvLinesKind))
	case head.Version != kvLinesVersion:
		return nil, lines.wrong(fmt.Sprintf("version %d is not known, only %d; use a newer tidings", head.Version, kvLinesVersion))
	}
	lines.head = head
	return lines, nil
}

// next returns the next revision; [io.EOF] after the last one.
func (l *kvLineReader) next() (*kvView, error) {
	if v := l.first; v != nil {
		l.first = nil
		return v, nil
	}
	text, err := l.text()
	if err != nil {
		return nil, err
	}
	return l.parse(text)
}

// text returns the next line that is not blank.
func (l *kvLineReader) text() ([]byte, error) {
	for l.scanner.Scan() {
		l.line++
		if text := bytes.TrimSpace(l.scanner.Bytes()); len(text) > 0 {
			return text, nil
		}
	}
	if err := l.scanner.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", l.line+1, err)
	}
	return nil, io.EOF
}

func (l *kvLineReader) parse(text []byte) (*kvView, error) {
	v := &kvView{Operation: "put"}
	if err := json.Unmarshal(text, v); err != nil {
		return nil, l.wrong(err.Error())
	}
	switch {
	case v.Key == "":
		return nil, l.wrong(`"key" is missing`)
	case v.Operation != "put" && v.Operation != "delete" && v.Operation != "purge":
		return nil, l.wrong(fmt.Sprintf(`"operation" %q is none of put, delete, purge`, v.Operation))
	case v.Value != nil && v.ValueBase64 != nil:
		return nil, l.wrong(`"value" and "value_base64" are both there`)
	case v.Operation == "put" && v.Value == nil && v.ValueBase64 == nil:
		return nil, l.wrong(`"value" is missing`)
	}
	return v, nil
}

func (l *kvLineReader) wrong(reason string) error {
	return fmt.Errorf("line %d: %s", l.line, reason)
}

// value is the value's bytes.
func (v *kvView) value() []byte {
	if v.Value != nil {
		return []byte(*v.Value)
	}
	return v.ValueBase64
}
