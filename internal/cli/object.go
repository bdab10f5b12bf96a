package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
)

const objectLong = `Object buckets keep files and other large bodies under names. An object is stored in
chunks with a digest of the whole, which is checked whenever the object is got.`

func (a *app) objectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "object",
		Aliases: []string{"obj"},
		Short:   "Work with object buckets",
		Long:    objectLong,
		Example: `  tidings object bucket create FILES
  tidings object put FILES report.pdf
  tidings object get FILES report.pdf --output copy.pdf`,
		GroupID: groupStreams,
	}
	a.api.add(cmd)
	cmd.AddCommand(append(a.bucketSynonyms(objectKind), synonym("seal BUCKET", a.objectSealCommand()))...)
	return a.group(cmd,
		a.bucketCommand(objectKind, a.objectSealCommand()),
		a.objectPutCommand(), a.objectGetCommand(), a.objectListCommand(), a.objectInfoCommand(),
		a.objectRemoveCommand(), a.objectWatchCommand(), a.objectLinkCommand(),
	)
}

// objectBucket is an open object bucket.
type objectBucket struct {
	*jetStream
	jetstream.ObjectStore
	name string
}

// openObjects connects and opens a bucket. The caller closes nc.
func (a *app) openObjects(ctx context.Context, bucket string, o client.Options) (*objectBucket, error) {
	if err := objectKind.checkName(bucket); err != nil {
		return nil, err
	}
	j, err := a.jetStream(ctx, o)
	if err != nil {
		return nil, err
	}
	store, err := j.js.ObjectStore(ctx, bucket)
	if err != nil {
		j.nc.Close()
		return nil, j.explain(fmt.Sprintf("object bucket %q", bucket), err)
	}
	return &objectBucket{j, store, bucket}, nil
}

// explainObject puts an error about an object into words.
func (b *objectBucket) explainObject(name string, err error) error {
	return b.explain(fmt.Sprintf("object %q of bucket %q", name, b.name), err)
}

// objectView is an object as JSON.
type objectView struct {
	Bucket      string            `json:"bucket"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Bytes       uint64            `json:"bytes"`
	Chunks      uint32            `json:"chunks"`
	Digest      string            `json:"digest,omitempty"`
	Modified    string            `json:"modified"`
	Deleted     bool              `json:"deleted,omitempty"`
	Headers     nats.Header       `json:"headers,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Link        *objectLink       `json:"link,omitempty"`
	File        string            `json:"file,omitempty"` // where `object get` wrote it
}

// objectLink is what a link points to: an object, or a whole bucket.
type objectLink struct {
	Bucket string `json:"bucket"`
	Name   string `json:"name,omitempty"`
}

func newObjectView(o *jetstream.ObjectInfo) objectView {
	v := objectView{
		Bucket: o.Bucket, Name: o.Name, Description: o.Description, Bytes: o.Size, Chunks: o.Chunks,
		Digest: o.Digest, Modified: o.ModTime.UTC().Format(time.RFC3339Nano), Deleted: o.Deleted,
		Headers: o.Headers, Metadata: o.Metadata,
	}
	if o.Opts != nil && o.Opts.Link != nil {
		v.Link = &objectLink{o.Opts.Link.Bucket, o.Opts.Link.Name}
	}
	return v
}

func (l *objectLink) String() string {
	if l == nil {
		return ""
	}
	if l.Name == "" {
		return "bucket " + l.Bucket
	}
	return l.Bucket + "/" + l.Name
}

// completeObject completes a bucket, then an object in it.
func (a *app) completeObject(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return a.completeBucket(objectKind, 1)(cmd, args, word)
	}
	return a.live(word, func(ctx context.Context, j *jetStream) ([]string, error) {
		store, err := j.js.ObjectStore(ctx, args[0])
		if err != nil {
			return nil, err
		}
		objects, err := store.List(ctx)
		var names []string
		for _, o := range objects {
			names = append(names, o.Name)
		}
		return names, err
	})
}
