package client

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tidings-io/tidings/internal/subject"
)

// CheckPublishSubject reports why a message cannot be published to s.
func CheckPublishSubject(s string) error {
	if err := CheckSubscribeSubject(s); err != nil {
		return err
	}
	if subject.HasWildcard(s) {
		return fmt.Errorf("subject %q: wildcards are for subscriptions; name one subject", s)
	}
	return nil
}

// CheckSubscribeSubject reports why s cannot be subscribed to.
func CheckSubscribeSubject(s string) error {
	switch {
	case subject.ValidSubscription(s):
		return nil
	case s == "":
		return errors.New("the subject is empty; name one, such as orders.new")
	case strings.ContainsAny(s, " \t\r\n"):
		return fmt.Errorf("subject %q: contains white space; separate tokens with dots", s)
	case strings.Contains("."+s+".", ".."):
		return fmt.Errorf("subject %q: a token between dots is empty", s)
	}
	return fmt.Errorf("subject %q: > must be the last token", s)
}

// Matches reports whether the valid pattern, wildcards allowed, takes messages
// of subject s.
func Matches(pattern, s string) bool { return subject.Matches(pattern, s) }
