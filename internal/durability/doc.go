// Package durability holds a test that kills a real server under load, again and
// again, and nothing else.
//
// A round: the server starts as a process of its own on the store that the rounds
// before have left; what clients were told is compared with what it has; clients
// of all kinds work on it (publishers that wait for each answer and those that do
// not, several who compare and set the same keys, workers that take jobs from a
// queue, readers of an interest stream, messages that live for a second, jobs that
// nobody can do); after a number of answers the process is killed, at whatever it
// was doing. What a client has asked for without hearing of it may have happened
// or not; everything else must be as it was said.
//
// TIDINGS_KILL_ROUNDS sets the number of rounds, TIDINGS_KILL_SEED what is left to
// chance.
package durability
