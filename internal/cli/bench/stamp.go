package bench

import (
	"bytes"
	"encoding/binary"
	"time"
)

// A stamp is the first 16 bytes of a payload: a mark that says the rest is ours,
// then the sender's clock in nanoseconds since 1970, big endian. Smaller
// payloads have none.
const stampSize = 16

var stampMark = [8]byte{'t', 'i', 'd', 'i', 'n', 'g', 's', 1}

// newPayload returns a payload of that size, filled with letters.
func newPayload(size int) []byte {
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = 'a' + byte(i%26)
	}
	if size >= stampSize {
		copy(payload, stampMark[:])
	}
	return payload
}

// stamp writes the time into a payload made by newPayload.
func stamp(payload []byte, now time.Time) {
	if len(payload) >= stampSize {
		binary.BigEndian.PutUint64(payload[8:], uint64(now.UnixNano()))
	}
}

// stampOf returns the time a payload was stamped with, in nanoseconds.
func stampOf(payload []byte) (int64, bool) {
	if len(payload) < stampSize || !bytes.Equal(payload[:8], stampMark[:]) {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(payload[8:])), true
}
