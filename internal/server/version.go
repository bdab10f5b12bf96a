package server

import "runtime/debug"

const (
	// Version is that of Tidings.
	Version = "0.1.0"
	// NATSVersion is the version of the protocol family that INFO announces;
	// clients switch features on it.
	NATSVersion = "2.15.2"
	// apiLevel is the JetStream API level that goes with NATSVersion.
	apiLevel = 5
)

// Commit is the short revision the program was built from, if known.
func Commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(len(s.Value), 7)]
		}
	}
	return ""
}
