package cli

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
)

const (
	// completionTimeout bounds how long a shell waits for names that only a
	// server knows.
	completionTimeout = 700 * time.Millisecond
	// completionLimit is how many names are offered at most.
	completionLimit = 1000
)

// live asks the server for names to complete. Without a server, permission or
// JetStream there are none, silently: nothing can be said while a line is typed.
func (a *app) live(word string, names func(context.Context, *jetStream) ([]string, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	const noFiles = cobra.ShellCompDirectiveNoFileComp
	ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
	defer cancel()
	settings, err := a.resolve()
	if err != nil {
		return nil, noFiles
	}
	nc, err := client.Dial(ctx, settings, client.Options{})
	if err != nil {
		return nil, noFiles
	}
	defer nc.Close()
	j, err := a.newJetStream(nc, completionTimeout)
	if err != nil {
		return nil, noFiles
	}
	found, err := names(ctx, j)
	if err != nil {
		return nil, noFiles
	}
	found = slices.DeleteFunc(found, func(name string) bool { return !strings.HasPrefix(name, word) })
	slices.Sort(found)
	return toCompletions(found[:min(len(found), completionLimit)]), noFiles
}

func streamNames(ctx context.Context, j *jetStream) ([]string, error) {
	return j.api.StreamNames(ctx, "")
}

// completeStream completes a first argument that names a stream.
func (a *app) completeStream() cobra.CompletionFunc { return a.completeArguments(1, 0) }

// completeStreams completes any number of arguments that name streams.
func (a *app) completeStreams() cobra.CompletionFunc { return a.completeArguments(-1, 0) }

// completeConsumer completes a stream and a consumer of it.
func (a *app) completeConsumer() cobra.CompletionFunc { return a.completeArguments(1, 1) }

// completeConsumers completes a stream and any number of its consumers.
func (a *app) completeConsumers() cobra.CompletionFunc { return a.completeArguments(1, -1) }

// completeArguments completes so many names of streams, then so many names of
// consumers of the first; -1 is any number.
func (a *app) completeArguments(streams, consumers int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case streams < 0 || len(args) < streams:
			return a.live(word, streamNames)
		case consumers < 0 || len(args) < streams+consumers:
			return a.live(word, func(ctx context.Context, j *jetStream) ([]string, error) {
				return j.api.ConsumerNames(ctx, args[0])
			})
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeSubjectFlag completes the value of a flag with a subject of which the
// stream named by the first argument has messages.
func (a *app) completeSubjectFlag(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 || checkName("stream", args[0]) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.live(word, func(ctx context.Context, j *jetStream) ([]string, error) {
		subjects, err := j.api.Subjects(ctx, args[0], keyFilter("", word))
		return slices.Collect(maps.Keys(subjects)), err
	})
}

// completeStreamFlag completes the value of a flag that names a stream.
func (a *app) completeStreamFlag(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.live(word, streamNames)
}
