package options_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// certDir holds cert.pem, key.pem, other.pem (a certificate of another key).
var certDir string

// TestMain makes certificates; configurations find them as $TEST_CERT,
// $TEST_KEY and $TEST_OTHER.
func TestMain(m *testing.M) {
	code, err := withCertificates(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withCertificates(run func() int) (code int, err error) {
	certDir, err = os.MkdirTemp("", "options-test")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(certDir)
	for _, file := range []string{"cert.pem", "other.pem"} {
		if err := writePair(file); err != nil {
			return 1, err
		}
	}
	for name, file := range map[string]string{"TEST_CERT": "cert.pem", "TEST_KEY": "cert.pem.key", "TEST_OTHER": "other.pem", "TEST_OTHER_KEY": "other.pem.key"} {
		if err := os.Setenv(name, filepath.Join(certDir, file)); err != nil {
			return 1, err
		}
	}
	return run(), nil
}

// writePair writes a certificate that signs itself to file, its key to
// file.key.
func writePair(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	path := filepath.Join(certDir, file)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(path+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
}
