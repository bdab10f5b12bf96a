package api_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/jetstream/api/archive"
	"github.com/tidings-io/tidings/internal/record"
)

// publish publishes with headers and returns the answer.
func (p *peer) publish(subject, body string, header ...string) string {
	p.t.Helper()
	m := nats.NewMsg(subject)
	m.Data = []byte(body)
	for i := 0; i < len(header); i += 2 {
		m.Header[header[i]] = []string{header[i+1]}
	}
	answer, err := p.RequestMsg(m, 10*time.Second)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(answer.Data)
}

// moved backs a stream up, removes it and restores it.
func (p *peer) moved(config string) {
	p.t.Helper()
	b := p.backup("S")
	p.ask("STREAM.DELETE.S", "", "")
	p.restore(config, b)
}

func (p *peer) has(stream, want string) {
	p.t.Helper()
	if got := p.ask("STREAM.INFO."+stream, "", ""); !strings.Contains(got, want) {
		p.t.Errorf("stream %s is %s\nwant %s in it", stream, got, want)
	}
}

func TestARestoredStreamHasItsMessagesWhateverItsRulesAre(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]string{
		"interest":      `"retention":"interest"`,
		"work queue":    `"retention":"workqueue"`,
		"transform":     `"subject_transform":{"src":">","dest":"x.>"}`,
		"discards new":  `"max_msgs":5,"discard":"new"`,
		"denies purges": `"deny_purge":true,"deny_delete":true`,
		"counter":       `"allow_msg_counter":true`,
		"memory":        `"storage":"memory"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := connect(t)
			config := `{"name":"S","subjects":["s.>"],` + rules + `}`
			if name == "transform" {
				config = strings.Replace(config, "s.>", "s.>\",\"x.>", 1)
			}
			p.ask("STREAM.CREATE.S", "", config)
			p.ask("CONSUMER.CREATE.S.c", "", `{"stream_name":"S","config":{"durable_name":"c","ack_policy":"explicit"}}`)
			for i := range 5 {
				header := []string{"Nats-Incr", "1"}
				if name != "counter" {
					header = nil
				}
				p.publish(fmt.Sprint("s.", i), "", header...)
			}
			p.moved(config)
			p.has("S", `"messages":5,`)
			p.has("S", `"num_subjects":5,`)
			seen := p.ask("STREAM.MSG.GET.S", "", `{"seq":3}`)
			want := `"subject":"s.2"`
			if name == "transform" {
				want = `"subject":"x.s.2"`
			}
			if !strings.Contains(seen, want) {
				t.Errorf("message 3: %s, want %s in it", seen, want)
			}
		})
	}
}

func TestASealedStreamIsRestored(t *testing.T) {
	t.Parallel()
	p := connect(t)
	p.ask("STREAM.CREATE.S", "", `{"name":"S","subjects":["s"]}`)
	p.publish("s", "x")
	sealed := `{"name":"S","subjects":["s"],"sealed":true}`
	p.ask("STREAM.UPDATE.S", "", sealed)
	p.moved(sealed)
	p.has("S", `"messages":1,`)
	if got := p.publish("s", "y"); !strings.Contains(got, `"err_code":10109`) {
		t.Errorf("publishing: %s", got)
	}
}

func TestARestoredStreamGoesOnWithWhatItsMessagesAskFor(t *testing.T) {
	t.Parallel()
	p := connect(t)
	config := `{"name":"S","subjects":["s.>","t.>"],"allow_msg_schedules":true,"allow_msg_ttl":true,"subject_delete_marker_ttl":1000000000,"allow_rollup_hdrs":true,"republish":{"src":">","dest":"again.>"}}`
	p.ask("STREAM.CREATE.S", "", config)
	p.publish("s.id", "x", "Nats-Msg-Id", "once")
	p.publish("s.ttl", "x", "Nats-TTL", "1s")
	p.publish("s.schedule", "later", "Nats-Schedule", "@every 1s", "Nats-Schedule-Target", "t.a")
	produced, err := p.SubscribeSync("again.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	p.moved(config)
	if got := p.publish("s.id", "y", "Nats-Msg-Id", "once"); !strings.Contains(got, `"duplicate": true`) {
		t.Errorf("the same message again: %s", got)
	}
	p.publish("s.end", "")
	if m, err := produced.NextMsg(10 * time.Second); err != nil || m.Subject != "again.s.end" {
		t.Errorf("first message that is published again: %+v, %v", m, err)
	}
	for scheduled, expired := false, false; !scheduled || !expired; {
		m, err := produced.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatalf("schedule goes on: %v, time to live ends: %v", scheduled, expired)
		}
		scheduled = scheduled || m.Subject == "again.t.a"
		expired = expired || m.Subject == "again.s.ttl" && m.Header.Get("Nats-Marker-Reason") == "MaxAge"
	}
}

func TestARestoreThatHasNoRoomFails(t *testing.T) {
	t.Parallel()
	p := connect(t)
	config := `{"name":"S","subjects":["s"]}`
	p.ask("STREAM.CREATE.S", "", config)
	for range 40 {
		p.publish("s", strings.Repeat("x", 100_000))
	}
	b := p.backup("S")
	small := connectTo(t, "max_file: 1MB")
	if answer := small.tryRestore(config, b); !strings.Contains(answer, `"err_code":10023`) {
		t.Errorf("restore: %s", answer)
	}
	if got := small.ask("STREAM.INFO.S", "", ""); !strings.Contains(got, `"err_code":10059`) {
		t.Errorf("a part of the stream is there: %s", got)
	}
}

func TestARestoreWaitsForASlowDisk(t *testing.T) {
	t.Parallel()
	p := connect(t)
	config := `{"name":"S","subjects":["s"]}`
	p.ask("STREAM.CREATE.S", "", config)
	for range 5000 {
		if err := p.Publish("s", []byte("a small message of which many fit")); err != nil {
			t.Fatal(err)
		}
	}
	p.publish("s", "last")
	b := p.backup("S")
	slow := connectTo(t, "max_buffered_msgs: 10")
	slow.restore(config, b)
	slow.has("S", `"messages":5001,`)
}

func TestARestoreRefusesWhatNobodyCouldHavePublished(t *testing.T) {
	t.Parallel()
	p := connect(t)
	refused := func(m record.Message, want string) {
		t.Helper()
		var b bytes.Buffer
		a, err := archive.NewWriter(&b, archive.Head{})
		if err != nil {
			t.Fatal(err)
		}
		m.Seq = 1
		if err := a.Message(record.Build(nil, &m)); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		answer := p.tryRestore(`{"name":"S","subjects":["s"]}`, b.Bytes())
		if !strings.Contains(answer, `"err_code":10062`) || !strings.Contains(answer, want) {
			t.Errorf("%q is restored, answer %s", m.Subject, answer)
		}
	}
	now := time.Now().UnixNano()
	refused(record.Message{Time: now, Subject: []byte("s 1\r\nMSG x 1 0\r\n")}, "subject")
	refused(record.Message{Time: now, Subject: []byte("s.*")}, "subject")
	refused(record.Message{Time: now}, "subject")
	refused(record.Message{Time: now, Subject: []byte("s"), Header: []byte("N")}, "header")
	refused(record.Message{Time: now, Subject: []byte("s"), Header: []byte("NATS/1.0\r\n")}, "header")
	refused(record.Message{Time: -1, Subject: []byte("s")}, "time")
	refused(record.Message{Time: 1<<63 - 1, Subject: []byte("s")}, "time")
}

func TestDelayedMessagesAreInBackups(t *testing.T) {
	t.Parallel()
	p := connect(t)
	config := `{"name":"S","subjects":["s.>"],"metadata":{"tidings.delay":"true"},"republish":{"src":">","dest":"again.>"}}`
	p.ask("STREAM.CREATE.S", "", config)
	p.publish("s.late", "x", "Tidings-Delay", "1h", "Nats-Msg-Id", "late")
	p.publish("s.soon", "x", "Tidings-Delay", "1s")
	p.publish("s.now", "x")
	b := p.backup("S")
	p.ask("STREAM.DELETE.S", "", "")
	stored, err := p.SubscribeSync("again.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	p.restore(config, b)
	if m, err := stored.NextMsg(10 * time.Second); err != nil || m.Subject != "again.s.soon" || m.Header.Get("Tidings-Published") == "" {
		t.Errorf("stored when it was due: %+v, %v", m, err)
	}
	p.has("S", `"tidings_delayed":{"messages":1,`)
	p.has("S", `"messages":2,`)
	if got := p.publish("s.late", "again", "Tidings-Delay", "1h", "Nats-Msg-Id", "late"); !strings.Contains(got, `"duplicate": true`) {
		t.Errorf("the same message again: %s", got)
	}
	if got := p.publish("s.late", "", "Tidings-Delay", "cancel", "Nats-Msg-Id", "late"); strings.Contains(got, "error") {
		t.Errorf("taking it back: %s", got)
	}
}

// TestABackupIsOfOneMoment takes a backup while its stream goes on.
func TestABackupIsOfOneMoment(t *testing.T) {
	t.Parallel()
	p := connect(t)
	config := `{"name":"S","subjects":["s.>"],"max_msgs_per_subject":1}`
	p.ask("STREAM.CREATE.S", "", config)
	p.ask("CONSUMER.CREATE.S.c", "", `{"stream_name":"S","config":{"durable_name":"c","ack_policy":"explicit"}}`)
	body := make([]byte, 200_000)
	for i := range body {
		body[i] = byte(rand.Uint32())
	}
	for i := range 10 { // more than an entry of the archive has
		p.publish(fmt.Sprint("s.", i), string(body))
	}
	sub, err := p.SubscribeSync(nats.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	p.ask("STREAM.SNAPSHOT.S", "", `{"deliver_subject":"`+sub.Subject+`","chunk_size":1024,"window_size":1024}`)
	first, err := sub.NextMsg(10 * time.Second) // it waits for the answer
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		p.publish(fmt.Sprint("s.", 9-i), "new")
	}
	for range 10 {
		m, err := p.Request("$JS.API.CONSUMER.MSG.NEXT.S.c", nil, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Request(m.Reply, nil, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Respond(nil); err != nil {
		t.Fatal(err)
	}
	b := append(first.Data, p.takeBackup(sub)...)
	p.ask("STREAM.DELETE.S", "", "")
	p.restore(config, b)
	p.has("S", `"messages":10,`)
	p.has("S", `"num_subjects":10,`)
	p.has("S", `"last_seq":20,`)
	for range 10 {
		if m, err := p.Request("$JS.API.CONSUMER.MSG.NEXT.S.c", nil, 10*time.Second); err != nil || string(m.Data) != "new" {
			t.Fatalf("the consumer gets %.10q, %v", m.Data, err)
		}
	}
}
