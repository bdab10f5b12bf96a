package api_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/api"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// backup takes a snapshot as clients do and returns it with its status.
func (f *fixture) backup(stream, options string) (archive, status string) {
	f.t.Helper()
	chunks := f.subscribe("backup." + stream)
	r := f.request("$JS.API.STREAM.SNAPSHOT."+stream, `{"deliver_subject":"backup.`+stream+`"`+options+`}`)
	if strings.Contains(r.body, `"error"`) {
		f.t.Fatalf("snapshot: %s", r.body)
	}
	var b strings.Builder
	for d := range chunks {
		if d.body == "" {
			return b.String(), show(d)
		}
		b.WriteString(d.body)
		if d.reply != "" {
			f.publish(d.reply, "", "", "")
		}
	}
	return "", ""
}

// restore sends an archive in chunks and returns the last answer.
func (f *fixture) restore(config, archive string, chunk int) delivery {
	f.t.Helper()
	_, name, _ := strings.Cut(config, `"name":"`)
	name, _, _ = strings.Cut(name, `"`)
	r := f.request("$JS.API.STREAM.RESTORE."+name, `{"config":`+config+`,"state":{}}`)
	var begun jsapi.StreamRestoreResponse
	if err := json.Unmarshal([]byte(r.body), &begun); err != nil || begun.Error != nil {
		return r
	}
	for len(archive) > 0 {
		n := min(chunk, len(archive))
		if d := f.request(begun.DeliverSubject, archive[:n]); d.body != "" {
			return d
		}
		archive = archive[n:]
	}
	return f.request(begun.DeliverSubject, "")
}

func (s *memoryStream) contents() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for e, ok := s.index.Next(1, nil); ok; e, ok = s.index.Next(e.Seq+1, nil) {
		list = append(list, fmt.Sprintf("%d %d %x", e.Seq, e.Size, s.records[e.Place.Offset][32:]))
	}
	return list
}

func TestARestoredStreamIsTheOneThatWasBackedUp(t *testing.T) {
	t.Parallel()
	for _, options := range []string{``, `,"chunk_size":1024,"window_size":4096`, `,"jsck":true`} {
		f := start(t, nil)
		s := f.create(`{"name":"S","subjects":["s.>"]}`)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 300 {
			body := make([]byte, r.IntN(5000))
			for k := range body {
				body[k] = byte(r.Uint32())
			}
			header := ""
			if i%3 == 0 {
				header = "NATS/1.0\r\nA: b\r\n\r\n"
			}
			s.publish(fmt.Sprint("s.", i%7), header, string(body))
		}
		s.remove(1, 5, 300)
		s.states["d"] = []byte("state of d")
		archive, status := f.backup("S", options)
		if status != "204" {
			t.Fatalf("%s: snapshot ends with %q", options, status)
		}
		answer := f.restore(`{"name":"T","subjects":["t.>"]}`, archive, 7777)
		if !strings.Contains(answer.body, `"type":"io.nats.jetstream.api.v1.stream_create_response","config":{"name":"T","subjects":["t.\u003e"]`) {
			t.Fatalf("%s: restore: %s", options, answer.body)
		}
		restored := f.streams.stream("T")
		if diff := cmp.Diff(s.contents(), restored.contents()); diff != "" {
			t.Errorf("%s: (-backed up +restored)\n%s", options, diff)
		}
		if last := restored.index.State().Last; last != 300 {
			t.Errorf("%s: last sequence %d, want 300", options, last)
		}
		if got := string(restored.states["d"]); got != "state of d" {
			t.Errorf("%s: consumer state %q", options, got)
		}
		if _, status := f.backup("T", `,"no_consumers":true`); status != "204" {
			t.Errorf("second snapshot ends with %q", status)
		}
	}
}

func TestTransfersAreAnnounced(t *testing.T) {
	t.Parallel()
	f := start(t, func(cfg *api.Config) {
		cfg.Domain = "hub"
		cfg.Requester = func(*core.Stage) *jsapi.ClientInfo { return &jsapi.ClientInfo{Name: "me"} }
	})
	events := f.subscribe("$JS.EVENT.ADVISORY.STREAM.>")
	f.create(`{"name":"S","subjects":["s"]}`).publish("s", "", "x")
	archive, _ := f.backup("S", "")
	f.restore(`{"name":"T","subjects":["t"]}`, archive, 1<<20)
	for _, want := range []string{"SNAPSHOT_CREATE.S", "SNAPSHOT_COMPLETE.S", "RESTORE_CREATE.T", "RESTORE_COMPLETE.T"} {
		d := <-events
		var e jsapi.RestoreCompleted
		if err := json.Unmarshal([]byte(d.body), &e); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimPrefix(d.subject, "$JS.EVENT.ADVISORY.STREAM."); got != want || e.Client.Name != "me" || e.Domain != "hub" {
			t.Errorf("event %s %s, want %s", got, d.body, want)
		}
		if want == "RESTORE_COMPLETE.T" && e.Bytes != int64(len(archive)) {
			t.Errorf("%d bytes, want %d", e.Bytes, len(archive))
		}
	}
}

