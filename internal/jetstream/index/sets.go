package index

import "slices"

// sets has the filters that hold a bitmap, so that there are not too many of them:
// the one that was not used for the longest time loses it.
type sets struct {
	filters []*Filter
	uses    uint64
}

const (
	setsMax      = 64      // bitmaps of an index
	setsMaxWords = 2 << 20 // the same, 16 MiB
)

// keep notes that f has found its set.
func (t *sets) keep(f *Filter) {
	t.use(f)
	if f.ids.many == nil {
		return
	}
	if !slices.Contains(t.filters, f) {
		t.filters = append(t.filters, f)
	}
	words := 0
	for _, o := range t.filters {
		words += o.ids.words()
	}
	for len(t.filters) > 1 && (len(t.filters) > setsMax || words > setsMaxWords) {
		oldest := 0
		for i, o := range t.filters {
			if o.used < t.filters[oldest].used {
				oldest = i
			}
		}
		words -= t.filters[oldest].ids.words()
		t.filters[oldest].forget()
		t.filters = slices.Delete(t.filters, oldest, oldest+1)
	}
}

// use notes that the set of f is used.
func (t *sets) use(f *Filter) {
	t.uses++
	f.used = t.uses
}
