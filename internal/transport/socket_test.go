package transport_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/transport"
)

// kind is one sort of socket; the same behaviour is asked of all.
type kind struct {
	name    string
	base    string // tcp, portable or pipe
	parks   bool   // it is given a lot
	version uint16 // of TLS; 0 without
	lot     *transport.Lot
}

var kinds = []kind{
	{"tcp", "tcp", false, 0, nil},
	{"tcp with a lot", "tcp", true, 0, nil},
	{"tls 1.3", "tcp", false, tls.VersionTLS13, nil},
	{"tls 1.2", "tcp", false, tls.VersionTLS12, nil},
	{"tls 1.3 with a lot", "tcp", true, tls.VersionTLS13, nil},
	{"tls 1.2 with a lot", "tcp", true, tls.VersionTLS12, nil},
	{"portable", "portable", false, 0, nil},
	{"portable tls 1.3", "portable", false, tls.VersionTLS13, nil},
	{"portable tls 1.2", "portable", false, tls.VersionTLS12, nil},
	{"pipe", "pipe", false, 0, nil},
}

// onEach runs f with a new connection of each kind.
func onEach(t *testing.T, f func(t *testing.T, k kind, s transport.Socket, c net.Conn)) {
	t.Helper()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s, c := k.connect(t)
			f(t, k, s, c)
		})
	}
}

// connect returns the server's and the client's end of a new connection.
func (k kind) connect(t *testing.T) (transport.Socket, net.Conn) {
	t.Helper()
	if k.base == "pipe" {
		s, c := transport.NewPipe()
		closeLater(t, s, c)
		return s, c
	}
	server, client := loopback(t)
	return k.wrap(t, server, client)
}

// wrap makes a socket of this kind of the server's end, with TLS on both ends if
// the kind has it.
func (k kind) wrap(t *testing.T, server *net.TCPConn, client net.Conn) (transport.Socket, net.Conn) {
	t.Helper()
	s := k.socket(t, server)
	closeLater(t, s, client)
	if k.version == 0 {
		return s, client
	}
	tc := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: k.version, MaxVersion: k.version})
	shaken := make(chan error, 1)
	go func() { shaken <- tc.HandshakeContext(t.Context()) }()
	e, err := transport.UpgradeTLS(t.Context(), s, serverTLS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	closeLater(t, e, tc)
	return e, tc
}

func (k kind) socket(t *testing.T, server *net.TCPConn) transport.Socket {
	t.Helper()
	if k.base == "portable" {
		return transport.NewPortable(server)
	}
	s, err := transport.NewTCP(server, k.withLot(t).lot)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// withLot is k with a lot that all its connections share, if it parks.
func (k kind) withLot(t *testing.T) kind {
	t.Helper()
	if k.parks && k.lot == nil {
		k.lot = newLot(t)
	}
	return k
}

func newLot(t *testing.T) *transport.Lot {
	t.Helper()
	lot, err := transport.NewLot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lot.Close(); err != nil {
			t.Error(err)
		}
	})
	return lot
}

// closeLater closes both ends after the test; that they are closed then is fine.
func closeLater(t *testing.T, s transport.Socket, c net.Conn) {
	t.Cleanup(func() {
		_ = s.Close()
		_ = c.Close()
	})
}

// loopback returns the two ends of a TCP connection with small buffers.
func loopback(t *testing.T) (server, client *net.TCPConn) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server, client = s.(*net.TCPConn), c.(*net.TCPConn)
	if err := errors.Join(server.SetWriteBuffer(16<<10), client.SetReadBuffer(128<<10)); err != nil {
		t.Fatal(err)
	}
	return server, client
}

var serverTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Now().AddDate(1, 0, 0), DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(crand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS12,
		// A client that closes before it read its ticket would reset.
		SessionTicketsDisabled: true,
	}
})

// space is where sockets put what they read: room of changing size.
type space struct {
	size func() int
	room []byte
	idle int
}

func (s *space) Space() []byte {
	s.room = make([]byte, s.size())
	return s.room
}
func (s *space) Idle() { s.idle++ }

