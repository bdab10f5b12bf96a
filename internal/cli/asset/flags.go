package asset

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// Given are the flags of a command for the fields of a C, with the texts they
// were given.
type Given[C any] struct {
	fields []Field[C]
	texts  map[string][]string
}

// AddFlags adds a flag per field to the flags of a command.
func AddFlags[C any](flags *pflag.FlagSet, fields []Field[C]) *Given[C] {
	g := &Given[C]{fields: fields, texts: map[string][]string{}}
	for i := range fields {
		f := &fields[i]
		if f.NoFlag {
			continue
		}
		flag := flags.VarPF(&givenFlag[C]{g, f}, f.Name, "", f.usage())
		if f.Value == "" {
			flag.NoOptDefVal = "true"
		}
	}
	return g
}

// usage is the help text of the field's flag with the words it takes.
func (f *Field[C]) usage() string {
	if len(f.Choices) == 0 || f.set == nil || f.Name == "deliver" {
		return f.Usage
	}
	return f.Usage + ": " + strings.Join(f.words(), ", ")
}

// Words returns the words that the flag of that name takes, with their
// meanings, for completion.
func (f *Field[C]) Words() []Choice { return f.Choices }

// givenFlag keeps the texts of one flag.
type givenFlag[C any] struct {
	given *Given[C]
	field *Field[C]
}

func (f *givenFlag[C]) String() string { return "" }

func (f *givenFlag[C]) Type() string {
	if f.field.Value == "" {
		return "bool"
	}
	return f.field.Value
}

// Set checks the text at once, so that the message names the flag.
func (f *givenFlag[C]) Set(text string) error {
	texts := append(f.given.texts[f.field.Name], text)
	var scratch C
	if err := f.field.set(&scratch, texts); err != nil {
		return err
	}
	f.given.texts[f.field.Name] = texts
	return nil
}

// Any reports whether a flag was given.
func (g *Given[C]) Any() bool { return len(g.texts) > 0 }

// Has reports whether the flag of that name was given.
func (g *Given[C]) Has(name string) bool { return g.texts[name] != nil }

// Apply writes what was given into c, in the order of the fields.
func (g *Given[C]) Apply(c *C) error {
	for i := range g.fields {
		f := &g.fields[i]
		texts, ok := g.texts[f.Name]
		if !ok {
			continue
		}
		if err := f.set(c, texts); err != nil {
			return fmt.Errorf("--%s: %w", f.Name, err)
		}
	}
	return nil
}
