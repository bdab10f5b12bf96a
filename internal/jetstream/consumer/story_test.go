package consumer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// story runs the verbs of one script.
type story struct {
	*world
	t      *testing.T
	c      *consumer.Machine
	retain bool
	manual bool // deltas are taken and committed by verbs only
	deltas [][]byte
}

// TestStories runs the scripts of testdata. Each step prints what the machine did:
// deliveries as "to: #sequence subject …", statuses, advisories, confirmations.
func TestStories(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		s := &story{world: newWorld(), t: t}
		s.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			verb, ok := verbs[d.Cmd]
			if !ok {
				d.Fatalf(t, "unknown verb %s", d.Cmd)
			}
			verb(s, d)
			return s.took()
		})
	})
}

var verbs = map[string]func(*story, *datadriven.TestData){
	"consumer": (*story).create, "publish": (*story).pub, "pull": (*story).pull, "ack": (*story).ack,
	"wait": (*story).wait, "info": (*story).info, "remove": (*story).remove, "interest": (*story).interest,
	"flow": (*story).flow, "update": (*story).update, "reset": (*story).reset, "unpin": (*story).unpin,
	"delta": (*story).delta, "commit": (*story).commit, "crash": (*story).crash, "needs": (*story).needs,
	"close": (*story).close, "break": (*story).breakMessage, "next": (*story).deadline,
	"box": (*story).box, "behind": (*story).setBehind, "relieve": (*story).relieve,
}

// behind subject=number…: the client that listens there has a backlog.
func (s *story) setBehind(d *datadriven.TestData) {
	for _, arg := range d.CmdArgs {
		s.world.behind[arg.Key] = uint64(number(arg.Vals[0]))
	}
}

// relieve number: the client with that backlog has taken it.
func (s *story) relieve(d *datadriven.TestData) {
	hold := uint64(number(d.CmdArgs[0].Key))
	maps.DeleteFunc(s.world.behind, func(_ string, n uint64) bool { return n == hold })
	s.c.Relieved(hold)
	s.turn()
}

// box closed|open: whether there is a place for dead letters.
func (s *story) box(d *datadriven.TestData) { s.boxClosed = d.CmdArgs[0].Key == "closed" }

// create makes a consumer: its configuration is the input, as JSON.
func (s *story) create(d *datadriven.TestData) {
	s.retain = d.HasArg("retained")
	s.manual, s.deltas = d.HasArg("manual"), nil
	cfg := s.config(d.Input)
	s.c = homeOf(s.x, s.retain).New(cfg, "C", s.now, s.world)
	if cfg.Push() && !d.HasArg("unbound") {
		s.c.Interested(s.now, true)
	}
	s.turn()
}

func (s *story) config(text string) *jsapi.ConsumerConfig {
	cfg := jsapi.ConsumerConfig{AckPolicy: jsapi.AckExplicit} // unless the script says otherwise
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		s.t.Fatal(err)
	}
	if cfg.Durable == "" {
		cfg.Durable = "C"
	}
	checked, err := cfg.Checked(&jsapi.StreamConfig{Name: "S", Subjects: []string{">"}}, jsapi.ConsumerRules{})
	if cfg.Push() {
		checked, err = cfg.Checked(&jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}}, jsapi.ConsumerRules{})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return &checked
}

// turn runs the machine as the driver does.
func (s *story) turn() {
	for s.c.Run(s.now) {
	}
	if s.c.Expired(s.now) {
		s.printf("expired")
	}
	if s.manual {
		return
	}
	if b := s.c.Delta(nil); len(b) > 0 {
		s.deltas = append(s.deltas, b)
	}
	s.commitAll()
}

func (s *story) commitAll() {
	for _, b := range s.deltas {
		if err := s.c.ApplyDelta(b, func(seq uint64) { s.printf("finished #%d", seq) }); err != nil {
			s.t.Fatal(err)
		}
		s.c.Committed()
	}
	s.deltas = nil
}

