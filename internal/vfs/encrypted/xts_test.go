package encrypted_test

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"testing"

	"golang.org/x/crypto/xts"

	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

// TestBlocksAreThoseOfXTS compares with another implementation, from every block
// of a sector on.
func TestBlocksAreThoseOfXTS(t *testing.T) {
	t.Parallel()
	secret := noise(1, 64)
	ours, err := encrypted.NewXTS(secret)
	must(t, err)
	theirs, err := xts.NewCipher(aes.NewCipher, secret)
	must(t, err)
	const sectors = 3
	plain := noise(2, sectors*4096)
	want := make([]byte, len(plain))
	const first = 1 << 33 // sectors, more than 32 bits of them
	for i := range sectors {
		theirs.Encrypt(want[i*4096:][:4096], plain[i*4096:][:4096], first+uint64(i))
	}
	for from := 0; from < len(plain); from += 16 {
		got := bytes.Clone(plain[from:])
		ours.Encrypt(got, first*4096+int64(from))
		if !bytes.Equal(got, want[from:]) {
			t.Fatalf("from byte %d on the blocks are not those of XTS", from)
		}
		ours.Decrypt(got, first*4096+int64(from))
		if !bytes.Equal(got, plain[from:]) {
			t.Fatalf("from byte %d on the blocks are not decrypted", from)
		}
	}
}

// TestVectorOfTheStandard is vector 10 of IEEE 1619-2007, annex B.
func TestVectorOfTheStandard(t *testing.T) {
	t.Parallel()
	secret, err := hex.DecodeString("2718281828459045235360287471352662497757247093699959574966967627" +
		"3141592653589793238462643383279502884197169399375105820974944592")
	must(t, err)
	p := make([]byte, 512)
	for i := range p {
		p[i] = byte(i)
	}
	x, err := encrypted.NewXTS(secret)
	must(t, err)
	x.Encrypt(p, 0xff*4096)
	if got, want := hex.EncodeToString(p[:32]), "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func BenchmarkEncrypt(b *testing.B) {
	x, err := encrypted.NewXTS(noise(1, 64))
	must(b, err)
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		x.Encrypt(p, 0)
	}
}

func BenchmarkDecrypt(b *testing.B) {
	x, err := encrypted.NewXTS(noise(1, 64))
	must(b, err)
	p := noise(2, 64<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		x.Decrypt(p, 0)
	}
}

// BenchmarkEncryptXCrypto is the implementation that is not used.
func BenchmarkEncryptXCrypto(b *testing.B) {
	x, err := xts.NewCipher(aes.NewCipher, noise(1, 64))
	must(b, err)
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		for i := 0; i < len(p); i += 4096 {
			x.Encrypt(p[i:][:4096], p[i:][:4096], uint64(i/4096))
		}
	}
}