func fixed(n int) *space { return &space{size: func() int { return n }} }

// read reads as a connection does, parking if that is to be had, until n bytes
// are there or the stream ends.
func read(s transport.Socket, sp *space, n int) ([]byte, error) {
	var got []byte
	for len(got) < n {
		k, err := s.Fill(sp, false)
		if errors.Is(err, transport.ErrAgain) {
			woken := make(chan struct{})
			if s.Park(func() { close(woken) }) {
				<-woken
				continue
			}
			k, err = s.Fill(sp, true)
		}
		if err != nil {
			return got, err
		}
		got = append(got, sp.room[:k]...)
	}
	return got, nil
}

// write writes all of v as a connection does.
func write(s transport.Socket, v [][]byte) error {
	total := 0
	for _, b := range v {
		total += len(b)
	}
	all := bytes.Join(v, nil)
	n, full, err := s.Write(v)
	if err != nil {
		return err
	}
	if !full {
		if n != total {
			return errors.New("not all was written, and the socket is not full")
		}
		return nil
	}
	k, err := s.WriteWait([][]byte{all[n:]}, time.Time{})
	if err == nil && n+k != total {
		err = errors.New("WriteWait did not write everything")
	}
	return err
}

func randomBytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// cut cuts b into pieces of random sizes, empty ones among them.
func cut(b []byte, r *rand.Rand, most int) [][]byte {
	var v [][]byte
	for len(b) > 0 {
		n := min(len(b), r.IntN(most+1))
		v = append(v, b[:n:n])
		b = b[n:]
	}
	return v
}

func TestAllBytesArriveBothWaysInAnyPieces(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ kind, s transport.Socket, c net.Conn) {
		const size = 1 << 19
		up, down := randomBytes(size, 1), randomBytes(size, 2)
		var wg sync.WaitGroup
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, 1))
			for _, b := range cut(up, r, 30_000) {
				if _, err := c.Write(b); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wg.Go(func() {
			r := rand.New(rand.NewPCG(2, 2))
			for _, b := range cut(down, r, 100_000) {
				if err := write(s, cut(b, r, []int{1, 100, 5000, 200_000}[r.IntN(4)])); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wg.Go(func() {
			r := rand.New(rand.NewPCG(3, 3))
			sp := &space{size: func() int { return 1 + r.IntN([]int{1, 100, 40_000}[r.IntN(3)]) }}
			got, err := read(s, sp, size)
			if err != nil || !bytes.Equal(got, up) {
				t.Errorf("the server read %d bytes, %v; as sent: %v", len(got), err, bytes.Equal(got, up))
			}
		})
		got := make([]byte, size)
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, down) {
			t.Errorf("the client read %v; as sent: %v", err, bytes.Equal(got, down))
		}
		wg.Wait()
	})
}

// One write of thousands of pieces, most of them tiny or empty.
func TestVectorMayHaveAnyNumberOfPieces(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ kind, s transport.Socket, c net.Conn) {
		for _, pieces := range []int{0, 1, 2, 63, 64, 65, 1000} {
			want := randomBytes(pieces*3, 5)
			var v [][]byte
			for i := range pieces {
				v = append(v, nil, want[i*3:i*3+3:i*3+3], []byte{})
			}
			if err := write(s, v); err != nil {
				t.Fatalf("%d pieces: %v", pieces, err)
			}
			got := make([]byte, len(want))
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d pieces: read %v; as sent: %v", pieces, err, bytes.Equal(got, want))
			}
		}
	})
}

// fill writes until the peer, who does not read, takes no more, and returns what
// was taken of each write so far and what is left of the last one.
func fill(t *testing.T, s transport.Socket) (taken, rest []byte) {
	t.Helper()
	for seed := uint64(10); ; seed++ {
		b := randomBytes(50_000, seed)
		n, full, err := s.Write([][]byte{b[:10:10], b[10:]})
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, randomBytes(50_000, seed)[:n]...)
		if full {
			return taken, randomBytes(50_000, seed)[n:]
		}
		if n != len(b) {
			t.Fatalf("Write took %d of %d bytes and is not full", n, len(b))
		}
	}
}

