package conversation_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/conversation"
)

// corpus is where the scripts are that every server must pass.
const corpus = "../../test/conversations"

func readScript(t *testing.T, file string) *conversation.Script {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, err := conversation.Parse(file, string(src))
	if err != nil {
		t.Fatal(err)
	}
	return script
}

func TestParseTakesConfigAndCases(t *testing.T) {
	t.Parallel()
	script, err := conversation.Parse("a.conv", `# comment

config {
    limits {
      max: 3
    }
}

case first thing
open a
a > PING

case second thing
connect b {"name":"x"}
`)
	if err != nil {
		t.Fatal(err)
	}
	if want := "    limits {\n      max: 3\n    }\n"; script.Config != want {
		t.Errorf("config %q, want %q", script.Config, want)
	}
	if len(script.Cases) != 2 {
		t.Fatalf("%d cases, want 2", len(script.Cases))
	}
	if c := script.Cases[1]; c.Name != "second thing" || c.Line != 13 || c.File != "a.conv" {
		t.Errorf("second case is %q at %s:%d, want second thing at a.conv:13", c.Name, c.File, c.Line)
	}
}

func TestParseNamesTheLineAndReasonOfAMistake(t *testing.T) {
	t.Parallel()
	f := func(src, want string) {
		t.Helper()
		_, err := conversation.Parse("x.conv", src)
		if err == nil {
			t.Errorf("%q: no error, want %q", src, want)
			return
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %q, want %q in it", src, err, want)
		}
	}
	f("", "x.conv:1: no case")
	f("open a", `x.conv:1: "open" before the first case`)
	f("config {\n a: 1\n", "x.conv:1: config block without a closing line }")
	f("config {\n a\n}\nconfig {\n}\ncase x", "x.conv:4: second config block")
	f("case x\nconfig {\n}", "x.conv:2: config block after the first case")
	f("case", "case without a name")
	f("case x\ncase x", `second case named "x"`)
	f("case x\n\nopen 1a", "x.conv:3: \"1a\" is neither a command nor the name")
	f("case x\nopen open", `"open" is a command and cannot name a connection`)
	f("case x\nopen a udp", "open a udp: after the name only tls or refused may follow")
	f("case x\nconnect a {", "connect a: options: unexpected end of JSON input")
	f("case x\nclose", `"" is neither`)
	f("case x\nserver explode", "server explode: known are")
	f("case x\na ! b", `unknown command "! b" for connection a`)
	f("case x\na closed now", `unknown command "closed now"`)
	f("case x\na [bytewise > b", "option without ]")
	f("case x\na [] > b", "[]: empty option")
	f("case x\na [sometimes] > b", "[sometimes]: known are")
	f("case x\na [repeat 0] > b", `"0" is not a positive number`)
	f("case x\na [repeat 2000000] > b", "[repeat 2000000]: known are")
	f("case x\na [pieces 5 3] > b", "[pieces 5 3]: known are")
	f("case x\na [bytewise] < b", "bytewise and pieces only go with > and >>")
	f("case x\na [repeat 3] <? b", "repeat only goes with")
	f(`case x`+"\n"+`a > \q`, `unknown escape \q`)
	f(`case x`+"\n"+`a > \`, `text ends in a lone \`)
	f(`case x`+"\n"+`a > \x4`, `\x needs two hexadecimal digits`)
	f(`case x`+"\n"+`a > \xzz`, `\xzz: not two hexadecimal digits`)
	f(`case x`+"\n"+`a > \{ab*3`, `\{ without }`)
	f(`case x`+"\n"+`a > \{ab}`, `\{ab}: no *count`)
	f(`case x`+"\n"+`a > \{ab*x}`, `"x" is no count`)
	f(`case x`+"\n"+`a > \{ab*99999999999}`, `longer than`)
	f(`case x`+"\n"+`a > ${A}`, "${A}: a name is")
	f(`case x`+"\n"+`a > ${a`, "${ without }")
	f("case x\na <~ (", "pattern: error parsing regexp")
	f("case x\na <info [", "<info: unexpected end")
}

func TestCorpusParses(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpus, "*.conv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		readScript(t, file)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(corpus, "*.conv"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	f.Add("case x\na [pieces 1 2] >> \\{\\x41*3}${b}\n")
	f.Fuzz(func(t *testing.T, src string) {
		script, err := conversation.Parse("fuzz.conv", src)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz.conv:") {
				t.Errorf("error without a place: %v", err)
			}
			return
		}
		if len(script.Cases) == 0 {
			t.Error("script without a case")
		}
	})
}
