//go:build !race

package api_test

import (
	"fmt"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
)

func TestDirectGetDoesNotAllocate(t *testing.T) {
	f := kept(t)
	inbox := []byte("_INBOX.a")
	f.subscribeNothing(string(inbox))
	get := func(subject, body string) {
		t.Helper()
		m := requestMessage(subject, string(inbox), body)
		n := testing.AllocsPerRun(500, func() {
			f.pub.Publish(m)
			f.pub.Flush()
		})
		if n > 0 {
			t.Errorf("%s %s: %v allocations", subject, body, n)
		}
	}
	get("$JS.API.DIRECT.GET.K.k.1", "")
	get("$JS.API.DIRECT.GET.K", `{"seq":2}`)
	get("$JS.API.DIRECT.GET.K", `{"last_by_subj":"k.1"}`)
}

// subscribeNothing adds a subscription that forgets its messages.
func (c *client) subscribeNothing(subject string) *counter {
	s := &counter{}
	c.account.Subscribe(core.NewSubscription(s, []byte(subject), nil, []byte("s")))
	return s
}

func requestMessage(subject, reply, body string) *core.Message {
	return &core.Message{
		Subject: []byte(subject), Reply: []byte(reply), Payload: []byte(body), HeaderLen: -1, Tail: []byte(body),
	}
}

// BenchmarkDirectGet is a get of a message of 128 bytes, from the request's publish
// to the answer in the requester's stage, of one request a batch.
func BenchmarkDirectGet(b *testing.B) {
	f := start(b, nil)
	s := f.create(`{"name":"K","subjects":["k.>"],"allow_direct":true}`)
	for i := range 1000 {
		s.publish(fmt.Sprintf("k.%d", i), "", string(make([]byte, 128)))
	}
	f.subscribeNothing("_INBOX.a.*")
	inboxes := make([][]byte, 1000)
	for i := range inboxes {
		inboxes[i] = fmt.Appendf(nil, "_INBOX.a.%d", i)
	}
	get := func(name, subject, body string) {
		b.Run(name, func(b *testing.B) {
			m := requestMessage(subject, "", body)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.Reply = inboxes[i%len(inboxes)]
				f.pub.Publish(m)
				f.pub.Flush()
			}
		})
	}
	get("subject", "$JS.API.DIRECT.GET.K.k.77", "")
	get("last", "$JS.API.DIRECT.GET.K", `{"last_by_subj":"k.77"}`)
	get("seq", "$JS.API.DIRECT.GET.K", `{"seq":77}`)
	get("seqAndMore", "$JS.API.DIRECT.GET.K", `{"seq":77,"no_hdr":true}`)
}
