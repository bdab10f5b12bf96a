package asset

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Choice is one of the words a field takes.
type Choice struct {
	Word    string
	Meaning string // what follows "means:", in a few words
}

// Field is one thing that can be chosen about a C.
type Field[C any] struct {
	Name    string   // of the flag; with blanks for dashes, the label
	Value   string   // placeholder of the value; "" is a switch
	Usage   string   // what it does, as the help text of the flag
	Choices []Choice // the words it takes; nil: free text
	Rare    string   // one of them that the guide does not offer
	List    bool     // more than one text
	NoFlag  bool     // only in files: a command of its own changes it

	// Question is asked by the guide; "": it is not. Asked says whether the
	// question makes sense for what was answered so far; nil: always.
	Question string
	Asked    func(*C) bool
	// Usual is what the server takes for a field that is not set, for the guide.
	Usual string

	// Always shows the field even if it says the usual thing.
	Always bool

	get func(*C) []string
	set func(*C, []string) error
}

// Label is the field's name for people.
func (f *Field[C]) Label() string { return strings.ReplaceAll(f.Name, "-", " ") }

// Get returns the texts of the field; none if it is not set.
func (f *Field[C]) Get(c *C) []string { return f.get(c) }

// Set reads texts into the field.
func (f *Field[C]) Set(c *C, texts []string) error { return f.set(c, texts) }

// words returns the words of the choices.
func (f *Field[C]) words() []string {
	var words []string
	for _, c := range f.Choices {
		words = append(words, c.Word)
	}
	return words
}

// text is a field of free text.
func text[C any](f Field[C], at func(*C) *string) Field[C] {
	f.get = func(c *C) []string { return some(*at(c)) }
	f.set = func(c *C, texts []string) (err error) {
		*at(c), err = one(texts)
		return err
	}
	return f
}

// some returns a list of one text, of none if it is empty.
func some(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// list is a field of several texts, also separated by commas.
func list[C any](f Field[C], at func(*C) *[]string) Field[C] {
	f.List = true
	f.get = func(c *C) []string { return *at(c) }
	f.set = func(c *C, texts []string) error {
		var entries []string
		for _, part := range texts {
			for entry := range strings.SplitSeq(part, ",") {
				if entry = strings.TrimSpace(entry); entry != "" {
					entries = append(entries, entry)
				}
			}
		}
		*at(c) = entries
		return nil
	}
	return f
}

// toggle is a switch.
func toggle[C any](f Field[C], at func(*C) *bool) Field[C] {
	f.get = func(c *C) []string {
		if *at(c) {
			return []string{"yes"}
		}
		return nil
	}
	f.set = func(c *C, texts []string) error {
		text, err := one(texts)
		if err != nil {
			return err
		}
		*at(c), err = parseSwitch(text)
		return err
	}
	return f
}

type integer interface {
	~int | ~int32 | ~int64 | ~uint64
}

// number is a field of a number; format and parse give its unit.
func number[C any, N integer](f Field[C], at func(*C) *N, format func(int64) string, parse func(string) (int64, error)) Field[C] {
	f.get = func(c *C) []string {
		if n := int64(*at(c)); n != 0 {
			return []string{format(n)}
		}
		return nil
	}
	f.set = func(c *C, texts []string) error {
		text, err := one(texts)
		if err != nil {
			return err
		}
		n, err := parse(text)
		if err == nil && int64(N(n)) != n {
			err = fmt.Errorf("%q is too large", text)
		}
		if err != nil {
			return err
		}
		*at(c) = N(n)
		return nil
	}
	return f
}

func count[C any, N integer](f Field[C], at func(*C) *N) Field[C] {
	return number(f, at, formatCount, parseCount)
}

// limit is a number whose -1 means no limit.
func limit[C any, N integer](f Field[C], at func(*C) *N, format func(int64) string, parse func(string) (int64, error)) Field[C] {
	return number(f, at,
		func(n int64) string {
			if n < 0 {
				return Unlimited
			}
			return format(n)
		},
		func(text string) (int64, error) {
			if text == Unlimited || text == "-1" {
				return -1, nil
			}
			n, err := parse(text)
			if err != nil {
				return 0, fmt.Errorf("%w, or %s", err, Unlimited)
			}
			return n, nil
		})
}

func countLimit[C any, N integer](f Field[C], at func(*C) *N) Field[C] {
	return limit(f, at, formatCount, parseCount)
}

func sizeLimit[C any, N integer](f Field[C], at func(*C) *N) Field[C] {
	return limit(f, at, FormatSize, ParseSize)
}

// period is a field of a time; absent is the word for none of it.
func period[C any](f Field[C], absent string, at func(*C) *time.Duration) Field[C] {
	f = number(f, at,
		func(n int64) string { return FormatDuration(time.Duration(n)) },
		func(text string) (int64, error) {
			if text == absent {
				return 0, nil
			}
			d, err := ParseDuration(text)
			return int64(d), err
		})
	if f.Always {
		get := f.get
		f.get = func(c *C) []string {
			if texts := get(c); texts != nil {
				return texts
			}
			return []string{absent}
		}
	}
	return f
}

// word is a field that takes one of a few words, in the order of their values.
// A dash stands for an underscore, too.
func word[C any, E ~uint8](f Field[C], at func(*C) *E, choices ...Choice) Field[C] {
	f.Choices = choices
	f.get = func(c *C) []string {
		if e := int(*at(c)); e < len(choices) && (e > 0 || f.Always) {
			return []string{choices[e].Word}
		}
		return nil
	}
	f.set = func(c *C, texts []string) error {
		text, err := one(texts)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(choices, func(choice Choice) bool {
			return strings.EqualFold(choice.Word, strings.ReplaceAll(text, "_", "-"))
		})
		if i < 0 {
			return unknownWord(text, f.words())
		}
		*at(c) = E(i)
		return nil
	}
	return f
}

func unknownWord(text string, words []string) error {
	return fmt.Errorf("%q is not one of %s", text, strings.Join(words, ", "))
}
