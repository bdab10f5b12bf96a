package wal

import (
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/vfs"
)

// Idle returns a channel that is ready once the log has had time for a marker
// and for another attempt to make files.
func (l *Log) Idle() <-chan time.Time {
	return time.After(2 * (l.opts.IdleMarker%time.Minute + prepareRetry))
}

// SetVersion makes a file look like one of another format.
func SetVersion(t *testing.T, f vfs.File, version uint32) {
	t.Helper()
	b := make([]byte, fileHeaderSize)
	_, err := f.ReadAt(b, 0)
	if err == nil {
		le.PutUint32(b[8:], version)
		le.PutUint32(b[60:], checksum(b[:60]))
		_, err = f.WriteAt(b, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}
