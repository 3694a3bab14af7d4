package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// TreeUpdate brings one root file system, of a release or of a jail, to the
// newest patch level or to another release. It is for packages that have such
// trees; programs use [Release.Update] and the methods of package jail.
//
// The updater runs in a temporary jail whose root is a throw-away clone of a
// release, and changes the tree through a nullfs mount. So nothing of the tree
// is run, and a symbolic link in it leads nowhere but into the clone.
//
// It is data, so that a journal can hold it.
type TreeUpdate struct {
	// Tool is the release's snapshot that gives the updater and all it runs.
	Tool string `json:"tool"`
	// Scratch is the dataset that Tool is cloned to in the meantime.
	Scratch string `json:"scratch"`
	// Made names the operation, in a user property of Scratch: another dataset of that
	// name is not touched.
	Made string `json:"made"`
	// Jail is the temporary jail's name in the kernel, see TemporaryJail.
	Jail string `json:"jail"`
	// Target is the dataset of the tree, which must be mounted.
	Target string `json:"target"`
	// To is the release to change to, at the newest patch level; that must be the one it
	// is pinned to, if any. Empty means the newest patch level of the same release.
	To string `json:"to,omitempty"`
	// Server is asked instead of the one in freebsd-update.conf(5); Key is the
	// SHA-256 of its key.
	Server string `json:"server,omitempty"`
	Key    string `json:"key,omitempty"`
	// Env is added to the updater's environment, such as HTTP_PROXY=...
	Env []string `json:"env,omitempty"`
}

// TreeResult is what became of a tree.
type TreeResult struct {
	From, To  Name
	Changed   bool // something was installed
	EndOfLife bool // the updater says that From has no support any more
}

func (r TreeResult) String() string {
	text := "no updates for " + r.From.String()
	if r.Changed {
		text = r.From.String() + " to " + r.To.String()
	}
	if r.EndOfLife {
		text += ", which is past its end of life"
	}
	return text
}

func (u TreeUpdate) temporary() TemporaryJail {
	return TemporaryJail{Name: u.Jail, RootDataset: u.Scratch}
}

// wanted returns a *VersionError for a tree that is not what was asked for. A branch that
// is not released, such as 14-STABLE, changes its version with an update.
func (u TreeUpdate) wanted(r TreeResult) error {
	want := r.From.WithPatch(-1)
	if u.To != "" {
		var err error
		if want, err = ParseName(u.To); err != nil {
			return err
		}
	} else if !r.From.IsRelease() {
		return nil
	}
	level := -1
	if want.Pinned() {
		level, _ = r.To.Patch()
	}
	if r.To.WithPatch(level) != want {
		return &VersionError{Dataset: u.Target, Got: r.To, Want: want}
	}
	return nil
}

