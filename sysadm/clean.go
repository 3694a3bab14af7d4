package sysadm

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
)

// The clean actions destroy everything of a kind. Nothing is destroyed while a
// jail of the kind runs.

func (s *Server) cleanjails(ctx context.Context, c *call) (any, error) {
	return cleaned("All jails have been cleaned.", s.clean(ctx, c, func(j *jail.Jail) bool { return !isTemplate(j) }))
}

func (s *Server) cleantemplates(ctx context.Context, c *call) (any, error) {
	return cleaned("All templates have been cleaned.", s.clean(ctx, c, isTemplate))
}

func (s *Server) cleanreleases(ctx context.Context, c *call) (any, error) {
	return cleaned("All RELEASEs have been cleaned.", s.cleanReleases(ctx, c))
}

func (s *Server) cleanall(ctx context.Context, c *call) (any, error) {
	err := s.clean(ctx, c, func(*jail.Jail) bool { return true })
	if err == nil {
		err = s.cleanReleases(ctx, c)
	}
	return cleaned("All iocage datasets have been cleaned.", err)
}

func cleaned(text string, err error) (any, error) { return object{"success": text}, err }

// clean destroys the jails that which selects. A jail with clones is destroyed
// after them.
func (s *Server) clean(ctx context.Context, c *call, which func(*jail.Jail) bool) error {
	c.target = "all"
	var left []*jail.Jail
	for j, err := range s.jails(ctx) {
		switch {
		case j == nil:
			return err
		case !which(j):
			continue
		case j.Status().Running:
			return toolError("cannot clean: " + label(j) + " is running!")
		}
		left = append(left, j)
	}
	for len(left) > 0 {
		var again []*jail.Jail
		var first error
		for _, j := range left {
			_, err := j.Destroy(ctx, jail.DestroyOptions{Busy: jail.BusyWait})
			if err != nil && !errors.Is(err, jail.ErrNotFound) {
				again = append(again, j)
				first = errors.Join(first, err)
			}
		}
		if len(again) == len(left) {
			return first
		}
		left = again
	}
	return nil
}

// cleanReleases destroys the releases that no jail needs. A release that is
// needed stays and is an error.
func (s *Server) cleanReleases(ctx context.Context, c *call) error {
	c.target = "all"
	all, err := release.Clean(ctx, s.host, release.CleanOptions{Dependants: jail.Dependants(s.host)})
	for _, r := range all {
		if errors.Is(r.Err, release.ErrInUse) {
			err = errors.Join(err, r.Err)
		}
	}
	return err
}
