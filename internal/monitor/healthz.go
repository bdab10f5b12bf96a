package monitor

import (
	"encoding/json"
	"errors"
	"net/http"
)

// Healthz is the content of /healthz.
type Healthz struct {
	Status string `json:"status"` // "ok" or "error"
	Error  string `json:"error,omitempty"`
}

var (
	errNoAccount = errors.New(`"account" must not be empty when checking stream health`)
	errNoStream  = errors.New(`"stream" must not be empty when checking consumer health`)
)

// serveHealthz answers that the server serves. The options ask about JetStream;
// without it there is nothing that could be ill, but what makes no sense is
// refused.
func (p *Pages) serveHealthz(w http.ResponseWriter, r *http.Request) {
	q := query{r.URL.Query()}
	for _, name := range []string{"js-enabled", "js-enabled-only", "js-server-only", "js-meta-only", "details"} {
		if _, err := q.truth(name); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	status, content := http.StatusOK, Healthz{Status: "ok"}
	if err := checkHealthOf(q); err != nil {
		status, content = http.StatusBadRequest, Healthz{Status: "error", Error: err.Error()}
	}
	text, err := json.Marshal(content)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, q, status, text)
}

func checkHealthOf(q query) error {
	switch {
	case q.Get("stream") != "" && q.Get("account") == "":
		return errNoAccount
	case q.Get("consumer") != "" && q.Get("stream") == "":
		return errNoStream
	default:
		return nil
	}
}