func TestWriteToAPeerThatIsBehindContinuesWithoutLoss(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, k kind, s transport.Socket, c net.Conn) {
		taken, rest := fill(t, s)
		rest = append(rest, randomBytes(1<<20, 9)...) // more than the buffers have room for
		// A deadline that passes says how much went, and the rest can follow.
		if !k.cutByDeadline() {
			for _, deadline := range []time.Time{time.Unix(1, 0), time.Now().Add(10 * time.Millisecond)} {
				n, err := s.WriteWait([][]byte{bytes.Clone(rest)}, deadline)
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("WriteWait to a peer that does not read = %d, %v", n, err)
				}
				taken, rest = append(taken, rest[:n]...), rest[n:]
			}
		}
		want := append(bytes.Clone(taken), rest...)
		done := make(chan error, 1)
		go func() {
			n, err := s.WriteWait([][]byte{rest}, time.Time{})
			if err == nil && (n != len(want)-len(taken) || s.Unsent() != 0) {
				err = errors.New("WriteWait left something")
			}
			done <- err
		}()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the client read %v; as sent: %v", err, bytes.Equal(got, want))
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		// Nothing came twice: the next bytes are the next ones.
		if err := write(s, [][]byte{[]byte("next")}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, got[:4]); err != nil || string(got[:4]) != "next" {
			t.Errorf("then came %q, %v", got[:4], err)
		}
	})
}

// cutByDeadline tells whether a write that meets its deadline is the last one:
// crypto/tls on a plain net.Conn leaves half a record behind.
func (k kind) cutByDeadline() bool { return k.base == "portable" && k.version != 0 }

// Whoever tries again after the deadline would try for ever if it were told of
// the deadline again.
func TestWriteThatCannotGoOnSaysSo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, k kind, s transport.Socket, _ net.Conn) {
		if !k.cutByDeadline() {
			return
		}
		b := make([]byte, 1<<20)
		if _, err := s.WriteWait([][]byte{b}, time.Now().Add(10*time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("WriteWait to a peer that does not read: %v", err)
		}
		if n, err := s.WriteWait([][]byte{b}, time.Time{}); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("WriteWait after it = %d, %v, want an error that is no deadline", n, err)
		}
	})
}

// The deadline of one WriteWait is none for the writes after it.
func TestWriteDeadlineHoldsForOneCall(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, k kind, s transport.Socket, c net.Conn) {
		if k.cutByDeadline() {
			return
		}
		n, err := s.WriteWait([][]byte{[]byte("x")}, time.Unix(1, 0))
		if err == nil && k.base != "pipe" {
			t.Errorf("WriteWait with a passed deadline = %d, %v", n, err)
		}
		left := []byte("x")[n:]
		if err := write(s, [][]byte{left, []byte("yz")}); err != nil {
			t.Fatalf("Write after a deadline passed: %v", err)
		}
		got := make([]byte, 3)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "xyz" {
			t.Errorf("the client read %q, %v", got, err)
		}
	})
}

func TestFillDoesNotWaitUnlessToldTo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, k kind, s transport.Socket, c net.Conn) {
		sp := fixed(100)
		if n, err := s.Fill(sp, false); n != 0 || !errors.Is(err, transport.ErrAgain) {
			t.Fatalf("Fill with nothing there = %d, %v, want ErrAgain", n, err)
		}
		if k.base != "portable" && sp.idle != 1 {
			t.Errorf("Fill called Idle %d times, want once", sp.idle)
		}
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if got, err := read(s, sp, 5); string(got) != "hello" || err != nil {
			t.Errorf("then it reads %q, %v", got, err)
		}
	})
}

