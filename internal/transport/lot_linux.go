package transport

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Lot is where idle sockets wait without a goroutine: one epoll set, watched by
// one goroutine, which itself waits in the runtime's poller. A nil *Lot is valid
// and parks nothing.
type Lot struct {
	file *os.File
	fd   int
	done chan struct{}

	mu struct {
		sync.Mutex
		sockets map[int32]*tcp // parked or known, by descriptor
		closed  bool
	}
}

// parked is a socket's part in the lot; guarded by Lot.mu.
type parked struct {
	fd     int32
	known  bool   // the descriptor is in the epoll set
	wake   func() // nil unless parked
	closed bool   // left for good
}

// NewLot returns an empty lot. Close it at the end.
func NewLot() (*Lot, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	l := &Lot{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, done: make(chan struct{})}
	l.mu.sockets = map[int32]*tcp{}
	raw, err := l.file.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	go l.watch(raw)
	return l, nil
}

// watch wakes each parked socket that became readable, until the lot is closed.
func (l *Lot) watch(raw syscall.RawConn) {
	defer close(l.done)
	events := make([]syscall.EpollEvent, 256)
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			for {
				var err error
				n, err = syscall.EpollWait(int(fd), events, 0)
				if err != syscall.EINTR {
					return n > 0 || err != nil
				}
			}
		})
		if err != nil || n < 0 {
			return
		}
		for _, e := range events[:n] {
			l.mu.Lock()
			var wake func()
			if t := l.mu.sockets[e.Fd]; t != nil {
				wake, t.parking.wake = t.parking.wake, nil
			}
			l.mu.Unlock()
			if wake != nil {
				wake()
			}
		}
	}
}

func (l *Lot) park(t *tcp, wake func()) bool {
	if l == nil {
		return false
	}
	entered, ok := false, false
	// The descriptor cannot be closed, and its number not used again, within
	// Control.
	err := t.raw.Control(func(fd uintptr) {
		l.mu.Lock()
		if l.mu.closed || t.parking.closed {
			l.mu.Unlock()
			return
		}
		entered = true
		op := syscall.EPOLL_CTL_MOD
		if !t.parking.known {
			op = syscall.EPOLL_CTL_ADD
			t.parking.known, t.parking.fd = true, int32(fd)
			l.mu.sockets[int32(fd)] = t
		}
		t.parking.wake = wake
		l.mu.Unlock()
		e := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: int32(fd)}
		ok = syscall.EpollCtl(l.fd, op, int(fd), &e) == nil
	})
	if err == nil && ok {
		return true
	}
	if !entered {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// Whoever woke it in the meantime has it.
	mine := t.parking.wake != nil
	t.parking.wake = nil
	return !mine
}

// leave takes a socket out that is about to be closed, and wakes it if parked.
func (l *Lot) leave(t *tcp) {
	if l == nil {
		return
	}
	l.mu.Lock()
	var wake func()
	t.parking.closed = true
	if t.parking.known {
		if l.mu.sockets[t.parking.fd] == t {
			delete(l.mu.sockets, t.parking.fd)
		}
		wake, t.parking.wake = t.parking.wake, nil
	}
	l.mu.Unlock()
	if wake != nil {
		wake()
	}
}

// Close stops the watching. Sockets that are parked stay asleep until closed.
func (l *Lot) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	l.mu.closed = true
	l.mu.Unlock()
	err := l.file.Close()
	<-l.done
	return err
}
