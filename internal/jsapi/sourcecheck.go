package jsapi

import (
	"strings"

	"github.com/tidings-io/tidings/internal/subject" //nolint:depguard // the table of internal/arch has this arrow
)

// sourceErrors are the errors about a mirror, or about a source.
type sourceErrors struct {
	what                                            string // in the text about its filter
	name, manyFilters, transformSource, destination Code
	overlap, consumer                               Code
}

var mirrorErrors = sourceErrors{
	what:            "mirror",
	name:            ErrMirrorInvalidStreamName,
	manyFilters:     ErrMirrorMultipleFiltersNotAllowed,
	transformSource: ErrMirrorInvalidSubjectFilter,
	destination:     ErrMirrorInvalidTransformDestination,
	overlap:         ErrMirrorOverlappingSubjectFilters,
	consumer:        ErrMirrorDurableConsumerCfgInvalid,
}

var sourcesErrors = sourceErrors{
	what:            "source",
	name:            ErrSourceInvalidStreamName,
	manyFilters:     ErrSourceMultipleFiltersNotAllowed,
	transformSource: ErrSourceInvalidSubjectFilter,
	destination:     ErrSourceInvalidTransformDestination,
	overlap:         ErrSourceOverlappingSubjectFilters,
	consumer:        ErrSourceDurableConsumerCfgInvalid,
}

// checkMirror: a mirror holds what its origin holds, under the same sequences,
// so it takes nothing of its own.
func (c *StreamConfig) checkMirror(StreamRules) *Error {
	if c.Mirror == nil {
		return nil
	}
	switch {
	case c.FirstSeq > 0:
		return ErrMirrorWithFirstSeq.New()
	case len(c.Subjects) > 0:
		return ErrMirrorWithSubjects.New()
	case len(c.Sources) > 0:
		return ErrMirrorWithSources.New()
	case c.AllowMsgCounter:
		return ErrMirrorWithCounters.New()
	case c.AllowAtomicPublish:
		return ErrMirrorWithAtomicPublish.New()
	case c.AllowBatchPublish:
		return ErrMirrorWithBatchPublish.New()
	case c.AllowMsgSchedules:
		return ErrMirrorWithMsgSchedules.New()
	}
	return c.checkSource(c.Mirror, &mirrorErrors)
}

func (c *StreamConfig) checkSources(StreamRules) *Error {
	if len(c.Sources) == 0 {
		c.Sources = nil
		return nil
	}
	seen, consumers := map[string]bool{}, map[string]bool{}
	for _, source := range c.Sources {
		if source == nil {
			return ErrSourceInvalidStreamName.New()
		}
		if err := c.checkSource(source, &sourcesErrors); err != nil {
			return err
		}
		key := source.identity()
		if seen[key] {
			return ErrSourceDuplicateDetected.New()
		}
		seen[key] = true
		if source.Consumer != nil {
			key := source.origin() + "\x00" + source.Consumer.Name
			if consumers[key] {
				return ErrSourceDurableConsumerDuplicateDetected.New()
			}
			consumers[key] = true
		}
	}
	if c.AllowMsgSchedules {
		return ErrSourceWithMsgSchedules.New()
	}
	return nil
}

// origin names the stream across accounts and domains.
func (s *StreamSource) origin() string {
	if s.External != nil {
		return s.Name + "\x00" + s.External.API
	}
	return s.Name + "\x00"
}

// identity is what two sources of one stream must not have in common. A single
// filter is a transform that changes nothing.
func (s *StreamSource) identity() string {
	var b strings.Builder
	b.WriteString(s.origin())
	if s.Consumer != nil {
		b.WriteString("\x00" + s.Consumer.Name)
	}
	if len(s.SubjectTransforms) == 0 {
		filter := s.FilterSubject
		if filter == "" {
			filter = ">"
		}
		b.WriteString("\x00" + filter + "\x00")
	}
	for _, t := range s.SubjectTransforms {
		b.WriteString("\x00" + t.Source + "\x00" + t.Destination)
	}
	return b.String()
}

func (c *StreamConfig) checkSource(s *StreamSource, e *sourceErrors) *Error {
	switch {
	case !validName(s.Name):
		return e.name.New()
	case s.Name == c.Name && s.External == nil:
		return invalidStream("detected cycle")
	case s.FilterSubject != "" && len(s.SubjectTransforms) > 0:
		return e.manyFilters.New()
	case s.FilterSubject != "" && !subject.ValidSubscription(s.FilterSubject):
		return ErrStreamCreate.New("subject filter '" + s.FilterSubject + "' for the " + e.what + " invalid subject")
	}
	if err := checkSourceTransforms(s.SubjectTransforms, e); err != nil {
		return err
	}
	if err := checkExternal(s.External); err != nil {
		return err
	}
	return checkSourceConsumer(s, e)
}

func checkSourceTransforms(transforms []SubjectTransform, e *sourceErrors) *Error {
	for i, t := range transforms {
		if err := checkTransform(t, e.transformSource, e.destination); err != nil {
			return err
		}
		for _, earlier := range transforms[:i] {
			if earlier.Source == "" || t.Source == "" || subject.Overlap(earlier.Source, t.Source) {
				return e.overlap.New()
			}
		}
	}
	return nil
}

func checkExternal(x *External) *Error {
	if x == nil {
		return nil
	}
	switch {
	case x.API != "" && !subject.ValidLiteral(x.API):
		return invalidStream("stream external api prefix %q must be a valid subject without wildcards", x.API)
	case x.API == APIPrefix:
		return ErrStreamExternalAPIOverlap.New(x.API, APIPrefix)
	case x.Deliver != "" && !subject.ValidLiteral(x.Deliver):
		return ErrStreamInvalidExternalDeliverySubj.New(x.Deliver)
	}
	return nil
}

// checkSourceConsumer: an existing consumer decides by itself where to start and
// what to filter.
func checkSourceConsumer(s *StreamSource, e *sourceErrors) *Error {
	switch c := s.Consumer; {
	case c == nil:
	case !validName(c.Name), len(c.Name) > NameMaxBytes,
		!subject.ValidLiteral(c.DeliverSubject),
		s.OptStartSeq != 0, s.OptStartTime != nil, s.FilterSubject != "":
		return e.consumer.New()
	}
	return nil
}
