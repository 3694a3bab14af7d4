package step

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// held finds what holds a mount.
func held(ctx context.Context, e Env, m kernel.Mounted, cause error) error {
	h := &jailerr.HeldError{Path: m.Path, Err: cause}
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return errors.Join(h, err)
	}
	for _, other := range mounts {
		if other.FSID != m.FSID && (pathname.Within(other.Path, m.Path) || pathname.Within(other.From, m.Path)) {
			h.Mounts = append(h.Mounts, other.Path)
		}
	}
	for p, err := range e.Host.Kernel.JailList(ctx, kernel.JailDying, "path", "dying") {
		if err != nil {
			return errors.Join(h, err)
		}
		if path := p.String("path"); !pathname.Within(path, m.Path) && !pathname.Within(m.Path, path) || path == "/" {
			continue
		}
		if p.Bool("dying") {
			h.Dying = append(h.Dying, p.String("name"))
			continue
		}
		h.Jails = append(h.Jails, p.String("name"))
		list, err := e.Host.Kernel.ProcessList(ctx, p.Int("jid"))
		if err != nil {
			return errors.Join(h, err)
		}
		h.Processes = append(h.Processes, list...)
	}
	return h
}
