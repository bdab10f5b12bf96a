package consumer

import (
	"reflect"
	"slices"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Home is the stream that consumers belong to: what they have in common, and what
// they share so that each of very many is small. Like its machines it is used by
// one goroutine at a time.
type Home struct {
	Account string
	Domain  string
	Stream  string
	// Retained is set if the stream keeps a message until its consumers are done
	// with it: then each sequence that is finished with is told one by one.
	Retained bool

	x      *index.Index
	shared []*jsapi.ConsumerConfig // the parts that were shared last
	due    []int                   // scratch
	out    Delivery                // scratch: escapes to Env
}

// NewHome returns the home of the consumers of a stream with that index.
func NewHome(account, domain, stream string, x *index.Index) *Home {
	return &Home{Account: account, Domain: domain, Stream: stream, x: x}
}

// Rest gives back memory that is kept to be fast.
func (h *Home) Rest() { h.due = nil }

// own is what a configuration has for one consumer alone. Most consumers of a
// stream have all the rest in common.
type own struct {
	name    string
	filters []string
	// Which fields of the configuration these stand in.
	named, durable, single bool
}

// sharedMost is how many different configurations are remembered to be shared.
const sharedMost = 8

// split returns the two parts of a configuration.
func (h *Home) split(cfg *jsapi.ConsumerConfig, name string) (*jsapi.ConsumerConfig, own) {
	o := own{
		name: name, filters: cfg.Filters(),
		named: cfg.Name != "", durable: cfg.Durable != "", single: cfg.FilterSubject != "",
	}
	rest := *cfg
	rest.Name, rest.Durable, rest.FilterSubject, rest.FilterSubjects = "", "", "", nil
	for i, known := range slices.Backward(h.shared) {
		if reflect.DeepEqual(known, &rest) {
			h.shared = append(slices.Delete(h.shared, i, i+1), known)
			return known, o
		}
	}
	if len(h.shared) == sharedMost {
		h.shared = slices.Delete(h.shared, 0, 1)
	}
	h.shared = append(h.shared, &rest)
	return &rest, o
}

// Config returns the configuration. What it refers to must not be changed.
func (c *Machine) Config() jsapi.ConsumerConfig {
	cfg := *c.cfg
	if c.own.named {
		cfg.Name = c.own.name
	}
	if c.own.durable {
		cfg.Durable = c.own.name
	}
	if c.own.single {
		cfg.FilterSubject = c.own.filters[0]
	} else {
		cfg.FilterSubjects = c.own.filters
	}
	return cfg
}

// Rules returns the configuration without names and filters. It must not be
// changed.
func (c *Machine) Rules() *jsapi.ConsumerConfig { return c.cfg }

// Filters returns the subjects of the messages that the consumer is for; none: all.
// They must not be changed.
func (c *Machine) Filters() []string { return c.own.filters }
