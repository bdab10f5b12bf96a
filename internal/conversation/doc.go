// Package conversation reads and runs protocol conversations: small scripts
// that say what raw TCP connections send to a server of the NATS client
// protocol and what they must get back. A script knows nothing of the server
// but its address, so one corpus runs against this module's server and against
// any other, and proves that they answer alike.
//
// # The language
//
// A script is a text of lines. Blank lines and lines that begin with # are
// skipped. An optional configuration for the server comes first, then cases:
//
//	# What a publisher and a subscriber see of each other.
//	config {
//	    max_payload: 64
//	}
//
//	case a message reaches the subscriber of its subject
//	connect alice
//	connect bob {"name":"bob"}
//	alice > SUB greet.* 7
//	alice sync
//	bob > PUB greet.en 5
//	bob > hello
//	alice < MSG greet.en 7 5
//	alice < hello
//
//	case a payload above the limit ends the connection
//	connect alice
//	alice > PUB greet 65
//	alice < -ERR 'Maximum Payload Violation'
//	alice closed
//
// All cases of a script share one server and run one after the other; each has
// its own connections, which are closed at its end.
//
// Commands:
//
//	config {            text up to a line that is only }, given to the server as
//	                    its configuration file; at most one, before the first case
//	case NAME           begins a case
//	open C              dials a connection and calls it C
//	open C tls          the same, with the TLS handshake before anything else
//	open C refused      nobody listens any more: dialing fails; C stays free
//	connect C [JSON]    open C, then CONNECT and PING, and waits for the PONG; the
//	                    fields of JSON are put over {"verbose":false,
//	                    "pedantic":false,"headers":true,"no_responders":true,
//	                    "protocol":1}
//	close C             closes C
//	server lame-duck    asks the server to enter lame duck mode
//	server stop         asks the server to stop gracefully
//
// What a connection C sends and what it must get:
//
//	C > TEXT            sends TEXT and CRLF
//	C >> TEXT           sends TEXT alone
//	C shut              ends the sending direction; receiving goes on
//	C tls               TLS handshake, after the plain INFO
//	C < TEXT            the next line is TEXT
//	C <~ PATTERN        the next line matches PATTERN, a Go regular expression
//	                    for the whole line; its named groups become variables
//	C <? TEXT           like C <, but another line or the close may come instead
//	C <+ TEXT           adjacent <+ commands of C are met in any order
//	C <info JSON        the next line is INFO and has at least the fields of JSON;
//	                    a text "/re/" matches by pattern (named groups become
//	                    variables), null demands that the field is absent
//	C <fields F F …     the INFO seen last has exactly these fields; one written
//	                    F? may be absent
//	C sync              sends PING; the next line is its PONG
//	C closed            nothing more comes and the server closes the connection
//	C gone              the server closes the connection, whatever comes before
//
// Commands that speak of whole messages, so that nobody counts bytes:
//
//	C pub MESSAGE       publishes; MESSAGE is SUBJECT [^REPLY] [[HEADERS]] [BODY],
//	                    with HEADERS as "Name: value|Name: value"
//	C call MESSAGE      the same with a reply subject of its own, which C listens
//	                    on and the commands below call @
//	C do MESSAGE        call, and the answer is a JSON object without an error
//	C answer JSON       the next message is on @, without headers, and fits JSON
//	C <json SUBJECT JSON  the same on another subject, whatever its reply subject
//	C <msg TEMPLATE     the next message, written like a MESSAGE, fits TEMPLATE; the
//	                    version line of its headers is there with a status only, and
//	                    control bytes are escaped as in TEXT
//	C ?                 one message that is still to be recorded (see Runner.Record)
//	C ??                all that come until it is quiet for a while
//
// A template is text in which <any> stands for what has no blanks, <rest> for
// anything, <num> for a number, <nano> for a time in nanoseconds and <time> for one
// in RFC 3339; <any:name> keeps it as a variable, ${name} puts it in. The texts in a
// JSON are templates; one that begins with a blank fits numbers, too. Objects have
// exactly the fields of the JSON, in any order, or more if it has a field "...".
//
// Between C and > or < an option in brackets changes the command:
//
//	C [bytewise] > TEXT     one write for each byte
//	C [pieces 3 9] > TEXT   one write up to offset 3, one up to 9, one for the rest
//	C [repeat 5] > TEXT     five times in one write
//	C [repeat 5] < TEXT     five times (also with <~)
//
// # Text
//
// TEXT reaches to the end of the line without trailing blanks. In it \r \n \t
// \\ and \xHH stand for single bytes, \{ab*3} for ababab, ${name} for a
// variable and \$ for a dollar sign. A PATTERN knows ${name}, quoted, and
// otherwise only the escapes of its regular expression.
//
// A received message counts as several lines: the control line and the lines
// of its headers and payload, split at CRLF. Expected text that contains \r\n
// takes as many lines as it has itself; this is what [repeat] and <+ need to
// speak of a message with its payload.
//
// # What the runner passes over
//
// A PING or INFO that the server sends on its own is skipped unless the script
// asks for it at that place (C < PING, C <info). A PING of the server is not
// answered. Anything else that is not expected fails the case.
//
// Nothing in the language waits for time to pass: "nothing comes" is C sync,
// because the PONG follows all effects of what C sent before. To wait for what
// another connection sent, let that connection sync first.
//
// # Limits
//
// A missing answer fails after [Runner.Timeout]. A text is at most 64 MiB. One
// [Runner] runs one case at a time; several runners may share a server.
package conversation
