package stream

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// counterValue is the body of a counter's message (ADR-49).
type counterValue struct {
	Value string `json:"val"`
}

// counterSources has for each source and subject there the value that was seen
// last.
type counterSources map[string]map[string]string

// checkIncrement refuses an increment that is none, that is not allowed, or that
// comes with a body or an expectation: counters are added to, in whatever order.
func (m *Machine) checkIncrement(c *candidate, _ *commit) *jsapi.Error {
	if len(c.h.increment) == 0 {
		return nil
	}
	if c.sourced && !m.cfg.AllowMsgCounter {
		return nil // kept as it is
	}
	var ok bool
	if c.increment, ok = parseBig(c.h.increment); !ok {
		return jsapi.ErrMessageIncrInvalid.New()
	}
	if !m.cfg.AllowMsgCounter {
		return jsapi.ErrMessageIncrDisabled.New()
	}
	if len(c.rec.Body) > 0 && !c.sourced {
		return jsapi.ErrMessageIncrPayload.New()
	}
	for _, v := range [...][]byte{
		c.h.rollup, c.h.expectedStream, c.h.expectedLast, c.h.expectedSubjectLast, c.h.expectedOn, c.h.expectedID,
	} {
		if len(v) > 0 {
			return jsapi.ErrMessageIncrInvalid.New()
		}
	}
	return nil
}

// checkCounter finds out what the counter will be. In a batch it is found out again
// when the message is stored, after those before it.
func (m *Machine) checkCounter(c *candidate, b *commit) *jsapi.Error {
	switch {
	case !m.cfg.AllowMsgCounter:
		return nil
	case c.increment == nil:
		return jsapi.ErrMessageIncrMissing.New()
	case b.count(c.rec.Subject) > 0:
		return nil
	}
	return m.count(c)
}

// count adds the message to its counter. It fails if the counter's last message is
// no counter's.
func (m *Machine) count(c *candidate) *jsapi.Error {
	total := new(big.Int)
	var sources []byte
	if on, ok := m.x.Subject(c.rec.Subject); ok {
		last, ok := m.message(on.Last)
		if !ok {
			return jsapi.ErrMessageCounterBroken.New()
		}
		if total, ok = counterTotal(last.Body); !ok {
			return jsapi.ErrMessageCounterBroken.New()
		}
		var h headers
		h.parse(last.Header)
		sources = bytes.Clone(h.counterSources)
	}
	if c.sourced {
		var err *jsapi.Error
		if sources, err = countSource(c, sources); err != nil {
			return err
		}
	} else if len(sources) == 0 {
		sources = c.h.counterSources
	}
	c.total, c.counters = total.Add(total, c.increment), sources
	return nil
}

// countSource makes the increment the difference to what was last seen of that
// counter, so that messages that were missed count too.
func countSource(c *candidate, known []byte) ([]byte, *jsapi.Error) {
	origin, ok := parseSource(c.h.streamSource)
	value, okValue := counterTotal(c.rec.Body)
	if !ok || !okValue {
		return nil, jsapi.ErrMessageCounterBroken.New()
	}
	sources := counterSources{}
	if len(known) > 0 && json.Unmarshal(known, &sources) != nil {
		return nil, jsapi.ErrMessageCounterBroken.New()
	}
	before := new(big.Int)
	if text := sources[origin.stream][origin.subject]; text != "" {
		if before, ok = parseBig([]byte(text)); !ok {
			return nil, jsapi.ErrMessageCounterBroken.New()
		}
	}
	if sources[origin.stream] == nil {
		sources[origin.stream] = map[string]string{}
	}
	sources[origin.stream][origin.subject] = value.String()
	c.increment = new(big.Int).Sub(value, before)
	c.h.increment = []byte(c.increment.String())
	text, err := json.Marshal(sources)
	if err != nil {
		return nil, jsapi.ErrMessageCounterBroken.New()
	}
	return text, nil
}

// appendCounter appends the headers of a counter's message that are not its
// publisher's.
func appendCounter(h []byte, c *candidate) []byte {
	if c.sourced {
		h = appendHeader(h, jsapi.HeaderIncrement, c.h.increment)
	}
	if len(c.counters) > 0 {
		h = appendHeader(h, jsapi.HeaderCounterSources, c.counters)
	}
	return h
}

func counterBody(total *big.Int) []byte {
	return append(strconv.AppendQuote([]byte(`{"val":`), total.String()), '}')
}

func counterTotal(body []byte) (*big.Int, bool) {
	var v counterValue
	if json.Unmarshal(body, &v) != nil {
		return nil, false
	}
	return parseBig([]byte(v.Value))
}

// parseBig reads a decimal number with or without a sign.
func parseBig(text []byte) (*big.Int, bool) {
	digits := text
	if len(digits) > 0 && (digits[0] == '+' || digits[0] == '-') {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > bigDigits {
		return nil, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return nil, false
		}
	}
	return new(big.Int).SetString(string(text), 10)
}

// bigDigits is the length of the longest number of a counter: reading one takes
// time that grows faster than its length.
const bigDigits = 4096
