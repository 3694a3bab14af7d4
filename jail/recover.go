package jail

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/release"
)

// Recover finds every operation that a kill or a power loss interrupted, on
// jails and releases of all sources, and finishes or undoes it. An operation
// that is running now, here or in another process, is left alone. What could
// not be cleared stays for the next Recover and is in the error.
//
// It also removes mounts, addresses, interfaces and rules of jails that have
// ended without a stop.
//
// The next operation on a jail does the same for that jail by itself.
func Recover(ctx context.Context, h *host.Host) ([]events.IocEvent, error) {
	if err := usable(ctx, h); err != nil {
		return nil, err
	}
	all, result := release.Recover(ctx, h, NewRunner(h))
	sources, err := h.Sources(ctx)
	if err != nil {
		return all, err
	}
	for _, source := range sources {
		mark, err := h.MarkPath(ctx, source, "jail", "any")
		names, nerr := plan.Unended(h.JournalDir(source.Name, "jail"), mark)
		result = errors.Join(result, err, nerr)
		for _, name := range names {
			j, err := generator(ctx, h, source, name)
			if err != nil {
				return all, err
			}
			done, err := collect(ctx, j.startRecover(ctx, j.lockToRecover))
			if errors.Is(err, ErrBusy) {
				continue // it is running
			}
			all, result = append(all, done...), errors.Join(result, err)
		}
		done, err := recoverMounts(ctx, h, source)
		all, result = append(all, done...), errors.Join(result, err, cleanFiles(ctx, h, source), cleanState(ctx, h, source))
	}
	return all, errors.Join(result, sweepNetwork(ctx, h))
}

// cleanFiles removes what killed writers left beside the jails' files. A jail
// that is being worked on is left alone.
func cleanFiles(ctx context.Context, h *host.Host, source host.Source) error {
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return err
	}
	var all error
	for _, m := range mounts {
		name, ok := strings.CutPrefix(m.From, source.Jails()+"/")
		if !ok || m.Type != "zfs" || strings.ContainsAny(name, "/@") {
			continue
		}
		unlock, err := h.Lock(ctx, source.Name+"/jail/"+name, "recover", BusyFail)
		if errors.Is(err, ErrBusy) {
			continue
		}
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		for _, file := range []string{config.JSONFile, config.UCLFile, step.FstabFile} {
			_, err := atomicfile.Clean(filepath.Join(m.Path, file))
			all = errors.Join(all, err)
		}
		all = errors.Join(all, cleanDir(m.Path, "."))
		if root, ok := mounts.Dataset(m.From + "/root"); ok {
			all = errors.Join(all, cleanDir(root, filepath.Dir(step.ResolvConf)))
		}
		unlock()
	}
	return all
}

// cleanState removes what killed writers left beside network records and the marks of
// operations. The jail or the release may not exist any more.
func cleanState(ctx context.Context, h *host.Host, source host.Source) error {
	all := cleanAll(ctx, h, source, "jail", h.JournalDir(source.Name, "network"))
	for _, kind := range []string{"jail", "release"} {
		mark, err := h.MarkPath(ctx, source, kind, "any")
		all = errors.Join(all, err)
		if mark != "" {
			all = errors.Join(all, cleanAll(ctx, h, source, kind, filepath.Dir(mark)))
		}
	}
	return all
}

// cleanAll removes what killed writers left in a directory whose files have the names of
// jails or releases. One that is being worked on is left alone.
func cleanAll(ctx context.Context, h *host.Host, source host.Source, kind, dir string) error {
	files, all := atomicfile.Unfinished(dir)
	for _, file := range files {
		name := strings.TrimSuffix(file, step.RecordSuffix)
		unlock, err := h.Lock(ctx, source.Name+"/"+kind+"/"+name, "recover", BusyFail)
		if err == nil {
			_, err = atomicfile.Clean(filepath.Join(dir, file))
			unlock()
		}
		all = errors.Join(all, ignore.Err(err, ErrBusy))
	}
	return all
}

// cleanDir removes what killed writers left in a directory below path. Where the jail
// has put a link in the way nothing was written.
func cleanDir(path, dir string) error {
	root, err := saferoot.Open(path)
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err = root.Clean(dir); errors.Is(err, saferoot.ErrEscape) {
		return nil
	}
	return err
}
