package jail

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
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
	s := &sweep{h: h}
	err := s.list(ctx)
	if err != nil {
		return err
	}
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

// list reads which jails run now.
func (s *sweep) list(ctx context.Context) error {
	s.runs = map[string]bool{}
	for p, err := range s.h.Kernel.JailList(ctx, 0) {
		if err != nil {
			return err
		}
		s.runs[p.String("name")] = true
	}
	return nil
}

// named returns the jails that may have this name in the kernel.
func (s *sweep) named(jail string) (out []*Jail) {
	for _, source := range s.sources {
		if rest, ok := strings.CutPrefix(jail, source.Name+"-"); ok {
			j := &Jail{host: s.h, source: source}
			j.current.Store(newState(strings.ReplaceAll(rest, "*", "."), "", "", config.New()))
			out = append(out, j)
		}
	}
	return out
}

// idle calls do for each of the jails while no operation is at work on it, if it
// still does not run then.
func (s *sweep) idle(ctx context.Context, jails []string, do func(jail string) error) (all error) {
	for _, jail := range slices.Compact(slices.Sorted(slices.Values(jails))) {
		if !s.runs[jail] {
			all = errors.Join(all, s.whileIdle(ctx, jail, do))
		}
	}
	return all
}

func (s *sweep) whileIdle(ctx context.Context, jail string, do func(jail string) error) error {
	for _, j := range s.named(jail) {
		unlock, err := s.h.Lock(ctx, j.lockKey(), "recover", BusyFail)
		if err != nil {
			return ignore.Err(err, ErrBusy)
		}
		defer unlock()
	}
	_, err := s.h.Kernel.JailIdentify(ctx, 0, kernel.ByName(jail))
	if errors.Is(err, kernel.ErrNotFound) {
		return do(jail)
	}
	return err
}

func (s *sweep) records(ctx context.Context) error {
	keys, err := step.NetKeys(ctx, s.h)
	for _, key := range keys {
		r, ok, e := key.Read(s.h)
		if e != nil || !ok {
			err = errors.Join(err, e)
			continue
		}
		err = errors.Join(err, s.idle(ctx, []string{r.Spec.Jail}, func(string) error { return s.record(ctx, key) }))
	}
	return err
}

func (s *sweep) record(ctx context.Context, key step.NetKey) error {
	now, current, err := key.Current(ctx, s.h)
	if err != nil {
		return err
	}
	mounts, err := s.h.Mounts(ctx)
	if err != nil {
		return err
	}
	there := slices.ContainsFunc(s.sources, func(source host.Source) bool {
		_, mounted := mounts.Dataset(source.Jails() + "/" + key.Name)
		return mounted && source.Name == key.Source
	})
	if current && there && over(now) {
		return nil
	}
	if current {
		if err := step.RemoveNetwork(ctx, s.h, kernel.Identity{}, now.Spec); err != nil {
			return err
		}
	}
	return step.LockedNetwork(ctx, s.h, func() error { // another jail may leave it addresses until then
		if now, current, err = key.Current(ctx, s.h); err != nil {
			return err
		}
		if current {
			if err := step.ReleaseAliases(ctx, s.h, now.Spec.Jail, false, now.Added); err != nil {
				return err
			}
		}
		if current && there {
			return key.Ended(ctx, s.h, now.Spec.Jail)
		}
		return key.Remove(s.h)
	})
}

// over reports whether a record only says that the jail's run has ended.
func over(r network.Record) bool { return r.Spec.Empty() && len(r.Added) == 0 }

func (s *sweep) interfaces(ctx context.Context) error {
	list, err := s.h.Kernel.Interfaces(ctx)
	orphans := network.Orphans(list, func(jail string) bool { return s.runs[jail] })
	return errors.Join(err, s.idle(ctx, orphans, func(jail string) error {
		return network.RemoveNIC(ctx, s.h.Kernel, jail, "", network.Made{})
	}))
}

func (s *sweep) ipfw(ctx context.Context) error {
	rules, err := s.h.Kernel.IpfwRules(ctx, network.Set)
	var jails []string
	for _, r := range rules {
		if jail, _, ours := network.RuleOwner(r); ours {
			jails = append(jails, jail)
		}
	}
	return errors.Join(ignore.Err(err, kernel.ErrUnsupported), s.idle(ctx, jails, func(jail string) error {
		return network.RemoveRules(ctx, s.h.Kernel, jail, "")
	}))
}

// pf flushes the anchors of jails that do not run. An anchor does not say its jail's name.
// One that no jail and no record knows is flushed while the lock of the records is held:
// an anchor is loaded after the jail's record was written.
func (s *sweep) pf(ctx context.Context) error {
	anchors, err := s.h.Kernel.PfAnchors(ctx, network.AnchorRoot)
	if err != nil || len(anchors) == 0 {
		return ignore.Err(err, kernel.ErrUnsupported)
	}
	mounts, err := s.h.Mounts(ctx)
	if err := errors.Join(err, s.list(ctx)); err != nil {
		return err
	}
	jails := map[string]string{} // by anchor
	for jail := range s.runs {
		jails[network.Anchor(jail)] = jail
	}
	table, err := step.NetTable(ctx, s.h)
	if err != nil {
		return err
	}
	for jail := range table {
		jails[network.Anchor(jail)] = jail
	}
	for _, m := range mounts {
		for _, source := range s.sources {
			if name, ok := strings.CutPrefix(m.From, source.Jails()+"/"); ok && m.Type == "zfs" && !strings.Contains(name, "/") {
				jail := Identifier(source, name)
				jails[network.Anchor(jail)] = jail
			}
		}
	}
	var all error
	var unknown []string
	for _, a := range anchors {
		jail, known := jails[a]
		if !known {
			unknown = append(unknown, a)
			continue
		}
		all = errors.Join(all, s.idle(ctx, []string{jail}, func(string) error { return s.h.Kernel.PfFlush(ctx, a) }))
	}
	if len(unknown) == 0 {
		return all
	}
	return errors.Join(all, step.LockedNetwork(ctx, s.h, func() error {
		table, err := step.NetTable(ctx, s.h)
		for jail := range table { // one that was made in the meantime
			unknown = slices.DeleteFunc(unknown, func(a string) bool { return a == network.Anchor(jail) })
		}
		for _, a := range unknown {
			err = errors.Join(err, s.h.Kernel.PfFlush(ctx, a))
		}
		return err
	}))
}

// limits clears rules of jails that are ours, by exact name.
func (s *sweep) limits(ctx context.Context) error {
	rules, err := s.h.Kernel.RctlGetRules(ctx, "jail:")
	if err != nil {
		return ignore.Err(err, kernel.ErrUnsupported)
	}
	mounts, err := s.h.Mounts(ctx)
	if err != nil {
		return err
	}
	mounted := func(j *Jail) bool {
		_, ok := mounts.Dataset(j.Dataset())
		return ok
	}
	var jails []string
	for _, r := range rules {
		if parts := strings.SplitN(r, ":", 3); len(parts) == 3 && slices.ContainsFunc(s.named(parts[1]), mounted) {
			jails = append(jails, parts[1])
		}
	}
	return s.idle(ctx, jails, func(jail string) error { return step.RemoveLimits(ctx, s.h.Kernel, jail) })
}
