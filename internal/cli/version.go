package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/server"
)

// versionView is what `tidings version` shows.
type versionView struct {
	Version  string `json:"version"`
	NATS     string `json:"nats"` // version of the protocol family it speaks
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a tree with changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program",
		GroupID: groupSettings,
		Example: "  tidings version\n  tidings version --json",
		Args:    arguments(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			v := buildVersion()
			if a.global.json {
				return a.writeJSON(v)
			}
			a.out.Println(v)
			return nil
		},
	}
}

func (v versionView) String() string {
	commit := ""
	if v.Commit != "" {
		commit = " (" + v.Commit + ")"
	}
	return fmt.Sprintf("tidings %s%s, NATS %s, %s %s", v.Version, commit, v.NATS, v.Go, v.Platform)
}

// buildVersion reads what the linker recorded about this build.
func buildVersion() versionView {
	v := versionView{
		Version: server.Version, NATS: server.NATSVersion, Commit: server.Commit(),
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.modified" {
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// writeJSON writes one object on one line.
func (a *app) writeJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
