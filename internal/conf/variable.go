package conf

import (
	"fmt"
	"slices"
	"strings"
)

// variable returns the value that "$name" at pos stands for: that of the
// nearest enclosing map that has the key, else the parsed text of the
// environment variable.
func (p *parser) variable(pos Pos, name string) (*Value, bool) {
	for _, scope := range slices.Backward(p.scopes) {
		if e := scope.exact(name); e != nil {
			e.Referenced = true
			return e.Value.at(pos, name), true
		}
	}
	if name == "" {
		p.syntax(pos, "\"$\" needs the name of a variable right after it; put the text in quotes if none is meant")
		return nil, false
	}
	if p.failed[name] {
		return nil, false
	}
	text, ok := p.opts.LookupEnv(name)
	if !ok {
		p.report.Errorf(pos, "variable $%s is not set; define %q earlier in the file or in the environment, or quote the text if no variable is meant", name, name)
		return nil, false
	}
	v, ok := p.fromEnv(pos, name, text)
	if !ok {
		return nil, false
	}
	return v.at(pos, name), true
}

// fromEnv parses the text of environment variable name as one value.
func (p *parser) fromEnv(pos Pos, name, text string) (*Value, bool) {
	if slices.Contains(p.envs, name) {
		p.report.Errorf(pos, "variable $%s refers to itself ($%s); change the environment", name, strings.Join(append(slices.Clone(p.envs), name), " -> $"))
		return nil, false
	}
	if len(p.envs) >= MaxVariableDepth {
		p.report.Errorf(pos, "variable $%s: environment variables refer to each other deeper than the limit of %d", name, MaxVariableDepth)
		return nil, false
	}
	if int64(len(text)) > p.bytesLeft {
		p.report.Errorf(pos, "variable $%s: with the text of the environment the configuration is larger than the limit of %d bytes", name, MaxBytes)
		return nil, false
	}
	p.bytesLeft -= int64(len(text))

	child := &parser{
		session: p.session,
		cursor:  newCursor("$"+name, text),
		chain:   p.chain,
		envs:    append(slices.Clone(p.envs), name),
		depth:   p.depth,
	}
	before := len(p.report.errors)
	defer func() { // the place that counts is where the variable is used
		for _, problem := range p.report.errors[before:] {
			if problem.Pos.File == child.cursor.file {
				problem.Text = fmt.Sprintf("variable $%s, at character %d: %s", name, problem.Pos.Col, problem.Text)
				problem.Pos = pos
			}
		}
	}()
	child.skipLines()
	if child.atEnd() {
		return &Value{Pos: pos, size: scalar}, true
	}
	v, ok := child.value()
	if !ok {
		return nil, false
	}
	child.endItem("", ",;")
	child.skipBlank()
	if !child.atEnd() {
		p.report.Errorf(pos, "variable $%s: the environment holds more than one value; put text with blanks or commas in quotes inside it", name)
		return nil, false
	}
	return v, true
}

// at returns a copy of v that stands at pos and came from variable name.
func (v *Value) at(pos Pos, name string) *Value {
	used := *v
	used.Pos, used.Variable = pos, name
	return &used
}
