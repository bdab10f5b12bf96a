package cli_test

import (
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rogpeppe/go-internal/testscript"
)

// deliver publishes a message until somebody has subscribed: deliver SUBJECT
// BODY. Scripts wait with it for a command in the background. The subscriber
// gets the message once: the server tells of each one that found nobody, and
// does so before it answers the flush.
func deliver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: deliver SUBJECT BODY")
	}
	nc, err := nats.Connect(ts.Getenv("NATS_URL"))
	ts.Check(err)
	defer nc.Close()
	sub, err := nc.SubscribeSync(nats.NewInbox())
	ts.Check(err)
	for {
		ts.Check(nc.PublishRequest(args[0], sub.Subject, []byte(args[1])))
		ts.Check(nc.FlushTimeout(10 * time.Second))
		waiting, _, err := sub.Pending()
		ts.Check(err)
		if waiting == 0 {
			return // delivered, no answer yet
		}
		if _, err = sub.NextMsg(10 * time.Second); err == nil {
			return // delivered and answered
		}
	}
}
