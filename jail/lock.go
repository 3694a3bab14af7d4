package jail

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// lock takes the locks of a jail and of others that its operation changes, in
// the order of their keys, and clears what interrupted operations on any of
// them have left. The jail's own journal is left to the operation itself. What was set
// aside of others is told, or is in the error.
func (j *Jail) lock(ctx context.Context, op string, busy Busy, also []*Jail, told *[]plan.Told) (unlock func(), err error) {
	defer func() {
		for _, t := range *told {
			if err != nil {
				err = errors.Join(err, t.Err)
			}
		}
	}()
	keys := append(lockKeys(also), j.lockKey())
	for {
		// An interrupted operation on this jail may have been about others.
		unfinished, err := alsoOf(j.journal())
		if err != nil {
			return nil, err
		}
		held, unlock, err := lockAll(ctx, j.host, op, busy, append(slices.Clone(keys), unfinished...))
		if err != nil {
			return nil, err
		}
		now, err := alsoOf(j.journal())
		if err == nil && !contains(held, now) {
			unlock()
			continue // another process has begun and crashed in the meantime
		}
		if err == nil {
			if err = j.clearOthers(ctx, op, held, told); err == nil {
				return unlock, nil
			}
		}
		unlock()
		other, taken := errors.AsType[*host.BusyError](err)
		if !taken || busy == BusyFail {
			return nil, err
		}
		// Wait for it with no lock held: its holder may wait for one of these.
		wait, err := j.host.Lock(ctx, other.Key, op, busy)
		if err != nil {
			return nil, err
		}
		wait()
	}
}

// lockAll takes locks in the order of their keys.
func lockAll(ctx context.Context, h *host.Host, op string, busy Busy, keys []string) (held []string, unlock func(), err error) {
	slices.Sort(keys)
	var unlocks []func()
	unlock = func() {
		for _, u := range slices.Backward(unlocks) {
			u()
		}
	}
	for _, key := range slices.Compact(keys) {
		u, err := h.Lock(ctx, key, op, busy)
		if err != nil {
			unlock()
			return nil, nil, err
		}
		held, unlocks = append(held, key), append(unlocks, u)
	}
	return held, unlock, nil
}

func contains(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// alsoOf returns the keys of the other jails that an unfinished operation is about.
func alsoOf(journal string) ([]string, error) {
	h, err := plan.Peek(journal)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, plan.ErrNoHeader) || errors.Is(err, plan.ErrDamaged) {
		return nil, nil // of a damaged one the jail's own next operation tells
	}
	return h.Plan.Also, err
}

// clearOthers resumes the interrupted operations on other jails that are about
// one whose lock is held: a rename to its name, a clone of it. While such an
// operation runs it holds that lock, so one that is found here does not run.
func (j *Jail) clearOthers(ctx context.Context, op string, held []string, told *[]plan.Told) error {
	sources, err := j.host.Sources(ctx)
	if err != nil {
		return err
	}
	for _, source := range sources {
		names, err := plan.Journals(j.host.JournalDir(source.Name, "jail"))
		if err != nil {
			return err
		}
		for _, name := range names {
			other, err := generator(ctx, j.host, source, name)
			if err != nil {
				return err
			}
			if other.lockKey() == j.lockKey() {
				continue
			}
			also, err := alsoOf(other.journal())
			if err != nil {
				return err
			}
			about := append(also, other.lockKey())
			if !slices.ContainsFunc(about, func(key string) bool { return slices.Contains(held, key) }) {
				continue
			}
			about = slices.DeleteFunc(about, func(key string) bool { return slices.Contains(held, key) })
			_, unlock, err := lockAll(ctx, j.host, op, BusyFail, about)
			if err != nil {
				return err
			}
			_, err = collect(ctx, other.startRecover(ctx, func(context.Context) (func(), error) { return unlock, nil }))
			if aside, ok := errors.AsType[*plan.DamagedError](err); ok {
				j.host.Logger().Warn(aside.Error(), "jail", other.FullName())
				*told = append(*told, plan.Told{Event: events.JailRecover{Jail: other.FullName()}, Err: aside})
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// startRecover clears what an interrupted operation left of this jail, under
// the locks that lock takes.
func (j *Jail) startRecover(ctx context.Context, lock func(context.Context) (func(), error)) <-chan events.IocEvent {
	return runner(j.host).StartRecover(ctx, plan.Job[step.Env]{
		Event: events.JailRecover{Jail: j.FullName()}, Room: room, Lock: lock,
		Env: j.stepEnv(), Journal: j.journal(), Mark: j.mark, Key: j.lockKey(), Boot: j.host.Kernel.BootID, Clock: j.host.Now, Scope: "recover " + j.FullName(),
	})
}

// lockToRecover takes the locks of a jail and of those its journal is about. It
// waits for nobody but zfs(8) of a process that has ended.
func (j *Jail) lockToRecover(ctx context.Context) (func(), error) {
	also, err := alsoOf(j.journal())
	if err != nil {
		return nil, err
	}
	held, unlock, err := lockAll(ctx, j.host, "recover", host.BusyRecover, append(also, j.lockKey()))
	if err != nil {
		return nil, err
	}
	if now, err := alsoOf(j.journal()); err != nil || !contains(held, now) {
		unlock()
		return nil, errors.Join(err, &host.BusyError{Key: j.lockKey()})
	}
	return unlock, nil
}

// lockKeys returns the keys of jails, for a plan.
func lockKeys(jails []*Jail) []string {
	var keys []string
	for _, j := range jails {
		keys = append(keys, j.lockKey())
	}
	return keys
}

// ownerOf returns the jail that a dataset belongs to, if it does to one.
func ownerOf(ctx context.Context, h *host.Host, dataset string) (*Jail, bool, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, source := range sources {
		rest, ok := strings.CutPrefix(dataset, source.Jails()+"/")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, "/")
		name, _, _ = strings.Cut(name, "@")
		j, err := generator(ctx, h, source, name)
		return j, err == nil, err
	}
	return nil, false, nil
}

// pool returns the first component of a dataset's name.
func pool(dataset string) string {
	name, _, _ := strings.Cut(dataset, "/")
	return name
}
