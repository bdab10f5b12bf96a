package store

import (
	"errors"
	"fmt"
	"math"
	"path"

	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
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
	var failed error
	each := func(_ int64, m record.Message, err error) {
		if err == nil && failed == nil && !m.Erased {
			failed = f(g, m)
		}
	}
	head := make([]byte, segmentHeader)
	if _, err = disk.ReadAt(head, 0); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	plain, blocks := segmentRef{size: size}, segmentRef{size: math.MaxUint32, blocks: true}
	h, err := parseSegmentHead(head)
	if err != nil {
		// A block that could not be made smaller has records as they are, too.
		h.blocks = recordsIn(disk, blocks) > recordsIn(disk, plain)
	}
	if h.blocks {
		eachRecord(disk, blocks, each)
	} else {
		eachRecord(disk, plain, each)
	}
	return failed
}

// recordsIn returns how many records a segment has if it is read in that way.
func recordsIn(disk vfs.File, ref segmentRef) (n int) {
	eachRecord(disk, ref, func(_ int64, _ record.Message, err error) {
		if err == nil {
			n++
		}
	})
	return n
}