// pub publishes a message for each subject: subject[*count][/size of the body].
func (s *story) pub(d *datadriven.TestData) {
	for _, arg := range d.CmdArgs {
		text, body, _ := strings.Cut(arg.Key, "/")
		subject, count, _ := strings.Cut(text, "*")
		for range max(number(count), 1) {
			s.publish(subject, number(body))
		}
	}
	if s.c != nil && s.c.Hungry() {
		s.turn()
	}
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// pull sends a pull request to an inbox; the input is its body.
func (s *story) pull(d *datadriven.TestData) {
	inbox := "inbox"
	if len(d.CmdArgs) > 0 {
		inbox = d.CmdArgs[0].Key
	}
	s.c.Pull(s.now, []byte(inbox), []byte(d.Input))
	s.turn()
}

// ack acknowledges messages by their last delivery: ack seq… [with=payload] [reply=subject].
func (s *story) ack(d *datadriven.TestData) {
	payload, reply := strings.TrimSpace(d.Input), ""
	for _, arg := range d.CmdArgs {
		if arg.Key == "reply" {
			reply = arg.Vals[0]
		}
	}
	for _, arg := range d.CmdArgs {
		seq := uint64(number(arg.Key))
		if seq == 0 {
			continue
		}
		last, ok := s.lastSent(seq)
		if !ok {
			last = sent{seq: seq, d: consumer.Delivery{ConsumerSeq: seq, Deliveries: 1}}
		}
		s.c.Ack(s.now, ackOf(last), []byte(payload), []byte(reply))
	}
	s.turn()
}

// wait lets time pass, stopping at each deadline as the driver does.
func (s *story) wait(d *datadriven.TestData) {
	span, err := time.ParseDuration(d.CmdArgs[0].Key)
	if err != nil {
		s.t.Fatal(err)
	}
	end := s.now + int64(span)
	start := s.now
	for range 1000 {
		at := s.c.Deadline()
		if at == 0 || at > end {
			break
		}
		s.now = max(at, s.now)
		s.mark = fmt.Sprintf("+%v\n", time.Duration(s.now-start))
		s.turn()
		s.mark = ""
		if s.c.Expired(s.now) {
			break
		}
	}
	s.now = end
	s.turn()
}

func (s *story) info(*datadriven.TestData) {
	i := s.c.Info(s.now)
	s.printf("delivered %d/%d floor %d/%d ack pending %d redelivered %d waiting %d pending %d",
		i.Delivered.ConsumerSeq, i.Delivered.StreamSeq, i.AckFloor.ConsumerSeq, i.AckFloor.StreamSeq,
		i.NumAckPending, i.NumRedelivered, i.NumWaiting, i.NumPending)
	if i.Paused {
		s.printf("paused for %v", i.PauseRemaining)
	}
	for _, g := range i.PriorityGroups {
		s.printf("group %s pinned %q", g.Group, g.PinnedClientID)
	}
	if s.c.Rules().Push() {
		s.printf("bound %t", i.PushBound)
	}
}

// remove takes messages out of the stream: sequences, or purge.
func (s *story) remove(d *datadriven.TestData) {
	for _, arg := range d.CmdArgs {
		if arg.Key == "purge" {
			s.x.Clear(s.x.State().Last + 1)
			s.c.Purged(s.now)
		} else {
			s.x.Remove(uint64(number(arg.Key)))
			s.c.Removed(s.now)
		}
	}
	s.turn()
}

// interest says who subscribes: interest subject=(true|false); the deliver subject
// of a push consumer is told to the machine.
func (s *story) interest(d *datadriven.TestData) {
	for _, arg := range d.CmdArgs {
		there := arg.Vals[0] == "true"
		s.deaf[arg.Key] = !there
		if s.c.Rules().DeliverSubject == arg.Key {
			s.c.Interested(s.now, there)
		}
	}
	s.turn()
}

// flow answers a flow control request: flow id [received=(consumer,stream)].
func (s *story) flow(d *datadriven.TestData) {
	var r consumer.Received
	for _, arg := range d.CmdArgs {
		if arg.Key == "received" {
			r = consumer.Received{ConsumerSeq: uint64(number(arg.Vals[0])), StreamSeq: uint64(number(arg.Vals[1])), Set: true}
		}
	}
	s.c.FlowResponse(s.now, d.CmdArgs[0].Key, r)
	s.turn()
}

func (s *story) update(d *datadriven.TestData) {
	s.c.Update(s.now, s.config(d.Input))
	s.turn()
}

func (s *story) reset(d *datadriven.TestData) {
	seq := uint64(0)
	if len(d.CmdArgs) > 0 {
		seq = uint64(number(d.CmdArgs[0].Key))
	}
	at, err := s.c.ResetSeq(seq)
	if err != nil {
		s.printf("%d %s", err.Code, err.Description)
		return
	}
	s.printf("reset to #%d", at)
	s.c.Reset(s.now, at)
	s.turn()
}

func (s *story) unpin(d *datadriven.TestData) {
	if err := s.c.Unpin(s.now, d.CmdArgs[0].Key); err != nil {
		s.printf("%d %s", err.Code, err.Description)
	}
	s.turn()
}

// delta takes a delta, which is committed by commit or lost by crash.
func (s *story) delta(*datadriven.TestData) {
	if b := s.c.Delta(nil); len(b) > 0 {
		s.deltas = append(s.deltas, b)
		s.printf("delta %d taken", len(s.deltas))
	}
}

func (s *story) commit(*datadriven.TestData) { s.commitAll() }

// crash goes on with a machine decoded from the state; deltas=replayed has the
// deltas taken and not committed in the log.
func (s *story) crash(d *datadriven.TestData) {
	state := s.c.AppendState(nil)
	cfg := s.c.Config()
	c, err := homeOf(s.x, s.retain).Decode(state, &cfg, "C", s.world)
	if err != nil {
		s.t.Fatal(err)
	}
	s.c = c
	if d.HasArg("replay") {
		s.commitAll()
	}
	s.deltas = nil
	if cfg.Push() {
		c.Interested(s.now, true)
	}
	s.turn()
}

func (s *story) needs(d *datadriven.TestData) {
	for _, arg := range d.CmdArgs {
		s.printf("#%s %t", arg.Key, s.c.Needs(uint64(number(arg.Key))))
	}
}

func (s *story) close(*datadriven.TestData) { s.c.Close(jsapi.StatusConsumerDeleted) }

// breakMessage makes messages unreadable.
func (s *story) breakMessage(d *datadriven.TestData) {
	for _, arg := range d.CmdArgs {
		s.broken[uint64(number(arg.Key))] = true
	}
}

// deadline prints how long the machine has nothing to do.
func (s *story) deadline(*datadriven.TestData) {
	if at := s.c.Deadline(); at == 0 {
		s.printf("never")
	} else {
		s.printf("%v", time.Duration(at-s.now))
	}
	s.printf("hungry %t", s.c.Hungry())
}
