package cli

import (
	"context"
	"fmt"
	"io"
	"os"
)

// input returns standard input, which an interruption ends: reading a terminal
// or an idle pipe would otherwise go on until something comes.
func (a *app) input(ctx context.Context) io.Reader { return &input{ctx, a.in} }

// input holds a context because [io.Reader] passes none.
type input struct {
	ctx context.Context
	in  io.Reader
}

// Read returns when there is something to read or the context ends. Its
// goroutine may stay in the read then, until the process ends.
func (r *input) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, errInterrupted
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data := make([]byte, len(p)) // p is the caller's again after an interruption
		n, err := r.in.Read(data)
		done <- result{data[:n], err}
	}()
	select {
	case got := <-done:
		return copy(p, got.data), got.err
	case <-r.ctx.Done():
		return 0, errInterrupted
	}
}

// configFile returns what the file of --config holds, standard input for "-".
func (a *app) configFile(ctx context.Context, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(a.input(ctx))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usage(fmt.Errorf("--config: %w", err))
	}
	return data, nil
}
