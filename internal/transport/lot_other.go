//go:build !linux

package transport

// Lot is where idle sockets wait without a goroutine. This system has none: a nil
// *Lot parks nothing.
type Lot struct{}

// NewLot returns nil.
func NewLot() (*Lot, error) { return nil, nil }

// Close does nothing.
func (l *Lot) Close() error { return nil }