// Data that came together with the end of the stream is read before the end.
func TestEndOfStreamHidesNoData(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			k := k.withLot(t)
			connections := 400
			if k.version != 0 {
				connections = 40 // for the handshakes
			}
			var wg sync.WaitGroup
			for range connections {
				s, c := k.connect(t)
				wg.Go(func() {
					got, err := read(s, fixed(3), 1<<20)
					if string(got) != "hello" || !errors.Is(err, io.EOF) {
						t.Errorf("read %q, %v, want hello and EOF", got, err)
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				wg.Go(func() {
					if _, err := c.Write([]byte("hello")); err != nil {
						t.Error(err)
					}
					if err := c.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// After CloseWrite the client has all that was written, and can still send.
func TestCloseWriteEndsOneDirection(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ kind, s transport.Socket, c net.Conn) {
		if err := write(s, [][]byte{[]byte("bye")}); err != nil {
			t.Fatal(err)
		}
		s.CloseWrite()
		if got, err := io.ReadAll(c); string(got) != "bye" || err != nil {
			t.Errorf("the client read %q, %v", got, err)
		}
		if _, err := c.Write([]byte("still here")); err != nil {
			t.Fatal(err)
		}
		if got, err := read(s, fixed(100), 10); string(got) != "still here" || err != nil {
			t.Errorf("the server read %q, %v", got, err)
		}
	})
}

func TestNudgeInterruptsAWait(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, k kind, s transport.Socket, c net.Conn) {
		if k.base == "pipe" {
			s.Nudge() // is ignored
		} else {
			for range 20 {
				result := make(chan error, 1)
				go func() {
					_, err := s.Fill(fixed(10), true)
					result <- err
				}()
				s.Nudge()
				if err := <-result; !errors.Is(err, transport.ErrNudged) {
					t.Fatalf("a nudged Fill gives %v, want ErrNudged", err)
				}
			}
		}
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if got, err := read(s, fixed(10), 5); string(got) != "hello" || err != nil {
			t.Errorf("after it the server reads %q, %v", got, err)
		}
	})
}

func TestCloseEndsWaits(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ kind, s transport.Socket, _ net.Conn) {
		_, rest := fill(t, s)
		rest = append(rest, make([]byte, 8<<20)...)
		reader, writer := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := s.Fill(fixed(10), true)
			reader <- err
		}()
		go func() {
			_, err := s.WriteWait([][]byte{rest}, time.Time{})
			writer <- err
		}()
		_ = s.Close() // TLS may find no room for its alert
		if err := <-reader; err == nil {
			t.Error("a Fill that waits ends without error")
		}
		if err := <-writer; err == nil {
			t.Error("a WriteWait that waits ends without error")
		}
		if _, err := s.Fill(fixed(10), true); err == nil {
			t.Error("a Fill after Close has no error")
		}
		if n, full, err := s.Write([][]byte{[]byte("x")}); err == nil && !full && s.Unsent() == 0 {
			t.Errorf("a Write after Close = %d without error", n)
		}
		if _, err := s.WriteWait([][]byte{[]byte("x")}, time.Time{}); err == nil {
			t.Error("a WriteWait after Close has no error")
		}
	})
}

func TestSocketKnowsWhatItIs(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, k kind, s transport.Socket, c net.Conn) {
		if s.InProcess() != (k.base == "pipe") {
			t.Errorf("InProcess = %v", s.InProcess())
		}
		if state := s.TLS(); (state != nil) != (k.version != 0) || (state != nil && state.Version != k.version) {
			t.Errorf("TLS = %+v, want version %d", state, k.version)
		}
		if s.RemoteAddr().String() != c.LocalAddr().String() || s.LocalAddr().String() != c.RemoteAddr().String() {
			t.Errorf("addresses are %v and %v, the client's %v and %v", s.LocalAddr(), s.RemoteAddr(), c.LocalAddr(), c.RemoteAddr())
		}
	})
}

// A handshake that never comes ends with its context.
func TestHandshakeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"tcp", "portable"} {
		server, client := loopback(t)
		s := kind{base: base}.socket(t, server)
		closeLater(t, s, client)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := transport.UpgradeTLS(ctx, s, serverTLS(), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: UpgradeTLS = %v, want context canceled", base, err)
		}
	}
	s, _ := transport.NewPipe()
	if _, err := transport.UpgradeTLS(t.Context(), s, serverTLS(), nil); err == nil {
		t.Error("UpgradeTLS of a pipe has no error")
	}
}
