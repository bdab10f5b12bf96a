package monitor

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Healthz is the content of /healthz.
type Healthz struct {
	Status string          `json:"status"` // "ok", "unavailable" or "error"
	Error  string          `json:"error,omitempty"`
	Errors []HealthProblem `json:"errors,omitempty"` // with the option "details"
}

// The kinds of problems.
const (
	ProblemJetStream = "JETSTREAM"
	ProblemAccount   = "ACCOUNT"
	ProblemStream    = "STREAM"
	ProblemConsumer  = "CONSUMER"
	problemRequest   = "BAD_REQUEST"
)

// HealthProblem is something that is not well.
type HealthProblem struct {
	Type     string `json:"type"`
	Account  string `json:"account,omitempty"`
	Stream   string `json:"stream,omitempty"`
	Consumer string `json:"consumer,omitempty"`
	Error    string `json:"error"`
}

// healthzOptions is what a request for health asks about.
type healthzOptions struct {
	account, stream, consumer string // only this one
	serverOnly                bool   // not about streams and consumers
	details                   bool   // each problem by itself
}

func (q query) healthz() (o healthzOptions, err error) {
	o.account, o.stream, o.consumer = q.Get("account"), q.Get("stream"), q.Get("consumer")
	// Whether JetStream is on and whether the server's part of it is well comes to
	// the same here, and there is no group of servers to ask about.
	for _, name := range []string{"js-enabled", "js-enabled-only", "js-server-only", "js-meta-only"} {
		on, err := q.truth(name)
		if err != nil {
			return o, err
		}
		o.serverOnly = o.serverOnly || on
	}
	o.details, err = q.truth("details")
	return o, err
}

// serveHealthz answers whether the server serves, and what it stores.
func (p *Pages) serveHealthz(w http.ResponseWriter, r *http.Request) {
	q := query{r.URL.Query()}
	o, err := q.healthz()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	status, problems := p.problems(&o)
	text, err := json.Marshal(health(status, problems, o.details))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, q, status, text)
}

// health words what was found.
func health(status int, problems []HealthProblem, details bool) Healthz {
	switch {
	case len(problems) == 0:
		return Healthz{Status: "ok"}
	case details:
		return Healthz{Status: "error", Errors: problems}
	}
	h := Healthz{Status: "unavailable", Error: problems[0].Error}
	if status == http.StatusBadRequest {
		h.Status = "error"
	}
	if more := len(problems) - 1; more > 0 {
		h.Error += fmt.Sprintf(" (and %d more; ask with details=true)", more)
	}
	return h
}

// problems finds what is not well, and the status that says so.
func (p *Pages) problems(o *healthzOptions) (status int, problems []HealthProblem) {
	one := func(status int, problem HealthProblem) (int, []HealthProblem) {
		return status, []HealthProblem{problem}
	}
	switch {
	case o.stream != "" && o.account == "":
		return one(http.StatusBadRequest, HealthProblem{Type: problemRequest, Error: `"account" must not be empty when checking stream health`})
	case o.consumer != "" && o.stream == "":
		return one(http.StatusBadRequest, HealthProblem{Type: problemRequest, Error: `"stream" must not be empty when checking consumer health`})
	}
	js := p.source.JetStream()
	if js == nil {
		return http.StatusOK, nil // without JetStream there is nothing that could be ill
	}
	if o.account != "" {
		if missing := findAsset(js, o); missing != nil {
			return one(http.StatusNotFound, *missing)
		}
	}
	for _, problem := range js.Problems() {
		if problem.concerns(o) {
			problems = append(problems, problem)
		}
	}
	if len(problems) > 0 {
		return http.StatusServiceUnavailable, problems
	}
	return http.StatusOK, nil
}

// concerns reports whether the problem is one of what was asked about.
func (h *HealthProblem) concerns(o *healthzOptions) bool {
	if h.Account == "" {
		return true // of the server as a whole
	}
	return !o.serverOnly &&
		(o.account == "" || h.Account == o.account) &&
		(o.stream == "" || h.Stream == o.stream) &&
		(o.consumer == "" || h.Consumer == "" || h.Consumer == o.consumer)
}

// findAsset says what of account, stream and consumer there is not, nil if there
// is all of it.
func findAsset(js JetStream, o *healthzOptions) *HealthProblem {
	var account JetStreamAccount
	for _, a := range js.Accounts() {
		if a.Name() == o.account {
			account = a
		}
	}
	if account == nil {
		return &HealthProblem{
			Type: ProblemAccount, Account: o.account,
			Error: fmt.Sprintf("JetStream account %q not found", o.account),
		}
	}
	if o.stream == "" {
		return nil
	}
	stream := account.Stream(o.stream)
	if stream == nil {
		return &HealthProblem{
			Type: ProblemStream, Account: o.account, Stream: o.stream,
			Error: fmt.Sprintf("JetStream stream %q not found on account %q", o.stream, o.account),
		}
	}
	if o.consumer != "" && !stream.HasConsumer(o.consumer) {
		return &HealthProblem{
			Type: ProblemConsumer, Account: o.account, Stream: o.stream, Consumer: o.consumer,
			Error: fmt.Sprintf("JetStream consumer %q not found for stream %q on account %q", o.consumer, o.stream, o.account),
		}
	}
	return nil
}
