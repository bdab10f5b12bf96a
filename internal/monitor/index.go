package monitor

import (
	"bytes"
	"html/template"
	"net/http"
)

var indexTemplate = template.Must(template.New("index").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Name}} – Tidings</title>
<style>
body { font-family: system-ui, sans-serif; margin: 2em auto; max-width: 40em; padding: 0 1em; color-scheme: light dark }
dt { font-family: ui-monospace, monospace; margin-top: .6em }
</style>
</head>
<body>
<h1>{{.Name}}</h1>
<p>Tidings {{.Version}}</p>
<dl>
{{- range .Pages}}
<dt><a href="{{$.Base}}{{.Path}}">{{.Path}}</a></dt><dd>{{.Title}}</dd>
{{- end}}
</dl>
</body>
</html>
`))

// serveIndex lists the pages.
func (p *Pages) serveIndex(w http.ResponseWriter, _ *http.Request) {
	server := p.source.Server()
	var text bytes.Buffer
	err := indexTemplate.Execute(&text, struct {
		Name, Version, Base string
		Pages               []link
	}{server.Name, server.Tidings, p.base, p.index})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write(text.Bytes()) // the asker has gone
}
