package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/wire"
)

// BenchmarkParser reads a buffer of publishes, as one read of a busy connection
// returns them; the time is per message.
func BenchmarkParser(b *testing.B) {
	for _, size := range []int{16, 128, 1024} {
		for _, kind := range []string{"same", "changing", "reply", "header"} {
			b.Run(fmt.Sprintf("%s/%dB", kind, size), func(b *testing.B) {
				const messages = 64
				var input []byte
				for i := range messages {
					payload := strings.Repeat("x", size)
					switch kind {
					case "same":
						input = fmt.Appendf(input, "PUB orders.europe.new %d\r\n%s\r\n", size, payload)
					case "changing":
						input = fmt.Appendf(input, "PUB orders.europe.%04d %d\r\n%s\r\n", i, size, payload)
					case "reply":
						input = fmt.Appendf(input, "PUB orders.europe.new _INBOX.aGc7.%04d %d\r\n%s\r\n", i, size, payload)
					case "header":
						input = fmt.Appendf(input, "HPUB orders.europe.new 18 %d\r\nNATS/1.0\r\nA: b\r\n\r\n%s\r\n", size+18, payload)
					}
				}
				p := &wire.Parser{Limits: wire.Limits{ControlLine: 4096, Payload: 1 << 20, Headers: true}}
				at := 0
				b.ReportAllocs()
				b.SetBytes(int64(len(input) / messages))
				for b.Loop() {
					n, err := p.Next(input[at:])
					if n == 0 || err != nil {
						b.Fatal(n, err)
					}
					if at += n; at == len(input) {
						at = 0
					}
				}
			})
		}
	}
}
