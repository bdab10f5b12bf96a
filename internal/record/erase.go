package record

import (
	"encoding/binary"
	"fmt"
)

// flagErased marks a record without its body.
const flagErased = 1

// Erase makes the body of the verified record b zeros, for good; subject, headers,
// time and sequence stay, as those who go through the log again decide by them.
//
// Whatever b is part of keeps its CRC-32C, because the checksum of an erased
// record is not one: it is chosen so that the change as a whole is a multiple of
// the polynomial. So one message can be erased in an entry of the log that has a
// checksum of its own. What an erased record is worth is said by that checksum and
// by its zeros.
func Erase(b []byte) {
	n := Length(b)
	old := append([]byte(nil), b[:n]...)
	binary.LittleEndian.PutUint16(b[offFlags:], flagErased)
	m := View(b[:n])
	clear(m.Body)
	// The register after the four bytes of the sum has to be the one that the rest
	// of the change takes to zero: go back from there.
	state := uint32(0)
	for i := n - 1; i >= offLength; i-- {
		state = before(state, old[i]^b[i])
	}
	for range offLength {
		state = before(state, 0)
	}
	binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(old)^state)
}

// back has, for the highest byte of each entry of the table, its index.
var back = func() (back [256]byte) {
	for i, entry := range table {
		back[entry>>24] = byte(i)
	}
	return back
}()

// before returns the register of the checksum that becomes state with the byte c.
func before(state uint32, c byte) uint32 {
	i := back[state>>24]
	return (state^table[i])<<8 | uint32(i^c)
}

// checkErased returns an error for an erased record whose body is something.
func checkErased(m *Message) error {
	for _, c := range m.Body {
		if c != 0 {
			return fmt.Errorf("%w: it is erased and has a body", ErrDamaged)
		}
	}
	return nil
}
