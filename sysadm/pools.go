package sysadm

import (
	"errors"
	"strings"

	"github.com/libioc/go-libioc/host"
)

// activatestatus tells which pool is in use.
func activatestatus(c *call) (any, error) {
	pool, err := c.pool()
	if err != nil {
		return nil, err
	}
	if pool == "" {
		return object{"activated": "false"}, nil
	}
	return object{"activated": "true", "pool": pool}, nil
}

// pool is the pool of the main source, or empty.
func (c *call) pool() (string, error) {
	s, err := c.host.Source(c, "")
	if errors.Is(err, host.ErrNotActivated) {
		return "", nil
	}
	pool, _, _ := strings.Cut(s.Dataset, "/")
	return pool, err
}
