package options

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tidings-io/tidings/internal/auth"
)

// keyFileMax is how long a file with a key may be, in bytes.
const keyFileMax = 64 << 10

// ReadKeyFile returns the key that a file holds, without blanks around it.
func ReadKeyFile(path string) (auth.Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, keyFileMax+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	switch {
	case len(text) > keyFileMax:
		return "", fmt.Errorf("%s is longer than %d bytes and so hardly a key; give a file with the key alone", path, keyFileMax)
	case key == "":
		return "", fmt.Errorf("%s is empty; give a file with the key in it", path)
	}
	return auth.Secret(key), nil
}
