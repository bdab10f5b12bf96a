package store

// ioLock is a mutex for those who hold it while they wait for the disk. Whoever
// waits for it waits at a channel, which a synctest bubble counts as waiting: so
// tests can stop its holder at any call and see what the others do meanwhile.
type ioLock chan struct{}

func newIOLock() ioLock { return make(ioLock, 1) }

func (l ioLock) Lock()   { l <- struct{}{} }
func (l ioLock) Unlock() { <-l }
