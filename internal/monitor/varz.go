package monitor

import (
	"encoding/json"
	"math"
	"runtime"
	"runtime/debug"
	"time"
)

// protocol is the version of the protocol between servers and clients.
const protocol = 1

// Varz is the content of /varz.
type Varz struct {
	ServerID          string            `json:"server_id"`
	ServerName        string            `json:"server_name"`
	Version           string            `json:"version"`
	Tidings           string            `json:"tidings"`
	Proto             int               `json:"proto"`
	GitCommit         string            `json:"git_commit,omitempty"`
	GoVersion         string            `json:"go"`
	Host              string            `json:"host"`
	Port              int               `json:"port"`
	AuthRequired      bool              `json:"auth_required,omitempty"`
	TLSRequired       bool              `json:"tls_required,omitempty"`
	TLSVerify         bool              `json:"tls_verify,omitempty"`
	MaxConnections    int               `json:"max_connections"`
	MaxSubscriptions  int               `json:"max_subscriptions,omitempty"`
	PingInterval      time.Duration     `json:"ping_interval"`
	PingMax           int               `json:"ping_max"`
	HTTPHost          string            `json:"http_host"`
	HTTPPort          int               `json:"http_port"`
	HTTPBasePath      string            `json:"http_base_path"`
	HTTPSPort         int               `json:"https_port"`
	AuthTimeout       float64           `json:"auth_timeout"` // seconds
	MaxControlLine    int               `json:"max_control_line"`
	MaxPayload        int               `json:"max_payload"`
	MaxPending        int64             `json:"max_pending"`
	Cluster           struct{}          `json:"cluster"`
	Gateway           struct{}          `json:"gateway"`
	Leaf              struct{}          `json:"leaf"`
	MQTT              struct{}          `json:"mqtt"`
	Websocket         struct{}          `json:"websocket"`
	JetStream         JetStreamVarz     `json:"jetstream"`
	TLSTimeout        float64           `json:"tls_timeout"` // seconds
	WriteDeadline     time.Duration     `json:"write_deadline"`
	WriteTimeout      string            `json:"write_timeout,omitempty"`
	Start             time.Time         `json:"start"`
	Now               time.Time         `json:"now"`
	Uptime            string            `json:"uptime"`
	Mem               int64             `json:"mem"` // bytes
	Cores             int               `json:"cores"`
	MaxProcs          int               `json:"gomaxprocs"`
	MemLimit          int64             `json:"gomemlimit,omitempty"` // bytes
	CPU               float64           `json:"cpu"`                  // percent of one core
	Connections       int               `json:"connections"`
	TotalConnections  uint64            `json:"total_connections"`
	Routes            int               `json:"routes"`
	Remotes           int               `json:"remotes"`
	LeafNodes         int               `json:"leafnodes"`
	InMsgs            uint64            `json:"in_msgs"`
	InBytes           uint64            `json:"in_bytes"`
	InClientMsgs      uint64            `json:"in_client_msgs"`
	InClientBytes     uint64            `json:"in_client_bytes"`
	OutMsgs           uint64            `json:"out_msgs"`
	OutBytes          uint64            `json:"out_bytes"`
	OutClientMsgs     uint64            `json:"out_client_msgs"`
	OutClientBytes    uint64            `json:"out_client_bytes"`
	SlowConsumers     uint64            `json:"slow_consumers"`
	StaleConnections  uint64            `json:"stale_connections"`
	StalledClients    uint64            `json:"stalled_clients"`
	Subscriptions     int               `json:"subscriptions"`
	HTTPRequests      map[string]uint64 `json:"http_req_stats"`
	ConfigLoadTime    time.Time         `json:"config_load_time"`
	ConfigDigest      string            `json:"config_digest"`
	Tags              []string          `json:"tags,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	FeatureFlags      map[string]bool   `json:"feature_flags"`
	SlowConsumerStats KindCounts        `json:"slow_consumer_stats"`
	StaleStats        KindCounts        `json:"stale_connection_stats"`
	DiskWaits         DiskWaits         `json:"disk_io_wait_stats"`
	TLSCertNotAfter   time.Time         `json:"tls_cert_not_after,omitzero"`
}

// KindCounts is a count for each kind of connection.
type KindCounts struct {
	Clients  uint64 `json:"clients"`
	Routes   uint64 `json:"routes"`
	Gateways uint64 `json:"gateways"`
	Leafs    uint64 `json:"leafs"`
}

// DiskWaits is how often and how long something waited for its turn at the disk.
type DiskWaits struct {
	Waiters     int           `json:"waiters"`
	Waits       uint64        `json:"waits"`
	WaitTime    time.Duration `json:"wait_time"`
	MaxWaitTime time.Duration `json:"max_wait_time"`
}

// defaultTLSTimeout is shown by a server without TLS.
const defaultTLSTimeout = 2 * time.Second

func (p *Pages) varz(query) ([]byte, error) {
	now := time.Now()
	v := &Varz{Proto: protocol, Now: now.UTC(), HTTPRequests: p.requestCounts(), FeatureFlags: map[string]bool{}}
	v.describe(p.source.Server(), now)
	v.count(p.source.Totals())
	v.JetStream = p.jetStreamVarz()
	v.GoVersion, v.Cores, v.MaxProcs = runtime.Version(), runtime.NumCPU(), runtime.GOMAXPROCS(0)
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		v.MemLimit = limit
	}
	v.Mem, v.CPU = residentMemory(), p.process.cpu(now)
	return json.MarshalIndent(v, "", "  ")
}

// describe fills in who the server is and how it was set up.
func (v *Varz) describe(s Server, now time.Time) {
	v.ServerID, v.ServerName, v.Version, v.Tidings, v.GitCommit = s.ID, s.Name, s.Version, s.Tidings, s.GitCommit
	v.Tags, v.Metadata = s.Tags, s.Metadata
	v.Start, v.Uptime = s.Start.UTC(), uptime(now.Sub(s.Start))
	v.ConfigLoadTime, v.ConfigDigest = s.ConfigLoaded.UTC(), s.ConfigDigest
	v.Host, v.Port, v.AuthRequired = s.Client.Host, s.Client.Port, s.Client.AuthRequired
	v.HTTPHost, v.HTTPPort, v.HTTPSPort, v.HTTPBasePath = s.HTTP.Host, s.HTTP.Port, s.HTTP.HTTPSPort, s.HTTP.BasePath
	v.MaxConnections, v.MaxSubscriptions = s.Limits.Connections, s.Limits.Subscriptions
	v.MaxControlLine, v.MaxPayload, v.MaxPending = s.Limits.ControlLine, s.Limits.Payload, s.Limits.Pending
	v.PingInterval, v.PingMax = s.Timing.PingInterval, s.Timing.PingMax
	v.AuthTimeout = s.Timing.AuthTimeout.Seconds()
	v.WriteDeadline, v.WriteTimeout = s.Timing.WriteDeadline, s.Timing.WriteTimeout
	v.TLSRequired, v.TLSVerify, v.TLSTimeout = s.TLS.Required, s.TLS.Verify, s.TLS.Timeout.Seconds()
	if s.TLS.Timeout == 0 {
		v.TLSTimeout = defaultTLSTimeout.Seconds()
	}
	if !s.TLS.NotAfter.IsZero() {
		v.TLSCertNotAfter = s.TLS.NotAfter.UTC()
	}
}

// count fills in the totals. All traffic is that of clients.
func (v *Varz) count(t Totals) {
	v.Connections, v.TotalConnections, v.Subscriptions = t.Connections, t.TotalConnections, t.Subscriptions
	v.InMsgs, v.InBytes, v.InClientMsgs, v.InClientBytes = t.InMsgs, t.InBytes, t.InMsgs, t.InBytes
	v.OutMsgs, v.OutBytes, v.OutClientMsgs, v.OutClientBytes = t.OutMsgs, t.OutBytes, t.OutMsgs, t.OutBytes
	v.SlowConsumers, v.StaleConnections, v.StalledClients = t.SlowPending+t.SlowDeadline, t.Stale, t.Stalls
	v.SlowConsumerStats.Clients, v.StaleStats.Clients = v.SlowConsumers, t.Stale
}
