package index

import (
	"bytes"
	"fmt"
)

// Check returns what is wrong with the structures of x.
func Check(x *Index) error {
	if err := checkBlocks(x); err != nil {
		return err
	}
	return checkDict(x)
}

func checkBlocks(x *Index) error {
	messages, files := uint64(0), map[uint32]uint64{}
	last := uint64(0)
	for i, b := range x.blocks.list {
		live, inFile := 0, map[uint32]uint32{}
		if b.live == 0 && i < len(x.blocks.list)-1 {
			return fmt.Errorf("block %d is empty", i)
		}
		for row, id := range b.ids {
			seq := b.seq(row)
			if seq <= last && last > 0 || blockOf(seq) != blockOf(b.base) {
				return fmt.Errorf("block %d, row %d: sequence %d after %d", i, row, seq, last)
			}
			last = seq
			if id == 0 {
				continue
			}
			if !b.mayHave([]ID{id}) {
				return fmt.Errorf("block %d: bloom filter without %d", i, id)
			}
			live++
			f := b.files[b.code(row)].file
			inFile[f]++
			files[f]++
		}
		if live != b.live {
			return fmt.Errorf("block %d: %d live, counted %d", i, b.live, live)
		}
		for _, f := range b.files {
			if f.live > 0 && inFile[f.file] != f.live {
				return fmt.Errorf("block %d: %d in file %d, counted %d", i, f.live, f.file, inFile[f.file])
			}
		}
		messages += uint64(live)
	}
	if messages != x.messages {
		return fmt.Errorf("%d messages, counted %d", x.messages, messages)
	}
	for f, n := range files {
		if got, _ := x.File(f); got != n {
			return fmt.Errorf("%d messages in file %d, counted %d", got, f, n)
		}
	}
	if len(files) != len(x.files.counts) {
		return fmt.Errorf("%d files, counted %d", len(x.files.counts), len(files))
	}
	return nil
}

func checkDict(x *Index) error {
	d := &x.dict
	total, living := 0, uint64(0)
	var last []byte
	for g, gr := range d.groups {
		if len(gr.pages) != len(gr.heads) || len(gr.pages) == 0 || len(gr.pages) > groupMax {
			return fmt.Errorf("group %d has %d pages, %d heads", g, len(gr.pages), len(gr.heads))
		}
		for at, n := range gr.pages {
			p := &d.pages[n]
			if l := d.leaf(p.first()); l != (leaf{group: g, at: at, page: n}) {
				return fmt.Errorf("page %d of group %d at %d is found as %+v", n, g, at, l)
			}
			count, dead := 0, 0
			var text []byte
			for off := 0; off < len(p.b); {
				e := entryAt(p.b, off)
				off = e.end
				text = append(text[:e.shared], p.b[e.text:e.end]...)
				if total > 0 && bytes.Compare(last, text) >= 0 {
					return fmt.Errorf("%q behind %q", text, last)
				}
				if count > 0 && sharedLen(last, text) != e.shared {
					return fmt.Errorf("%q behind %q shares %d", text, last, e.shared)
				}
				last = append(last[:0], text...)
				count++
				total++
				if !d.ids.inUse(e.id) || *d.ids.home(e.id) != n {
					return fmt.Errorf("%q: ID %d is not at home in page %d", text, e.id, n)
				}
				if d.ids.at(e.id).count == 0 {
					dead++
				} else {
					living++
				}
			}
			if count != int(p.n) || dead != int(p.dead) {
				return fmt.Errorf("page %d has %d, %d dead; counted %d, %d", n, p.n, p.dead, count, dead)
			}
			if p.full() {
				return fmt.Errorf("page %d has %d bytes, %d entries", n, len(p.b), p.n)
			}
		}
	}
	if total != d.n || living != x.subjects {
		return fmt.Errorf("%d subjects, %d with messages; counted %d, %d", d.n, x.subjects, total, living)
	}
	used := 0
	for _, c := range d.ids.chunks {
		if c != nil {
			used += int(c.used)
		}
	}
	if used != total {
		return fmt.Errorf("%d IDs used for %d subjects", used, total)
	}
	return nil
}

// Dead returns how many entries of the dictionary have no messages.
func Dead(x *Index) int { return x.dict.n - int(x.subjects) }

// Loose reports whether the first or last message of a subject must be looked for.
func Loose(x *Index, id ID) bool { return x.dict.ids.at(id).back >= lastLoose }

// Bitmaps returns how many filters hold a bitmap.
func Bitmaps(x *Index) int { return len(x.sets.filters) }
