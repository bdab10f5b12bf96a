package options

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// errNotPinned is the end of a handshake with a client whose key is not pinned.
var errNotPinned = errors.New("the public key of the client's certificate is not among pinned_certs")

// Config reads the files and returns the configuration of a TLS server. Each
// call reads them anew.
func (t *TLS) Config() (*tls.Config, error) {
	if len(t.Certificates) == 0 {
		return nil, errors.New("no certificate; set cert_file and key_file")
	}
	config := &tls.Config{
		MinVersion:       max(t.MinVersion, tls.VersionTLS12),
		CipherSuites:     slices.Clone(t.CipherSuites),
		CurvePreferences: slices.Clone(t.CurvePreferences),
	}
	if err := t.checkCiphers(); err != nil {
		return nil, err
	}
	for _, files := range t.Certificates {
		pair, err := files.load()
		if err != nil {
			return nil, err
		}
		config.Certificates = append(config.Certificates, pair)
	}
	if t.Verify {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if t.CAFile != "" {
		pool, err := loadAuthorities(t.CAFile)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = pool
	}
	if len(t.PinnedCerts) > 0 {
		config.VerifyConnection = pinned(t.PinnedCerts)
	}
	return config, nil
}

// checkCiphers refuses weak suites unless they are allowed.
func (t *TLS) checkCiphers() error {
	if t.AllowInsecureCiphers {
		return nil
	}
	var weak []string
	for _, suite := range tls.InsecureCipherSuites() {
		if slices.Contains(t.CipherSuites, suite.ID) {
			weak = append(weak, suite.Name)
		}
	}
	if len(weak) == 0 {
		return nil
	}
	return fmt.Errorf("cipher_suites has suites with known weaknesses (%s); remove them, or set allow_insecure_cipher_suites: true", strings.Join(weak, ", "))
}

func (c CertificateFiles) load() (tls.Certificate, error) {
	switch {
	case c.CertFile == "":
		return tls.Certificate{}, fmt.Errorf("key_file %q has no cert_file beside it; set both", c.KeyFile)
	case c.KeyFile == "":
		return tls.Certificate{}, fmt.Errorf("cert_file %q has no key_file beside it; set both", c.CertFile)
	}
	cert, err := os.ReadFile(c.CertFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cert_file %q: %w", c.CertFile, cause(err))
	}
	key, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("key_file %q: %w", c.KeyFile, cause(err))
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cert_file %q with key_file %q: %w", c.CertFile, c.KeyFile, err)
	}
	return pair, nil
}

func loadAuthorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("ca_file %q: %w", path, cause(err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca_file %q has no certificate in PEM form", path)
	}
	return pool, nil
}

// cause drops the path from a file error, which the caller names.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// pinned admits connections whose client shows one of the keys.
func pinned(pins []string) func(tls.ConnectionState) error {
	pins = slices.Clone(pins)
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errNotPinned
		}
		sum := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
		if !slices.Contains(pins, hex.EncodeToString(sum[:])) {
			return errNotPinned
		}
		return nil
	}
}
