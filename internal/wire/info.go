package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// ServerInfo is the JSON of an INFO line. Optional fields are left out when they
// are empty.
type ServerInfo struct {
	ServerID      string   `json:"server_id"`
	ServerName    string   `json:"server_name"`
	Version       string   `json:"version"`
	Proto         int      `json:"proto"`
	GitCommit     string   `json:"git_commit,omitempty"`
	GoVersion     string   `json:"go"`
	Host          string   `json:"host"`
	Port          int      `json:"port"`
	Headers       bool     `json:"headers"`
	AuthRequired  bool     `json:"auth_required,omitempty"`
	TLSRequired   bool     `json:"tls_required,omitempty"`
	TLSVerify     bool     `json:"tls_verify,omitempty"`
	TLSAvailable  bool     `json:"tls_available,omitempty"`
	MaxPayload    int      `json:"max_payload"`
	JetStream     bool     `json:"jetstream,omitempty"`
	ClientID      uint64   `json:"client_id,omitempty"`
	ClientIP      string   `json:"client_ip,omitempty"`
	Nonce         string   `json:"nonce,omitempty"`
	Cluster       string   `json:"cluster,omitempty"`
	Domain        string   `json:"domain,omitempty"`
	ConnectURLs   []string `json:"connect_urls,omitempty"`
	LameDuckMode  bool     `json:"ldm,omitempty"`
	ConnectInfo   bool     `json:"connect_info,omitempty"`
	RemoteAccount string   `json:"remote_account,omitempty"`
	AccountSystem bool     `json:"acc_is_sys,omitempty"`
	APILevel      int      `json:"api_lvl,omitempty"`
	XKey          string   `json:"xkey,omitempty"`
	// Tidings is our own version; other servers do not send it.
	Tidings string `json:"tidings,omitempty"`
}

// AppendInfo appends the INFO line.
func AppendInfo(dst []byte, info *ServerInfo) []byte {
	text, err := json.Marshal(info)
	if err != nil {
		panic("wire: INFO of plain fields does not marshal: " + err.Error())
	}
	dst = append(dst, "INFO "...)
	dst = append(dst, text...)
	return append(dst, '\r', '\n')
}

// InfoTemplate is an INFO line that differs from client to client only in the
// client's id and address. It is immutable.
type InfoTemplate struct{ before, after []byte }

// NewInfoTemplate returns the template of info, whose ClientID and ClientIP do not
// matter.
func NewInfoTemplate(info ServerInfo) *InfoTemplate {
	info.ClientID, info.ClientIP = 1, "-"
	line := AppendInfo(nil, &info)
	// No other field has this name, and a text with it would have its quotes
	// escaped.
	before, after, ok := bytes.Cut(line, []byte(`"client_id":1,"client_ip":"-"`))
	if !ok {
		panic("wire: INFO without client id and address")
	}
	return &InfoTemplate{before, after}
}

// Append appends the line for one client. ip needs no escaping; it is left out if
// it is empty.
func (t *InfoTemplate) Append(dst []byte, id uint64, ip string) []byte {
	const most = len(`"client_id":,"client_ip":""`) + 20 // digits of the id
	dst = slices.Grow(dst, len(t.before)+len(t.after)+len(ip)+most)
	dst = append(append(dst, t.before...), `"client_id":`...)
	dst = strconv.AppendUint(dst, id, 10)
	if ip != "" {
		dst = append(append(append(dst, `,"client_ip":"`...), ip...), '"')
	}
	return append(dst, t.after...)
}
