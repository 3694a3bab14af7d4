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
	"github.com/libioc/go-libioc/internal/plan"
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
// SOURCE/base/RELEASE-<time>. libioc calls rsync for it, which is not in the base
// system.
//
// Errors: ErrNotFetched, ErrSnapshotNotFound, ErrBusy of package host. A failure
// leaves the datasets as they were.
func (r *Release) CopyBase(ctx context.Context, o CopyBaseOptions) <-chan events.IocEvent {
	return r.start(ctx, "copy base", events.ReleaseCopyBase{Release: r.name.Base()}, o.Busy, r.planCopyBase)
}

func (r *Release) planCopyBase(ctx context.Context) (*plan.Plan, error) {
	from, err := r.SnapshotPath(ctx)
	if err != nil {
		return nil, err
	}
	base := r.BaseDataset()
	parents, err := r.host.MissingDatasets(ctx, r.source.Dataset+"/base")
	if err != nil {
		return nil, err
	}
	var steps []plan.Step
	for _, dataset := range parents {
		steps = append(steps, plan.StepOf(stepCreateDataset{dataset, true}))
	}
	var replaced *plan.Step
	switch _, err := r.host.Store.Get(ctx, base, zfsstore.GetOptions{}); {
	case err == nil:
		old := r.source.Dataset + "/base/" + workSnapshot(r.name.Base(), r.host)
		steps = append(steps, plan.StepOf(stepMoveBase{base, old}))
		s := plan.StepOf(stepDropBase{Dataset: old})
		replaced = &s
	case !errors.Is(err, zfsstore.ErrNotFound):
		return nil, err
	}
	steps = append(steps,
		plan.StepOf(stepCreateDataset{Dataset: base}),
		plan.StepOf(stepCreateDataset{Dataset: base + "/root"}))
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
			steps = append(steps, plan.StepOf(stepCreateDataset{Dataset: base + "/root/" + parent}))
		}
		steps = append(steps, plan.StepOf(stepCreateDataset{Dataset: base + "/root/" + dir}))
		args.Dirs = append(args.Dirs, dir)
	}
	steps = append(steps, plan.StepOf(args))
	commit := len(steps)
	if replaced != nil {
		steps = append(steps, *replaced)
	}
	return &plan.Plan{Operation: "copy base", Subject: r.name.Base(), Steps: steps, Commit: commit}, nil
}

// stepMoveBase puts the datasets of an earlier call aside.
type stepMoveBase struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (stepMoveBase) Kind() string { return "move base" }

func (a stepMoveBase) Detail() string { return a.From + " to " + a.To }

func (a stepMoveBase) Event(_ env) events.IocEvent {
	return events.ZFSDatasetRename{Dataset: a.From, NewName: a.To}
}

func (stepMoveBase) Durable() {}

func (a stepMoveBase) Do(ctx context.Context, e env, _ *plan.Call) error {
	return e.rename(ctx, a.From, a.To)
}

func (a stepMoveBase) Undo(ctx context.Context, e env, _ *plan.Call) error {
	return e.rename(ctx, a.To, a.From)
}

// rename renames a dataset unless that was done already.
func (e env) rename(ctx context.Context, from, to string) error {
	err := e.host.Store.Rename(ctx, from, to, zfsstore.RenameOptions{})
	if !errors.Is(err, zfsstore.ErrNotFound) {
		return err
	}
	if _, gerr := e.host.Store.Get(ctx, to, zfsstore.GetOptions{}); gerr == nil {
		return nil
	}
	return err
}

func (stepDropBase) Kind() string { return "destroy former base" }

func (a stepDropBase) Detail() string { return a.Dataset + " unless jails were cloned from it" }

func (a stepDropBase) Event(_ env) events.IocEvent {
	return events.ZFSDatasetDestroy{Dataset: a.Dataset}
}

func (stepDropBase) Durable() {}

func (a stepDropBase) Do(ctx context.Context, e env, c *plan.Call) error {
	_, err := e.host.NoClones(ctx, a.Dataset)
	if errors.Is(err, zfsstore.ErrHasDependents) {
		c.Skip(err.Error())
		return nil
	}
	if err == nil {
		err = e.host.Store.Destroy(ctx, a.Dataset, zfsstore.DestroyOptions{Recursive: true})
	}
	if errors.Is(err, zfsstore.ErrNotFound) {
		c.Skip("gone")
		return nil
	}
	return plan.Final(err)
}

// stepCopyBase copies the directories with modes, owners, file flags and hard
// links. Undoing the datasets undoes it.
type stepCopyBase struct {
	From string   `json:"from"` // directory of the release's snapshot
	Root string   `json:"root"` // dataset below which the copies are
	Dirs []string `json:"dirs"`
}

func (stepCopyBase) Kind() string { return "copy base" }

func (a stepCopyBase) Detail() string { return strings.Join(a.Dirs, ", ") + " of " + a.From }

func (stepCopyBase) Event(e env) events.IocEvent {
	return events.ReleaseExtraction{Release: e.release, Asset: "base directories"}
}

func (a stepCopyBase) Do(ctx context.Context, e env, c *plan.Call) error {
	progress := events.ReleaseExtraction{Release: e.release, Asset: "base directories", Total: int64(len(a.Dirs))}
	for _, dir := range a.Dirs {
		to, err := e.host.Mountpoint(ctx, a.Root+"/"+dir)
		if err != nil {
			return err
		}
		if err := e.copyTree(ctx, filepath.Join(a.From, filepath.FromSlash(dir)), to); err != nil {
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
func (e env) copyTree(ctx context.Context, from, to string) error {
	r, w := io.Pipe()
	opts := archive.Options{}
	pack := func() error {
		stderr := tail.Last(maxMessage)
		cmd := kernel.Command{
			Argv: []string{"/usr/bin/bsdtar", "-cf", "-", "-C", from, "."},
			Env:  []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C.UTF-8"}, Stdout: w, Stderr: stderr,
		}
		exit, err := e.host.Kernel.Run(ctx, cmd)
		if err == nil && !exit.Success() {
			err = &UpdateError{Argv: cmd.Argv, ExitCode: exit.Code, Signal: exit.Signal, Output: stderr.String()}
		}
		return err
	}
	if e.host.ExtractInProcess() {
		opts.Extractor, opts.Decompressor = archive.ExtractGo, archive.DecompressGo
		pack = func() error { return packTree(ctx, w, from) }
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(pack())
	}()
	_, err := archive.Extract(ctx, r, to, opts)
	r.CloseWithError(err)
	<-done
	return err
}

// packTree writes a directory as a tar archive. Hard links become files of
// their own and file flags are left out.
func packTree(ctx context.Context, w io.Writer, dir string) error {
	tw := tar.NewWriter(w)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(name); err != nil {
				return err
			}
		}
		hdr, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		hdr.Name = "./" + filepath.ToSlash(rel)
		if err := tw.WriteHeader(hdr); err != nil || !info.Mode().IsRegular() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(tw, f)
		return err
	})
	if err != nil {
		return err
	}
	return tw.Close()
}
