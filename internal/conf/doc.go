// Package conf reads the configuration language of NATS servers into a tree
// that knows where each key and value stands. It knows no option name: what
// "port" means is the business of its readers.
//
// One file goes this way: [ParseFile] reads the text, the parser walks it once
// and builds a [Map] of [Entry] values; an include reads another file and
// merges its entries in place; a variable ("$NAME") is replaced at once by the
// value found in the enclosing maps or, failing that, in the environment.
// A reader then wraps the map in a [Section], asks it for the names it knows
// and ends with [Section.Done], which reports every name nobody asked for.
//
// The language is a superset of JSON: keys and values are separated by "=",
// ":" or a blank; entries by a newline, "," or ";"; "#" and "//" start a
// comment where a key may stand or after a value; text may be bare, 'single',
// "double" quoted (with \t \n \r \b \f \/ \" \\ \xHH \uHHHH) or a block that
// "(" opens and a line of its own with only ")" closes.
//
// Promises: parsing never panics, takes time and memory linear in the input
// and within the limits of limits.go, and gives the same tree for the same
// text, files and environment. A tree is immutable after parsing and safe for
// concurrent readers; a Section and a [Report] belong to one goroutine.
// Every problem that can be told apart is collected, each as
// "file:line:column: what, why and the way out"; the column counts bytes.
//
// It does not check values against options, watch files or keep secrets: the
// tree holds passwords as they stand in the file.
package conf
