package cli

import (
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func (a *app) streamUsageCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "usage",
		Short:   "Show what the account uses of JetStream, and may use",
		Example: "  tidings stream usage\n  tidings stream usage --json",
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				account, err := js.AccountInfo(cmd.Context())
				if err != nil {
					return err
				}
				if a.global.json {
					return a.writeJSON(account)
				}
				a.showUsage(account)
				return nil
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}

// showUsage shows a table for the account, or one for each of its tiers, whose
// names are numbers of replicas, such as R3.
func (a *app) showUsage(account *jsapi.AccountStats) {
	if len(account.Tiers) == 0 {
		a.screen.Table(usageHead, usageRows(&account.Usage), 2, 3, 4)
	}
	for i, name := range slices.Sorted(maps.Keys(account.Tiers)) {
		if i > 0 {
			a.out.Println()
		}
		tier := account.Tiers[name]
		a.out.Println(a.screen.Strong("tier " + ui.Printable(name)))
		a.screen.Table(usageHead, usageRows(&tier), 2, 3, 4)
	}
	a.note("%s requests to the API, %s refused", ui.Count(account.API.Total), ui.Count(account.API.Errors))
}

var usageHead = []string{"", "used", "reserved", "limit"}

func usageRows(u *jsapi.Usage) [][]string {
	size := func(n uint64) string { return ui.Bytes(float64(n)) }
	limit := func(n int64, text func(uint64) string) string {
		if n < 0 {
			return asset.Unlimited
		}
		return text(uint64(n))
	}
	count := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return [][]string{
		{"file storage", size(u.Storage), size(u.ReservedStorage), limit(u.Limits.MaxStorage, size)},
		{"memory", size(u.Memory), size(u.ReservedMemory), limit(u.Limits.MaxMemory, size)},
		{"streams", strconv.Itoa(u.Streams), "", limit(int64(u.Limits.MaxStreams), count)},
		{"consumers", strconv.Itoa(u.Consumers), "", limit(int64(u.Limits.MaxConsumers), count)},
	}
}
