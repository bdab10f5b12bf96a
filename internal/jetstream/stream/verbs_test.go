package stream_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// verbs are the commands of the stories. Headers stand in the lines below a
// command, other arguments behind it.
var verbs = map[string]func(w *world, t *testing.T, d *datadriven.TestData) string{
	"publish":  publishVerb,
	"source":   sourceVerb,
	"mirror":   mirrorVerb,
	"fast":     fastVerb,
	"purge":    purgeVerb,
	"delete":   deleteVerb,
	"update":   updateVerb,
	"wait":     waitVerb,
	"interest": interestVerb,
	"messages": messagesVerb,
	"info":     infoVerb,
	"reload": func(w *world, _ *testing.T, _ *datadriven.TestData) string {
		w.reload()
		return ""
	},
}

// arg returns an argument, or what it is without.
func arg(d *datadriven.TestData, name, otherwise string) string {
	for _, a := range d.CmdArgs {
		if a.Key == name && len(a.Vals) > 0 {
			return a.Vals[0]
		}
	}
	return otherwise
}

func has(d *datadriven.TestData, name string) bool { return d.HasArg(name) }

func number(t *testing.T, d *datadriven.TestData, name string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(arg(d, name, "0"), 10, 64)
	if err != nil {
		d.Fatalf(t, "%s: %v", name, err)
	}
	return n
}

func inputLines(d *datadriven.TestData) []string {
	if d.Input == "" {
		return nil
	}
	return strings.Split(d.Input, "\n")
}

// answer prints what a publisher hears.
func answer(d stream.Decision) string {
	var b strings.Builder
	for _, f := range d.Flow {
		text, _ := json.Marshal(f)
		fmt.Fprintf(&b, "%s\n", text)
	}
	switch d.Answer {
	case stream.AnswerAck:
		ack := d.PubAck("S", "")
		if ack.Error != nil {
			fmt.Fprintf(&b, "error %d %d: %s\n", ack.Error.Status, ack.Error.Code, ack.Error.Description)
			break
		}
		text := string(jsapi.AppendPubAck(nil, &ack))
		fmt.Fprintf(&b, "%s\n", strings.Replace(text, `"stream":"S",`, "", 1))
	case stream.AnswerEmpty:
		b.WriteString("empty answer\n")
	case stream.AnswerNone:
		b.WriteString("no answer\n")
	}
	return b.String()
}

// publish SUBJECT [body=TEXT].
func publishVerb(w *world, _ *testing.T, d *datadriven.TestData) string {
	rec, at := w.message(d.CmdArgs[0].Key, arg(d, "body", ""), inputLines(d)...)
	return answer(w.m.Publish(rec, at))
}

// source SUBJECT [body=TEXT].
func sourceVerb(w *world, _ *testing.T, d *datadriven.TestData) string {
	rec, at := w.message(d.CmdArgs[0].Key, arg(d, "body", ""), inputLines(d)...)
	return answer(w.m.PublishSourced(rec, at))
}

// mirror SUBJECT seq=N [body=TEXT].
func mirrorVerb(w *world, t *testing.T, d *datadriven.TestData) string {
	rec, at := w.message(d.CmdArgs[0].Key, arg(d, "body", ""), inputLines(d)...)
	if d := w.m.PublishAt(rec, at, number(t, d, "seq"), w.now); d.Err != nil {
		return d.Err.Error() + "\n"
	} else if d.Duplicate {
		return "duplicate\n"
	}
	return ""
}

// fast SUBJECT id=ID seq=N op=N [flow=N] [fail] [body=TEXT].
func fastVerb(w *world, t *testing.T, d *datadriven.TestData) string {
	gap := "ok"
	if has(d, "fail") {
		gap = "fail"
	}
	reply := fmt.Sprintf("inbox.%s.%s.%s.%s.%s.$FI", arg(d, "id", ""), arg(d, "flow", "10"), gap, arg(d, "seq", ""), arg(d, "op", ""))
	r, _, ok := jsapi.ParseBatchReply(reply)
	if !ok {
		d.Fatalf(t, "malformed reply %s", reply)
	}
	rec, at := w.message(d.CmdArgs[0].Key, arg(d, "body", ""), inputLines(d)...)
	return answer(w.m.PublishFast(rec, at, r))
}

