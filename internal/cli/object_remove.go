package cli

import (
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

func (a *app) objectRemoveCommand() *cobra.Command {
	var c confirmation
	cmd := &cobra.Command{
		Use:     "remove BUCKET NAME",
		Aliases: []string{"rm", "del"},
		Short:   "Remove an object",
		Example: "  tidings object remove FILES report.pdf --yes",
		Args:    arguments(2, 2, "BUCKET NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.objectRemove(cmd, args[0], args[1], c)
		},
		ValidArgsFunction: a.completeObject,
	}
	c.add(cmd)
	return cmd
}

func (a *app) objectRemove(cmd *cobra.Command, bucket, name string, c confirmation) error {
	ctx := cmd.Context()
	b, err := a.openObjects(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	o, err := b.GetInfo(ctx, name)
	if err != nil {
		return b.explainObject(name, err)
	}
	question := fmt.Sprintf("remove object %q of bucket %q, %s of %s?", name, bucket, ui.Bytes(float64(o.Size)), moment(o.ModTime))
	if err := c.ask(a, cmd, question); err != nil {
		return err
	}
	if err := b.Delete(ctx, name); err != nil {
		return b.explainObject(name, err)
	}
	if a.global.json {
		v := newObjectView(o)
		v.Deleted = true
		return a.writeJSON(v)
	}
	a.note("removed object %q from bucket %q", name, bucket)
	return nil
}

func (a *app) objectLinkCommand() *cobra.Command {
	var c confirmation
	cmd := &cobra.Command{
		Use:   "link BUCKET NAME TARGET-BUCKET [TARGET]",
		Short: "Make a name that stands for another object, or a whole bucket",
		Long: `Make a name that stands for an object, of this bucket or another one, or without TARGET
for a whole bucket. What gets the name gets the object. If there is an object of that
name already, the command asks before it replaces it.`,
		Example: `  tidings object link FILES latest.pdf FILES report-7.pdf
  tidings object link FILES archive OLD-FILES`,
		Args: arguments(3, 4, "BUCKET NAME TARGET-BUCKET [TARGET]"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.objectLink(cmd, args, c) },
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) >= 2 {
				return a.completeObject(cmd, args[2:], word)
			}
			return a.completeBucket(objectKind, 1)(cmd, args, word)
		},
	}
	c.add(cmd)
	return cmd
}

func (a *app) objectLink(cmd *cobra.Command, args []string, c confirmation) error {
	ctx := cmd.Context()
	bucket, name, target := args[0], args[1], args[2]
	b, err := a.openObjects(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	store, err := b.js.ObjectStore(ctx, target)
	if err != nil {
		return b.explain(fmt.Sprintf("object bucket %q", target), err)
	}
	var object *jetstream.ObjectInfo
	if len(args) == 4 {
		other := &objectBucket{b.jetStream, store, target}
		if object, err = store.GetInfo(ctx, args[3]); err != nil {
			return other.explainObject(args[3], err)
		}
	}
	if err := a.mayReplace(cmd, b, name, c); err != nil {
		return err
	}
	var link *jetstream.ObjectInfo
	if object != nil {
		link, err = b.AddLink(ctx, name, object)
	} else {
		link, err = b.AddBucketLink(ctx, name, store)
	}
	if err != nil {
		return b.explainObject(name, err)
	}
	v := newObjectView(link)
	if a.global.json {
		return a.writeJSON(v)
	}
	a.note("object %q of bucket %q is a link to %s", name, bucket, v.Link.String())
	return nil
}

func (a *app) objectSealCommand() *cobra.Command {
	var c confirmation
	cmd := &cobra.Command{
		Use:   "seal BUCKET",
		Short: "Make an object bucket read-only, for good",
		Long: `Make an object bucket read-only: nothing can be put into it or removed from it any
more. That cannot be undone; only the whole bucket can be removed.`,
		Example: "  tidings object bucket seal FILES",
		Args:    arguments(1, 1, "BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.openObjects(cmd.Context(), args[0], client.Options{})
			if err != nil {
				return err
			}
			defer b.nc.Close()
			if err := c.ask(a, cmd, fmt.Sprintf("seal object bucket %q for good?", args[0])); err != nil {
				return err
			}
			if err := b.Seal(cmd.Context()); err != nil {
				return b.explain(fmt.Sprintf("seal object bucket %q", args[0]), err)
			}
			info, err := objectKind.find(cmd.Context(), b.jetStream, args[0])
			if err != nil {
				return err
			}
			return a.result(objectKind.view(info), "object bucket %q is sealed", args[0])
		},
		ValidArgsFunction: a.completeBucket(objectKind, 1),
	}
	c.add(cmd)
	return cmd
}
