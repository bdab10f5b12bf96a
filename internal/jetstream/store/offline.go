package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

// Report is what a stopped store holds.
type Report struct {
	Node        Node
	Checkpoints []CheckpointReport // the newest first
	Groups      []GroupReport      // ascending
	Log         LogReport
	// Strangers are files and directories that the store does not know, and
	// Quarantine what was set aside.
	Strangers  []string
	Quarantine []string
	Damage     []*DamageError
	// NodeState is the state of [NodeGroup] in the newest intact checkpoint, nil if
	// there is none, and NodeEntries are its entries in the log above that; of Check.
	NodeState   []byte
	NodeEntries [][]byte
}

// CheckpointReport is what is known of one checkpoint.
type CheckpointReport struct {
	Number   uint64
	Created  time.Time
	Groups   int
	Bytes    int64
	Whole    bool
	Position wal.Position // from where the log is needed with it
}

// GroupReport is what is known of one group.
type GroupReport struct {
	Group     Group
	Applied   wal.Index // in the newest intact checkpoint
	State     int64     // bytes
	Kept      int       // records in the checkpoint
	Segments  int
	Bytes     int64 // of segments, before compression
	Records   int   // in segments, those that are not used any more included; of Check
	Entries   int   // in the log; of Check
	LastIndex wal.Index
	Dropped   bool
}

// LogReport is what is known of the log.
type LogReport struct {
	Files   int
	Bytes   int64
	Entries int // of Check
	Payload int64
}

// Show tells what a stopped store holds, from its checkpoints and names. Of the
// options FS, Dir and Key count.
func Show(opts Options) (*Report, error) { return inspect(opts, false) }

// Check is Show that reads and verifies everything, and changes nothing. What is
// wrong is in Report.Damage; an error means that the store cannot be read at all,
// or is in use.
func Check(opts Options) (*Report, error) { return inspect(opts, true) }

// inspection is one run of Show or Check.
type inspection struct {
	opts   Options
	report *Report
	groups map[Group]*GroupReport
	loaded loaded
}

func inspect(opts Options, deep bool) (*Report, error) {
	opts, lock, err := lockStopped(opts)
	if err != nil {
		return nil, err
	}
	in := &inspection{opts: opts, report: &Report{}, groups: map[Group]*GroupReport{}}
	err = in.run(deep)
	return in.report, errors.Join(err, lock.Close())
}

// lockStopped takes the lock of a store that nobody uses, and returns the options
// it is read with.
func lockStopped(opts Options) (Options, io.Closer, error) {
	opts.PreviousKey = "" // it would change something
	opts = opts.withDefaults()
	names, err := opts.FS.List(opts.Dir)
	if err != nil {
		return opts, nil, err
	}
	if !slices.Contains(names, logDir) && !slices.Contains(names, nodeFile) {
		return opts, nil, fmt.Errorf("the directory is no store: it has neither %s nor %s", nodeFile, logDir)
	}
	lock, err := opts.FS.Lock(path.Join(opts.Dir, lockFile))
	if errors.Is(err, vfs.ErrLocked) {
		return opts, nil, fmt.Errorf("the store is in use; stop the server first: %w", err)
	}
	if err != nil {
		return opts, nil, err
	}
	if opts.FS, err = unlocked(opts); err != nil {
		return opts, nil, errors.Join(err, lock.Close())
	}
	return opts, lock, nil
}

func (in *inspection) run(deep bool) error {
	if err := in.node(); err != nil {
		return err
	}
	if err := in.checkpoints(); err != nil {
		return err
	}
	if err := in.streams(deep); err != nil {
		return err
	}
	if err := in.log(deep); err != nil {
		return err
	}
	for _, g := range slices.Sorted(maps.Keys(in.groups)) {
		in.report.Groups = append(in.report.Groups, *in.groups[g])
	}
	names, err := in.list(quarantineDir)
	in.report.Quarantine = names
	return err
}

