package core

import "sync"

// Chunk is a pooled piece of staged bytes. Bytes holds the used part.
type Chunk struct {
	Bytes []byte
	Sent  int // bytes at the start that are already gone; for the receiver's use
	class int8
}

// The sizes of chunks in bytes. A stage begins with the small one unless it
// filled more the last time.
const (
	ChunkSmall = 4 << 10
	ChunkLarge = 64 << 10
)

var chunkPools = [2]sync.Pool{
	{New: func() any { return &Chunk{Bytes: make([]byte, 0, ChunkSmall), class: 0} }},
	{New: func() any { return &Chunk{Bytes: make([]byte, 0, ChunkLarge), class: 1} }},
}

// NewChunk returns an empty chunk with room for at least n bytes. Chunks above
// ChunkLarge are not pooled.
func NewChunk(n int) *Chunk {
	switch {
	case n <= ChunkSmall:
		return chunkPools[0].Get().(*Chunk)
	case n <= ChunkLarge:
		return chunkPools[1].Get().(*Chunk)
	}
	return &Chunk{Bytes: make([]byte, 0, n), class: -1}
}

// Release gives the chunk back. The caller must not use it afterwards.
func (c *Chunk) Release() {
	if c.class < 0 {
		return
	}
	c.Bytes, c.Sent = c.Bytes[:0], 0
	chunkPools[c.class].Put(c)
}

// Rest is the bytes not sent yet.
func (c *Chunk) Rest() []byte { return c.Bytes[c.Sent:] }

// Room is the number of bytes that can still be appended.
func (c *Chunk) Room() int { return cap(c.Bytes) - len(c.Bytes) }
