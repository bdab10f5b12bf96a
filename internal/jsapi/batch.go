package jsapi

import (
	"strings"
)

// BatchOp is what a message of a fast batch asks for (ADR-50).
type BatchOp uint8

// The operations of fast batches.
const (
	BatchStart       BatchOp = iota // first message: store it, open the batch
	BatchAppend                     // store it
	BatchCommitStore                // store it and commit
	BatchCommitOnly                 // commit without storing it
	BatchPing                       // tell where the batch is
)

// BatchIDMaxBytes is the length of the longest id of a batch, fast or atomic.
const BatchIDMaxBytes = 64

// batchSuffix ends the reply subjects of fast batches.
const batchSuffix = ".$FI"

// BatchReply is the reply subject of a message of a fast batch taken apart:
// "<prefix>.<id>.<flow>.<ok|fail>.<sequence>.<operation>.$FI" (ADR-50). Its
// strings are views of the subject.
type BatchReply struct {
	Prefix    string // an inbox; has dots
	ID        string
	Flow      uint16 // messages between two acks that the publisher begins with
	FailOnGap bool   // "fail": give the batch up when a message is missing
	Seq       uint64 // of the message in the batch, from 1
	Op        BatchOp
}

// ParseBatchReply takes the reply subject of a message of a fast batch apart.
// ours is false for a subject of another kind, and ok for one that is malformed
// (ErrBatchPublishInvalidPattern). It does not allocate.
func ParseBatchReply(reply string) (b BatchReply, ours, ok bool) {
	rest, ours := strings.CutSuffix(reply, batchSuffix)
	if !ours {
		return b, false, false
	}
	var tokens [5]string // id, flow, gap, sequence, operation
	for i := len(tokens) - 1; i >= 0; i-- {
		dot := strings.LastIndexByte(rest, '.')
		if dot < 0 {
			return BatchReply{}, true, false
		}
		rest, tokens[i] = rest[:dot], rest[dot+1:]
	}
	flow, flowOK := parseNumber(tokens[1])
	seq, seqOK := parseNumber(tokens[3])
	op, opOK := parseNumber(tokens[4])
	gapOK := tokens[2] == "ok" || tokens[2] == "fail"
	if rest == "" || tokens[0] == "" || !flowOK || flow > 1<<16-1 || !gapOK || !seqOK || seq == 0 || !opOK || op > uint64(BatchPing) {
		return BatchReply{}, true, false
	}
	return BatchReply{
		Prefix: rest, ID: tokens[0], Flow: uint16(flow), FailOnGap: tokens[2] == "fail", Seq: seq, Op: BatchOp(op),
	}, true, true
}
