package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// storedView is a message of a stream as JSON; see [messageView].
type storedView struct {
	Stream     string      `json:"stream"`
	Sequence   uint64      `json:"sequence"`
	Subject    string      `json:"subject"`
	Time       string      `json:"time"`
	Headers    nats.Header `json:"headers,omitempty"`
	Data       *string     `json:"data,omitempty"`
	DataBase64 []byte      `json:"data_base64,omitempty"`
	Bytes      int         `json:"bytes"`
}

func newStoredView(m *client.StoredMessage) storedView {
	v := storedView{
		Stream: m.Stream, Sequence: m.Seq, Subject: m.Subject, Time: m.Time.UTC().Format(time.RFC3339Nano),
		Headers: m.Header, Bytes: len(m.Data),
	}
	if utf8.Valid(m.Data) {
		data := string(m.Data)
		v.Data = &data
	} else {
		v.DataBase64 = m.Data
	}
	return v
}

// showStored prints a message of a stream in the form asked for.
func (a *app) showStored(m *client.StoredMessage, raw, body bool) error {
	switch {
	case a.global.json:
		return a.writeJSON(newStoredView(m))
	case raw:
		return printRaw(a.out, m.Data)
	}
	title := fmt.Sprintf("[%d %s]", m.Seq, moment(m.Time))
	return showMessage(a.out, a.screen, title, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}, body)
}

type viewFlags struct {
	subject     string
	from        uint64
	since       string
	last        int
	count       int
	page        int
	header      string
	contains    string
	raw         bool
	headersOnly bool
}

