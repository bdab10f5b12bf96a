package monitor_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tidings-io/tidings/internal/monitor"
)

// BenchmarkConnz asks for 10,000 connections with two subscriptions each.
func BenchmarkConnz(b *testing.B) {
	pages := monitor.New(crowd(10_000), "")
	for _, path := range []string{"/connz", "/connz?limit=10000", "/connz?limit=10000&subs=detail", "/connz?limit=10000&subs=detail&auth=1&sort=bytes_to"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}
