package arch

// layer is one row of the table: packages that stand at the same height.
type layer struct {
	name string
	// packages are named by their path below internal/; those outside it are
	// "." (the root) and "cmd/tidings".
	packages []string
	// arrows lists the imports inside the layer: importer → imported.
	arrows map[string][]string
	// only restricts the packages of the layer to these lower layers (and their
	// arrows); nil allows every lower layer.
	only []string
	// modules are the third-party modules the layer may link. None: the standard
	// library alone.
	modules []string
}

// layers is the direction of imports: a package imports only from layers that
// stand before its own, or along an arrow of its own layer.
var layers = []layer{
	{
		// Only vfs and serverlog touch the outside world.
		name:     "words and seams",
		packages: []string{"subject", "wire", "conf", "jsapi", "record", "invariant", "vfs", "serverlog"},
		arrows: map[string][]string{
			"conf":  {"vfs"},
			"jsapi": {"subject"},
			"wire":  {"subject"},
		},
	},
	{
		// File systems over file systems that need more than the standard library.
		name:     "files",
		packages: []string{"vfs/encrypted"},
		only:     []string{"words and seams"},
		modules:  []string{"golang.org/x/crypto"},
	},
	{
		name:     "interest",
		packages: []string{"interest"},
	},
	{
		name:     "core",
		packages: []string{"core"},
	},
	{
		name:     "auth and transport",
		packages: []string{"auth", "transport"},
		modules: []string{
			"golang.org/x/crypto",
			"golang.org/x/sys",
			"github.com/nats-io/nkeys",
			"github.com/nats-io/jwt/v2",
		},
	},
	{
		name:     "connections",
		packages: []string{"conn", "link", "link/route", "link/gateway", "link/leaf"},
		arrows: map[string][]string{
			"link/route":   {"link"},
			"link/gateway": {"link"},
			"link/leaf":    {"link"},
		},
		modules: []string{
			"golang.org/x/sys",
			"github.com/klauspost/compress",
		},
	},
	{
		// Tested alone: no connection, account or link is in reach.
		name: "state machines and store",
		packages: []string{
			"jetstream/wal", "jetstream/index", "jetstream/store", "jetstream/stream",
			"jetstream/stream/schedule", "jetstream/consumer", "jetstream/meta", "jetstream/raftgroup",
		},
		arrows: map[string][]string{
			"jetstream/store":     {"jetstream/wal", "jetstream/index"},
			"jetstream/stream":    {"jetstream/index", "jetstream/stream/schedule"},
			"jetstream/consumer":  {"jetstream/index"},
			"jetstream/raftgroup": {"jetstream/store"},
		},
		only: []string{"words and seams", "files"},
		modules: []string{
			"github.com/klauspost/compress",
			"go.etcd.io/raft/v3",
		},
	},
	{
		name:     "drivers",
		packages: []string{"jetstream"},
	},
	{
		name:     "other doors",
		packages: []string{"mqtt", "mqtt/packet", "httpgw", "jetstream/api", "jetstream/api/archive"},
		arrows: map[string][]string{
			"mqtt":          {"mqtt/packet"},
			"jetstream/api": {"jetstream/api/archive"},
		},
		modules: []string{
			"github.com/klauspost/compress",
			"github.com/nats-io/nuid",
		},
	},
	{
		name:     "looking in",
		packages: []string{"monitor", "telemetry", "console"},
		arrows: map[string][]string{
			"telemetry": {"monitor"},
			"console":   {"monitor"},
		},
		modules: []string{
			"github.com/prometheus/client_golang",
			"github.com/prometheus/client_model",
			"go.opentelemetry.io/otel",
		},
	},
	{
		name:     "options",
		packages: []string{"options"},
	},
	{
		name:     "assembly",
		packages: []string{"server", "."},
		arrows:   map[string][]string{".": {"server"}},
		modules:  []string{"github.com/nats-io/nkeys"},
	},
	{
		// What a client sees: these know the protocol's words, not the server.
		name:     "the commands' way in",
		packages: []string{"client", "kv", "object", "services"},
		arrows: map[string][]string{
			"kv":       {"client"},
			"object":   {"client"},
			"services": {"client"},
		},
		only: []string{"words and seams"},
		modules: []string{
			"github.com/nats-io/nats.go",
			"github.com/nats-io/nkeys",
			"github.com/nats-io/jwt/v2",
		},
	},
	{
		name:     "tools",
		packages: []string{"cli", "cli/asset", "cli/ui", "cli/bench", "cli/top"},
		arrows: map[string][]string{
			"cli":       {"cli/asset", "cli/ui", "cli/bench", "cli/top"},
			"cli/bench": {"cli/ui"},
			"cli/top":   {"cli/ui"},
		},
		modules: []string{
			"github.com/HdrHistogram/hdrhistogram-go",
			"github.com/goccy/go-yaml",
			"github.com/jedib0t/go-pretty/v6",
			"github.com/klauspost/compress",
			"github.com/mattn/go-runewidth",
			"github.com/nats-io/nats.go",
			"github.com/nats-io/nkeys",
			"github.com/nats-io/jwt/v2",
			"github.com/nats-io/nuid",
			"github.com/spf13/cobra",
			"github.com/spf13/pflag",
			"golang.org/x/sys",
			"golang.org/x/term",
		},
	},
	{
		name:     "the program",
		packages: []string{"cmd/tidings"},
	},
	{
		// What tests are made of; nothing above imports them, except tests.
		name:     "tests",
		packages: []string{"arch", "conversation", "durability", "testserver", "sim"},
		arrows: map[string][]string{
			"conversation": {"testserver"},
			"sim":          {"testserver"},
		},
		modules: []string{"github.com/nats-io/nats.go"},
	},
}

// testModules are the third-party modules that test files may import besides
// those of their layer.
var testModules = []string{
	"github.com/anishathalye/porcupine",
	"github.com/cockroachdb/datadriven",
	"github.com/creack/pty",
	"github.com/google/go-cmp",
	"github.com/nats-io/nats.go",
	"github.com/nats-io/nkeys",
	"github.com/nats-io/jwt/v2",
	"github.com/prometheus/client_golang",
	"github.com/prometheus/client_model",
	"github.com/prometheus/common",
	"github.com/rogpeppe/go-internal",
	"golang.org/x/crypto",
}

// never maps modules that no file may import, tests included, to the reason.
var never = map[string]string{
	"github.com/nats-io/nats-server": "Tidings is an implementation of its own; the server is only run beside it",
	"github.com/nats-io/jsm.go":      "it links nats-server; use internal/client and internal/jsapi",
	"github.com/stretchr/testify":    "plain comparisons and go-cmp say more when they fail",
}

const (
	// commentMinLines is the shortest package comment that can say what a package
	// is for, what it promises and what it leaves to others.
	commentMinLines = 3
	// fileMaxLines is how long a source file may be without a reason.
	fileMaxLines = 800
	// testFileMaxLines is the same for test files: cases are read one at a time.
	testFileMaxLines = 1200
	// longFileMark begins the reason, in a comment before the first declaration.
	longFileMark = "This file is long because"
)
