package asset

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// Buckets are streams by convention (ADR-8, ADR-20); their fields are those of
// a stream that people choose, under the names that fit.
const (
	kvStream = "KV_"
	kvValues = "$KV."

	// KVHistoryMax is the most values of a key that a bucket keeps.
	KVHistoryMax = 64
	// KVDuplicateWindow is the duplicate window of a key-value bucket, or its TTL
	// if that is shorter.
	KVDuplicateWindow = 2 * time.Minute
)

// NewKV is what `kv bucket create` begins with.
func NewKV(bucket string) jsapi.StreamConfig {
	c := newBucket(kvStream + bucket)
	c.Subjects = []string{kvValues + bucket + ".>"}
	c.MaxMsgsPerSubject, c.DenyDelete, c.DuplicateWindow = 1, true, KVDuplicateWindow
	return c
}

// NewObjects is what `object bucket create` begins with.
func NewObjects(bucket string) jsapi.StreamConfig {
	c := newBucket("OBJ_" + bucket)
	c.Subjects = []string{"$O." + bucket + ".C.>", "$O." + bucket + ".M.>"}
	return c
}

func newBucket(name string) streamConfig {
	c := NewStream(name)
	c.Discard, c.AllowRollup = jsapi.DiscardNew, true
	return c
}

// ObjectFields returns the fields of an object bucket.
func ObjectFields() []Field[jsapi.StreamConfig] {
	return slices.Concat(bucketPurpose(), []streamField{bucketTTL(), bucketSize()}, bucketPlaces())
}

// KVFields returns the fields of a key-value bucket.
func KVFields() []Field[jsapi.StreamConfig] {
	return slices.Concat(bucketPurpose(), []streamField{
		kvHistory(), bucketTTL(), bucketSize(),
		sizeLimit(streamField{
			Name: "max-value-size", Value: "SIZE", Usage: "refuse larger values, such as 64KiB", Always: true,
			Question: "Values with more bytes than this are refused.",
		}, func(c *streamConfig) *int32 { return &c.MaxMsgSize }),
		kvMarkerTTL(), kvMirror(), kvSources(), republishField(),
		toggle(streamField{Name: "republish-headers-only", Usage: "republish without values"}, republishHeadersOnly),
	}, bucketPlaces())
}

func bucketPurpose() []streamField {
	return []streamField{
		text(streamField{Name: "description", Value: "TEXT", Usage: "what the bucket is for", Question: "What the bucket is for.", Usual: none},
			func(c *streamConfig) *string { return &c.Description }),
		word(streamField{
			Name: "storage", Value: "WORD", Usage: "where the bucket is kept", Always: true,
			Question: "Where the bucket is kept.",
		}, func(c *streamConfig) *jsapi.Storage { return &c.Storage },
			Choice{"file", "on disk; it survives a restart"},
			Choice{"memory", "in memory; it is empty after a restart"}),
	}
}

func bucketSize() streamField {
	return sizeLimit(streamField{
		Name: "max-bytes", Value: "SIZE", Usage: "refuse what would make the bucket larger, such as 1GiB", Always: true,
		Question: "What would make the bucket larger than this is refused.",
	}, func(c *streamConfig) *int64 { return &c.MaxBytes })
}

// bucketTTL keeps the duplicate window within the TTL, as servers demand.
func bucketTTL() streamField {
	f := period(streamField{
		Name: "ttl", Value: "TIME", Usage: "keep what was put for so long, such as 30d or 12h", Always: true,
		Question: "What was put is kept for so long, such as 30d or 12h.",
	}, Unlimited, func(c *streamConfig) *nanoseconds { return &c.MaxAge })
	set := f.set
	f.set = func(c *streamConfig, texts []string) error {
		err := set(c, texts)
		if strings.HasPrefix(c.Name, kvStream) {
			c.DuplicateWindow = KVDuplicateWindow
		}
		if c.MaxAge > 0 {
			c.DuplicateWindow = min(c.DuplicateWindow, c.MaxAge)
		}
		return err
	}
	return f
}

func kvHistory() streamField {
	f := count(streamField{
		Name: "history", Value: "COUNT", Usage: "keep so many values of each key, at most 64", Always: true,
		Question: "So many values of each key are kept, at most 64.",
	}, func(c *streamConfig) *int64 { return &c.MaxMsgsPerSubject })
	set := f.set
	f.set = func(c *streamConfig, texts []string) error {
		err := set(c, texts)
		if err == nil && (c.MaxMsgsPerSubject < 1 || c.MaxMsgsPerSubject > KVHistoryMax) {
			err = fmt.Errorf("%d: use a number from 1 to %d", c.MaxMsgsPerSubject, KVHistoryMax)
		}
		return err
	}
	return f
}

