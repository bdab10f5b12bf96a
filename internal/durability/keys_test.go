package durability

import (
	"fmt"
	"math"

	"github.com/anishathalye/porcupine"
)

// keyInput is what a client wants of a key.
type keyInput struct {
	get      bool
	expected uint64 // revision that the key must have to be set
	value    string
}

// keyOutput is what it was told. Without known it was told nothing: the key may
// have been set or not, then or later.
type keyOutput struct {
	known    bool
	wrong    bool // the key had another revision
	revision uint64
	value    string
}

// keyState is a key: its value and revision. The revision is 0 when it was set by
// somebody who was not told which one it is.
type keyState struct {
	value    string
	revision uint64
}

// keyModel is a key that behaves as if there was one copy of it.
func keyModel(initial keyState) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, output any) (bool, any) {
			s, in, out := state.(keyState), input.(keyInput), output.(keyOutput)
			may := s.revision == 0 || s.revision == in.expected
			switch {
			case in.get:
				ok := out.value == s.value && (s.revision == 0 || s.revision == out.revision)
				return ok, keyState{out.value, out.revision}
			case !out.known:
				if !may {
					return true, s
				}
				return true, keyState{in.value, 0}
			case out.wrong:
				return s.revision != in.expected || s.revision == 0, s
			}
			return may && out.revision > s.revision, keyState{in.value, out.revision}
		},
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v → %+v", input, output)
		},
	}
}

// never is when an operation ends of which nobody heard.
const never = math.MaxInt64
