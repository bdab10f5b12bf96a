package subject

// Destination is one place a mapping sends messages to.
type Destination struct {
	// Subject is the destination of a [Transform] from the mapping's source.
	Subject string
	// Weight is the share of the messages in percent, 0 to 100.
	Weight uint8
	// Cluster is the name of the cluster whose servers use this destination;
	// empty: all servers whose cluster has none of its own.
	Cluster string
}

// Action says what a mapping does with a message.
type Action uint8

const (
	// Pass means the message keeps its subject.
	Pass Action = iota
	// Map means the message gets the subject that the transform gives it.
	Map
	// Drop means the message is discarded.
	Drop
)

// String returns the name of the action.
func (a Action) String() string {
	switch a {
	case Pass:
		return "pass"
	case Map:
		return "map"
	case Drop:
		return "drop"
	}
	return "unknown"
}

// Mapping sends the messages of one source to weighted destinations. It is
// immutable and safe for concurrent use.
//
// A server uses the destinations of its own cluster if there are any, else those
// without a cluster. What their weights leave to 100 percent passes unmapped,
// unless the source itself is among the destinations, of whichever cluster and
// weight: then the rest is dropped, which is how a share of the traffic is shed.
type Mapping struct {
	source    string
	remainder Action // Pass or Drop
	clusters  map[string][]weighted
}

// weighted is a destination with the sum of the weights up to and with its own.
type weighted struct {
	transform *Transform
	upTo      uint32 // percent, rising within a list, at most 100
}

// NewMapping builds the mapping of messages that match source.
//
// Errors: [*MappingError] with [ErrInvalidSource], [ErrNoDestination],
// [ErrDuplicateDestination], [ErrWeightRange], [ErrWeightSum] or the
// [*TransformError] of a destination.
func NewMapping(source string, destinations ...Destination) (*Mapping, error) {
	if !ValidSubscription(source) {
		return nil, &MappingError{Source: source, Err: ErrInvalidSource}
	}
	if len(destinations) == 0 {
		return nil, &MappingError{Source: source, Err: ErrNoDestination}
	}
	m := &Mapping{source: source, remainder: Pass, clusters: make(map[string][]weighted)}
	seen := make(map[string]bool, len(destinations))
	for _, d := range destinations {
		if err := m.add(d, seen); err != nil {
			return nil, &MappingError{Source: source, Destination: d.Subject, Cluster: d.Cluster, Err: err}
		}
	}
	return m, nil
}

// add appends one destination. seen holds the subjects of the earlier ones.
func (m *Mapping) add(d Destination, seen map[string]bool) error {
	if seen[d.Subject] {
		return ErrDuplicateDestination
	}
	seen[d.Subject] = true
	if d.Weight > 100 {
		return ErrWeightRange
	}
	list := m.clusters[d.Cluster]
	upTo := uint32(d.Weight)
	if len(list) > 0 {
		upTo += list[len(list)-1].upTo
	}
	if upTo > 100 {
		return ErrWeightSum
	}
	transform, err := NewTransform(m.source, d.Subject)
	if err != nil {
		return err
	}
	if d.Subject == m.source {
		m.remainder = Drop
	}
	m.clusters[d.Cluster] = append(list, weighted{transform, upTo})
	return nil
}

// Source returns the pattern of the subjects that m maps.
func (m *Mapping) Source() string { return m.source }

// Choose decides for one message on a server of that cluster, "" if it is in
// none. The transform is set only with [Map]. random is spread over all values.
func (m *Mapping) Choose(random uint32, cluster string) (Action, *Transform) {
	list, ok := m.clusters[cluster]
	if !ok {
		list = m.clusters[""]
	}
	percent := random % 100
	for _, w := range list {
		if percent < w.upTo {
			return Map, w.transform
		}
	}
	return m.remainder, nil
}

// Apply maps one message: it chooses and transforms. The subject is set with
// [Map], and is literal itself with [Pass], which is also the answer if literal
// does not match the source. A chosen destination that makes no valid subject of
// it drops the message: nobody could receive it.
func (m *Mapping) Apply(literal, cluster string, random uint64) (string, Action) {
	if !ValidLiteral(literal) || !Matches(m.source, literal) {
		return literal, Pass
	}
	action, transform := m.Choose(uint32(random>>32), cluster)
	if action == Pass {
		return literal, Pass
	}
	if action == Map {
		if mapped, ok := transform.Apply(literal, mix(random)); ok {
			return mapped, Map
		}
	}
	return "", Drop
}
