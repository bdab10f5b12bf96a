package monitor

import (
	"encoding/json"
	"strconv"
	"time"
)

// writer writes JSON as json.MarshalIndent does with two blanks, several times
// faster: lists of ten thousand connections are asked for every few seconds. The
// tags of the types say what it writes, and a test holds it to them.
type writer struct {
	text  []byte
	depth int
	first bool // in the present object or list
}

// next begins a member of the present object or an element of the present list.
func (w *writer) next() {
	if w.depth == 0 {
		return
	}
	if !w.first {
		w.text = append(w.text, ',')
	}
	w.first = false
	w.line()
}

func (w *writer) line() {
	w.text = append(w.text, '\n')
	for range w.depth {
		w.text = append(w.text, ' ', ' ')
	}
}

// begin opens an object or a list.
func (w *writer) begin(bracket byte) {
	w.text = append(w.text, bracket)
	w.depth++
	w.first = true
}

func (w *writer) end(bracket byte) {
	w.depth--
	if !w.first {
		w.line()
	}
	w.text = append(w.text, bracket)
	w.first = false
}

// name begins a member; name needs no escapes.
func (w *writer) name(name string) {
	w.next()
	w.text = append(w.text, '"')
	w.text = append(w.text, name...)
	w.text = append(w.text, `": `...)
}

func (w *writer) string(name, value string) {
	w.name(name)
	w.quote(value)
}

// stringIf writes a member unless it is empty.
func (w *writer) stringIf(name, value string) {
	if value != "" {
		w.string(name, value)
	}
}

func (w *writer) int(name string, value int64) {
	w.name(name)
	w.text = strconv.AppendInt(w.text, value, 10)
}

func (w *writer) uint(name string, value uint64) {
	w.name(name)
	w.text = strconv.AppendUint(w.text, value, 10)
}

func (w *writer) float(name string, value float64) {
	w.name(name)
	w.text = strconv.AppendFloat(w.text, value, 'f', -1, 64)
}

func (w *writer) time(name string, value time.Time) {
	w.name(name)
	w.text = append(w.text, '"')
	w.text = value.AppendFormat(w.text, time.RFC3339Nano)
	w.text = append(w.text, '"')
}

// quote writes a string; package json writes those that are not plain ASCII.
func (w *writer) quote(s string) {
	from := len(w.text)
	w.text = append(w.text, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '<' || c == '>' || c == '&':
			w.text = append(w.text, '\\', 'u', '0', '0', '2'+(c>>4&1), "0123456789abcdef"[c&15])
		case c < ' ' || c > '~' || c == '"' || c == '\\':
			quoted, err := json.Marshal(s)
			if err != nil {
				quoted = []byte(`""`) // a string always has a JSON form
			}
			w.text = append(w.text[:from], quoted...)
			return
		default:
			w.text = append(w.text, c)
		}
	}
	w.text = append(w.text, '"')
}
