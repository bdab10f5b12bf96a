package monitor

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// query is the options of a request. An option without a value counts as absent.
type query struct{ url.Values }

// truth reads a boolean.
func (q query) truth(name string) (bool, error) {
	text := q.Get(name)
	if text == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%s %q: write true or false (or 1 or 0)", name, text)
	}
	return on, nil
}

// number reads an integer.
func (q query) number(name string) (int, error) {
	text := q.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s %q: not a number that can be used; write an integer", name, text)
	}
	return n, nil
}

// id reads the number of a connection; 0 means none.
func (q query) id(name string) (uint64, error) {
	text := q.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s %q: not the number of a connection; write a positive integer", name, text)
	}
	return n, nil
}

// state reads which connections are meant.
func (q query) state() (State, error) {
	text := q.Get("state")
	switch strings.ToLower(text) {
	case "", "open":
		return Open, nil
	case "closed":
		return Closed, nil
	case "any", "all":
		return Any, nil
	default:
		return Open, fmt.Errorf("state %q: write open, closed or any", text)
	}
}

// listing says how much to tell of subscriptions.
type listing int

const (
	noSubs listing = iota
	subjects
	details
)

func (q query) listing() (listing, error) {
	if strings.EqualFold(q.Get("subs"), "detail") {
		return details, nil
	}
	on, err := q.truth("subs")
	switch {
	case err != nil:
		return noSubs, fmt.Errorf("subs %q: write true, false or detail", q.Get("subs"))
	case on:
		return subjects, nil
	default:
		return noSubs, nil
	}
}

// defaultLimit is how many entries a page lists unless asked for another number.
const defaultLimit = 1024

// window is the part of a list that a page shows.
type window struct{ offset, limit int }

func (q query) window() (w window, err error) {
	if w.offset, err = q.number("offset"); err != nil {
		return w, err
	}
	if w.limit, err = q.number("limit"); err != nil {
		return w, err
	}
	w.offset = max(w.offset, 0)
	if w.limit <= 0 {
		w.limit = defaultLimit
	}
	return w, nil
}

// of returns the bounds of the window in a list of n.
func (w window) of(n int) (from, to int) {
	from = min(w.offset, n)
	return from, from + min(w.limit, n-from)
}
