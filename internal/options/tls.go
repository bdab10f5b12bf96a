package options

import (
	"crypto/tls"
	"encoding/hex"
	"math"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/conf"
)

// defaultTLSTimeout is how long a TLS handshake may take unless set.
const defaultTLSTimeout = 2 * time.Second

// autoFirstFallback is the wait of handshake_first: auto.
const autoFirstFallback = 50 * time.Millisecond

// TLS is how the client listener speaks TLS. Certificates, pins, Timeout and
// HandshakeFirst are live.
type TLS struct {
	// Certificates are the pairs of PEM files; at least one. With more, the
	// name the client asks for chooses.
	Certificates []CertificateFiles
	// CAFile is the PEM file of authorities that client certificates are
	// checked against; "" means those of the system.
	CAFile string
	// Verify demands a client certificate that an authority has signed.
	Verify bool
	// PinnedCerts are the SHA-256 sums (64 hexadecimal digits in lower case) of
	// the public keys client certificates may have; empty admits all.
	PinnedCerts []string
	// MinVersion is tls.VersionTLS12 or tls.VersionTLS13; 0 means the first.
	MinVersion uint16
	// CipherSuites are the suites of TLS 1.2, preferred first; empty means
	// Go's choice.
	CipherSuites []uint16
	// AllowInsecureCiphers permits suites with known weaknesses.
	AllowInsecureCiphers bool
	// CurvePreferences are the key exchanges, preferred first; empty means
	// Go's choice.
	CurvePreferences []tls.CurveID
	// Timeout is how long a handshake may take. Default 2s.
	Timeout time.Duration
	// ConnectionRateLimit is the number of handshakes per second; 0 sets no
	// limit, the default.
	ConnectionRateLimit int
	// HandshakeFirst expects the handshake before INFO is sent.
	HandshakeFirst bool
	// FirstFallback is, with HandshakeFirst, how long the server waits for the
	// handshake before it sends INFO in the clear; 0 waits until Timeout.
	FirstFallback time.Duration
	// AllowNonTLS admits clients without TLS on the same port.
	AllowNonTLS bool
}

// CertificateFiles are the paths of one certificate and its key, in PEM.
type CertificateFiles struct {
	CertFile, KeyFile string
}

func (l *loader) readTLS(s *conf.Section) {
	allow := false
	allowSet := s.Bool(&allow, "allow_non_tls")
	block := s.Entry("tls")
	if block == nil {
		if allowSet && allow {
			s.Warnf(s.Entry("allow_non_tls"), "has no effect without a \"tls\" block; remove it, or add the block")
		}
		return
	}
	l.places["tls"] = block.Pos
	t := s.Sub(block)
	if t == nil {
		return
	}
	l.options.TLS = &TLS{Timeout: defaultTLSTimeout, AllowNonTLS: allow}
	l.readTLSCertificates(t)
	l.readTLSProtocol(t)
	l.readHandshakeFirst(t)
	if e := t.Entry("timeout"); e != nil {
		readSeconds(t, &l.options.TLS.Timeout, e)
	}
	var n int64
	if t.Int(&n, math.MinInt32, math.MaxInt32, "connection_rate_limit") {
		l.options.TLS.ConnectionRateLimit = int(max(n, 0))
	}
	var insecure bool
	if t.Bool(&insecure, "insecure") && insecure {
		t.Warnf(t.Entry("insecure"), "has no effect on a listener; remove it")
	}
	refuseAll(t, unsupportedTLS)
	t.Done()
}

func (l *loader) readTLSCertificates(t *conf.Section) {
	o := l.options.TLS
	var pair CertificateFiles
	single := t.Text(&pair.CertFile, "cert_file")
	single = t.Text(&pair.KeyFile, "key_file") || single
	if single {
		o.Certificates = append(o.Certificates, pair)
	}
	l.readCertificateList(t, single)
	t.Text(&o.CAFile, "ca_file")
	t.Bool(&o.Verify, "verify")
	e := t.Entry("pinned_certs")
	if e == nil {
		return
	}
	pins, err := e.Value.List()
	if err != nil {
		t.Fail(e, err)
		return
	}
	for _, pin := range pins {
		text, err := pin.Text()
		if err != nil {
			t.Fail(e, err)
			continue
		}
		o.PinnedCerts = append(o.PinnedCerts, strings.ToLower(text))
	}
}

func (l *loader) readCertificateList(t *conf.Section, single bool) {
	e := t.Entry("certs", "certificates")
	if e == nil {
		return
	}
	list, err := e.Value.List()
	if err != nil {
		t.Fail(e, err)
		return
	}
	if single && len(list) > 0 {
		t.Failf(e, "cannot stand beside cert_file and key_file; move that pair into the list")
		return
	}
	for _, element := range list {
		m, err := element.Map()
		if err != nil {
			t.Fail(e, err)
			continue
		}
		s := conf.NewSection(m, "tls."+e.Key, &l.report)
		var pair CertificateFiles
		s.Text(&pair.CertFile, "cert_file")
		s.Text(&pair.KeyFile, "key_file")
		s.Done()
		l.options.TLS.Certificates = append(l.options.TLS.Certificates, pair)
	}
}

