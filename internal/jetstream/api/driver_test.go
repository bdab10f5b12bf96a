package api_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/testserver"
)

// peer is a client of a real server with streams.
type peer struct {
	*nats.Conn
	t testing.TB
}

func connect(t testing.TB) *peer {
	t.Helper()
	return connectTo(t, "")
}

// connectTo is connect to a server whose JetStream has more settings.
func connectTo(t testing.TB, settings string) *peer {
	t.Helper()
	s := testserver.StartConfig(t, "server_name: ref\njetstream { store_dir: '"+t.TempDir()+"', "+settings+" }\n")
	nc, err := nats.Connect(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return &peer{nc, t}
}

// ask sends a request below $JS.API and returns the body of its answer.
func (p *peer) ask(subject, header, body string) string {
	p.t.Helper()
	m := nats.NewMsg("$JS.API." + subject)
	m.Data = []byte(body)
	if key, value, ok := strings.Cut(header, ": "); ok {
		m.Header[key] = []string{value}
	}
	answer, err := p.RequestMsg(m, 10*time.Second)
	if err != nil {
		p.t.Fatalf("%s: %v", subject, err)
	}
	return string(answer.Data)
}

func TestDriverAnswersAsTheField(t *testing.T) {
	t.Parallel()
	p := connect(t)
	file, err := os.Open("testdata/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var request string
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "> "):
			request = line[2:]
		case strings.HasPrefix(line, "< "):
			subject, body, _ := strings.Cut(request, " ")
			header := ""
			if h, rest, ok := strings.Cut(body, " | "); ok {
				header, body = h, rest
			}
			got := changing.ReplaceAllString(p.ask(subject, header, body), `"$1":0`)
			if want := changing.ReplaceAllString(line[2:], `"$1":0`); got != want {
				t.Errorf("testdata/requests.txt:%d: %s\n got %s\nwant %s", n, request, got, want)
			}
		case strings.HasPrefix(line, "publish "):
			words := strings.Fields(line)
			if _, err := p.Request(words[2], []byte(words[3]), 10*time.Second); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRestoredConsumersGoOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	p := connect(t)
	p.ask("STREAM.CREATE.S", "", `{"name":"S","subjects":["s.>"],"allow_direct":true}`)
	body := strings.Repeat("x", 100_000)
	for i := range 50 {
		if _, err := p.Request("s."+strconv.Itoa(i%5), []byte(body+strconv.Itoa(i)), 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	p.ask("STREAM.MSG.DELETE.S", "", `{"seq":7}`)
	p.ask("CONSUMER.CREATE.S.c", "", `{"stream_name":"S","config":{"durable_name":"c","ack_policy":"explicit"}}`)
	for range 10 {
		m, err := p.Request("$JS.API.CONSUMER.MSG.NEXT.S.c", nil, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Request(m.Reply, nil, 10*time.Second); err != nil { // double acknowledgement
			t.Fatal(err)
		}
	}
	archive := p.backup("S")
	p.ask("STREAM.DELETE.S", "", "")
	p.restore(`{"name":"S","subjects":["s.>"],"allow_direct":true}`, archive)
	if got := p.ask("STREAM.INFO.S", "", ""); !strings.Contains(got, `"messages":49,`) || !strings.Contains(got, `"last_seq":50,`) {
		t.Errorf("info: %s", got)
	}
	if got := p.ask("CONSUMER.INFO.S.c", "", ""); !strings.Contains(got, `"ack_floor":{"consumer_seq":10,"stream_seq":11`) {
		t.Errorf("consumer: %s", got)
	}
	m, err := p.Request("$JS.API.CONSUMER.MSG.NEXT.S.c", nil, 10*time.Second)
	if err != nil || !strings.HasSuffix(string(m.Data), "x11") {
		t.Errorf("next message ends with %.10q, error %v", m.Data[max(len(m.Data)-5, 0):], err)
	}
	if got := p.ask("DIRECT.GET.S.s.1", "", ""); !strings.HasSuffix(got, "x46") {
		t.Errorf("direct get ends with %q", got[max(len(got)-5, 0):])
	}
}

func TestConsumersRestoredUnderAnotherNameBelongToTheirNewStream(t *testing.T) {
	t.Parallel()
	p := connect(t)
	p.ask("STREAM.CREATE.S", "", `{"name":"S","subjects":["s.>"]}`)
	p.ask("CONSUMER.CREATE.S.c", "", `{"stream_name":"S","config":{"durable_name":"c","ack_policy":"explicit"}}`)
	p.restore(`{"name":"T","subjects":["t.>"]}`, p.backup("S"))
	if got := p.ask("CONSUMER.INFO.T.c", "", ""); !strings.Contains(got, `"stream_name":"T"`) {
		t.Errorf("consumer: %s", got)
	}
}

func TestSnapshotWaitsForItsOwnSubscription(t *testing.T) {
	t.Parallel()
	p := connect(t)
	p.ask("STREAM.CREATE.S", "", `{"name":"S","subjects":["s.>"]}`)
	p.ask("STREAM.CREATE.T", "", `{"name":"T","subjects":["t.>"]}`)
	inbox := nats.NewInbox()
	early, err := p.SubscribeSync(inbox + ".*") // as of one who waits for many answers
	if err != nil {
		t.Fatal(err)
	}
	p.ask("STREAM.SNAPSHOT.S", "", `{"deliver_subject":"`+inbox+`.1"}`)
	sub, err := p.SubscribeSync(inbox + ".1")
	if err != nil {
		t.Fatal(err)
	}
	p.restore(`{"name":"U","subjects":["u.>"]}`, p.takeBackup(sub))
	if _, err := early.NextMsg(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	p.ask("STREAM.SNAPSHOT.T", "", `{"deliver_subject":"`+inbox+`.2"}`)
	for m := (&nats.Msg{Data: []byte{0}}); len(m.Data) > 0 || m.Subject != inbox+".2"; { // without one of its own, too
		if m, err = early.NextMsg(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

// backup takes a snapshot.
func (p *peer) backup(stream string) []byte {
	p.t.Helper()
	sub, err := p.SubscribeSync(nats.NewInbox())
	if err != nil {
		p.t.Fatal(err)
	}
	p.ask("STREAM.SNAPSHOT."+stream, "", `{"deliver_subject":"`+sub.Subject+`"}`)
	return p.takeBackup(sub)
}

// takeBackup takes what comes of a snapshot.
func (p *peer) takeBackup(sub *nats.Subscription) (archive []byte) {
	p.t.Helper()
	for {
		m, err := sub.NextMsg(10 * time.Second)
		if err != nil {
			p.t.Fatal(err)
		}
		if len(m.Data) == 0 {
			if status := m.Header.Get("Status"); status != "204" {
				p.t.Fatalf("snapshot ends with %v", m.Header)
			}
			return archive
		}
		archive = append(archive, m.Data...)
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

// restore restores a stream.
func (p *peer) restore(config string, archive []byte) {
	p.t.Helper()
	if answer := p.tryRestore(config, archive); strings.Contains(answer, `"error"`) {
		p.t.Fatalf("restore: %s", answer)
	}
}

// tryRestore restores a stream, and returns what is said in the end.
func (p *peer) tryRestore(config string, archive []byte) string {
	p.t.Helper()
	_, name, _ := strings.Cut(config, `"name":"`)
	name, _, _ = strings.Cut(name, `"`)
	var begun jsapi.StreamRestoreResponse
	answer := p.ask("STREAM.RESTORE."+name, "", `{"config":`+config+`,"state":{}}`)
	if err := json.Unmarshal([]byte(answer), &begun); err != nil || begun.Error != nil {
		p.t.Fatalf("restore: %s", answer)
	}
	for chunk := range slices.Chunk(archive, 128<<10) {
		m, err := p.Request(begun.DeliverSubject, chunk, 10*time.Second)
		if err != nil {
			p.t.Fatal(err)
		}
		if len(m.Data) > 0 {
			return string(m.Data)
		}
	}
	m, err := p.Request(begun.DeliverSubject, nil, 10*time.Second)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(m.Data)
}