func (a *app) streamViewCommand() *cobra.Command {
	var f viewFlags
	cmd := &cobra.Command{
		Use:     "view STREAM",
		Aliases: []string{"peek", "messages"},
		Short:   "Page through the messages of a stream",
		Long: `Page through the messages of a stream, from the first or from --from, --since or the
--last N. Nothing is made or changed at the server: consumers see no difference. In a
terminal the command asks after each page; elsewhere it shows everything or --count.`,
		Example: `  tidings stream view ORDERS
  tidings stream view ORDERS --subject 'orders.eu.*' --since 1h
  tidings stream view ORDERS --last 10 --headers-only
  tidings stream view ORDERS --header Customer=17 --contains refund --json`,
		Args: arguments(1, 1, "STREAM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(a.global.json); err != nil {
				return err
			}
			return a.changeStream(cmd, args[0], func(ctx context.Context, js *client.JetStream, info *jsapi.StreamInfo) error {
				return a.streamView(ctx, js, info, &f)
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.subject, "subject", "", "only messages whose subject matches")
	flags.Uint64Var(&f.from, "from", 0, "begin with this `SEQUENCE`")
	flags.StringVar(&f.since, "since", "", "begin with this `TIME`, or 1h for an hour ago")
	flags.IntVar(&f.last, "last", 0, "begin so many sequences before the end")
	flags.IntVarP(&f.count, "count", "n", 0, "end after so many messages")
	flags.IntVar(&f.page, "page", 10, "show so many messages before asking whether to go on")
	flags.StringVar(&f.header, "header", "", "only messages with this header, `NAME` or NAME=VALUE")
	flags.StringVar(&f.contains, "contains", "", "only messages whose body contains this `TEXT`")
	flags.BoolVarP(&f.raw, "raw", "r", false, "print bodies only")
	flags.BoolVar(&f.headersOnly, "headers-only", false, "show headers but no bodies")
	completeFlag(cmd, "subject", a.completeSubjectFlag)
	for _, name := range []string{"from", "since", "last", "count", "page", "header", "contains"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
	return cmd
}

func (f *viewFlags) check(json bool) error {
	if err := oneOf(form{"--from", f.from > 0}, form{"--since", f.since != ""}, form{"--last", f.last != 0}); err != nil {
		return err
	}
	if err := oneOf(form{"--raw", f.raw}, form{"--json", json}, form{"--headers-only", f.headersOnly}); err != nil {
		return err
	}
	switch {
	case f.count < 0:
		return usage(fmt.Errorf("--count %d: a number of messages is not negative", f.count))
	case f.last < 0:
		return usage(fmt.Errorf("--last %d: a number of messages is not negative", f.last))
	case f.page < 1:
		return usage(fmt.Errorf("--page %d: a page has at least one message", f.page))
	case f.subject != "":
		if err := client.CheckSubscribeSubject(f.subject); err != nil {
			return usage(fmt.Errorf("--subject: %w", err))
		}
	}
	return nil
}

// wanted reports whether a message passes the conditions the server cannot
// check.
func (f *viewFlags) wanted(m *client.StoredMessage) bool {
	if f.contains != "" && !bytes.Contains(m.Data, []byte(f.contains)) {
		return false
	}
	if f.header == "" {
		return true
	}
	name, value, exact := strings.Cut(f.header, "=")
	for _, v := range m.Header.Values(name) {
		if !exact || v == value {
			return true
		}
	}
	return false
}

// viewBatch is how many messages are asked for at once.
const viewBatch = 100

func (a *app) streamView(ctx context.Context, js *client.JetStream, info *jsapi.StreamInfo, f *viewFlags) error {
	from, since := f.from, time.Time{}
	if f.since != "" {
		at, err := asset.ParseMoment(f.since, time.Now())
		if err != nil {
			return usage(fmt.Errorf("--since: %w", err))
		}
		since = at
	}
	if f.last > 0 && info.State.LastSeq > uint64(f.last) {
		from = info.State.LastSeq - uint64(f.last) + 1
	}
	pager := js.NewPager(info, f.subject, from, since)
	var dialog *ui.Dialog
	if a.screen.OutIsTerminal() && !a.global.json && !f.raw {
		dialog, _ = a.screen.Dialog(a.in) // without a person everything is shown at once
	}
	shown := 0
	for {
		page, err := pager.Page(ctx, viewBatch)
		if err != nil {
			return err
		}
		for i := range page {
			m := &page[i]
			if !f.wanted(m) {
				continue
			}
			if dialog != nil && shown > 0 && shown%f.page == 0 {
				if more, err := dialog.Confirm(ctx, "more?", true); err != nil || !more {
					return nil //nolint:nilerr // the end of the input means no
				}
			}
			if err := a.showStored(m, f.raw, !f.headersOnly); err != nil {
				return err
			}
			if shown++; shown == f.count {
				return nil
			}
		}
		if len(page) == 0 {
			break
		}
	}
	if !a.global.json {
		a.note("%s shown, that is the end of stream %s", plural(shown, "message"), info.Config.Name)
	}
	return nil
}

func (a *app) streamGetCommand() *cobra.Command {
	var lastFor string
	var raw bool
	cmd := &cobra.Command{
		Use:   "get STREAM [SEQUENCE]",
		Short: "Show one message of a stream",
		Long:  `Show one message of a stream: that with a sequence, or the last one of a subject.`,
		Example: `  tidings stream get ORDERS 1234
  tidings stream get ORDERS --last-for orders.new --raw`,
		Args: arguments(1, 2, "STREAM SEQUENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			which := jsapi.MsgGetRequest{LastBySubject: lastFor}
			switch {
			case (len(args) == 2) == (lastFor != ""):
				return usage(errors.New("tidings stream get: name either a sequence or, with --last-for, a subject"))
			case len(args) == 2:
				seq, err := sequenceArgument(args[1])
				if err != nil {
					return err
				}
				which.Seq = seq
			default:
				if err := client.CheckSubscribeSubject(lastFor); err != nil {
					return usage(fmt.Errorf("--last-for: %w", err))
				}
			}
			if err := oneOf(form{"--raw", raw}, form{"--json", a.global.json}); err != nil {
				return err
			}
			if err := checkName("stream", args[0]); err != nil {
				return err
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				m, err := js.Message(cmd.Context(), args[0], which)
				if err != nil {
					return err
				}
				return a.showStored(&m, raw, true)
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
	cmd.Flags().StringVarP(&lastFor, "last-for", "S", "", "the last message of this `SUBJECT`")
	cmd.Flags().BoolVarP(&raw, "raw", "r", false, "print the body only")
	completeFlag(cmd, "last-for", cobra.NoFileCompletions)
	return cmd
}
