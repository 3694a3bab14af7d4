package sysadm

import (
	"errors"
	"strings"

	"github.com/libioc/go-libioc/host"
)

// activatepool makes a pool the one in use; without one it tells which is.
func activatepool(c *call) (any, error) {
	c.target = c.arg("pool")
	if c.target == "" {
		pool, err := c.pool()
		if err != nil {
			return nil, err
		}
		return object{"currently active": textObject([]string{"pool: " + pool})}, nil
	}
	current, err := c.pool()
	switch {
	case err != nil:
		return nil, err
	case current == c.target:
		return nil, toolError(current + " already active!")
	case current != "":
		for j, err := range c.jails() {
			if j == nil {
				return nil, err
			}
			if j.Status().Running {
				return nil, toolError("make sure all jails are stopped before changing pools!")
			}
		}
	}
	return c.poolChanged("activated", c.host.Activate(c, c.target, host.ActivateOptions{}))
}

// deactivatepool gives a pool up. Nothing on it is removed.
func deactivatepool(c *call) (any, error) {
	c.target = c.arg("pool")
	return c.poolChanged("deactivated", c.host.Deactivate(c, c.target))
}

func (c *call) poolChanged(done string, err error) (any, error) {
	if errors.Is(err, host.ErrPoolNotFound) {
		err = toolError(c.target + " is not a valid pool!")
	}
	return object{"success": "pool " + c.target + " " + done + "."}, err
}

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
