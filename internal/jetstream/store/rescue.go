package store

import (
	"errors"
	"fmt"
	"math"
	"path"

	"github.com/tidings-io/tidings/internal/record"
)

// Rescue calls f for every message that can be read in the segments of a stopped
// store, whether a checkpoint knows of it or not: for streams whose state is lost.
// Messages come file by file; one may come more than once, and removed ones come,
// too. What is in the log only, does not. The message is valid during the call; an
// error of f ends it.
func Rescue(opts Options, f func(g Group, m record.Message) error) error {
	opts, lock, err := lockStopped(opts)
	if err != nil {
		return err
	}
	return errors.Join(rescue(opts, f), lock.Close())
}

func rescue(opts Options, f func(g Group, m record.Message) error) error {
	in := &inspection{opts: opts}
	groups, err := in.list(streamsDir)
	if err != nil {
		return err
	}
	for _, name := range groups {
		g, ok := parseGroup(name)
		if !ok {
			continue
		}
		files, err := in.list(groupDir(g))
		if err != nil {
			return err
		}
		for _, file := range files {
			if _, ok := parseSegmentName(file); !ok {
				continue
			}
			if err := rescueSegment(opts, g, path.Join(groupDir(g), file), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// rescueSegment takes what there is in a file, trusting its header only if it is
// intact.
func rescueSegment(opts Options, g Group, name string, f func(g Group, m record.Message) error) error {
	disk, err := opts.FS.Open(path.Join(opts.Dir, name))
	if err != nil {
		return err
	}
	defer func() { _ = disk.Close() }() // it is only read
	size, err := disk.Size()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if size < segmentHeader {
		return nil
	}
	found := 0
	var failed error
	each := func(_ int64, m record.Message, err error) {
		if err == nil && failed == nil && !m.Erased {
			found++
			failed = f(g, m)
		}
	}
	head := make([]byte, segmentHeader)
	_, err = disk.ReadAt(head, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	h, err := parseSegmentHead(head)
	if err != nil || !h.blocks {
		eachRecord(disk, segmentRef{size: size}, each)
	}
	if failed == nil && (h.blocks || err != nil && found == 0) {
		eachRecord(disk, segmentRef{size: math.MaxUint32, blocks: true}, each)
	}
	return failed
}