// kvMarkerTTL also lets values have a TTL; servers do not let that be undone.
func kvMarkerTTL() streamField {
	f := period(streamField{
		Name: "limit-marker-ttl", Value: "TIME",
		Usage: "leave a marker for so long when a value expires; also allows values with a TTL of their own",
	}, none, func(c *streamConfig) *nanoseconds { return &c.SubjectDeleteMarkerTTL })
	set := f.set
	f.set = func(c *streamConfig, texts []string) error {
		err := set(c, texts)
		c.AllowMsgTTL = c.AllowMsgTTL || c.SubjectDeleteMarkerTTL > 0
		return err
	}
	return f
}

func kvMirror() streamField {
	f := streamField{Name: "mirror", Value: "BUCKET", Usage: "be a copy of this bucket"}
	f.get = func(c *streamConfig) []string {
		if c.Mirror == nil {
			return nil
		}
		return []string{strings.TrimPrefix(c.Mirror.Name, kvStream)}
	}
	f.set = func(c *streamConfig, texts []string) error {
		name, err := one(texts)
		if err != nil {
			return err
		}
		if c.Mirror, c.MirrorDirect = nil, false; name == "" {
			c.Subjects = []string{kvValues + strings.TrimPrefix(c.Name, kvStream) + ".>"}
			return nil // a mirror becomes a bucket of its own
		}
		c.Mirror, c.MirrorDirect, c.Subjects = &jsapi.StreamSource{Name: kvStream + name}, true, nil
		return CheckBucketName(name)
	}
	return f
}

func kvSources() streamField {
	f := streamField{Name: "source", Value: "BUCKET", List: true, Usage: "take what is put into this bucket, too; may be repeated"}
	f.get = func(c *streamConfig) (names []string) {
		for _, s := range c.Sources {
			names = append(names, strings.TrimPrefix(s.Name, kvStream))
		}
		return names
	}
	f.set = func(c *streamConfig, texts []string) error {
		c.Sources = nil
		own := kvValues + strings.TrimPrefix(c.Name, kvStream) + ".>"
		for _, name := range texts {
			if name == "" {
				continue
			}
			if err := CheckBucketName(name); err != nil {
				return err
			}
			c.Sources = append(c.Sources, &jsapi.StreamSource{
				Name:              kvStream + name,
				SubjectTransforms: []jsapi.SubjectTransform{{Source: kvValues + name + ".>", Destination: own}},
			})
		}
		return nil
	}
	return f
}

func bucketPlaces() []streamField {
	compress := streamField{Name: "compress", Usage: "compress files"}
	compress.get = func(c *streamConfig) []string {
		if c.Compression == jsapi.NoCompression {
			return nil
		}
		return []string{"yes"}
	}
	compress.set = func(c *streamConfig, texts []string) error {
		word, err := one(texts)
		if err != nil {
			return err
		}
		on, err := parseSwitch(word)
		if c.Compression = jsapi.NoCompression; on {
			c.Compression = jsapi.S2Compression
		}
		return err
	}
	return append([]streamField{compress}, streamPlaces()...)
}

// CheckBucketName reports why a text cannot be a bucket's name.
func CheckBucketName(name string) error {
	valid := func(r rune) bool {
		return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !valid(r) }) {
		return fmt.Errorf("bucket %q: a name has letters, digits, '-' and '_' only", name)
	}
	return nil
}

// LoadFields reads a file, JSON or YAML, whose keys are the names of fields,
// with '-' or '_', into c. Fields that skip names keep what c says: flags are
// stronger than files.
func LoadFields[C any](data []byte, c *C, fields []Field[C], skip func(name string) bool) error {
	var tree map[string]any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return fmt.Errorf("neither JSON nor YAML: %s", strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	if inner, ok := tree["config"].(map[string]any); ok {
		tree = inner
	}
	var names []string
	for i := range fields {
		f := &fields[i]
		names = append(names, f.Name)
		for _, key := range []string{f.Name, strings.ReplaceAll(f.Name, "-", "_")} {
			value, ok := tree[key]
			delete(tree, key)
			if !ok || skip(f.Name) {
				continue
			}
			texts, err := textsOf(value)
			if err == nil {
				err = f.set(c, texts)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	for _, unknown := range slices.Sorted(maps.Keys(tree)) {
		return fmt.Errorf("%s: there is no such field; the fields are %s", unknown, strings.Join(names, ", "))
	}
	return nil
}

// textsOf returns the texts that a value of a file stands for.
func textsOf(value any) ([]string, error) {
	switch v := value.(type) {
	case nil:
		return []string{""}, nil
	case []any:
		var texts []string
		for _, entry := range v {
			one, err := textsOf(entry)
			if err != nil {
				return nil, err
			}
			texts = append(texts, one...)
		}
		return texts, nil
	case map[string]any:
		var texts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			texts = append(texts, fmt.Sprintf("%s=%v", key, v[key]))
		}
		return texts, nil
	case string, bool, int, int64, uint64:
		return []string{fmt.Sprint(v)}, nil
	case float64:
		return nil, errors.New("a fraction is no setting; write a whole number with a unit")
	}
	return nil, fmt.Errorf("%v is no text, number or list", value)
}
