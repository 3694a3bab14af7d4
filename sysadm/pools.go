package sysadm

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/host"
)

// activatepool changes the pool in use; without a pool it reports the current one.
func (s *Server) activatepool(ctx context.Context, c *call) (any, error) {
	c.target = c.arg("pool")
	if c.target == "" {
		pool, err := s.pool(ctx)
		if err != nil {
			return nil, err
		}
		return object{"currently active": textObject([]string{"pool: " + pool})}, nil
	}
	current, err := s.pool(ctx)
	switch {
	case err != nil:
		return nil, err
	case current == c.target:
		return nil, toolError(current + " already active!")
	case current != "":
		for j, err := range s.jails(ctx) {
			if j == nil {
				return nil, err
			}
			if j.Status().Running {
				return nil, toolError("make sure all jails are stopped before changing pools!")
			}
		}
	}
	return c.poolChanged("activated", s.host.Activate(ctx, c.target, host.ActivateOptions{}))
}

// deactivatepool stops using a pool. Nothing on it is removed.
func (s *Server) deactivatepool(ctx context.Context, c *call) (any, error) {
	c.target = c.arg("pool")
	pools, err := s.host.Pools(ctx)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(pools, func(p host.PoolStatus) bool { return p.Name == c.target && !p.Active }) {
		return nil, toolError(c.target + " is not active!")
	}
	return c.poolChanged("deactivated", s.host.Deactivate(ctx, c.target))
}

func (c *call) poolChanged(done string, err error) (any, error) {
	if errors.Is(err, host.ErrPoolNotFound) {
		err = toolError(c.target + " is not a valid pool!")
	}
	return object{"success": "pool " + c.target + " " + done + "."}, err
}

// activatestatus reports which pool is in use.
func (s *Server) activatestatus(ctx context.Context, c *call) (any, error) {
	pool, err := s.pool(ctx)
	if err != nil {
		return nil, err
	}
	if pool == "" {
		return object{"activated": "false"}, nil
	}
	return object{"activated": "true", "pool": pool}, nil
}

// pool returns the pool of the main source, or "".
func (s *Server) pool(ctx context.Context) (string, error) {
	source, err := s.host.Source(ctx, "")
	if errors.Is(err, host.ErrNotActivated) {
		return "", nil
	}
	pool, _, _ := strings.Cut(source.Dataset, "/")
	return pool, err
}
