package jail

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/release"
)

// Recover finds every operation that a kill or a power loss interrupted, on
// jails and releases of all sources, and finishes or undoes it. An operation
// that is running now, here or in another process, is left alone. What could
// not be cleared stays for the next Recover and is in the error.
//
// The next operation on a jail does the same for that jail by itself.
func Recover(ctx context.Context, h *host.Host) ([]events.IocEvent, error) {
	all, result := release.Recover(ctx, h)
	sources, err := h.Sources(ctx)
	if err != nil {
		return all, err
	}
	for _, source := range sources {
		names, err := journals(h.JournalDir(source.Name, "jail"))
		if err != nil {
			result = multierror.Append(result, err)
		}
		for _, name := range names {
			done, err := recoverJail(ctx, h, source, name)
			all = append(all, done...)
			if err != nil && !errors.Is(err, ErrBusy) {
				result = multierror.Append(result, err)
			}
		}
	}
	return all, result
}

func journals(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".journal"); ok {
			names = append(names, name)
		}
	}
	return names, err
}

func recoverJail(ctx context.Context, h *host.Host, source host.Source, name string) ([]events.IocEvent, error) {
	g, err := generator(ctx, h, source, name)
	if err != nil {
		return nil, err
	}
	unlock, err := h.Lock(ctx, g.lockKey(), "recover", Fail)
	if err != nil {
		return nil, err
	}
	op := events.NewOperation(events.Options{Room: room, Clock: h.Now, Scope: "recover " + g.fullName})
	var span *events.Span
	_, err = runner(h).Recover(ctx, g.env(), g.journal(), func() *events.Span {
		span = op.Begin(events.JailRecover{Jail: g.fullName})
		return span
	})
	unlock()
	switch {
	case span != nil && err != nil:
		span.Fail(err, "")
	case span != nil:
		span.Done("")
	}
	op.Close(err)
	return collect(ctx, op.Events())
}
