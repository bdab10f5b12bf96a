package telemetry

import (
	"sync"
	"unicode/utf8"
)

// maxAccounts is how many accounts have series of their own.
const maxAccounts = 100

// otherAccounts is the label of the sum of the rest. An account of that name
// belongs to the rest, and so does one whose name is not UTF-8.
const otherAccounts = "other"

// accountLabels decides which accounts have series of their own: those seen
// first, for good.
type accountLabels struct {
	mu struct {
		sync.Mutex
		known map[string]bool
	}
}

// fold returns the accounts that have series of their own, and the sum of the
// rest as the last one if there is a rest.
func (l *accountLabels) fold(accounts []Account) []Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.known == nil {
		l.mu.known = map[string]bool{}
	}
	known := l.mu.known
	list := make([]Account, 0, min(len(accounts), maxAccounts)+1)
	other, rest := Account{Name: otherAccounts}, false
	for i := range accounts {
		a := &accounts[i]
		if !known[a.Name] && len(known) < maxAccounts && a.Name != otherAccounts && utf8.ValidString(a.Name) {
			known[a.Name] = true
		}
		if known[a.Name] {
			list = append(list, *a)
		} else {
			other.add(a)
			rest = true
		}
	}
	if rest {
		list = append(list, other)
	}
	return list
}

// foldStored does the same for what accounts have stored, with the labels that
// fold has given away.
func (l *accountLabels) foldStored(accounts []JetStreamAccount) []JetStreamAccount {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]JetStreamAccount, 0, min(len(accounts), maxAccounts)+1)
	other, rest := JetStreamAccount{Name: otherAccounts}, false
	for i := range accounts {
		if a := &accounts[i]; l.mu.known[a.Name] {
			list = append(list, *a)
		} else {
			other.add(a)
			rest = true
		}
	}
	if rest {
		list = append(list, other)
	}
	return list
}
