package conversation

// Script is a parsed file of conversations.
type Script struct {
	File   string // as given to Parse; begins the messages of errors
	Config string // text for the server's configuration file; may be empty
	Cases  []Case // at least one
}

// Case is one conversation of a script.
type Case struct {
	Name  string
	File  string
	Line  int // where the case begins
	steps []step
}

// step is one command of a case with its place in the file.
type step struct {
	line   int
	action action
}

// action is what a command does. An error of it is reported with the line of
// its step.
type action interface {
	perform(s *session) error
}

type (
	openAction struct {
		conn string
		tls  bool
	}
	refusedAction struct{ conn string }
	goneAction    struct{ conn string }
	connectAction struct {
		conn    string
		options map[string]any // over connectDefaults
	}
	closeAction    struct{ conn string }
	upgradeAction  struct{ conn string }
	shutAction     struct{ conn string }
	syncAction     struct{ conn string }
	closedAction   struct{ conn string }
	lameDuckAction struct{}
	stopAction     struct{}

	sendAction struct {
		conn   string
		text   text
		crlf   bool
		repeat int   // at least 1
		pieces []int // offsets at which the bytes are split, ascending
		bytes  bool  // one write for each byte
	}
	expectAction struct {
		conn     string
		want     text
		repeat   int // at least 1
		optional bool
	}
	patternAction struct {
		conn    string
		pattern string
		repeat  int // at least 1
	}
	unorderedAction struct {
		conn string
		want []text
	}
	infoAction struct {
		conn string
		want map[string]any
	}
	fieldsAction struct {
		conn string
		want []string // sorted
	}
)
