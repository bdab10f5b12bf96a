package conf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest returns "sha256:" and the hex digest of the parsed content: the JSON
// text of the tree with sorted keys and a newline at its end, the same that
// nats-server prints for the same file. Comments, blanks, the order of keys
// and the way of quoting do not change it; includes and variables count as
// what they stand for.
func (m *Map) Digest() (string, error) {
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(m.plain()); err != nil {
		return "", fmt.Errorf("digest of the configuration: %w", err)
	}
	sum := sha256.Sum256(text.Bytes())
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// plain returns the map as encoding/json wants it.
func (m *Map) plain() map[string]any {
	out := make(map[string]any, len(m.entries))
	for _, e := range m.entries {
		out[e.Key] = e.Value.plain()
	}
	return out
}

func (v *Value) plain() any {
	switch v.Kind {
	case KindText:
		return v.text
	case KindInt:
		return v.number
	case KindFloat:
		return v.float
	case KindBool:
		return v.truth
	case KindTime:
		return v.when
	case KindList:
		out := make([]any, len(v.list))
		for i, element := range v.list {
			out[i] = element.plain()
		}
		return out
	case KindMap:
		return v.fields.plain()
	default:
		return nil
	}
}
