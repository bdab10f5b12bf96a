package wire

import (
	"bytes"
	"errors"
	"math"
)

// publish parses PUB subject [reply] #total and HPUB subject [reply] #header
// #total with their payload.
func (p *Parser) publish(b []byte, verb string, k Kind) (int, error) {
	args, n, err := p.arguments(b, verb)
	if k == HPub && !p.Limits.Headers && len(b) > len(verb) && !errors.Is(err, ErrUnknownOperation) {
		return 0, ErrHeadersOff
	}
	if n == 0 || err != nil {
		return 0, err
	}
	var f [4][]byte
	sizes := 1
	if k == HPub {
		sizes = 2
	}
	fields := split(args, f[:])
	if fields < sizes+1 || fields > sizes+2 {
		return 0, ErrArguments
	}
	op := &p.Op
	op.Reply = nil
	if fields == sizes+2 {
		op.Reply = f[1]
	}
	op.Subject, op.HeaderLen = f[0], -1
	total := number(f[fields-1])
	if total < 0 {
		return 0, ErrSize
	}
	if k == HPub {
		if op.HeaderLen = number(f[fields-2]); op.HeaderLen < 0 {
			return 0, ErrSize
		}
		if op.HeaderLen > total {
			return 0, ErrHeaderSize
		}
	}
	if (p.Limits.Payload > 0 && total > p.Limits.Payload) || total > math.MaxInt-n-2 {
		return 0, ErrPayload
	}
	end := n + total
	if len(b) < end+2 {
		p.Need = end + 2
		return 0, checkEnd(b, end)
	}
	if b[end] != '\r' || b[end+1] != '\n' {
		return 0, ErrUnknownOperation
	}
	op.Kind, op.Payload = k, b[n:end]
	if op.HeaderLen == 0 {
		// Nothing to tell apart from a PUB, and delivered as one.
		op.Kind, op.HeaderLen, op.Rewritten = Pub, -1, true
		f[fields-2] = f[fields-1]
		op.Tail = p.rewrite(f[1:fields-1], op.Payload)
		p.remember(b, k, op)
		return end + 2, nil
	}
	// The arguments after the subject are in the buffer as a delivery needs
	// them, unless the sender used odd blanks or a bare LF.
	tail := len(args) - len(f[0]) - 1
	compact := 0
	for _, a := range f[1:fields] {
		compact += len(a) + 1
	}
	if b[n-2] == '\r' && tail+1 == compact && bytes.IndexByte(args[len(f[0])+1:], '\t') < 0 && len(args) > 0 && &b[n-3] == &args[len(args)-1] {
		op.Tail, op.Rewritten = b[n-2-tail:end+2], false
	} else {
		op.Rewritten = true
		op.Tail = p.rewrite(f[1:fields], b[n:end])
	}
	p.remember(b, k, op)
	return end + 2, nil
}

// checkEnd refuses a payload as soon as its first closing byte is wrong.
func checkEnd(b []byte, end int) error {
	if len(b) == end+1 && b[end] != '\r' {
		return ErrUnknownOperation
	}
	return nil
}

// remember keeps "PUB subject " for again, if the line began like that.
func (p *Parser) remember(b []byte, k Kind, op *Op) {
	op.Same = false
	h := len(op.Subject) + 5
	if k != Pub || len(op.Reply) > 0 || h > headMax || b[3] != ' ' || &b[4] != &op.Subject[0] || b[h-1] != ' ' {
		p.headLen = 0
		return
	}
	p.headLen = copy(p.head[:], b[:h])
}

func (p *Parser) rewrite(args [][]byte, payload []byte) []byte {
	t := p.scratch[:0]
	for i, a := range args {
		if i > 0 {
			t = append(t, ' ')
		}
		t = append(t, a...)
	}
	t = append(t, '\r', '\n')
	t = append(t, payload...)
	p.scratch = append(t, '\r', '\n')
	return p.scratch
}
