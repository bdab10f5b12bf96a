//go:build unix && !linux

package transport

// parked is a socket's part in the lot.
type parked struct{}

func (l *Lot) park(*tcp, func()) bool { return false }
func (l *Lot) leave(*tcp)             {}