// list returns the names in a directory below the store's, none if it is missing.
func (in *inspection) list(dir string) ([]string, error) {
	names, err := in.opts.FS.List(path.Join(in.opts.Dir, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

func (in *inspection) damaged(err *DamageError) { in.report.Damage = append(in.report.Damage, err) }

func (in *inspection) group(g Group) *GroupReport {
	gr := in.groups[g]
	if gr == nil {
		gr = &GroupReport{Group: g}
		in.groups[g] = gr
	}
	return gr
}

func (in *inspection) node() error {
	b, err := vfs.ReadFile(in.opts.FS, path.Join(in.opts.Dir, nodeFile))
	if err == nil {
		in.report.Node, err = parseNode(b)
	}
	if _, ok := errors.AsType[*wrongVersionError](err); ok {
		return err
	}
	if err != nil {
		in.damaged(&DamageError{File: nodeFile, Err: err})
	}
	return nil
}

func (in *inspection) checkpoints() error {
	list, unreadable, err := readCheckpoints(in.opts)
	if err != nil {
		return err
	}
	in.loaded = choose(list)
	for _, name := range slices.Sorted(maps.Keys(unreadable)) {
		in.damaged(&DamageError{File: name, Err: unreadable[name]})
	}
	for _, err := range in.loaded.damage {
		if damage, ok := errors.AsType[*DamageError](err); ok {
			in.damaged(damage)
		}
	}
	for i, c := range list {
		in.report.Checkpoints = append(in.report.Checkpoints, CheckpointReport{
			Number: c.head.number, Created: time.Unix(0, c.head.created), Groups: len(c.sections),
			Bytes: c.head.length, Whole: c.whole, Position: c.head.position,
		})
		for _, d := range c.dropped {
			if i == 0 {
				in.group(d.group).Dropped = true
			}
		}
	}
	for g, ch := range in.loaded.chosen {
		gr := in.group(g)
		if g == NodeGroup {
			in.report.NodeState, _ = readState(in.opts, &ch.section) // it was read before
		}
		gr.Applied, gr.State, gr.Kept = ch.section.applied, int64(ch.section.stateSize), len(ch.section.kept)
	}
	return nil
}

// streams looks at the directories of the groups.
func (in *inspection) streams(deep bool) error {
	names, err := in.list(streamsDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		g, ok := parseGroup(name)
		if !ok {
			in.report.Strangers = append(in.report.Strangers, path.Join(streamsDir, name))
			continue
		}
		if err := in.files(in.group(g), deep); err != nil {
			return err
		}
	}
	return nil
}

// files looks at the files of one group. Segments that no checkpoint has are left
// over from a crash.
func (in *inspection) files(gr *GroupReport, deep bool) error {
	dir := groupDir(gr.Group)
	names, err := in.list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		_, isSegment := parseSegmentName(name)
		if _, isState := parseNumbered(name, "state-"); !isSegment && !isState {
			in.report.Strangers = append(in.report.Strangers, path.Join(dir, name))
		}
	}
	for _, ref := range in.loaded.chosen[gr.Group].section.segments {
		gr.Segments++
		gr.Bytes += ref.size
		name := path.Join(dir, segmentName(ref.number))
		if !slices.Contains(names, segmentName(ref.number)) {
			in.damaged(&DamageError{Group: gr.Group, File: name, Err: fs.ErrNotExist})
			continue
		}
		if !deep {
			continue
		}
		n, err := in.segment(gr.Group, name, ref)
		if err != nil {
			return err
		}
		gr.Records += n
	}
	return nil
}

// segment verifies the records of one segment and returns how many are whole.
func (in *inspection) segment(g Group, name string, ref segmentRef) (records int, err error) {
	last := uint64(0)
	lost := func(at int64, seq uint64, err error) {
		if seq <= last {
			seq = 0 // no message of a segment is behind a later one
		}
		in.damaged(&DamageError{Group: g, File: name, Offset: at, Seq: seq, Err: err})
	}
	disk, err := in.opts.FS.Open(path.Join(in.opts.Dir, name))
	if err != nil {
		return 0, err
	}
	defer func() { _ = disk.Close() }() // it is only read
	head := make([]byte, segmentHeader)
	if _, err := disk.ReadAt(head, 0); err != nil {
		lost(0, 0, err)
	} else if h, err := parseSegmentHead(head); err != nil {
		lost(0, 0, err)
	} else if h.group != g || h.number != ref.number || h.blocks != ref.blocks {
		lost(0, 0, fmt.Errorf("header is that of segment %d of group %d", h.number, h.group))
	}
	eachRecord(disk, ref, func(at int64, m record.Message, err error) {
		if err != nil {
			lost(at, m.Seq, err)
			return
		}
		records++
		last = m.Seq
	})
	return records, nil
}

// eachRecord calls f for each record of a segment, and with an error for each part
// that holds none: then the message has at most the sequence that a damaged record
// claims. Message and error are valid during the call.
func eachRecord(disk vfs.File, ref segmentRef, f func(at int64, m record.Message, err error)) {
	if !ref.blocks {
		b := make([]byte, ref.size-segmentHeader)
		n, err := disk.ReadAt(b, segmentHeader)
		if err != nil {
			f(segmentHeader+int64(n), record.Message{}, err)
		}
		eachIn(b[:n], segmentHeader, f)
		return
	}
	table, _, err := readTable(disk, ref.size)
	if err != nil {
		f(segmentHeader, record.Message{}, err)
		return
	}
	if covers(table) != ref.size {
		f(segmentHeader, record.Message{}, errors.New("blocks are missing"))
	}
	for i := range table {
		b, err := readBlock(disk, &table[i], nil)
		if err != nil {
			f(int64(table[i].at), record.Message{}, err)
			continue
		}
		eachIn(b, int64(table[i].logical), f)
	}
}

// eachIn goes through records one behind the other. Behind a damaged one it looks
// for the next byte by byte.
func eachIn(b []byte, at int64, f func(at int64, m record.Message, err error)) {
	searching := false
	for len(b) > 0 {
		m, n, err := record.Parse(b)
		switch {
		case err == nil:
			searching = false
			f(at, m, nil)
		case !searching:
			searching = true
			f(at, record.Message{Seq: record.Sequence(b)}, err)
		}
		n = max(n, 1)
		b, at = b[n:], at+int64(n)
	}
}

// log looks at the log, all of it if deep.
func (in *inspection) log(deep bool) error {
	names, err := in.list(logDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".wal") {
			in.report.Strangers = append(in.report.Strangers, path.Join(logDir, name))
			continue
		}
		in.report.Log.Files++
		disk, err := in.opts.FS.Open(path.Join(in.opts.Dir, logDir, name))
		if err != nil {
			return err
		}
		size, err := disk.Size()
		if err = errors.Join(err, disk.Close()); err != nil {
			return err
		}
		in.report.Log.Bytes += size
	}
	if !deep {
		return nil
	}
	for rec, err := range wal.Inspect(wal.Options{FS: in.opts.FS, Dir: path.Join(in.opts.Dir, logDir)}) {
		switch {
		case wal.Damaged(err):
			in.damaged(logDamage(rec, err))
		case err != nil:
			return err
		default:
			in.report.Log.Entries++
			in.report.Log.Payload += int64(rec.Place.Length)
			gr := in.group(rec.Group)
			gr.Entries++
			gr.LastIndex = max(gr.LastIndex, rec.Index)
			if rec.Group == NodeGroup && rec.Index > gr.Applied {
				in.report.NodeEntries = append(in.report.NodeEntries, slices.Clone(rec.Payload))
			}
		}
	}
	return nil
}

// logDamage says where an entry of the log, or more of them, are lost.
func logDamage(rec wal.Record, err error) *DamageError {
	damage, _ := errors.AsType[*wal.DamageError](err)
	lost := &DamageError{
		Group: rec.Group, File: path.Join(logDir, fmt.Sprintf("%08d.wal", damage.File)), Offset: damage.Offset,
		Err: errors.New(damage.Reason),
	}
	switch {
	case damage.FirstBatch != 0:
		lost.Err = fmt.Errorf("%s (batches %d to %d)", damage.Reason, damage.FirstBatch, damage.LastBatch)
	case rec.Group != 0:
		lost.Err = fmt.Errorf("%s (entry %d)", damage.Reason, rec.Index)
	}
	if damage.Err != nil {
		lost.Err = fmt.Errorf("%w: %w", lost.Err, damage.Err)
	}
	return lost
}

// Repaired is one thing that Repair has done, or would do.
type Repaired struct {
	File   string // below the store's directory
	To     string // where it was set aside; "": it was written anew
	Reason string
}

// Repair brings a stopped store into a form that a server opens, and returns what
// it did, or with dry what it would do. It removes nothing that could not be read:
// such files go to quarantine/. What a server does by itself when it starts (leave
// out a torn end of the log, go on from the older checkpoint, tell of lost
// messages) is left to it.
func Repair(opts Options, dry bool) (done []Repaired, err error) {
	report, err := Check(opts)
	if err != nil {
		return nil, err
	}
	opts, lock, err := lockStopped(opts)
	if err != nil {
		return nil, err
	}
	done, err = repair(opts, report, dry)
	return done, errors.Join(err, lock.Close())
}

func repair(opts Options, report *Report, dry bool) (done []Repaired, err error) {
	for _, r := range repairs(opts, report) {
		if dry {
			done = append(done, r)
			continue
		}
		if r.To == "" {
			_, err = writeNode(opts)
		} else {
			r.To, err = setAside(opts, r.File)
		}
		if err != nil {
			return done, err
		}
		done = append(done, r)
	}
	return done, nil
}

// repairs returns what there is to do, in its order.
func repairs(opts Options, report *Report) []Repaired {
	aside := map[string]string{}
	for _, name := range report.Strangers {
		if !strings.HasPrefix(name, logDir+"/") { // the log leaves them alone
			aside[name] = "it is no file of the store"
		}
	}
	for _, damage := range report.Damage {
		_, isCheckpoint := parseNumbered(damage.File, "checkpoint-")
		unreadable := errors.Is(damage.Err, errNotValid) || errors.Is(damage.Err, encrypted.ErrHeader)
		if isCheckpoint && damage.Group == 0 && damage.Offset == 0 && unreadable {
			aside[damage.File] = "its header is damaged"
		}
	}
	noNode := report.Node.ID == ""
	if noNode {
		if names, err := opts.FS.List(opts.Dir); err == nil && slices.Contains(names, nodeFile) {
			aside[nodeFile] = "it is damaged"
		}
	}
	var list []Repaired
	for _, name := range slices.Sorted(maps.Keys(aside)) {
		list = append(list, Repaired{File: name, To: quarantineDir, Reason: aside[name]})
	}
	if noNode {
		list = append(list, Repaired{File: nodeFile, Reason: "the store has none that can be read"})
	}
	return list
}
