package transport_test

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/tidings-io/tidings/internal/transport"
)

// onEachParking runs f with a new connection of each kind that parks.
func onEachParking(t *testing.T, f func(t *testing.T, s transport.Socket, c net.Conn)) {
	t.Helper()
	s, _ := kind{base: "tcp", parks: true}.connect(t)
	if !s.Park(func() {}) {
		return // nothing parks on this system
	}
	for _, k := range kinds {
		if !k.parks {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s, c := k.connect(t)
			f(t, s, c)
		})
	}
}

// drain reads until there is nothing.
func drain(t *testing.T, s transport.Socket) string {
	t.Helper()
	sp := fixed(100)
	got := ""
	for {
		n, err := s.Fill(sp, false)
		if errors.Is(err, transport.ErrAgain) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got += string(sp.room[:n])
	}
}

func TestParkedSocketWakesOnceForWhatComes(t *testing.T) {
	t.Parallel()
	onEachParking(t, func(t *testing.T, s transport.Socket, c net.Conn) {
		var wakes atomic.Int32
		drain(t, s)
		for i := range int32(200) {
			woken := make(chan struct{}, 10)
			if i%2 == 0 { // there before
				if _, err := c.Write([]byte("hello")); err != nil {
					t.Fatal(err)
				}
			}
			if !s.Park(func() { wakes.Add(1); woken <- struct{}{} }) {
				t.Fatal("Park is false")
			}
			if i%2 == 1 { // and later, in two parts
				for range 2 {
					if _, err := c.Write([]byte("hello")); err != nil {
						t.Fatal(err)
					}
				}
			}
			<-woken
			if _, err := read(s, fixed(100), 5+int(i%2)*5); err != nil {
				t.Fatal(err)
			}
			drain(t, s)
			if n := wakes.Load(); n != i+1 {
				t.Fatalf("woken %d times, want %d", n, i+1)
			}
		}
	})
}

func TestParkedSocketWakesWhenThePeerCloses(t *testing.T) {
	t.Parallel()
	onEachParking(t, func(t *testing.T, s transport.Socket, c net.Conn) {
		drain(t, s)
		woken := make(chan struct{})
		if !s.Park(func() { close(woken) }) {
			t.Fatal("Park is false")
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		<-woken
		if _, err := s.Fill(fixed(10), true); !errors.Is(err, io.EOF) {
			t.Errorf("Fill = %v, want EOF", err)
		}
	})
}

func TestParkedSocketWakesWhenItIsClosed(t *testing.T) {
	t.Parallel()
	onEachParking(t, func(t *testing.T, s transport.Socket, _ net.Conn) {
		drain(t, s)
		woken := make(chan struct{})
		if !s.Park(func() { close(woken) }) {
			t.Fatal("Park is false")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		<-woken
		if _, err := s.Fill(fixed(10), true); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Fill = %v, want closed", err)
		}
		if s.Park(func() {}) {
			t.Error("Park of a closed socket is true, though nothing can wake it")
		}
	})
}

// Close at the moment of Park wakes the socket, or Park says no.
func TestCloseAndParkAtOnceLoseNoWake(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		if !k.parks || k.version != 0 {
			continue
		}
		k := k.withLot(t)
		for range 500 {
			s, c := k.connect(t)
			closed := make(chan struct{})
			go func() {
				_ = s.Close() // its error is not what this is about
				close(closed)
			}()
			woken := make(chan struct{})
			if s.Park(func() { close(woken) }) {
				<-woken
			}
			<-closed
			_ = c.Close() // frees the descriptor before the end of the test
		}
	}
}

// Decrypted bytes that wait in the session would wake nobody.
func TestSocketWithDecryptedBytesDoesNotPark(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		if !k.parks || k.version == 0 {
			continue
		}
		s, c := k.connect(t)
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		sp := fixed(2)
		if n, err := s.Fill(sp, true); n != 2 || err != nil {
			t.Fatalf("%s: Fill = %d, %v", k.name, n, err)
		}
		if s.Park(func() {}) {
			t.Errorf("%s: Park is true with decrypted bytes left", k.name)
		}
		if got := drain(t, s); got != "llo" {
			t.Errorf("%s: the rest is %q, want llo", k.name, got)
		}
	}
}

func TestClosedLotParksNothing(t *testing.T) {
	t.Parallel()
	lot, err := transport.NewLot()
	if err != nil {
		t.Fatal(err)
	}
	server, client := loopback(t)
	s, err := transport.NewTCP(server, lot)
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, s, client)
	if err := lot.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Park(func() {}) {
		t.Error("Park is true after the lot was closed")
	}
	var none *transport.Lot
	if err := none.Close(); err != nil {
		t.Errorf("Close of no lot: %v", err)
	}
}
