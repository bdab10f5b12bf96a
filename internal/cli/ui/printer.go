package ui

import (
	"fmt"
	"io"
	"sync"
)

// Printer writes to a stream and keeps the first error, so that printing needs
// no check at each line and still no output is lost unnoticed: whoever made the
// Printer asks for [Printer.Err] at the end. Safe for concurrent use.
type Printer struct {
	w io.Writer

	mu struct {
		sync.Mutex
		err error
	}
}

// NewPrinter returns a printer to w.
func NewPrinter(w io.Writer) *Printer { return &Printer{w: w} }

// Write implements [io.Writer]. After an error nothing more is written.
func (p *Printer) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.err != nil {
		return 0, p.mu.err
	}
	n, err := p.w.Write(data)
	p.mu.err = err
	return n, err
}

// Print writes its operands like [fmt.Print].
func (p *Printer) Print(args ...any) {
	_, _ = fmt.Fprint(p, args...) // Write keeps the error
}

// Println writes its operands like [fmt.Println].
func (p *Printer) Println(args ...any) {
	_, _ = fmt.Fprintln(p, args...) // Write keeps the error
}

// Printf writes its operands like [fmt.Printf].
func (p *Printer) Printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p, format, args...) // Write keeps the error
}

// Err returns the first error of a write.
func (p *Printer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.err
}
