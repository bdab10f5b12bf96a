package store

// SetStateOwnFile sets from which size on a state gets a file of its own.
func (o *Options) SetStateOwnFile(n int) { o.stateOwnFile = n }
