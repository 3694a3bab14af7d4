package jail

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/libioc/go-libioc/config"
)

// digest returns a short fingerprint of a file's content.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// configPrint returns a short fingerprint of a configuration. One in ZFS properties
// has no text of its own; its keys and values are taken.
func configPrint(c *config.Config) (string, error) {
	if c.Format() != config.ZFS {
		data, err := c.Encode()
		return digest(data), err
	}
	var data []byte
	for _, key := range c.Keys() {
		text, _ := c.Raw(key)
		data = strconv.AppendQuote(strconv.AppendQuote(data, key), text)
	}
	return digest(data), nil
}