func (l *loader) readTLSProtocol(t *conf.Section) {
	o := l.options.TLS
	if e := t.Entry("min_version"); e != nil {
		version, err := e.Value.Text()
		switch {
		case err != nil:
			t.Failf(e, "needs \"1.2\" or \"1.3\", in quotes")
		case version == "1.2":
			o.MinVersion = tls.VersionTLS12
		case version == "1.3":
			o.MinVersion = tls.VersionTLS13
		default:
			t.Failf(e, "%q is not supported; write \"1.2\" or \"1.3\"", version)
		}
	}
	t.Bool(&o.AllowInsecureCiphers, "allow_insecure_cipher_suites")
	o.CipherSuites = namesToIDs(t, "cipher_suites", cipherSuites)
	o.CurvePreferences = namesToIDs(t, "curve_preferences", curves)
	if o.AllowInsecureCiphers && len(o.CipherSuites) > 0 {
		l.unsafe(t.Entry("allow_insecure_cipher_suites").Value.Pos, "allow_insecure_cipher_suites admits ciphers with known weaknesses; remove it and the suites that need it")
	}
}

// namesToIDs reads a list of names that are not empty.
func namesToIDs[T any](t *conf.Section, key string, known func() ([]string, map[string]T)) []T {
	e := t.Entry(key)
	if e == nil {
		return nil
	}
	list, err := e.Value.List()
	if err != nil {
		t.Fail(e, err)
		return nil
	}
	if len(list) == 0 {
		t.Failf(e, "is empty; name at least one, or remove it for Go's choice")
		return nil
	}
	names, ids := known()
	var out []T
	for _, element := range list {
		name, err := element.Text()
		if err != nil {
			t.Fail(e, err)
			continue
		}
		id, ok := ids[name]
		if !ok {
			hint := "known are " + strings.Join(names, ", ")
			if near := conf.Nearest(name, names); near != "" {
				hint = "did you mean \"" + near + "\"?"
			}
			t.Report().Errorf(element.Pos, "%q names %q, which is unknown; %s", e.Key, name, hint)
			continue
		}
		out = append(out, id)
	}
	return out
}

func cipherSuites() (names []string, ids map[string]uint16) {
	ids = map[string]uint16{}
	for _, suites := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, suite := range suites {
			names = append(names, suite.Name)
			ids[suite.Name] = suite.ID
		}
	}
	return names, ids
}

func curves() (names []string, ids map[string]tls.CurveID) {
	known := []tls.CurveID{
		tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
		tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024,
	}
	ids = map[string]tls.CurveID{}
	for _, id := range known {
		names = append(names, id.String())
		ids[id.String()] = id
	}
	return names, ids
}

func (l *loader) readHandshakeFirst(t *conf.Section) {
	o := l.options.TLS
	e := t.Entry("handshake_first", "first", "immediate")
	if e == nil {
		return
	}
	if first, err := e.Value.Bool(); err == nil {
		o.HandshakeFirst = first
		return
	}
	text, err := e.Value.Text()
	if err != nil {
		t.Failf(e, "is %s but must be true, false, \"auto\" or a duration such as \"300ms\"", e.Value.Kind)
		return
	}
	switch strings.ToLower(text) {
	case "true", "on":
		o.HandshakeFirst = true
	case "false", "off":
	case "auto", "auto_fallback":
		o.HandshakeFirst, o.FirstFallback = true, autoFirstFallback
	default:
		wait, err := time.ParseDuration(text)
		if err != nil || wait <= 0 {
			t.Failf(e, "%q is unknown; write true, false, \"auto\" or a duration such as \"300ms\"", text)
			return
		}
		o.HandshakeFirst, o.FirstFallback = true, wait
	}
}

// checkTLS checks the block and loads its certificates.
func (l *loader) checkTLS() {
	o := l.options.TLS
	if o == nil {
		return
	}
	for _, pin := range o.PinnedCerts {
		if sum, err := hex.DecodeString(pin); err != nil || len(sum) != 32 {
			l.report.Errorf(l.at("tls"), "tls: pinned_certs has %q, which is not a SHA-256 sum of a public key; write 64 hexadecimal digits", pin)
		}
	}
	if len(o.PinnedCerts) > 0 && !o.Verify {
		l.report.Errorf(l.at("tls"), "tls: pinned_certs needs verify: true, as otherwise no client shows a certificate")
	}
	if _, err := o.Config(); err != nil {
		l.report.Errorf(l.at("tls"), "tls: %v", err)
	}
}
