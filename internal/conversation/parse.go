package conversation

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// repeatMax bounds [repeat N].
const repeatMax = 1 << 20

// Parse reads a script. The name of the file is only used in messages. All
// errors begin with file:line.
func Parse(file, src string) (*Script, error) {
	p := &parser{script: &Script{File: file}}
	lines := strings.Split(strings.ReplaceAll(src, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		p.line = i + 1
		line := strings.TrimRight(lines[i], " \t")
		var err error
		switch {
		case line == "" || line[0] == '#':
		case line == "config {":
			i, err = p.config(lines, i)
		default:
			err = p.command(line)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, p.line, err)
		}
	}
	if len(p.script.Cases) == 0 {
		return nil, fmt.Errorf("%s:%d: no case; begin one with: case NAME", file, len(lines))
	}
	return p.script, nil
}

// parser holds the script that is being read.
type parser struct {
	script *Script
	line   int // number of the line being read
}

// config takes the block that begins at lines[at] and returns where it ends.
func (p *parser) config(lines []string, at int) (int, error) {
	if p.script.Config != "" {
		return at, errors.New("second config block; a script has one server")
	}
	if len(p.script.Cases) > 0 {
		return at, errors.New("config block after the first case; move it to the top")
	}
	for end := at + 1; end < len(lines); end++ {
		if strings.TrimRight(lines[end], " \t") == "}" {
			p.script.Config = strings.Join(lines[at+1:end], "\n") + "\n"
			return end, nil
		}
	}
	return at, errors.New("config block without a closing line }")
}

// command reads one line that is neither comment nor config.
func (p *parser) command(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " ")
	if word == "case" {
		return p.beginCase(rest)
	}
	if len(p.script.Cases) == 0 {
		return fmt.Errorf("%q before the first case; begin one with: case NAME", word)
	}
	current := &p.script.Cases[len(p.script.Cases)-1]
	act, err := parseAction(word, rest)
	if err != nil {
		return err
	}
	if joinUnordered(current.steps, act) {
		return nil
	}
	current.steps = append(current.steps, step{line: p.line, action: act})
	return nil
}

func (p *parser) beginCase(name string) error {
	if name == "" {
		return errors.New("case without a name")
	}
	same := func(c Case) bool { return c.Name == name }
	if slices.ContainsFunc(p.script.Cases, same) {
		return fmt.Errorf("second case named %q", name)
	}
	p.script.Cases = append(p.script.Cases, Case{Name: name, File: p.script.File, Line: p.line})
	return nil
}

// joinUnordered adds a <+ command to the one right before it.
func joinUnordered(steps []step, act action) bool {
	next, ok := act.(*unorderedAction)
	if !ok || len(steps) == 0 {
		return false
	}
	last, ok := steps[len(steps)-1].action.(*unorderedAction)
	if !ok || last.conn != next.conn {
		return false
	}
	last.want = append(last.want, next.want...)
	return true
}

// parseAction reads the command that begins with word.
func parseAction(word, rest string) (action, error) {
	switch word {
	case "open":
		return parseOpen(rest)
	case "connect":
		return parseConnect(rest)
	case "close":
		return &closeAction{conn: rest}, checkConn(rest)
	case "server":
		switch rest {
		case "lame-duck":
			return &lameDuckAction{}, nil
		case "stop":
			return &stopAction{}, nil
		}
		return nil, fmt.Errorf("server %s: known are server lame-duck and server stop", rest)
	}
	if err := checkConn(word); err != nil {
		return nil, err
	}
	return parseExchange(word, rest)
}

// checkConn refuses what cannot name a connection.
func checkConn(name string) error {
	switch name {
	case "open", "connect", "close", "server", "case", "config":
		return fmt.Errorf("%q is a command and cannot name a connection", name)
	}
	if !isName(name) {
		return fmt.Errorf("%q is neither a command nor the name of a connection (a lower-case letter, then letters, digits and _)", name)
	}
	return nil
}

// parseOpen reads what follows open.
func parseOpen(rest string) (action, error) {
	name, mode, _ := strings.Cut(rest, " ")
	switch mode {
	case "", "tls":
		return &openAction{conn: name, tls: mode == "tls"}, checkConn(name)
	case "refused":
		return &refusedAction{conn: name}, checkConn(name)
	}
	return nil, fmt.Errorf("open %s %s: after the name only tls or refused may follow", name, mode)
}

// parseConnect reads what follows connect.
func parseConnect(rest string) (action, error) {
	name, options, _ := strings.Cut(rest, " ")
	act := &connectAction{conn: name}
	if strings.TrimSpace(options) != "" {
		if err := json.Unmarshal([]byte(options), &act.options); err != nil {
			return nil, fmt.Errorf("connect %s: options: %w", name, err)
		}
	}
	return act, checkConn(name)
}

