package cli

import (
	"time"

	"github.com/tidings-io/tidings/internal/cli/asset"
)

// spanFlag is a time that may be long: 90s, 12h, 30d, 2w.
type spanFlag struct{ span *time.Duration }

func (f spanFlag) String() string {
	if f.span == nil || *f.span == 0 {
		return ""
	}
	return asset.FormatDuration(*f.span)
}

func (f spanFlag) Set(text string) (err error) {
	*f.span, err = asset.ParseDuration(text)
	return err
}

func (spanFlag) Type() string { return "TIME" }

// sizeFlag is a number of bytes with a unit: 512, 64KiB, 1GiB.
type sizeFlag struct{ bytes *int64 }

func (f sizeFlag) String() string {
	if f.bytes == nil || *f.bytes == 0 {
		return ""
	}
	return asset.FormatSize(*f.bytes)
}

func (f sizeFlag) Set(text string) (err error) {
	*f.bytes, err = asset.ParseSize(text)
	return err
}

func (sizeFlag) Type() string { return "SIZE" }
