package conf

// Limits of one configuration, files it includes together with it. Passing one
// is an error that names it.
const (
	// MaxBytes is the most text, in bytes, read for one configuration.
	MaxBytes = 16 << 20
	// MaxDepth is how many maps and arrays may be nested in each other.
	MaxDepth = 128
	// MaxIncludeDepth is how many files may include each other in a chain.
	MaxIncludeDepth = 16
	// MaxIncludes is how many include statements are followed.
	MaxIncludes = 1000
	// MaxVariableDepth is how many environment variables may refer to each
	// other in a chain.
	MaxVariableDepth = 16
	// MaxValues is the number of values in the tree, where a value a variable
	// stands for counts each time it is used.
	MaxValues = 1 << 20
	// MaxErrors is how many problems of one configuration are listed.
	MaxErrors = 50
	// maxProblemText is the most text of one problem, in bytes.
	maxProblemText = 1000
)