func TestMessagesThatCannotBeReadAreMissedOrFailTheCheck(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	s := f.create(`{"name":"S","subjects":["s"]}`)
	for range 3 {
		s.publish("s", "", "x")
	}
	s.damaged = 2
	if _, status := f.backup("S", `,"jsck":true`); !strings.HasPrefix(status, "500 message 2: record is damaged") {
		t.Errorf("checked: %q", status)
	}
	archive, status := f.backup("S", "")
	if status != "204" {
		t.Fatalf("unchecked: %q", status)
	}
	f.restore(`{"name":"T","subjects":["t"]}`, archive, 1<<20)
	if got := len(f.streams.stream("T").contents()); got != 2 {
		t.Errorf("%d messages are restored, want 2", got)
	}
}

func TestSnapshotEndsWhenItsClientIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := start(t, nil)
		s := f.create(`{"name":"S","subjects":["s"]}`)
		r := rand.New(rand.NewPCG(1, 2))
		body := make([]byte, 100_000)
		for i := range body {
			body[i] = byte(r.Uint32())
		}
		s.publish("s", "", string(body))
		done := f.subscribe("$JS.EVENT.ADVISORY.STREAM.SNAPSHOT_COMPLETE.S")
		began := time.Now()
		f.request("$JS.API.STREAM.SNAPSHOT.S", `{"deliver_subject":"nobody"}`)
		<-done
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("nobody listens: ended after %v", took)
		}
		chunks := f.subscribe("somebody")
		began = time.Now()
		f.request("$JS.API.STREAM.SNAPSHOT.S", `{"deliver_subject":"somebody","chunk_size":1024,"window_size":2048}`)
		for range 2 {
			if d := <-chunks; len(d.body) != 1024 || d.reply == "" {
				t.Errorf("chunk of %d bytes, reply %q", len(d.body), d.reply)
			}
		}
		if d := <-chunks; show(d) != "408 No Flow Response" {
			t.Errorf("no answers: %q", d.header)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("no answers: ended after %v", took)
		}
	})
}

func TestRestoreRefusesWhatIsNoArchive(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	const config = `{"name":"T","subjects":["t"]}`
	refused := func(archive, want string) {
		t.Helper()
		answer := f.restore(config, archive, 1000)
		if !strings.Contains(answer.body, `"err_code":10062`) || !strings.Contains(answer.body, want) {
			t.Errorf("answer %s, want one with %q", answer.body, want)
		}
		if f.streams.stream("T") != nil {
			t.Error("there is a stream")
		}
	}
	f.create(`{"name":"S","subjects":["s"]}`).publish("s", "", strings.Repeat("x", 3000))
	archive, _ := f.backup("S", "")
	refused("hello", "not a valid backup")
	refused("", "not a valid backup")
	refused(archive[:len(archive)/2], "not a valid backup")
	refused(archive+"x", "not a valid backup")
	refused("hello"+strings.Repeat("x", 100_000), "not a valid backup")
	if answer := f.restore(config, archive, 100); !strings.Contains(answer.body, `"messages":1`) {
		t.Errorf("restore: %s", answer.body)
	}
}

func TestRestoreEndsWhenNothingComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := start(t, nil)
		done := f.subscribe("$JS.EVENT.ADVISORY.STREAM.RESTORE_COMPLETE.T")
		begun := f.request("$JS.API.STREAM.RESTORE.T", `{"config":{"name":"T","subjects":["t"]}}`)
		began := time.Now()
		<-done
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("ended after %v", took)
		}
		var r jsapi.StreamRestoreResponse
		if err := json.Unmarshal([]byte(begun.body), &r); err != nil {
			t.Fatal(err)
		}
		if n := f.publish(r.DeliverSubject, "_INBOX.x", "", "x"); n != core.NoInterest {
			t.Error("chunks are still taken")
		}
		begun = f.request("$JS.API.STREAM.RESTORE.T", `{"config":{"name":"T","subjects":["t"]}}`)
		if err := json.Unmarshal([]byte(begun.body), &r); err != nil {
			t.Fatal(err)
		}
		f.publish(r.DeliverSubject, "", "", "chunk without a reply")
		<-done
	})
}

func TestTransfersOfAnAccountAreBounded(t *testing.T) {
	t.Parallel()
	f := start(t, func(cfg *api.Config) { cfg.TransfersMax = 2 })
	for i := range 3 {
		name := fmt.Sprint("T", i)
		d := f.request("$JS.API.STREAM.RESTORE."+name, `{"config":{"name":"`+name+`","subjects":["`+name+`"]}}`)
		if refused := strings.Contains(d.body, `"err_code":10023`); refused != (i == 2) {
			t.Errorf("restore %d: %s", i, d.body)
		}
	}
}
