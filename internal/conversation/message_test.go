package conversation_test

import (
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/conversation"
)

// replies answers what pub and call send.
var replies = map[string]string{
	"SUB _INBOX.conversation.a.* conversation": "",
	"PUB ask _INBOX.conversation.a.1 2":        "",
	"PUB ask 2":                                "",
	"HPUB ask to 18 20":                        "",
	"NATS/1.0":                                 "",
	"A: b":                                     "",
	"":                                         "",
	"json":                                     `MSG _INBOX.conversation.a.1 conversation 28` + "\r\n" + `{"at":"x1","n":5,"l":[1,{}]}` + "\r\n",
	"error":                                    `MSG _INBOX.conversation.a.1 conversation 12` + "\r\n" + `{"error":{}}` + "\r\n",
	"head":                                     "HMSG foo 1 re.17 22 24\r\nNATS/1.0 404\r\nA: b\r\n\r\nhi\r\n",
	"event":                                    "MSG ev.1 1 7\r\n{\"a\":1}\r\n",
	"bye":                                      "MSG foo 1 3\r\nbye\r\n",
	"hi":                                       "",
}

func TestRunSendsAndExpectsWholeMessages(t *testing.T) {
	t.Parallel()
	f := func(src string) {
		t.Helper()
		if err := run(t, replies, "open a\n"+src); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	}
	f("a pub ask hi\na > bye\na <msg foo bye")
	f("a pub ask ^to [A: b] hi\na > bye\na <msg foo bye")
	f("a call ask hi\na > json\na answer {\"n\":5,\"at\":\"x1\",\"l\":[1,{}]}")
	f("a call ask hi\na > json\na answer {\"n\":\"<num>\",\"at\":\"<any:at>\",\"...\":true}\na > json\na answer {\"at\":\"${at}\",\"...\":true}")
	f("a > head\na <msg foo ^re.<num> [NATS/1.0 404|A: b] hi")
	f("a > head\na <msg foo ^<any:reply> [NATS/1.0 <rest>] hi\na > head\na <msg foo ^${reply} [<rest>] <any>")
	f("a > event\na <json ev.<num> {\"a\":1}")
}

func TestRunSaysHowAMessageDiffers(t *testing.T) {
	t.Parallel()
	f := func(src, want string) {
		t.Helper()
		if err := run(t, replies, "open a\n"+src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", src, err, want)
		}
	}
	f("a call ask hi\na > json\na answer {\"n\":6,\"...\":true}", ".n: want 6, got 5")
	f("a call ask hi\na > json\na answer {\"n\":5}", ".at: want no such field")
	f("a call ask hi\na > json\na answer {\"x\":5,\"...\":true}", ".x: want 5, got no such field")
	f("a call ask hi\na > json\na answer {\"l\":[1],\"...\":true}", ".l: want [1], got [1,{}]")
	f("a call ask hi\na > json\na answer {\"l\":[1,{\"a\":2}],\"...\":true}", ".l[1].a: want 2")
	f("a call ask hi\na > json\na answer {\"at\":\"x2\",\"...\":true}", `.at: want "x2", got "x1"`)
	f("a > bye\na answer {}", "@ with JSON")
	f("a > bye\na <json foo {}", "foo with JSON and no headers")
	f("a > head\na <json foo {}", "foo with JSON and no headers")
	f("a > bye\na <msg foo hi", "got:  foo bye")
	f("a <msg foo hi", "want: a message")
	f("a <msg foo ${no}", "${no} has no value")
	f("a ?", "expectation is missing")
}

func TestRunTakesAnErrorForNoSuccess(t *testing.T) {
	t.Parallel()
	answers := map[string]string{"SUB _INBOX.conversation.a.* conversation": "", "PUB ask _INBOX.conversation.a.1 2": ""}
	answers["hi"] = replies["error"]
	if err := run(t, answers, "open a\na do ask hi"); err == nil || !strings.Contains(err.Error(), `{"error":{}}`) {
		t.Errorf("got %v", err)
	}
	answers["hi"] = replies["json"]
	if err := run(t, answers, "open a\na do ask hi"); err != nil {
		t.Error(err)
	}
}

func TestRunRecordsWhatComes(t *testing.T) {
	t.Parallel()
	script, err := conversation.Parse("x.conv", "case x\nopen a\na > head\na ?\na > event\na > bye\na ??\na ??")
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]string{}
	runner := conversation.Runner{Server: puppet(t, replies), Record: func(line int, command string) { got[line] += command + "\n" }}
	if err := runner.Run(t.Context(), script.Cases[0]); err != nil {
		t.Fatal(err)
	}
	want := map[int]string{
		4: "a <msg foo ^re.17 [NATS/1.0 404|A: b] hi\n",
		7: "a <json ev.1 {\"a\":1}\na <msg foo bye\n",
		8: "a sync\n",
	}
	for line, commands := range want {
		if got[line] != commands {
			t.Errorf("line %d: recorded %q, want %q", line, got[line], commands)
		}
	}
}
