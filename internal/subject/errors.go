package subject

import (
	"errors"
	"fmt"
)

// Reasons why a transform or a mapping is refused. They arrive wrapped in a
// [*TransformError] or a [*MappingError] that says where.
var (
	// ErrInvalidSource: the source is not a valid subject.
	ErrInvalidSource = errors.New("source is not a valid subject")
	// ErrInvalidDestination: a token of the destination is empty, holds white
	// space or is ">" before the end.
	ErrInvalidDestination = errors.New("destination is not a valid subject")
	// ErrWildcardInDestination: the destination has a "*". Only an import
	// transform takes it, as the wildcard at the same position of the source.
	ErrWildcardInDestination = errors.New(`"*" is not allowed in a destination; write $1, $2 and so on for the source's wildcards`)
	// ErrFullWildcardMismatch: one of source and destination ends in ">" and
	// the other does not.
	ErrFullWildcardMismatch = errors.New(`source and destination must both end in ">" or neither`)
	// ErrFunctionSyntax: a token holds "{{" or "}}" but is not {{name(arguments)}}.
	ErrFunctionSyntax = errors.New("a mapping function is a whole token {{name(arguments)}} without dots")
	// ErrUnknownFunction: there is no mapping function of that name.
	ErrUnknownFunction = errors.New("unknown mapping function; there are wildcard, partition, random, " +
		"split, splitfromleft, splitfromright, slicefromleft, slicefromright, left and right")
	// ErrTooFewArguments and ErrTooManyArguments: the function takes another
	// number of arguments.
	ErrTooFewArguments  = errors.New("not enough arguments for the mapping function")
	ErrTooManyArguments = errors.New("too many arguments for the mapping function")
	// ErrInvalidArgument: an argument is not a number from 1 to 2147483647, or
	// a separator holds white space.
	ErrInvalidArgument = errors.New("invalid argument of a mapping function")
	// ErrIndexOutOfRange: the source has no wildcard of that number. The first is 1.
	ErrIndexOutOfRange = errors.New("wildcard index out of range")
	// ErrUnusedWildcard: an import transform drops a wildcard of its source.
	ErrUnusedWildcard = errors.New("an import's destination must use every wildcard of its source")
	// ErrFunctionNotAllowed: an import transform uses another function than wildcard.
	ErrFunctionNotAllowed = errors.New("an import's destination may use no mapping function but wildcard")
	// ErrNotReversible: [Transform.Reverse] of a transform that loses or doubles
	// a wildcard of its source or computes a token.
	ErrNotReversible = errors.New("transform is not reversible: every wildcard of the source must be used exactly once")

	// ErrNoDestination: a mapping without destinations.
	ErrNoDestination = errors.New("mapping needs at least one destination")
	// ErrDuplicateDestination: a mapping names a destination twice. Once is the
	// limit across clusters too.
	ErrDuplicateDestination = errors.New("duplicate destination")
	// ErrWeightRange: the weight of a destination is above 100.
	ErrWeightRange = errors.New("weight must be 0 to 100 percent")
	// ErrWeightSum: the weights for one cluster add up to more than 100.
	ErrWeightSum = errors.New("weights must add up to 100 percent at most")
)

// TransformError says which transform was refused and where.
type TransformError struct {
	Source, Destination string
	Token               string // token of the destination, empty if it is not about one
	Detail              string // the argument or number that is wrong, may be empty
	Err                 error  // one of the package's Err values
}

func (e *TransformError) Error() string {
	text := fmt.Sprintf("transform from %q to %q: ", e.Source, e.Destination)
	if e.Token != "" {
		text += fmt.Sprintf("token %q: ", e.Token)
	}
	text += e.Err.Error()
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap returns the reason.
func (e *TransformError) Unwrap() error { return e.Err }

// MappingError says which mapping was refused and because of what.
type MappingError struct {
	Source      string
	Destination string // empty if it is not about one
	Cluster     string // cluster whose destinations are meant, empty for the default ones
	Err         error  // one of the package's Err values or a [*TransformError]
}

func (e *MappingError) Error() string {
	text := fmt.Sprintf("mapping of %q: ", e.Source)
	if e.Destination != "" {
		text += fmt.Sprintf("destination %q: ", e.Destination)
	}
	if e.Cluster != "" {
		text += fmt.Sprintf("cluster %q: ", e.Cluster)
	}
	return text + e.Err.Error()
}

// Unwrap returns the reason.
func (e *MappingError) Unwrap() error { return e.Err }
