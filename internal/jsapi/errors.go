package jsapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Code is the number of an error of the JetStream API. It is an error itself,
// so that errors.Is(err, ErrStreamNotFound) asks what an [*Error] is about.
type Code uint16 //nolint:errname // a number of the protocol first

// Error is an error of the JetStream API as it stands in a response (ADR-7).
type Error struct {
	// Status is close to a status code of HTTP: 400, 404, 409, 412, 429, 500, 503.
	Status int `json:"code"`
	// Code is the number that programs branch on.
	Code Code `json:"err_code,omitempty"`
	// Description is the text people read; programs must not look into it.
	Description string `json:"description,omitempty"`
}

// Error returns the text and the number.
func (e *Error) Error() string {
	return e.Description + " (" + strconv.Itoa(int(e.Code)) + ")"
}

// Is reports whether target is the same error, whatever its text: a [Code], or
// an [*Error] with the same one.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case Code:
		return t == e.Code
	case *Error:
		return t != nil && t.Code == e.Code
	}
	return false
}

// Error returns the text of the table, with its placeholders.
func (c Code) Error() string {
	return c.entry().Description + " (" + strconv.Itoa(int(c)) + ")"
}

// Name returns the name that the field uses for the error, such as
// "JSStreamNotFoundErr"; empty if the number is unknown.
func (c Code) Name() string { return c.entry().Name }

// New returns the error with the placeholders of its text filled by values, in
// their order. A placeholder without a value stays as it is; values beyond the
// placeholders are not used. An unknown number is a programming error and makes
// an error with status 500 that names the number.
func (c Code) New(values ...any) *Error {
	entry := c.entry()
	if entry.Name == "" {
		return &Error{Status: 500, Code: c, Description: "unknown error " + strconv.Itoa(int(c))}
	}
	return &Error{Status: entry.Status, Code: c, Description: fill(entry.Description, values)}
}

// CodeByName returns the error that the field calls name, such as
// "JSStreamNotFoundErr".
func CodeByName(name string) (Code, bool) {
	code, ok := errorTable().byName[name]
	return code, ok
}

// Codes returns all errors of the table in the order of their numbers.
func Codes() []Code {
	table := errorTable()
	codes := make([]Code, 0, len(table.byName))
	for i := range table.entries {
		if table.entries[i].Name != "" {
			codes = append(codes, firstCode+Code(i))
		}
	}
	return codes
}

func (c Code) entry() errorEntry {
	entries := errorTable().entries
	if c < firstCode || int(c-firstCode) >= len(entries) {
		return errorEntry{}
	}
	return entries[c-firstCode]
}

// fill replaces the placeholders, "{word}", of text by values in their order.
func fill(text string, values []any) string {
	if len(values) == 0 {
		return text
	}
	var b strings.Builder
	for len(values) > 0 {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			break
		}
		end := strings.IndexByte(text[open:], '}')
		if end < 0 {
			break
		}
		b.WriteString(text[:open])
		fmt.Fprint(&b, values[0])
		text, values = text[open+end+1:], values[1:]
	}
	b.WriteString(text)
	return b.String()
}

// firstCode is below every number of the table.
const firstCode = 10000

//go:embed errors.json
var errorsJSON []byte

type errorEntry struct {
	Name        string `json:"name"`
	Status      int    `json:"code"`
	Code        Code   `json:"err_code"`
	Description string `json:"description"`
}

type errorsByNumber struct {
	entries []errorEntry // index: number - firstCode; empty where no error has it
	byName  map[string]Code
}

// errorTable reads errors.json once. The file is part of the binary and a test
// reads it, so a mistake in it cannot reach anybody.
var errorTable = sync.OnceValue(func() errorsByNumber {
	var file struct {
		Errors []errorEntry `json:"errors"`
	}
	if err := json.Unmarshal(errorsJSON, &file); err != nil {
		panic("errors.json: " + err.Error())
	}
	table := errorsByNumber{byName: make(map[string]Code, len(file.Errors))}
	for _, entry := range file.Errors {
		for int(entry.Code-firstCode) >= len(table.entries) {
			table.entries = append(table.entries, errorEntry{})
		}
		table.entries[entry.Code-firstCode] = entry
		table.byName[entry.Name] = entry.Code
	}
	return table
})