// parseExchange reads what a connection sends or must get.
func parseExchange(conn, rest string) (action, error) {
	var opts options
	if strings.HasPrefix(rest, "[") {
		inner, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			return nil, errors.New("option without ]")
		}
		var err error
		if opts, err = parseOptions(inner); err != nil {
			return nil, err
		}
		rest = strings.TrimLeft(after, " ")
	}
	operator, argument, _ := strings.Cut(rest, " ")
	if err := opts.allowedFor(operator); err != nil {
		return nil, err
	}
	switch operator {
	case ">", ">>":
		return parseSend(conn, argument, operator == ">", opts)
	case "<", "<?":
		want, err := parseText(argument)
		return &expectAction{conn: conn, want: want, repeat: opts.count(), optional: operator == "<?"}, err
	case "<+":
		want, err := parseText(argument)
		return &unorderedAction{conn: conn, want: []text{want}}, err
	case "<~":
		if _, err := compilePattern(argument, nil); err != nil {
			return nil, err
		}
		return &patternAction{conn: conn, pattern: argument, repeat: opts.count()}, nil
	case "<info":
		act := &infoAction{conn: conn}
		if err := json.Unmarshal([]byte(argument), &act.want); err != nil {
			return nil, fmt.Errorf("<info: %w", err)
		}
		return act, nil
	case "<fields":
		want := strings.Fields(argument)
		slices.Sort(want)
		return &fieldsAction{conn: conn, want: want}, nil
	}
	return parseMessages(conn, operator, argument, rest)
}

// parseMessages reads the commands that speak of whole messages.
func parseMessages(conn, operator, argument, rest string) (action, error) {
	switch operator {
	case "pub", "call", "do":
		return parsePublish(conn, operator, argument)
	case "<msg":
		return parseMessage(conn, argument)
	case "answer":
		return parseJSON(conn, inboxMark, argument)
	case "<json":
		subject, body, _ := strings.Cut(argument, " ")
		return parseJSON(conn, subject, body)
	case "?", "??":
		return &recordAction{conn: conn, all: operator == "??"}, nil
	}
	return parseState(conn, rest)
}

// parseState reads the commands of a connection that take no argument.
func parseState(conn, command string) (action, error) {
	switch command {
	case "sync":
		return &syncAction{conn: conn}, nil
	case "closed":
		return &closedAction{conn: conn}, nil
	case "gone":
		return &goneAction{conn: conn}, nil
	case "shut":
		return &shutAction{conn: conn}, nil
	case "tls":
		return &upgradeAction{conn: conn}, nil
	}
	return nil, fmt.Errorf("unknown command %q for connection %s; known are > >> < <~ <? <+ <info <fields pub call do answer <msg <json sync closed gone shut tls", command, conn)
}

func parseSend(conn, argument string, crlf bool, opts options) (action, error) {
	t, err := parseText(argument)
	return &sendAction{conn: conn, text: t, crlf: crlf, repeat: opts.count(), pieces: opts.pieces, bytes: opts.bytewise}, err
}

// options are the words in brackets.
type options struct {
	repeat   int // 0 = not given
	pieces   []int
	bytewise bool
}

// count is how often the command is done.
func (o options) count() int { return max(o.repeat, 1) }

// allowedFor refuses an option that operator does not know.
func (o options) allowedFor(operator string) error {
	sends := operator == ">" || operator == ">>"
	if (o.bytewise || o.pieces != nil) && !sends {
		return fmt.Errorf("bytewise and pieces only go with > and >>, not with %q", operator)
	}
	if o.repeat > 0 && !sends && operator != "<" && operator != "<~" {
		return fmt.Errorf("repeat only goes with >, >>, < and <~, not with %q", operator)
	}
	return nil
}

func parseOptions(src string) (options, error) {
	var opts options
	words := strings.Fields(src)
	if len(words) == 0 {
		return opts, errors.New("[]: empty option")
	}
	var numbers []int
	for _, word := range words[1:] {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return opts, fmt.Errorf("[%s]: %q is not a positive number", src, word)
		}
		numbers = append(numbers, n)
	}
	switch {
	case words[0] == "bytewise" && len(numbers) == 0:
		opts.bytewise = true
	case words[0] == "pieces" && len(numbers) > 0 && slices.IsSorted(numbers):
		opts.pieces = numbers
	case words[0] == "repeat" && len(numbers) == 1 && numbers[0] <= repeatMax:
		opts.repeat = numbers[0]
	default:
		return opts, fmt.Errorf("[%s]: known are [bytewise], [pieces OFFSET …] ascending and [repeat N] up to %d", src, repeatMax)
	}
	return opts, nil
}

// variableInPattern finds ${name} in a pattern.
var variableInPattern = regexp.MustCompile(`\$\{([a-z][A-Za-z0-9_]*)\}`)

// compilePattern makes the expression for whole lines. With nil vars every
// variable stands for the empty text, which suffices to check the pattern.
func compilePattern(pattern string, vars map[string]string) (*regexp.Regexp, error) {
	var missing error
	expanded := variableInPattern.ReplaceAllStringFunc(pattern, func(ref string) string {
		name := ref[2 : len(ref)-1]
		value, ok := vars[name]
		if !ok && vars != nil {
			missing = fmt.Errorf("variable %s has no value; only an earlier <~ or <info gives one", ref)
		}
		return regexp.QuoteMeta(value)
	})
	if missing != nil {
		return nil, missing
	}
	re, err := regexp.Compile(`\A(?:` + expanded + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	return re, nil
}
