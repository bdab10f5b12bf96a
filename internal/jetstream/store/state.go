package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"sync"

	"github.com/tidings-io/tidings/internal/vfs"
)

// State is the state of a group while it is taken for a checkpoint, in parts, so
// that neither the lock of its owner is held for long nor a copy of all of it is in
// memory. The owner goes on between two parts; all of them together are the state as
// it is when the last one is taken. Its methods are called inside [Owner.View].
type State interface {
	// Next appends the next part, of about size bytes or, if that is how the state
	// is, more, and reports whether it was the last one.
	Next(dst []byte, size int) (all []byte, last bool)
	// Drop ends a state that is not wanted any more before its last part. Later
	// calls, and one after the last part, do nothing.
	Drop()
}

// Whole returns a state of one part, which the function appends.
func Whole(all func(dst []byte) []byte) State { return whole(all) }

type whole func(dst []byte) []byte

func (w whole) Next(dst []byte, _ int) ([]byte, bool) { return w(dst), true }
func (whole) Drop()                                   {}

// The layout of state files is docs/formats/checkpoint.md.
const (
	stateVersion = 2
	stateMagic   = "TidingsG"
	stateHeader  = 64
	// A part is written in pieces of at most pieceMax bytes, each behind a header.
	pieceHeader = 8
	pieceMax    = 1 << 20
	pieceEnds   = 1 << 31 // the piece is the last one of its part
)

// stateWriter writes the parts of a state to a file of its own.
type stateWriter struct {
	s    *Store
	disk vfs.File
	off  int64
	sum  uint32 // of all pieces so far
}

// createState begins the file that the section refers to.
func (s *Store) createState(sec *section) (*stateWriter, error) {
	if err := s.opts.FS.MkdirAll(s.path(groupDir(sec.group))); err != nil {
		return nil, err
	}
	name := s.path(sec.stateName())
	if err := s.removeIfThere(name); err != nil {
		return nil, err
	}
	disk, err := s.opts.FS.Create(name)
	if err != nil {
		return nil, err
	}
	return &stateWriter{s: s, disk: disk, off: stateHeader}, nil
}

// part writes a part, which begins behind pieceHeader bytes of b that are not used.
// It overwrites some of b.
func (w *stateWriter) part(b []byte) error {
	for at := pieceHeader; ; at += pieceMax {
		data := b[at:]
		n, flag := len(data), uint32(pieceEnds)
		if n > pieceMax {
			n, flag = pieceMax, 0
		}
		head := b[at-pieceHeader : at] // what was there is written
		le.PutUint32(head, uint32(n)|flag)
		w.sum = pieceSum(w.sum, head, data[:n])
		le.PutUint32(head[4:], w.sum)
		if _, err := w.disk.WriteAt(b[at-pieceHeader:at+n], w.off); err != nil {
			return err
		}
		w.off += pieceHeader + int64(n)
		if flag != 0 {
			return nil
		}
	}
}

// pieceSum returns the checksum of all pieces so far, this one included.
func pieceSum(before uint32, head, data []byte) uint32 {
	return crc32.Update(crc32.Update(before, castagnoli, head[:4]), castagnoli, data)
}

// finish makes the file durable and completes the section.
func (w *stateWriter) finish(sec *section) error {
	sec.stateSize, sec.stateSum = uint64(w.off-stateHeader), w.sum
	_, err := w.disk.WriteAt(appendStateHead(nil, sec), 0)
	if err == nil {
		if err = w.disk.Sync(); err != nil {
			err = &syncError{err}
		}
	}
	err = errors.Join(err, w.disk.Close())
	if err == nil {
		err = w.s.syncGroupDir(sec.group)
	}
	return err
}

// stateName is the name of the state's file below the store's directory.
func (s *section) stateName() string { return path.Join(groupDir(s.group), stateName(s.stateFile)) }

// appendStateHead appends the header of a state file.
func appendStateHead(dst []byte, s *section) []byte {
	from := len(dst)
	dst = append(dst, stateMagic...)
	dst = le.AppendUint32(dst, stateVersion)
	dst = le.AppendUint32(dst, s.stateSum)
	dst = le.AppendUint64(dst, uint64(s.group))
	dst = le.AppendUint64(dst, uint64(s.applied))
	dst = le.AppendUint64(dst, s.stateSize)
	dst = append(dst, make([]byte, stateHeader-4-(len(dst)-from))...)
	return le.AppendUint32(dst, checksum(dst[from:]))
}

// checkStateHead reports what is wrong with the header of the file that the section
// refers to.
func checkStateHead(b []byte, s *section) error {
	if len(b) < stateHeader || string(b[:8]) != stateMagic || le.Uint32(b[60:]) != checksum(b[:60]) {
		return errNotValid
	}
	if v := le.Uint32(b[8:]); v != stateVersion {
		return &wrongVersionError{What: "state", Version: v, Known: stateVersion}
	}
	if Group(le.Uint64(b[16:])) != s.group || le.Uint64(b[32:]) != s.stateSize || le.Uint32(b[12:]) != s.stateSum {
		return fmt.Errorf("it is not the state that was written for group %d", s.group)
	}
	return nil
}

// Parts reads the parts of a state, one after the other.
type Parts struct {
	sec    *section
	inline bool // the only part is next
	only   []byte
	disk   vfs.File
	off    int64
	end    int64
	sum    uint32
	buf    []byte
	err    error // what is wrong with the file
}

