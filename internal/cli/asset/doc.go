// Package asset is the configuration of streams and consumers as a person sees
// it: as flags, as questions, as a file, as a list of values, as a difference.
//
// There is one table per kind, [StreamFields] and [ConsumerFields], with one
// entry per thing that can be chosen: its name, what it means, its choices, and
// how its text is read into the configuration and written back. From it come
// the flags of a command ([AddFlags], [Apply]), the guided questions
// ([Guide]), what info commands show ([Shown]) and what an edit changes
// ([Changes]). A file ([Load], [Text]) has the names of the API instead, so
// that files of other tools can be used; in it times and sizes may be written
// with units.
//
// Promises: a text that a field shows, it also reads; every field of the API's
// configuration is in the table (a test says so); a bad value is refused with
// its name, the reason and what to write instead. Everything here is pure but
// for "so long ago", which needs the time of day. Whether a configuration
// works as a whole is decided by package jsapi and the server.
package asset
