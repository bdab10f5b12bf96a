package cli

import (
	"context"
	"maps"
	"strings"

	"github.com/spf13/cobra"
)

// buckets returns the names of the buckets of a kind.
func (k bucketKind) buckets(ctx context.Context, j *jetStream) ([]string, error) {
	streams, err := j.api.StreamNames(ctx, "")
	var out []string
	for _, name := range streams {
		if bucket, ours := strings.CutPrefix(name, k.prefix); ours {
			out = append(out, bucket)
		}
	}
	return out, err
}

// completeBucket completes the first count arguments with buckets of the kind.
func (a *app) completeBucket(k bucketKind, count int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= count {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.live(word, k.buckets)
	}
}

// completeKV completes a bucket and, if so many arguments may be names of
// things there are, keys of it; with -1 all that follow are keys.
func (a *app) completeKV(count int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return a.live(word, kvKind.buckets)
		case count >= 0 && len(args) >= count:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		bucket := args[0]
		return a.live(word, func(ctx context.Context, j *jetStream) ([]string, error) {
			if err := kvKind.checkName(bucket); err != nil {
				return nil, err
			}
			prefix := "$KV." + bucket + "."
			subjects, err := j.api.Subjects(ctx, kvKind.prefix+bucket, keyFilter(prefix, word))
			var keys []string
			for subject := range maps.Keys(subjects) {
				keys = append(keys, strings.TrimPrefix(subject, prefix))
			}
			return keys, err
		})
	}
}

// keyFilter is a filter for the keys that begin with word, as close as whole
// tokens can be.
func keyFilter(prefix, word string) string {
	tokens := strings.LastIndexByte(word, '.') + 1
	if strings.ContainsAny(word[:tokens], "*> \t") || strings.Contains(word[:tokens], "..") || strings.HasPrefix(word, ".") {
		return prefix + ">"
	}
	return prefix + word[:tokens] + ">"
}
