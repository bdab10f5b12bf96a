package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// bucketKind is what key-value buckets and object buckets differ in. Both are
// streams with a name and a configuration by convention, so one set of commands
// looks after both.
type bucketKind struct {
	command string // of the tool: kv or object
	noun    string
	holds   string // what the stream's messages are
	prefix  string // of the stream's name
	config  func(bucket string) jsapi.StreamConfig
	fields  func() []asset.Field[jsapi.StreamConfig]
}

var kvKind = bucketKind{
	command: "kv", noun: "key-value bucket", holds: "values", prefix: "KV_",
	config: asset.NewKV, fields: asset.KVFields,
}

var objectKind = bucketKind{
	command: "object", noun: "object bucket", holds: "messages", prefix: "OBJ_",
	config: asset.NewObjects, fields: asset.ObjectFields,
}

func (bucketKind) checkName(bucket string) error { return usage(asset.CheckBucketName(bucket)) }

// explain puts an error about the stream behind a bucket into words.
func (k bucketKind) explain(bucket string, err error) error {
	var refused *jsapi.Error
	switch {
	case !errors.As(err, &refused):
	case refused.Code == jsapi.ErrStreamNotFound:
		return &client.Error{
			What: fmt.Sprintf("%s %q", k.noun, bucket), Reason: "there is no such bucket", Err: err,
			Way: fmt.Sprintf("`tidings %s bucket list` shows those there are", k.command),
		}
	case refused.Code == jsapi.ErrStreamNameExist:
		return &client.Error{
			What: fmt.Sprintf("create %s %q", k.noun, bucket), Reason: "it exists with another configuration", Err: err,
			Way: fmt.Sprintf("change it with `tidings %s bucket edit`, or choose another name", k.command),
		}
	default:
		return &client.Error{
			What: fmt.Sprintf("%s %q", k.noun, bucket), Reason: refused.Description, Err: err,
		}
	}
	return err
}

// find returns the stream behind a bucket.
func (k bucketKind) find(ctx context.Context, j *jetStream, bucket string) (*jsapi.StreamInfo, error) {
	if err := k.checkName(bucket); err != nil {
		return nil, err
	}
	info, err := j.api.Stream(ctx, k.prefix+bucket)
	return info, k.explain(bucket, err)
}

// withBucket connects and runs f with the stream behind a bucket that is there.
func (a *app) withBucket(ctx context.Context, k bucketKind, bucket string, f func(*jetStream, *jsapi.StreamInfo) error) error {
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	info, err := k.find(ctx, j, bucket)
	if err != nil {
		return err
	}
	return f(j, info)
}

// list returns the streams behind all buckets of the kind, by name.
func (k bucketKind) list(ctx context.Context, j *jetStream) ([]*jsapi.StreamInfo, []string, error) {
	all, missing, err := j.api.Streams(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	all = slices.DeleteFunc(all, func(s *jsapi.StreamInfo) bool { return !strings.HasPrefix(s.Config.Name, k.prefix) })
	missing = slices.DeleteFunc(missing, func(name string) bool { return !strings.HasPrefix(name, k.prefix) })
	return all, missing, nil
}

func (a *app) bucketCommand(k bucketKind, more ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bucket",
		Short: "Create, change, list and remove " + k.noun + "s",
		Example: fmt.Sprintf(`  tidings %[1]s bucket create CONFIG
  tidings %[1]s bucket list`, k.command),
	}
	below := append([]*cobra.Command{
		a.bucketCreateCommand(k), a.pickable(a.bucketEditCommand(k), k.named()), a.bucketListCommand(k),
		a.pickable(a.bucketInfoCommand(k), k.named()), a.pickable(a.bucketRemoveCommand(k), k.named()),
	}, more...)
	return a.group(cmd, below...)
}
