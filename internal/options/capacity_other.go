//go:build !linux && !darwin && !freebsd

package options

// freeDisk does not know.
func freeDisk(string) (int64, bool) { return 0, false }
