package conf

import "strings"

// value parses one value; the cursor is at its first byte. On false the error
// is reported and the cursor is where parsing can go on.
func (p *parser) value() (*Value, bool) {
	v := &Value{Pos: p.pos(), size: scalar}
	ok := false
	switch b := p.peek(); b {
	case '{':
		ok = p.mapValue(v)
	case '[':
		ok = p.listValue(v)
	case '(':
		ok = p.blockText(v)
	case '"', '\'':
		ok = p.quotedText(v)
	case ',', ';', '}', ']':
		p.syntax(v.Pos, "expected a value, found %q; write \"\" for empty text", b)
		if b != '}' {
			p.step()
		}
	default:
		return p.bareText(v)
	}
	return v, ok
}

// listValue parses an array; the cursor is at its "[".
func (p *parser) listValue(v *Value) bool {
	if !p.enter() {
		return false
	}
	defer p.leave()
	p.step()
	v.Kind = KindList
	var elements size
	for {
		if p.report.dropped > 0 {
			p.stop()
		}
		p.skipBlank()
		switch {
		case p.atEnd():
			if p.broken == 0 {
				p.syntax(v.Pos, "the array that opens here is never closed; add \"]\" at its end")
			}
			return false
		case p.peek() == ']':
			p.step()
			v.size = elements.wrapped()
			return true
		case p.peek() == '}':
			p.syntax(p.pos(), "unexpected \"}\": the array that opens at line %d is not closed; add \"]\"", v.Pos.Line)
			return false
		}
		element, ok := p.value()
		if !ok {
			p.recover(",", "]}")
			continue
		}
		v.list = append(v.list, element)
		elements.add(element.size)
		if !p.checkSize(elements, element.Pos) {
			return false
		}
		if !p.endItem("]}", ",") {
			p.syntax(p.pos(), "expected a new line, \",\" or \"]\" after an element of the array, found %s; put text with blanks in quotes", p.found())
			p.recover(",", "]}")
		}
	}
}

// blockText parses "(" text ")". The closing parenthesis is the only thing on
// its line; line ends next to the parentheses belong to the text.
func (p *parser) blockText(v *Value) bool {
	body := p.text[p.off+1:]
	for from := 0; ; {
		at := strings.Index(body[from:], "\n)")
		if at < 0 {
			p.syntax(v.Pos, "the block that opens here is never closed; end it with a line that has only \")\"")
			p.stop()
			return false
		}
		end := from + at + 1
		if after := end + 1; after == len(body) || isLineEnd(body[after]) {
			v.Kind, v.text = KindText, body[:end]
			p.stepTo(p.off + 1 + after)
			return true
		}
		from = end
	}
}

// quotedText parses 'raw' text or "text" with escapes; both may span lines.
func (p *parser) quotedText(v *Value) bool {
	raw, ok := p.quoted()
	if !ok {
		return false
	}
	v.Kind, v.text = KindText, raw
	return true
}

func (p *parser) quoted() (string, bool) {
	start, quote := p.pos(), p.peek()
	body := p.text[p.off+1:]
	end := closingQuote(body, quote)
	if end < 0 {
		p.syntax(start, "the text that begins here is never closed; add the closing %c", quote)
		p.stop()
		return "", false
	}
	from := p.off + 1
	text := body[:end]
	if quote == '"' {
		plain, at, problem := unescape(text)
		if problem != "" {
			p.stepTo(from + at)
			p.syntax(p.pos(), "%s", problem)
			p.stepTo(from + end + 1)
			return "", false
		}
		text = plain
	}
	p.stepTo(from + end + 1)
	return text, true
}

// closingQuote returns the offset of the quote that ends body, -1 if none. In
// double quotes a backslash protects the byte after it.
func closingQuote(body string, quote byte) int {
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == quote:
			return i
		case body[i] == '\\' && quote == '"':
			i++
		}
	}
	return -1
}

// bareText parses a value without quotes: a number, boolean, date, variable or
// text.
func (p *parser) bareText(v *Value) (*Value, bool) {
	start := p.off
	raw := p.takeUntil(endsBareText)
	if strings.HasPrefix(raw, "$") && !strings.HasPrefix(raw, "$2a$") { // $2a$ begins a bcrypt hash
		return p.variable(v.Pos, raw[1:])
	}
	used, problem := bareValue(v, raw)
	if problem != "" {
		p.syntax(v.Pos, "%s", problem)
		return nil, false
	}
	p.off = start + used
	return v, true
}
