package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/jail/jailerr"
)

// ResolvConf is resolv.conf(5), below the root of a jail.
const ResolvConf = "etc/resolv.conf"

// WriteResolver writes the jail's resolv.conf(5). A symbolic link there, or on
// the way, refuses: the jail could point it at a file of the host.
type WriteResolver struct {
	RootDataset string   `json:"root_dataset"`
	CopyFrom    string   `json:"copy_from,omitempty"` // a host file, else
	Lines       []string `json:"lines,omitempty"`
}

func (WriteResolver) Kind() string                { return "write resolv.conf" }
func (WriteResolver) Durable()                    {}
func (WriteResolver) Event(e Env) events.IocEvent { return events.JailResolverConfig{Jail: e.Name} }

func (a WriteResolver) Detail() string {
	if a.CopyFrom != "" {
		return "copy of " + a.CopyFrom
	}
	return strings.Join(a.Lines, ", ")
}

func (a WriteResolver) Do(ctx context.Context, e Env, c *plan.Call) error {
	data := []byte(strings.Join(a.Lines, "\n") + "\n")
	if a.CopyFrom != "" {
		var err error
		if data, err = os.ReadFile(a.CopyFrom); errors.Is(err, fs.ErrNotExist) {
			c.Skip("the host has no " + a.CopyFrom)
			return nil
		} else if err != nil {
			return err
		}
	}
	root, err := openProved(ctx, e, c, a.RootDataset)
	if err != nil {
		return err
	}
	defer root.Close()
	if info, err := root.Lstat("etc"); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() && !info.IsSymlink() {
		c.Skip("the jail has no /etc")
		return nil
	}
	was, err := ReadFormer(root, ResolvConf, mostResolvConf)
	if errors.Is(err, saferoot.ErrEscape) {
		return fmt.Errorf("%w; resolver=/dev/null keeps what the jail has", err)
	} else if err != nil {
		return err
	}
	if !was.Absent && string(was.Data) == string(data) {
		c.Skip("unchanged")
		return nil
	}
	return was.replace(c, root, ResolvConf, Before{data, true})
}

func (a WriteResolver) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var was FormerFile
	if !c.Effect(&was) {
		return nil
	}
	root, err := openProved(ctx, e, c, a.RootDataset)
	if err != nil {
		return LeaveReplaced(c, UnlessDestroyed(ctx, e, a.RootDataset, err))
	}
	defer root.Close()
	err = was.restore(root, ResolvConf)
	if errors.Is(err, jailerr.ErrChanged) { // maybe by the jail itself, which must not make a recovery fail
		c.Skip(err.Error())
		return nil
	}
	return err
}

// mostResolvConf is how large a resolv.conf may be that is kept for undo.
const mostResolvConf = 64 << 10

// OpenRoot opens where a dataset is mounted.
func OpenRoot(ctx context.Context, h *host.Host, dataset string) (*saferoot.Root, error) {
	path, err := h.Mountpoint(ctx, dataset)
	if err != nil {
		return nil, err
	}
	return saferoot.Open(path)
}
