package transport_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-io/tidings/internal/transport"
)

// A client may change its keys and ask the server to do so at any time
// (RFC 8446 §4.6.3). The reader's answer goes between the writer's records.
func TestKeyUpdatesMixWithWrites(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		if k.version != tls.VersionTLS13 || k.base != "tcp" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			server, client := loopback(t)
			s := k.socket(t, server)
			closeLater(t, s, client)
			var log bytes.Buffer
			tc := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: k.version, KeyLogWriter: &log})
			shaken := make(chan error, 1)
			go func() { shaken <- tc.HandshakeContext(t.Context()) }()
			e, err := transport.UpgradeTLS(t.Context(), s, serverTLS(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := <-shaken; err != nil {
				t.Fatal(err)
			}
			const updates = 10 // crypto/tls allows 16 answers in a row
			own := newSender(t, client, tc.ConnectionState().CipherSuite, log.String())
			down := randomBytes(1<<19, 1)
			var wg sync.WaitGroup
			wg.Go(func() {
				for range updates {
					own.updateKeys(true)
					own.send(recordData, []byte("hello"))
				}
			})
			wg.Go(func() {
				got, err := read(e, fixed(50_000), updates*len("hello"))
				if want := strings.Repeat("hello", updates); string(got) != want || err != nil {
					t.Errorf("the server read %d bytes, %v, want %d", len(got), err, len(want))
				}
			})
			wg.Go(func() {
				for b := down; len(b) > 0; b = b[1<<12:] {
					if err := write(e, [][]byte{b[:1<<12]}); err != nil {
						t.Error(err)
						return
					}
				}
			})
			got := make([]byte, len(down))
			if _, err := io.ReadFull(tc, got); err != nil || !bytes.Equal(got, down) {
				t.Errorf("the client read %v; as sent: %v", err, bytes.Equal(got, down))
			}
			wg.Wait()
			// Answers that came after the last write leave with the next.
			if err := write(e, [][]byte{[]byte("end")}); err != nil || e.Unsent() != 0 {
				t.Fatalf("%v, and %d bytes are kept", err, e.Unsent())
			}
			if _, err := io.ReadFull(tc, got[:3]); err != nil || string(got[:3]) != "end" {
				t.Errorf("then the client read %q, %v", got[:3], err)
			}
		})
	}
}

// The content types of inner records (RFC 8446 §5.1).
const (
	recordHandshake = 22
	recordData      = 23
)

// sender writes a client's records below its tls.Conn, which cannot update keys
// itself. The tls.Conn must not write any more.
type sender struct {
	t      *testing.T
	to     net.Conn
	newSum func() hash.Hash
	keyLen int
	secret []byte
	seq    uint64
}

// newSender takes over after a handshake with that cipher suite and key log.
func newSender(t *testing.T, to net.Conn, suite uint16, log string) *sender {
	t.Helper()
	s := &sender{t: t, to: to, newSum: sha256.New, keyLen: 16}
	switch suite {
	case tls.TLS_AES_128_GCM_SHA256:
	case tls.TLS_AES_256_GCM_SHA384:
		s.newSum, s.keyLen = sha512.New384, 32
	default:
		t.Fatalf("cipher suite %s is not made here", tls.CipherSuiteName(suite))
	}
	for line := range strings.Lines(log) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			var err error
			if s.secret, err = hex.DecodeString(f[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// expand is HKDF-Expand-Label of the present secret (RFC 8446 §7.1).
func (s *sender) expand(label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(append(info, "tls13 "+label...), 0)
	b, err := hkdf.Expand(s.newSum, s.secret, string(info), n)
	if err != nil {
		s.t.Error(err)
	}
	return b
}

// send writes one record.
func (s *sender) send(content byte, b []byte) {
	block, err := aes.NewCipher(s.expand("key", s.keyLen))
	if err != nil {
		s.t.Error(err)
		return
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		s.t.Error(err)
		return
	}
	nonce := s.expand("iv", aead.NonceSize())
	for i, c := range binary.BigEndian.AppendUint64(nil, s.seq) {
		nonce[len(nonce)-8+i] ^= c
	}
	s.seq++
	inner := append(bytes.Clone(b), content)
	record := binary.BigEndian.AppendUint16([]byte{recordData, 3, 3}, uint16(len(inner)+aead.Overhead()))
	record = aead.Seal(record, nonce, inner, record)
	if _, err := s.to.Write(record); err != nil {
		s.t.Error(err)
	}
}

// updateKeys tells the server of new keys and uses them from then on.
func (s *sender) updateKeys(request bool) {
	message := []byte{24, 0, 0, 1, 0}
	if request {
		message[4] = 1
	}
	s.send(recordHandshake, message)
	s.secret, s.seq = s.expand("traffic upd", len(s.secret)), 0
}