// stateReader reads states, and keeps checkpoints open that several of them are in.
// It is safe for concurrent use.
type stateReader struct {
	opts Options

	mu struct {
		sync.Mutex
		checkpoints map[uint64]vfs.File
	}
}

// open begins to read the state of a section. The caller closes it.
func (r *stateReader) open(sec *section) (*Parts, error) {
	if sec.kind == stateInline {
		return r.inline(sec)
	}
	disk, err := r.opts.FS.Open(path.Join(r.opts.Dir, sec.stateName()))
	if err != nil {
		return nil, &DamageError{Group: sec.group, File: sec.stateName(), Err: err}
	}
	p := &Parts{sec: sec, disk: disk, off: stateHeader, end: stateHeader + int64(sec.stateSize)}
	if err := p.begin(); err != nil {
		return nil, errors.Join(p.fail(0, err), p.close())
	}
	return p, nil
}

// inline reads a state that is in a checkpoint.
func (r *stateReader) inline(sec *section) (*Parts, error) {
	name := checkpointName(sec.stateIn)
	disk, err := r.checkpoint(sec.stateIn, name)
	b := make([]byte, sec.stateSize)
	if err == nil && len(b) > 0 {
		_, err = disk.ReadAt(b, sec.stateOff)
	}
	if err == nil && checksum(b) != sec.stateSum {
		err = errors.New("state does not match its checksum")
	}
	if err != nil {
		return nil, &DamageError{Group: sec.group, File: name, Offset: sec.stateOff, Err: err}
	}
	return &Parts{sec: sec, only: b, inline: true}, nil
}

func (r *stateReader) checkpoint(number uint64, name string) (vfs.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if disk := r.mu.checkpoints[number]; disk != nil {
		return disk, nil
	}
	disk, err := r.opts.FS.Open(path.Join(r.opts.Dir, name))
	if err != nil {
		return nil, err
	}
	if r.mu.checkpoints == nil {
		r.mu.checkpoints = map[uint64]vfs.File{}
	}
	r.mu.checkpoints[number] = disk
	return disk, nil
}

func (r *stateReader) close() {
	for _, disk := range r.mu.checkpoints {
		_ = disk.Close() // it was only read
	}
}

func (p *Parts) begin() error {
	size, err := p.disk.Size()
	if err != nil {
		return err
	}
	head := make([]byte, min(size, stateHeader))
	if _, err := p.disk.ReadAt(head, 0); err != nil {
		return err
	}
	if err := checkStateHead(head, p.sec); err != nil {
		return err
	}
	if size != p.end {
		return fmt.Errorf("the file has %d bytes, %d were written", size, p.end)
	}
	return nil
}

func (p *Parts) close() error {
	if p.disk == nil {
		return nil
	}
	return p.disk.Close()
}

func (p *Parts) fail(at int64, err error) error {
	p.err = &DamageError{Group: p.sec.group, File: p.sec.stateName(), Offset: at, Err: err}
	return p.err
}

// Next returns the next part, which is valid until the next call, and io.EOF behind
// the last one. Another error is a *[DamageError].
func (p *Parts) Next() ([]byte, error) {
	if p.disk == nil {
		if !p.inline {
			return nil, io.EOF
		}
		p.inline = false
		return p.only, nil
	}
	p.buf = p.buf[:0]
	for {
		ends, err := p.piece()
		if err != nil || ends {
			return p.buf, err
		}
	}
}

// piece appends the next piece to p.buf, and reports whether its part ends with it.
func (p *Parts) piece() (ends bool, err error) {
	switch {
	case p.err != nil:
		return false, p.err
	case p.off == p.end && p.sum == p.sec.stateSum:
		return false, io.EOF
	case p.off > p.end-pieceHeader:
		return false, p.fail(p.off, errors.New("pieces are missing"))
	}
	var head [pieceHeader]byte
	if _, err := p.disk.ReadAt(head[:], p.off); err != nil {
		return false, p.fail(p.off, err)
	}
	n := le.Uint32(head[:])
	ends, n = n&pieceEnds != 0, n&^pieceEnds
	if n > pieceMax || int64(n) > p.end-p.off-pieceHeader {
		return false, p.fail(p.off, fmt.Errorf("a piece has %d bytes", n))
	}
	from := len(p.buf)
	p.buf = append(p.buf, make([]byte, n)...)
	if _, err := p.disk.ReadAt(p.buf[from:], p.off+pieceHeader); err != nil {
		return false, p.fail(p.off, err)
	}
	p.sum = pieceSum(p.sum, head[:], p.buf[from:])
	if p.sum != le.Uint32(head[4:]) {
		return false, p.fail(p.off, errors.New("piece does not match its checksum"))
	}
	p.off += pieceHeader + int64(n)
	return ends, nil
}

// checkState reports what is wrong with the state file of a section.
func checkState(opts Options, sec *section) error {
	p, err := (&stateReader{opts: opts}).open(sec)
	if err != nil {
		return err
	}
	for err == nil {
		p.buf = p.buf[:0]
		_, err = p.piece()
	}
	_ = p.close() // it was only read
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readState returns a state of one part.
func readState(opts Options, sec *section) ([]byte, error) {
	r := stateReader{opts: opts}
	defer r.close()
	p, err := r.open(sec)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.close() }() // it was only read
	return p.Next()
}
