package monitor

import (
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Pages is the monitoring pages of a server, an [http.Handler]. Use [New].
type Pages struct {
	source  Source
	base    string
	process processMeter
	pages   map[string]page // by path below base; immutable once requests come
	index   []link          // what / lists; likewise

	// building is held while a page lists connections or subscriptions: one at a
	// time, whoever asks.
	building sync.Mutex

	mu struct {
		sync.Mutex
		requests map[string]uint64 // by path
	}
}

type page struct {
	path    string // the one it is counted under
	handler http.Handler
}

type link struct{ Path, Title string }

// New returns the pages below base, which is empty or begins with a slash and
// does not end with one.
func New(source Source, base string) *Pages {
	p := &Pages{source: source, base: base, pages: map[string]page{}}
	p.mu.requests = map[string]uint64{}
	p.process.start(time.Now())
	p.add("/", "", http.HandlerFunc(p.serveIndex))
	p.pages[""] = p.pages["/"]
	p.add("/varz", "General: identity, settings, totals", p.json(p.varz))
	p.add("/connz", "Connections", p.json(p.connz))
	p.add("/subsz", "Subscriptions", p.json(p.subsz))
	p.pages["/subscriptionsz"] = p.pages["/subsz"]
	p.add("/accountz", "Accounts", p.json(p.accountz))
	p.add("/accstatz", "Traffic of accounts", p.json(p.accstatz))
	p.add("/jsz", "JetStream: streams and consumers", p.json(p.jsz))
	p.add("/healthz", "Health probe", http.HandlerFunc(p.serveHealthz))
	return p
}

// Mount adds a page of others at path, a slash and a name, and lists it in the
// index. Call it before the first request.
func (p *Pages) Mount(path, title string, h http.Handler) { p.add(path, title, h) }

func (p *Pages) add(path, title string, h http.Handler) {
	p.pages[path] = page{path, h}
	if title != "" {
		p.index = append(p.index, link{path, title})
	}
}

// answerTimeout is how long an asker may take to read the answer: until then it
// occupies memory, megabytes for a long list.
const answerTimeout = time.Minute

// ServeHTTP answers a request for one of the pages.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Where there is no deadline to set, there is no connection.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
	below, ok := strings.CutPrefix(r.URL.Path, p.base)
	page, found := p.pages[below]
	if !ok || !found {
		http.Error(w, "no such page; "+p.base+"/ lists those there are", http.StatusNotFound)
		return
	}
	p.mu.Lock()
	p.mu.requests[page.path]++
	p.mu.Unlock()
	page.handler.ServeHTTP(w, r)
}

// requestCounts returns the number of requests for each page asked for so far.
func (p *Pages) requestCounts() map[string]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.mu.requests)
}

// json is the handler of a page that is one JSON value; an error is the asker's.
func (p *Pages) json(build func(query) ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := query{r.URL.Query()}
		text, err := build(q)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, q, http.StatusOK, text)
	})
}

// answer writes JSON, as a call of the function that the option "callback" names
// if there is one.
func answer(w http.ResponseWriter, q query, status int, text []byte) {
	h := w.Header()
	callback := q.Get("callback")
	if callback == "" {
		// Scripts of any origin may read it, as they may on every NATS server:
		// dashboards count on it.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(status)
		_, _ = w.Write(text) // the asker has gone
		return
	}
	if err := checkCallback(callback); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.Set("Content-Type", "application/javascript")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// The comment keeps the answer from beginning with what the asker chose.
	for _, b := range [][]byte{[]byte("/**/" + callback + "("), text, []byte(");\n")} {
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

// callbackMax is how long the name of a callback may be, in bytes.
const callbackMax = 128

var errCallback = errors.New("callback: not the name of a JavaScript function; use letters, digits, _, $ and dots between names, at most 128 characters")

// checkCallback accepts identifiers with dots between them: nothing that could be
// a script.
func checkCallback(name string) error {
	if len(name) > callbackMax {
		return errCallback
	}
	for part := range strings.SplitSeq(name, ".") {
		if part == "" {
			return errCallback
		}
		for i, c := range []byte(part) {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return errCallback
			}
		}
	}
	return nil
}
