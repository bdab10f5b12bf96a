package wire

import (
	"encoding/json"
	"fmt"
)

// ConnectOptions are the fields of a client's CONNECT. Secrets among them are
// never logged by this package.
type ConnectOptions struct {
	Echo         bool   `json:"echo"`
	Verbose      bool   `json:"verbose"`
	Pedantic     bool   `json:"pedantic"`
	TLSRequired  bool   `json:"tls_required"`
	Headers      bool   `json:"headers"`
	NoResponders bool   `json:"no_responders"`
	NKey         string `json:"nkey,omitempty"`
	JWT          string `json:"jwt,omitempty"`
	Signature    string `json:"sig,omitempty"`
	Token        string `json:"auth_token,omitempty"`
	User         string `json:"user,omitempty"`
	Password     string `json:"pass,omitempty"`
	Name         string `json:"name"`
	Lang         string `json:"lang"`
	Version      string `json:"version"`
	Protocol     int    `json:"protocol"`
	// Account and NewAccount ask for an account by name, which no server grants
	// any more.
	Account    string `json:"account,omitempty"`
	NewAccount any    `json:"new_account,omitempty"`
}

// DefaultConnect is what holds for a connection that has sent no CONNECT.
func DefaultConnect() ConnectOptions {
	return ConnectOptions{Echo: true, Verbose: true, Pedantic: true}
}

// ParseConnect reads the JSON of a CONNECT over the options in force. Unknown
// fields are ignored, as clients send some of their own.
func ParseConnect(arg []byte, into *ConnectOptions) error {
	if err := json.Unmarshal(arg, into); err != nil {
		return fmt.Errorf("CONNECT options: %w", err)
	}
	return nil
}
