//go:build !race

package api_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jetstream/api"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/vfs"
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
	run := func(name, subject, body string) {
		b.Run(name, func(b *testing.B) { f.benchmark(b, func(int) string { return subject }, body) })
	}
	run("subject", "$JS.API.DIRECT.GET.K.k.77", "")
	run("last", "$JS.API.DIRECT.GET.K", `{"last_by_subj":"k.77"}`)
	run("seq", "$JS.API.DIRECT.GET.K", `{"seq":77}`)
	run("more", "$JS.API.DIRECT.GET.K", `{"seq":77,"no_hdr":true}`)
}

// BenchmarkDriverDirectGet is the same with a real store, of one key again and
// again, and of 100 000 keys in turn, which no cache holds.
func BenchmarkDriverDirectGet(b *testing.B) {
	for _, storage := range []string{"file", "memory"} {
		for _, keys := range []int{1, 100_000} {
			b.Run(fmt.Sprintf("%s/keys=%d", storage, keys), func(b *testing.B) {
				c := startDriver(b)
				c.request("$JS.API.STREAM.CREATE.K", `{"name":"K","subjects":["k.*"],"allow_direct":true,"storage":"`+storage+`"}`)
				subjects := make([]string, keys)
				for i := range keys {
					subjects[i] = "$JS.API.DIRECT.GET.K.k." + strconv.Itoa(i)
					c.publish("k."+strconv.Itoa(i), "", "", string(make([]byte, 128)))
				}
				c.request("k.0", "")
				c.benchmark(b, func(i int) string { return subjects[i*7919%keys] }, "")
			})
		}
	}
}

// benchmark sends requests with a reply subject that is new each time.
func (c *client) benchmark(b *testing.B, subject func(int) string, body string) {
	c.subscribeNothing("_INBOX.bench.*")
	m := requestMessage("", "", body)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Subject = append(m.Subject[:0], subject(i)...)
		m.Reply = strconv.AppendInt(append(m.Reply[:0], "_INBOX.bench."...), int64(i), 10)
		c.pub.Publish(m)
		c.pub.Flush()
	}
}

// startDriver returns a client of an account with a real driver.
func startDriver(b *testing.B) *client {
	b.Helper()
	accounts := core.NewAccounts()
	account := accounts.Get("A")
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(store.Options{FS: vfs.NewDir(b.TempDir()), Dir: ".", Log: log})
	if err != nil {
		b.Fatal(err)
	}
	var s *api.Server
	node, err := jetstream.Open(jetstream.Config{
		MaxMemory: -1, MaxStorage: -1,
		Enabled: func(string) (jsapi.AccountLimits, bool) {
			return jsapi.AccountLimits{
				MaxMemory: -1, MaxStorage: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1,
				MemoryMaxStreamBytes: -1, StorageMaxStreamBytes: -1,
			}, true
		},
		StreamChanged: func(st *jetstream.Stream, _ bool) { s.Register(account, api.AdaptStream(st)) },
	}, st, accounts, log)
	if err != nil {
		b.Fatal(err)
	}
	s = api.New(api.Config{Accounts: accounts}, api.Adapt(node))
	b.Cleanup(func() {
		s.Close()
		if err := node.Close(); err != nil {
			b.Error(err)
		}
	})
	s.Serve(account)
	node.Serve()
	return newClient(b, accounts, account)
}
