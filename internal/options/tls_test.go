package options_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/options"
)

func pair(file string) options.CertificateFiles {
	path := filepath.Join(certDir, file)
	return options.CertificateFiles{CertFile: path, KeyFile: path + ".key"}
}

// handshake runs a TLS handshake over a pipe, with the client's certificate
// from file unless it is "", and returns the error of the server.
func handshake(t *testing.T, server *options.TLS, file string) error {
	t.Helper()
	config, err := server.Config()
	if err != nil {
		t.Fatal(err)
	}
	clientConfig := &tls.Config{InsecureSkipVerify: true}
	if file != "" {
		clientConfig.Certificates = []tls.Certificate{load(t, file)}
	}
	a, b := net.Pipe()
	done := make(chan error, 1)
	go func() {
		client := tls.Client(b, clientConfig)
		err := client.Handshake()
		if err == nil { // the server's verdict on the certificate comes with the first read
			_, err = client.Read(make([]byte, 1))
		}
		b.Close()
		done <- err
	}()
	serverConn := tls.Server(a, config)
	err = serverConn.Handshake()
	a.Close()
	<-done
	return err
}

func load(t *testing.T, file string) tls.Certificate {
	t.Helper()
	p := pair(file)
	cert, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestTLSVerifyAdmitsSignedClientCertificatesOnly(t *testing.T) {
	t.Parallel()
	server := &options.TLS{
		Certificates: []options.CertificateFiles{pair("cert.pem")},
		CAFile:       pair("cert.pem").CertFile,
		Verify:       true,
	}
	if err := handshake(t, server, "cert.pem"); err != nil {
		t.Errorf("signed certificate: %v", err)
	}
	if err := handshake(t, server, "other.pem"); err == nil {
		t.Error("a certificate of another authority was admitted")
	}
	if err := handshake(t, server, ""); err == nil {
		t.Error("a client without certificate was admitted")
	}
}

func TestTLSPinsAdmitPinnedKeysOnly(t *testing.T) {
	t.Parallel()
	pin := func(file string) string {
		cert, err := x509.ParseCertificate(load(t, file).Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		return hex.EncodeToString(sum[:])
	}
	server := &options.TLS{
		Certificates: []options.CertificateFiles{pair("cert.pem")},
		CAFile:       pair("cert.pem").CertFile,
		Verify:       true,
		PinnedCerts:  []string{pin("cert.pem")},
	}
	if err := handshake(t, server, "cert.pem"); err != nil {
		t.Errorf("pinned key: %v", err)
	}
	server.PinnedCerts = []string{pin("other.pem")}
	if err := handshake(t, server, "cert.pem"); err == nil || !strings.Contains(err.Error(), "pinned_certs") {
		t.Errorf("other key: got %v, want an error that names pinned_certs", err)
	}
}

func TestTLSErrorsNameTheFile(t *testing.T) {
	t.Parallel()
	f := func(server options.TLS, want ...string) {
		t.Helper()
		_, err := server.Config()
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, want an error with %q", err, part)
			}
		}
	}
	f(options.TLS{}, "no certificate")
	f(options.TLS{Certificates: []options.CertificateFiles{{CertFile: "nope.pem", KeyFile: "x"}}}, `cert_file "nope.pem": no such file`)
	f(options.TLS{Certificates: []options.CertificateFiles{{CertFile: "nope.pem"}}}, "no key_file")
	f(options.TLS{Certificates: []options.CertificateFiles{{CertFile: pair("cert.pem").CertFile, KeyFile: pair("other.pem").KeyFile}}}, "other.pem.key", "does not match")
	f(options.TLS{Certificates: []options.CertificateFiles{pair("cert.pem")}, CAFile: pair("cert.pem").KeyFile}, "no certificate in PEM form")
	f(options.TLS{Certificates: []options.CertificateFiles{pair("cert.pem")}, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}}, "TLS_RSA_WITH_RC4_128_SHA", "allow_insecure_cipher_suites")
}
