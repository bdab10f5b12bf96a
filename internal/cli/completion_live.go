package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
)

// completionTimeout bounds how long a shell waits for names that only a server
// knows. When it is over, or there is no server, nothing is offered.
const completionTimeout = 700 * time.Millisecond

// askNames connects without a word and asks the API for names.
func (a *app) askNames(api *apiFlags, names func(context.Context, *client.JetStream) ([]string, error)) []cobra.Completion {
	prefix, err := api.subject()
	if err != nil {
		return nil
	}
	settings, err := a.resolve()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
	defer cancel()
	nc, err := client.Dial(ctx, settings, client.Options{})
	if err != nil {
		return nil
	}
	defer nc.Close()
	found, err := names(ctx, client.NewJetStream(nc, prefix, completionTimeout))
	if err != nil {
		return nil
	}
	return toCompletions(found)
}

// completeStream completes a first argument that names a stream.
func (a *app) completeStream(api *apiFlags) cobra.CompletionFunc {
	return a.completeArguments(api, 1, 0)
}

// completeStreams completes any number of arguments that name streams.
func (a *app) completeStreams(api *apiFlags) cobra.CompletionFunc {
	return a.completeArguments(api, -1, 0)
}

// completeConsumer completes a stream and a consumer of it.
func (a *app) completeConsumer(api *apiFlags) cobra.CompletionFunc {
	return a.completeArguments(api, 1, 1)
}

// completeConsumers completes a stream and any number of its consumers.
func (a *app) completeConsumers(api *apiFlags) cobra.CompletionFunc {
	return a.completeArguments(api, 1, -1)
}

// completeArguments completes so many names of streams, then so many names of
// consumers of the first; -1 is any number.
func (a *app) completeArguments(api *apiFlags, streams, consumers int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const noFiles = cobra.ShellCompDirectiveNoFileComp
		if streams < 0 || len(args) < streams {
			return a.askNames(api, func(ctx context.Context, js *client.JetStream) ([]string, error) {
				return js.StreamNames(ctx, "")
			}), noFiles
		}
		if consumers < 0 || len(args) < streams+consumers {
			return a.askNames(api, func(ctx context.Context, js *client.JetStream) ([]string, error) {
				return js.ConsumerNames(ctx, args[0])
			}), noFiles
		}
		return nil, noFiles
	}
}
