package cli

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
)

const kvLong = `Key-value buckets keep the last values of keys, and as many earlier ones as the
bucket's history says. Every change has a revision, which grows within the bucket;
a change can be made to depend on the revision last seen.

Keys are tokens separated by dots, such as machines.oven.state. Where a command takes
a FILTER, * stands for one token and > for all that follow.`

func (a *app) kvCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kv",
		Short: "Work with key-value buckets",
		Long:  kvLong,
		Example: `  tidings kv bucket create CONFIG --history 5
  tidings kv put CONFIG machines.oven.state on
  tidings kv get CONFIG machines.oven.state
  tidings kv watch CONFIG 'machines.>'`,
		GroupID: groupStreams,
	}
	a.api.add(cmd)
	cmd.AddCommand(a.bucketSynonyms(kvKind)...)
	return a.group(cmd,
		a.bucketCommand(kvKind),
		a.kvPutCommand(), a.kvCreateCommand(), a.kvUpdateCommand(), a.kvGetCommand(),
		a.kvDeleteCommand(), a.kvPurgeCommand(), a.kvCompactCommand(), a.kvRevertCommand(),
		a.kvHistoryCommand(), a.kvKeysCommand(), a.kvWatchCommand(),
		a.kvCopyCommand(), a.kvExportCommand(), a.kvImportCommand(),
	)
}

// kvBucket is an open key-value bucket.
type kvBucket struct {
	*jetStream
	jetstream.KeyValue
}

// openKV connects and opens a bucket. The caller closes nc.
func (a *app) openKV(ctx context.Context, bucket string, o client.Options) (*kvBucket, error) {
	if err := kvKind.checkName(bucket); err != nil {
		return nil, err
	}
	j, err := a.jetStream(ctx, o)
	if err != nil {
		return nil, err
	}
	kv, err := j.js.KeyValue(ctx, bucket)
	if err != nil {
		j.nc.Close()
		return nil, j.explain(fmt.Sprintf("key-value bucket %q", bucket), err)
	}
	return &kvBucket{j, kv}, nil
}

// explainKey puts an error about a key into words.
func (b *kvBucket) explainKey(key string, err error) error {
	return b.explain(fmt.Sprintf("key %q of bucket %q", key, b.Bucket()), err)
}

// kvOperations are the words for what a revision did.
var kvOperations = map[jetstream.KeyValueOp]string{
	jetstream.KeyValuePut: "put", jetstream.KeyValueDelete: "delete", jetstream.KeyValuePurge: "purge",
}

// kvView is a revision of a key as JSON. One of Value and ValueBase64 is there
// if there is a value: text as it is, anything that is not UTF-8 as base64.
type kvView struct {
	Bucket      string  `json:"bucket,omitempty"`
	Key         string  `json:"key"`
	Revision    uint64  `json:"revision"`
	Operation   string  `json:"operation"`
	Created     string  `json:"created"`
	Value       *string `json:"value,omitempty"`
	ValueBase64 []byte  `json:"value_base64,omitempty"`
	Bytes       int     `json:"bytes"`
}

func newKVView(e jetstream.KeyValueEntry) kvView {
	v := kvView{
		Bucket: e.Bucket(), Key: e.Key(), Revision: e.Revision(), Operation: kvOperations[e.Operation()],
		Created: e.Created().UTC().Format(time.RFC3339Nano), Bytes: len(e.Value()),
	}
	if e.Operation() == jetstream.KeyValuePut {
		v.setValue(e.Value())
	}
	return v
}

func (v *kvView) setValue(value []byte) {
	if utf8.Valid(value) {
		text := string(value)
		v.Value = &text
	} else {
		v.ValueBase64 = value
	}
}