// Run updates the tree and reads which release it is then. After an error the tree may be half changed: whoever
// calls it has taken a snapshot before, and calls Clear. What an earlier,
// interrupted call left is cleared first.
//
// Errors: *UpdateError, *VersionError, ErrNotUpdatable, ErrNoUpdater, ErrNoVersion,
// ErrNoRunner, *zfsstore.Error, those of the Runner.
func (u TreeUpdate) Run(ctx context.Context, h *host.Host, runner Runner) (result TreeResult, err error) {
	if runner == nil {
		return result, ErrNoRunner
	}
	if err := u.Clear(ctx, h, runner); err != nil {
		return result, err
	}
	target, err := h.Mountpoint(ctx, u.Target)
	if err != nil {
		return result, err
	}
	if result.From, err = TreeVersion(target); err != nil {
		return result, err
	}
	if err := h.Store.Clone(ctx, u.Tool, u.Scratch, zfsstore.CloneOptions{Properties: step.Mark(u.Made)}); err != nil {
		return result, err
	}
	commands, err := u.prepare(ctx, h, result.From)
	if err != nil {
		return result, err
	}
	t := u.temporary()
	t.Mounts = []TemporaryMount{{From: target, At: updateTarget}}
	err = runner.RunTemporary(ctx, t, func(ctx context.Context, id kernel.Identity) error {
		for _, c := range commands {
			more, err := u.command(ctx, h, id, c, &result)
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return result, err
	}
	if result.To, err = TreeVersion(target); err != nil {
		return result, err
	}
	if err := u.wanted(result); err != nil {
		return result, err
	}
	return result, u.Clear(ctx, h, runner)
}

// prepare makes the clone fit for the updater.
func (u TreeUpdate) prepare(ctx context.Context, h *host.Host, from Name) ([]command, error) {
	root, err := step.OpenRoot(ctx, h, u.Scratch)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	tree, err := step.OpenRoot(ctx, h, u.Target)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	f, err := h.Kernel.Features(ctx)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"dev", updateTarget, updateWork, hbsdWork} {
		if _, err := root.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	resolver, err := os.ReadFile(h.Files().ResolvConf)
	if err == nil {
		err = root.WriteFile("etc/resolv.conf", resolver, 0o644)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	commands, err := u.commands(root, tree, from, f.Arch)
	if err != nil {
		return nil, err
	}
	conf, err := root.ReadFile(updateConf, 1<<20)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return commands, nil // HardenedBSD
	case err != nil:
		return nil, err
	}
	return commands, root.WriteFile(updateConf, updaterConf(conf), 0o644)
}

// command runs one command, and again as often as it asks for.
func (u TreeUpdate) command(ctx context.Context, h *host.Host, id kernel.Identity, c command, result *TreeResult) (more bool, err error) {
	env := append([]string{
		"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "HOME=/root", "LC_ALL=C", "PAGER=/bin/cat", "EDITOR=/usr/bin/true",
	}, u.Env...)
	if c.env != nil {
		env = append(append([]string(nil), c.env...), u.Env...)
	}
	for range max(c.repeat, 1) {
		out := tail.Last(maxOutput)
		cmd := kernel.Command{Jail: id, Argv: c.argv, Env: env, Stdout: out, Stderr: out}
		if c.ask {
			cmd.Stdin = strings.NewReader(strings.Repeat("y\n", 1000))
		}
		exit, err := kernel.Run(ctx, h.Kernel, updaterLimit, cmd)
		if err != nil {
			return false, &UpdateError{Argv: c.argv, ExitCode: -1, Signal: exit.Signal, Output: tail.Of(out.String(), maxMessage), Err: err}
		}
		text := out.Bytes()
		ok, more := c.judge(exit.Code, text)
		if exit.Signal != 0 || !ok {
			return false, &UpdateError{Argv: c.argv, ExitCode: exit.Code, Signal: exit.Signal, Output: tail.Of(out.String(), maxMessage)}
		}
		result.EndOfLife = result.EndOfLife || strings.Contains(string(text), saysEndOfLife)
		switch {
		case c.repeat == 0:
			result.Changed = result.Changed || !more
			return more, nil
		case !more:
			return false, nil
		}
		result.Changed = true
	}
	return false, &UpdateError{Argv: c.argv, Output: fmt.Sprintf("still not done after %d runs", c.repeat)}
}

// Clear removes what an interrupted Run left: the temporary jail with its
// mounts, and the clone, which is unmounted by force if it stays in use. A dataset
// that does not bear Made is somebody else's, with all that is in it; one below the clone
// is zfsstore.ErrHasChildren.
// Nothing left is no error. Without a Runner it is ErrNoRunner if there is a jail
// or a mount to remove; otherwise it is what the Runner says, the
// *kernel.CallError of the mount table, the *kernel.JailError of the jail, or the
// *zfsstore.Error of the clone.
func (u TreeUpdate) Clear(ctx context.Context, h *host.Host, runner Runner) error {
	ours, err := step.Made(ctx, step.Env{Host: h}, u.Scratch, u.Made)
	if err != nil || !ours {
		return err
	}
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return err
	}
	path, mounted := mounts.Dataset(u.Scratch)
	_, err = h.Kernel.JailIdentify(ctx, 0, kernel.ByName(u.Jail))
	if err != nil && !errors.Is(err, kernel.ErrNotFound) {
		return err
	}
	if err == nil || mounted && len(mounts.Below(path)) > 0 {
		if runner == nil {
			return fmt.Errorf("jail %s: %w", u.Jail, ErrNoRunner)
		}
		if err := runner.RunTemporary(ctx, u.temporary(), nil); err != nil {
			return err
		}
	}
	// A connection that the updater closed keeps the jail dying for a minute, and its
	// root in use, tcp(4).
	err = step.DestroyMade(ctx, step.Env{Host: h}, u.Scratch, u.Made)
	if errors.Is(err, zfsstore.ErrHasChildren) { // a person has to decide
		err = plan.Final(err)
	}
	return err
}

// Limits on what is kept of an output: for judging it, and for an error.
const (
	maxOutput  = 1 << 20
	maxMessage = 8 << 10
)

// updaterLimit is how long one run of an updater or of pkg(8) may take. A whole release
// from a slow mirror takes hours; what takes longer waits for something that never comes.
const updaterLimit = 12 * time.Hour
