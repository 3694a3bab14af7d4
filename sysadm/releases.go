package sysadm

import (
	"context"
	"errors"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
)

// listreleases lists the fetched releases and those of the mirror. The documents
// show an empty name if nothing was fetched. A list that cannot be read is left out;
// if neither can, that is a bad request, as in the original.
func (s *Server) listreleases(ctx context.Context, c *call) (any, error) {
	out := object{}
	if all, err := release.List(ctx, s.host); err == nil {
		names := []string{}
		for _, r := range all {
			names = append(names, r.FullName())
		}
		if len(names) == 0 {
			names = []string{""}
		}
		out["local"] = names
	}
	o := release.RemoteOptions{Mirror: s.opts.Fetch.Mirror, HTTP: s.opts.Fetch.HTTP}
	if all, err := release.Available(ctx, s.host, o); err == nil {
		names := []string{}
		for _, r := range all {
			name := r.Name.String()
			if r.Unsupported {
				name += " (EOL)"
			}
			names = append(names, name)
		}
		out["remote"] = names
	}
	if len(out) == 0 {
		return nil, errBadRequest
	}
	return out, nil
}

// fetchreleases starts a job for each release that has none. If it starts none,
// that is a bad request, as in the original.
func (s *Server) fetchreleases(ctx context.Context, c *call) (any, error) {
	names, ok := texts(c.args["releases"])
	if !ok || len(names) > maxReleases {
		return nil, errBadRequest
	}
	c.target = strings.Join(names, " ")
	var all []*release.Release
	for _, name := range names {
		name, _, _ = strings.Cut(strings.TrimSpace(name), " ") // "10.2-RELEASE (EOL)"
		r, err := release.New(ctx, s.host, name, "")
		if errors.Is(err, release.ErrName) || err == nil && !r.Name().HasVersion() {
			return nil, errBadRequest // "ALL" could be a release of the operator's own
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	ids := []string{}
	for _, r := range all {
		name := r.Name().Base()
		j := &job{
			id: "sysadm_iocage_fetch_release_" + name, queue: parallel,
			label: "iocage fetch --verify -r " + name,
			work:  func(ctx context.Context) <-chan events.IocEvent { return s.fetch(ctx, r) },
		}
		started, err := s.start(ctx, c, j)
		if err != nil && len(ids) == 0 {
			return nil, err
		}
		if started {
			ids = append(ids, j.id)
		}
	}
	if len(ids) == 0 {
		return nil, errBadRequest
	}
	return object{"started_dispatcher_id": ids}, nil
}

// fetch fetches a release, or updates one that exists, as the document says.
func (s *Server) fetch(ctx context.Context, r *release.Release) <-chan events.IocEvent {
	if there, err := r.Fetched(ctx); err == nil && there {
		return r.Update(ctx, release.UpdateOptions{Runner: jail.NewRunner(s.host)})
	}
	return r.Fetch(ctx, s.opts.Fetch)
}

// maxReleases is how many releases one request may name.
const maxReleases = 64
