package release

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/archive"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Basedirs are the directories that a basejail takes from its release, relative
// to the root. HardenedBSD has no usr/lib32, nor has a release without the lib32
// asset: what a release lacks is passed over.
func Basedirs() []string {
	return []string{
		"bin", "boot", "lib", "libexec", "rescue", "sbin",
		"usr/bin", "usr/include", "usr/lib", "usr/libexec", "usr/sbin", "usr/share", "usr/libdata",
		"usr/lib32",
	}
}

// CopyBaseOptions say how the base datasets are made.
type CopyBaseOptions struct {
	Busy host.Busy
}

// BaseDataset holds the datasets that basejails of type zfs clone, one for each
// of [Basedirs]: SOURCE/base/RELEASE/root/usr/bin and so on, as iocage and libioc
// name them.
func (r *Release) BaseDataset() string { return r.source.Dataset + "/base/" + r.name.Base() }

// CopyBase fills the datasets of [Release.BaseDataset] from the release's newest
// patch level, or the pinned one. Those of an earlier call are replaced, and
// destroyed unless jails were cloned from them; they then stay as
// SOURCE/base/RELEASE-<time> as long as jails need them, see FormerBases. libioc calls rsync for it, which is not in the base
// system.
//
// Errors: ErrNotFetched, ErrSnapshotNotFound, ErrBusy of package host. A failure
// leaves the datasets as they were.
func (r *Release) CopyBase(ctx context.Context, o CopyBaseOptions) <-chan events.IocEvent {
	return r.start(ctx, "copy base", events.ReleaseCopyBase{Release: r.name.Base()}, o.Busy, local{}, r.planCopyBase)
}

func (r *Release) planCopyBase(ctx context.Context) (*plan.Plan, error) {
	from, err := r.SnapshotPath(ctx)
	if err != nil {
		return nil, err
	}
	base := r.BaseDataset()
	by := r.madeBy()
	var steps, after step.List
	steps.Append(step.CreateParents(ctx, r.host, by, r.source.Dataset+"/base"))
	switch was, err := r.host.Store.Get(ctx, base, zfsstore.GetOptions{}); {
	case err == nil:
		old := r.source.Dataset + "/base/" + workSnapshot(r.name.Base(), r.host)
		steps.Add(step.RenameDataset{From: base, To: old, GUID: was.GUID})
		after.Add(stepDropBase{old, was.GUID})
	case !errors.Is(err, zfsstore.ErrNotFound):
		return nil, err
	}
	steps.Add(step.CreateDataset{Dataset: base, Made: by}, step.CreateDataset{Dataset: base + "/root", Made: by})
	made := map[string]bool{"usr": false}
	args := stepCopyBase{From: from, Root: base + "/root"}
	for _, dir := range Basedirs() {
		info, err := os.Lstat(filepath.Join(from, filepath.FromSlash(dir)))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			continue
		}
		if err != nil {
			return nil, err
		}
		if parent := path.Dir(dir); parent != "." && !made[parent] {
			made[parent] = true
			steps.Add(step.CreateDataset{Dataset: base + "/root/" + parent, Made: by})
		}
		steps.Add(step.CreateDataset{Dataset: base + "/root/" + dir, Made: by})
		args.Dirs = append(args.Dirs, dir)
	}
	steps.Add(args)
	steps.Commit()
	steps.Append(after.Steps())
	return steps.Plan("copy base", r.name.Base(), nil)
}

// stepDropBase destroys what an earlier call has made, unless jails need it.
type stepDropBase struct {
	Dataset string `json:"dataset"`
	GUID    uint64 `json:"guid"`
}

func (stepDropBase) Kind() string     { return "destroy former copy" }
func (a stepDropBase) Detail() string { return a.Dataset + " unless it has dependent clones" }
func (a stepDropBase) Event(step.Env) events.IocEvent {
	return events.ZFSDatasetDestroy{Dataset: a.Dataset}
}

func (stepDropBase) Durable() {}

func (a stepDropBase) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	_, err := e.Host.NoClones(ctx, a.Dataset)
	if errors.Is(err, zfsstore.ErrHasDependents) {
		c.Skip(err.Error())
		return nil
	}
	if err == nil {
		err = step.DestroyTree(ctx, e, a.Dataset, a.GUID)
	}
	if errors.Is(err, zfsstore.ErrNotFound) {
		c.Skip("gone")
		return nil
	}
	return plan.Final(step.LeaveReplaced(c, err))
}

// stepCopyBase copies the directories with modes, owners, file flags and hard
// links. Undoing the datasets undoes it.
type stepCopyBase struct {
	From string   `json:"from"` // directory of the release's snapshot
	Root string   `json:"root"` // dataset below which the copies are
	Dirs []string `json:"dirs"`
}

func (stepCopyBase) Kind() string     { return "copy base" }
func (a stepCopyBase) Detail() string { return strings.Join(a.Dirs, ", ") + " of " + a.From }
func (stepCopyBase) Event(e step.Env) events.IocEvent {
	return events.ReleaseExtraction{Release: e.Name, Asset: "base directories"}
}

func (a stepCopyBase) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	progress := events.ReleaseExtraction{Release: e.Name, Asset: "base directories", Total: int64(len(a.Dirs))}
	for _, dir := range a.Dirs {
		to, err := e.Host.Mountpoint(ctx, a.Root+"/"+dir)
		if err != nil {
			return err
		}
		if err := copyTree(ctx, e.Host, filepath.Join(a.From, filepath.FromSlash(dir)), to); err != nil {
			return fmt.Errorf("copy %s: %w", dir, err)
		}
		progress.Received++
		c.Span.Progress(progress)
	}
	c.Final(progress)
	return nil
}

// copyTree sends a tree through tar(5), the one copy of base that keeps file
// flags and hard links.
func copyTree(ctx context.Context, h *host.Host, from, to string) error {
	r, w := io.Pipe()
	opts := archive.Options{}
	pack := func() error {
		stderr := tail.Last(maxMessage)
		cmd := kernel.Command{
			Argv: []string{"/usr/bin/bsdtar", "-cf", "-", "-C", from, "."},
			Env:  []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C.UTF-8"}, Stdout: w, Stderr: stderr,
		}
		exit, err := kernel.Run(ctx, h.Kernel, kernel.Forever, cmd) // the host's own, and a tree may be of any size
		if err == nil && !exit.Success() {
			err = &UpdateError{Argv: cmd.Argv, ExitCode: exit.Code, Signal: exit.Signal, Output: stderr.String()}
		}
		return err
	}
	if h.ExtractInProcess() {
		opts.Extractor, opts.Decompressor = archive.ExtractGo, archive.DecompressGo
		pack = func() error { return packTree(w, from) }
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(catch.Panic(pack))
	}()
	_, err := archive.Extract(ctx, r, to, opts)
	r.CloseWithError(err)
	<-done
	return err
}

// packTree writes a directory as a tar archive. Hard links become files of
// their own and file flags are left out.
func packTree(w io.Writer, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	top, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	top.Name = "./"
	tw := tar.NewWriter(w)
	if err := tw.WriteHeader(top); err != nil {
		return err
	}
	if err := tw.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	return tw.Close()
}
