package telemetry

import "github.com/prometheus/client_golang/prometheus"

// JetStream is the figures of stored messages.
type JetStream struct {
	Accounts     []JetStreamAccount // ordered by name
	MemoryLimit  int64              // bytes
	StorageLimit int64              // bytes
	LogSize      int64              // bytes of the log's files that hold entries
	LogLimit     int64              // bytes
	Problems     int                // that /healthz tells
	Disk         *Disk              // that the store is on; nil if it is not watched
}

// JetStreamAccount is what one account has stored, and asked for.
type JetStreamAccount struct {
	Name           string
	Memory         uint64 // bytes
	Storage        uint64 // bytes
	Messages       uint64
	Streams        int
	Consumers      int
	Requests       uint64 // to the API
	FailedRequests uint64
}

func (a *JetStreamAccount) add(b *JetStreamAccount) {
	a.Memory += b.Memory
	a.Storage += b.Storage
	a.Messages += b.Messages
	a.Streams += b.Streams
	a.Consumers += b.Consumers
	a.Requests += b.Requests
	a.FailedRequests += b.FailedRequests
}

// storedByAccount are the figures of what accounts store.
var storedByAccount = []figure[*JetStreamAccount]{
	gauge("tidings_jetstream_memory_bytes", "Bytes of messages that streams have in memory.", byAccount,
		func(a *JetStreamAccount) float64 { return float64(a.Memory) }),
	gauge("tidings_jetstream_storage_bytes", "Bytes of messages that streams have on disk.", byAccount,
		func(a *JetStreamAccount) float64 { return float64(a.Storage) }),
	gauge("tidings_jetstream_messages", "Messages that streams have.", byAccount,
		func(a *JetStreamAccount) float64 { return float64(a.Messages) }),
	gauge("tidings_jetstream_streams", "Streams.", byAccount,
		func(a *JetStreamAccount) float64 { return float64(a.Streams) }),
	gauge("tidings_jetstream_consumers", "Consumers.", byAccount,
		func(a *JetStreamAccount) float64 { return float64(a.Consumers) }),
	counter("tidings_jetstream_api_requests_total", "Requests to the JetStream API.", byAccount,
		func(a *JetStreamAccount) float64 { return float64(a.Requests) }),
	counter("tidings_jetstream_api_errors_total", "Requests to the JetStream API that were answered with an error.", byAccount,
		func(a *JetStreamAccount) float64 { return float64(a.FailedRequests) }),
}

// storedByServer are the figures of the whole.
var storedByServer = []figure[*JetStream]{
	gauge("tidings_jetstream_memory_limit_bytes", "Bytes of messages that all streams may have in memory.", nil,
		func(j *JetStream) float64 { return float64(j.MemoryLimit) }),
	gauge("tidings_jetstream_storage_limit_bytes", "Bytes of messages that all streams may have on disk.", nil,
		func(j *JetStream) float64 { return float64(j.StorageLimit) }),
	gauge("tidings_jetstream_log_bytes", "Bytes of the files of the write-ahead log that hold something.", nil,
		func(j *JetStream) float64 { return float64(j.LogSize) }),
	gauge("tidings_jetstream_log_limit_bytes", "Bytes that the files of the write-ahead log may have.", nil,
		func(j *JetStream) float64 { return float64(j.LogLimit) }),
	gauge("tidings_jetstream_problems", "What is wrong with stored messages, as the health page tells; 0 is well.", nil,
		func(j *JetStream) float64 { return float64(j.Problems) }),
}

var byFile = []string{"file"}

// onDisk are the figures of the store's files.
var onDisk = []figure[*diskFigures]{
	counter("tidings_jetstream_disk_written_bytes_total", "Bytes written to the store's files, by kind: log or other.", byFile,
		func(d *diskFigures) float64 { return float64(d.written.Load()) }),
	counter("tidings_jetstream_disk_read_bytes_total", "Bytes read from the store's files, by kind: log or other.", byFile,
		func(d *diskFigures) float64 { return float64(d.read.Load()) }),
}

var diskSync = prometheus.NewDesc("tidings_jetstream_disk_sync_seconds",
	"How long the disk took to make what was written durable, by kind of file: log or other.", byFile, nil)

// describeJetStream sends the descriptions of all figures of stored messages.
func describeJetStream(to chan<- *prometheus.Desc) {
	for _, f := range storedByAccount {
		to <- f.desc
	}
	for _, f := range storedByServer {
		to <- f.desc
	}
	for _, f := range onDisk {
		to <- f.desc
	}
	to <- diskSync
}

// collectJetStream sends the figures of stored messages.
func (c *collector) collectJetStream(to chan<- prometheus.Metric, js *JetStream) {
	accounts := c.labels.foldStored(js.Accounts)
	for i := range accounts {
		for _, f := range storedByAccount {
			f.send(to, &accounts[i], accounts[i].Name)
		}
	}
	for _, f := range storedByServer {
		f.send(to, js)
	}
	if js.Disk == nil {
		return
	}
	for _, kind := range []struct {
		name    string
		figures *diskFigures
	}{{"log", &js.Disk.log}, {"other", &js.Disk.other}} {
		for _, f := range onDisk {
			f.send(to, kind.figures, kind.name)
		}
		count, sum, buckets := kind.figures.syncs.snapshot()
		to <- prometheus.MustNewConstHistogram(diskSync, count, sum, buckets, kind.name)
	}
}