// purge [filter=PATTERN] [seq=N] [keep=N].
func purgeVerb(w *world, t *testing.T, d *datadriven.TestData) string {
	n, err := w.m.Purge(jsapi.StreamPurgeRequest{
		Filter: arg(d, "filter", ""), Sequence: number(t, d, "seq"), Keep: number(t, d, "keep"),
	}, w.now)
	if err != nil {
		return fmt.Sprintf("error %d: %s\n", err.Code, err.Description)
	}
	return fmt.Sprintf("purged %d\n", n)
}

// delete seq=N.
func deleteVerb(w *world, t *testing.T, d *datadriven.TestData) string {
	if err := w.m.Delete(number(t, d, "seq"), true, w.now); err != nil {
		return fmt.Sprintf("error %d: %s\n", err.Code, err.Description)
	}
	return ""
}

// update: fields of the configuration as JSON.
func updateVerb(w *world, t *testing.T, d *datadriven.TestData) string {
	cfg := *w.m.Config()
	if err := json.Unmarshal([]byte(d.Input), &cfg); err != nil {
		d.Fatalf(t, "%v", err)
	}
	next, err := w.m.Config().CheckedUpdate(&cfg, jsapi.StreamRules{})
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	w.m.Update(next, w.now)
	return ""
}

// wait DURATION: what is due meanwhile happens when it is due.
func waitVerb(w *world, t *testing.T, d *datadriven.TestData) string {
	span, err := time.ParseDuration(d.CmdArgs[0].Key)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	until := w.now + int64(span)
	for at := w.m.Deadline(); at != 0 && at <= until; at = w.m.Deadline() {
		w.now = max(w.now, at)
		w.m.Expire(w.now)
	}
	w.now = until
	return ""
}

// interest SUBJECT…: these are wanted from now on.
func interestVerb(w *world, _ *testing.T, d *datadriven.TestData) string {
	w.wanted = map[string]bool{}
	for _, a := range d.CmdArgs {
		w.wanted[a.Key] = true
	}
	w.use(w.m)
	return ""
}

// messages prints what is in the stream.
func messagesVerb(w *world, _ *testing.T, _ *datadriven.TestData) string {
	var b strings.Builder
	x := w.m.Index()
	for e, ok := x.Next(0, nil); ok; e, ok = x.Next(e.Seq+1, nil) {
		m, readable := w.read(e.Seq)
		if !readable {
			fmt.Fprintf(&b, "%d cannot be read\n", e.Seq)
			continue
		}
		fmt.Fprintf(&b, "%d %s +%v %q\n", e.Seq, m.Subject, time.Duration(m.Time-epoch), m.Body)
		for line := range strings.SplitSeq(strings.TrimSpace(strings.TrimPrefix(string(m.Header), "NATS/1.0")), "\r\n") {
			if line != "" {
				fmt.Fprintf(&b, "    %s\n", line)
			}
		}
	}
	return b.String()
}

// info prints the state.
func infoVerb(w *world, _ *testing.T, _ *datadriven.TestData) string {
	var b strings.Builder
	st := w.m.Index().State()
	fmt.Fprintf(&b, "messages %d, bytes %d, first %d, last %d, subjects %d, deleted %d\n",
		st.Messages, st.Bytes, st.First, st.Last, st.Subjects, st.Deleted)
	if at := w.m.Deadline(); at != 0 {
		fmt.Fprintf(&b, "due +%v\n", time.Duration(at-epoch))
	}
	return b.String()
}
