package asset

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// An arrow between two subjects is shown; in what is read it may be left out.
const arrow = "->"

// splitPair reads "SOURCE DESTINATION", with or without an arrow.
func splitPair(text string) (source, destination string, err error) {
	words := slices.DeleteFunc(strings.Fields(text), func(w string) bool { return w == arrow })
	if len(words) != 2 {
		return "", "", fmt.Errorf("%q: write two subjects, \"SOURCE %s DESTINATION\"", text, arrow)
	}
	return words[0], words[1], nil
}

func joinPair(source, destination string) string {
	if source == "" {
		source = ">"
	}
	return source + " " + arrow + " " + destination
}

func parseTransform(text string) (jsapi.SubjectTransform, error) {
	source, destination, err := splitPair(text)
	return jsapi.SubjectTransform{Source: source, Destination: destination}, err
}

// parseSource reads a stream to copy from: its name, then settings key=value
// separated by blanks.
func parseSource(text string) (*jsapi.StreamSource, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil, errors.New("the name of the stream is missing")
	}
	s := &jsapi.StreamSource{Name: words[0]}
	for _, w := range words[1:] {
		key, value, ok := strings.Cut(w, "=")
		if !ok || value == "" {
			return nil, sourceForm(w)
		}
		if err := setSource(s, key, value); err != nil {
			return nil, err
		}
	}
	if s.FilterSubject != "" && len(s.SubjectTransforms) > 0 {
		return nil, fmt.Errorf("stream %s: filter and transform exclude each other; a transform filters by its source", s.Name)
	}
	return s, nil
}

func sourceForm(word string) error {
	return fmt.Errorf("%q: after the stream's name write filter=SUBJECT, start=SEQUENCE or TIME, "+
		"transform=SOURCE:DESTINATION, domain=NAME, api=PREFIX, deliver=PREFIX, consumer=NAME:SUBJECT", word)
}

func setSource(s *jsapi.StreamSource, key, value string) error {
	external := func() *jsapi.External {
		if s.External == nil {
			s.External = &jsapi.External{}
		}
		return s.External
	}
	first, second, both := strings.Cut(value, ":")
	switch {
	case key == "filter":
		s.FilterSubject = value
	case key == "start":
		return setStart(s, value)
	case key == "transform" && both:
		s.SubjectTransforms = append(s.SubjectTransforms, jsapi.SubjectTransform{Source: first, Destination: second})
	case key == "domain":
		external().API = jsapi.DomainPrefix(value)
	case key == "api":
		external().API = value
	case key == "deliver":
		external().Deliver = value
	case key == "consumer" && both:
		s.Consumer = &jsapi.SourceConsumer{Name: first, DeliverSubject: second}
	default:
		return sourceForm(key + "=" + value)
	}
	return nil
}

func setStart(s *jsapi.StreamSource, value string) error {
	if n, err := parseCount(value); err == nil {
		s.OptStartSeq = uint64(n)
		return nil
	}
	at, err := ParseMoment(value, time.Now())
	if err != nil {
		return err
	}
	s.OptStartTime = &at
	return nil
}

// formatSource writes what parseSource reads.
func formatSource(s *jsapi.StreamSource) string {
	words := []string{s.Name}
	add := func(key, value string) {
		if value != "" {
			words = append(words, key+"="+value)
		}
	}
	add("filter", s.FilterSubject)
	if s.OptStartSeq > 0 {
		add("start", strconv.FormatUint(s.OptStartSeq, 10))
	}
	if s.OptStartTime != nil {
		add("start", s.OptStartTime.UTC().Format(time.RFC3339Nano))
	}
	for _, t := range s.SubjectTransforms {
		add("transform", t.Source+":"+t.Destination)
	}
	if s.External != nil {
		add("api", s.External.API)
		add("deliver", s.External.Deliver)
	}
	if s.Consumer != nil {
		add("consumer", s.Consumer.Name+":"+s.Consumer.DeliverSubject)
	}
	return strings.Join(words, " ")
}

// serverMetadata begins the keys that the server writes itself.
const serverMetadata = "_nats."

// DeadLetterKey is the key of a consumer's metadata that names the subject to
// which messages go that could not be processed.
const DeadLetterKey = "tidings.dead-letter"

// metadata is the field of keys and values, less those with their own field.
func metadata[C any](at func(*C) *map[string]string) Field[C] {
	f := Field[C]{Name: "metadata", Value: "KEY=VALUE", List: true, Usage: "keep a value under a key of yours; may be repeated"}
	own := func(key string) bool { return key != DeadLetterKey && !strings.HasPrefix(key, serverMetadata) }
	f.get = func(c *C) (out []string) {
		for _, key := range slices.Sorted(maps.Keys(*at(c))) {
			if own(key) {
				out = append(out, key+"="+(*at(c))[key])
			}
		}
		return out
	}
	f.set = func(c *C, texts []string) error {
		next := map[string]string{}
		for key, value := range *at(c) {
			if !own(key) {
				next[key] = value
			}
		}
		for _, text := range texts {
			if text == "" {
				continue
			}
			key, value, ok := strings.Cut(text, "=")
			if !ok || key == "" {
				return fmt.Errorf("%q: write KEY=VALUE", text)
			}
			next[key] = value
		}
		*at(c) = next
		return nil
	}
	return f
}

// withoutServerKeys returns metadata as a person gave it, nil if there is none.
func withoutServerKeys(metadata map[string]string) map[string]string {
	kept := maps.Clone(metadata)
	maps.DeleteFunc(kept, func(key, _ string) bool { return strings.HasPrefix(key, serverMetadata) })
	if len(kept) == 0 {
		return nil
	}
	return kept
}
