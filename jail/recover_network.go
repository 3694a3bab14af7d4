package jail

import (
	"context"
	"errors"
	"strings"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

// sweepNetwork takes away what jails that no longer run have left on the host
// without a journal to tell of it, because they ended by themselves or somebody
// else removed them: addresses, epairs, private bridges, rules of ipfw(8),
// pf(4) and rctl(8). A jail that an operation is at work on is left alone, and
// so is everything that does not bear our mark.
func sweepNetwork(ctx context.Context, h *host.Host) error {
	s := &sweep{h: h, runs: map[string]bool{}}
	for p, err := range h.Kernel.JailList(ctx, 0) {
		if err != nil {
			return err
		}
		s.runs[p.String("name")] = true
	}
	var err error
	if s.sources, err = h.Sources(ctx); err != nil {
		return err
	}
	return errors.Join(s.records(ctx), s.interfaces(ctx), s.ipfw(ctx), s.pf(ctx), s.limits(ctx))
}

type sweep struct {
	h       *host.Host
	sources []host.Source
	runs    map[string]bool
}

// keys returns the jails that may have this name in the kernel.
func (s *sweep) keys(jail string) []step.NetKey {
	var out []step.NetKey
	for _, source := range s.sources {
		if rest, ok := strings.CutPrefix(jail, source.Name+"-"); ok {
			out = append(out, step.NetKey{Source: source.Name, Name: strings.ReplaceAll(rest, "*", ".")})
		}
	}
	return out
}

// idle calls do while no operation is at work on the jail, if it still does not
// run then.
func (s *sweep) idle(ctx context.Context, jail string, do func() error) error {
	if s.runs[jail] {
		return nil
	}
	for _, key := range s.keys(jail) {
		unlock, err := s.h.Lock(ctx, key.Source+"/jail/"+key.Name, "recover", BusyFail)
		if errors.Is(err, ErrBusy) {
			return nil
		}
		if err != nil {
			return err
		}
		defer unlock()
	}
	_, err := s.h.Kernel.JailIdentify(ctx, 0, kernel.ByName(jail))
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, kernel.ErrNotFound):
		return err
	}
	return do()
}

func (s *sweep) records(ctx context.Context) error {
	keys, err := step.NetKeys(ctx, s.h)
	for _, key := range keys {
		r, ok, e := key.Read(s.h)
		if e != nil || !ok {
			err = errors.Join(err, e)
			continue
		}
		err = errors.Join(err, s.idle(ctx, r.Spec.Jail, func() error {
			now, current, err := key.Current(ctx, s.h)
			if err != nil {
				return err
			}
			if current {
				unlock, err := step.LockNetwork(ctx, s.h, "addresses")
				if err != nil {
					return err
				}
				err = step.ReleaseAliases(ctx, s.h, now.Spec.Jail, now.Added)
				unlock()
				if err := errors.Join(err, step.RemoveNetwork(ctx, s.h, kernel.Identity{}, now.Spec)); err != nil {
					return err
				}
			}
			return key.Remove(s.h)
		}))
	}
	return err
}

func (s *sweep) interfaces(ctx context.Context) error {
	list, err := s.h.Kernel.Interfaces(ctx)
	for _, jail := range network.Orphans(list, func(jail string) bool { return s.runs[jail] }) {
		err = errors.Join(err, s.idle(ctx, jail, func() error {
			return network.RemoveNIC(ctx, s.h.Kernel, jail, "", network.Made{})
		}))
	}
	return err
}

func (s *sweep) ipfw(ctx context.Context) error {
	rules, err := s.h.Kernel.IpfwRules(ctx, network.Set)
	if errors.Is(err, kernel.ErrUnsupported) {
		return nil
	}
	done := map[string]bool{}
	for _, r := range rules {
		jail, _, ours := network.RuleOwner(r)
		if !ours || done[jail] {
			continue
		}
		done[jail] = true
		err = errors.Join(err, s.idle(ctx, jail, func() error {
			return network.RemoveRules(ctx, s.h.Kernel, jail, "")
		}))
	}
	return err
}

// pf flushes the anchors that are no running jail's. An anchor does not tell
// its jail's name, and is loaded while the jail runs.
func (s *sweep) pf(ctx context.Context) error {
	anchors, err := s.h.Kernel.PfAnchors(ctx, network.AnchorRoot)
	if errors.Is(err, kernel.ErrUnsupported) {
		return nil
	}
	running := map[string]bool{}
	for jail := range s.runs {
		running[network.Anchor(jail)] = true
	}
	for _, a := range anchors {
		if !running[a] {
			err = errors.Join(err, s.h.Kernel.PfFlush(ctx, a))
		}
	}
	return err
}

// limits clears rules of jails that are ours, by exact name.
func (s *sweep) limits(ctx context.Context) error {
	rules, err := s.h.Kernel.RctlGetRules(ctx, "jail:")
	if errors.Is(err, kernel.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	mounts, err := s.h.Mounts(ctx)
	if err != nil {
		return err
	}
	var all error
	done := map[string]bool{}
	for _, r := range rules {
		parts := strings.SplitN(r, ":", 3)
		if len(parts) < 3 || done[parts[1]] {
			continue
		}
		jail := parts[1]
		done[jail] = true
		ours := false
		for _, key := range s.keys(jail) {
			for _, source := range s.sources {
				_, mounted := mounts.Dataset(source.Jails() + "/" + key.Name)
				ours = ours || mounted && source.Name == key.Source
			}
		}
		if ours {
			all = errors.Join(all, s.idle(ctx, jail, func() error { return step.RemoveLimits(ctx, s.h.Kernel, jail) }))
		}
	}
	return all
}
