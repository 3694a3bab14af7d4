//go:build amd64 || arm64 || riscv64

package freebsd_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/freebsd"
	"github.com/libioc/go-libioc/kernel/internal/replaytest"
)

// recordedMajors are the releases with recordings, by kern.osreldate / 100000.
var recordedMajors = map[int]string{13: "13.2", 15: "15.1"}

// TestReplayReal gives the recordings of this release to the running kernel:
// jails with jids as recorded, processes and sockets that hold them, calls from
// inside, mounts below /mt.
func TestReplayReal(t *testing.T) {
	ctx := context.Background()
	if os.Geteuid() != 0 {
		t.Skipf("needs root, this is user %d", os.Geteuid())
	}
	k, err := freebsd.New()
	if err != nil {
		t.Fatal(err)
	}
	f, err := k.Features(ctx)
	if err != nil || f.Jailed {
		t.Skipf("needs the host: %+v, %v", f, err)
	}
	release, ok := recordedMajors[f.OSRelDate/100000]
	if !ok {
		t.Skipf("nothing was recorded on FreeBSD %s", f.OSRelease)
	}
	for p, err := range k.JailList(ctx, kernel.JailDying) {
		if err != nil {
			t.Fatal(err)
		}
		t.Skipf("the recordings begin without jails, and jail %s is there", p.String("name"))
	}
	exceptions := replaytest.ReadExceptions(t, "exceptions.txt")
	for key, reason := range replaytest.ReadExceptions(t, "exceptions-real.txt") {
		if exceptions[key] != "" {
			t.Errorf("exceptions-real.txt: %s is in exceptions.txt too", key)
		}
		exceptions[key] = reason
	}
	params, err := k.JailParams(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for rel, fs := range replaytest.RecordedFiles(t, release) {
		fs.Lines = maps.Clone(fs.Lines)
		for n, s := range fs.Lines {
			if slices.ContainsFunc(params, func(p kernel.ParamInfo) bool { return p.Name == s.Lacks }) {
				s.Cannot = "this kernel has " + s.Lacks + ", the recorded one did not"
				fs.Lines[n], exceptions[rel+":"+n] = s, s.Cannot
			}
		}
		t.Run(rel, func(t *testing.T) {
			hooks := &realReplay{t: t, k: k}
			t.Cleanup(hooks.restore)
			if err := hooks.begin(max(fs.FirstJID, 1)); err != nil {
				t.Fatal(err)
			}
			if err := hooks.Tree(fs.Tree); err != nil {
				t.Fatal(err)
			}
			replaytest.ReplayFile(t, rel, fs, maps.Clone(exceptions), jidKernel{k, hooks.shift}, hooks)
		})
	}
}

// realReplay are the hooks of a replay on the running kernel.
type realReplay struct {
	t       *testing.T
	k       kernel.Kernel
	shift   jidShift
	mounts  map[kernel.FSID]bool
	created []string
}

// begin learns the next jid and what is mounted.
func (r *realReplay) begin(firstJID int) error {
	ctx := context.Background()
	table, err := r.k.Getfsstat(ctx)
	if err != nil {
		return err
	}
	r.mounts = map[kernel.FSID]bool{}
	for _, m := range table {
		r.mounts[m.FSID] = true
	}
	for {
		jid, err := r.k.JailSet(ctx, kernel.JailCreate, kernel.String("path", "/"), kernel.Bool("persist", true))
		if err != nil {
			return err
		}
		id, err := r.k.JailIdentify(ctx, 0, kernel.ByJID(jid))
		if err != nil {
			return err
		}
		if err := r.k.JailRemove(ctx, id); err != nil {
			return err
		}
		r.shift = jidShift(jid + 1 - firstJID)
		if !r.shift.meetsChosen() {
			r.t.Logf("jids are the recorded ones + %d", int(r.shift))
			return nil
		}
	}
}

// restore removes the jails, mounts and files of a replay.
func (r *realReplay) restore() {
	ctx := context.Background()
	for range 200 {
		var all []int
		for p, err := range r.k.JailList(ctx, kernel.JailDying, "dying") {
			if err != nil {
				r.t.Fatal(err)
			}
			all = append(all, p.Int("jid"))
			if p.Bool("dying") {
				continue
			}
			if id, err := r.k.JailIdentify(ctx, 0, kernel.ByJID(p.Int("jid"))); err == nil {
				if err := r.k.JailRemove(ctx, id); err != nil && !errors.Is(err, kernel.ErrNotFound) {
					r.t.Error(err)
				}
			}
		}
		if len(all) == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	table, err := r.k.Getfsstat(ctx)
	if err != nil {
		r.t.Error(err)
	}
	for _, m := range slices.Backward(table) {
		if !r.mounts[m.FSID] {
			if err := r.k.UnmountFSID(ctx, m.FSID, kernel.MntForce); err != nil {
				r.t.Error(err)
			}
		}
	}
	for _, p := range slices.Backward(r.created) {
		if err := os.RemoveAll(p); err != nil {
			r.t.Error(err)
		}
	}
}

func (r *realReplay) Tree(paths []string) error {
	for _, p := range paths {
		p, target, link := strings.Cut(p, " -> ")
		if _, err := os.Lstat(filepath.Clean(p)); err == nil {
			continue
		}
		var err error
		switch {
		case link:
			err = os.Symlink(target, p)
		case strings.HasSuffix(p, "/"):
			err = os.Mkdir(p, 0o755)
		default:
			err = os.WriteFile(p, nil, 0o755)
		}
		if err != nil {
			return err
		}
		r.created = append(r.created, filepath.Clean(p))
	}
	return nil
}

func (r *realReplay) Process(id kernel.Identity) (func() kernel.Exit, error) {
	id.JID = r.shift.real(id.JID) // the hooks see recorded jids
	cmd := exec.Command("/usr/sbin/jexec", strconv.Itoa(id.JID), "/bin/sleep", "3600")
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for range 500 {
		procs, err := r.k.ProcessList(context.Background(), id.JID)
		if err != nil {
			return nil, err
		}
		if len(procs) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return func() kernel.Exit {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // the exit status is all that is asked for
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		settle()
		return kernel.Exit{Code: cmd.ProcessState.ExitCode(), Signal: int(max(status.Signal(), 0))}
	}, nil
}

// settle gives the kernel's task queue time to free a jail.
func settle() { time.Sleep(300 * time.Millisecond) }

func (r *realReplay) Hold(id kernel.Identity) (func(), error) {
	id.JID = r.shift.real(id.JID)
	release, err := freebsd.HoldJail(id)
	return func() { release(); settle() }, err
}

func (r *realReplay) Open(path string) (func(), error) {
	f, err := os.Open(path)
	return func() { _ = f.Close() }, err
}

func (r *realReplay) ReadDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	return names, err
}

func (r *realReplay) Create(path string) error { return os.WriteFile(path, nil, 0o644) }

// Sleep lets less time go by than was recorded: what held the jail then was a
// connection in TIME_WAIT, here it is a socket that the sidecar closes.
func (r *realReplay) Sleep(d time.Duration) { time.Sleep(min(d, 20*time.Millisecond)) }

func (r *realReplay) Inside(id kernel.Identity) (kernel.Kernel, error) {
	id.JID = r.shift.real(id.JID)
	return jidKernel{insideKernel{r.k, id}, r.shift}, nil
}

// insideKernel makes each call in a process of the jail of its own.
type insideKernel struct {
	kernel.Kernel
	id kernel.Identity
}

func (k insideKernel) call(c freebsd.InsideCall) (freebsd.InsideAnswer, error) {
	a, err := freebsd.CallInside(k.id, c)
	if err == nil {
		err = a.Err()
	}
	return a, err
}

func (k insideKernel) JailSet(_ context.Context, flags kernel.SetFlags, params ...kernel.Param) (int, error) {
	a, err := k.call(freebsd.InsideCall{Op: "JailSet", Flags: uint64(flags), Params: params})
	return a.JID, err
}

func (k insideKernel) JailGet(_ context.Context, flags kernel.GetFlags, key kernel.Param, want ...string) (kernel.Params, error) {
	a, err := k.call(freebsd.InsideCall{Op: "JailGet", Flags: uint64(flags), Params: []kernel.Param{key}, Want: want})
	return a.Params, err
}

func (k insideKernel) JailIdentify(_ context.Context, flags kernel.GetFlags, key kernel.Param) (kernel.Identity, error) {
	a, err := k.call(freebsd.InsideCall{Op: "JailIdentify", Flags: uint64(flags), Params: []kernel.Param{key}})
	return a.ID, err
}

func (k insideKernel) JailRemove(_ context.Context, id kernel.Identity) error {
	_, err := k.call(freebsd.InsideCall{Op: "JailRemove", ID: id})
	return err
}

func (k insideKernel) JailParams(context.Context) ([]kernel.ParamInfo, error) {
	a, err := k.call(freebsd.InsideCall{Op: "JailParams"})
	return a.Infos, err
}

func (k insideKernel) Nmount(_ context.Context, req kernel.MountRequest) (kernel.Mounted, error) {
	_, err := k.call(freebsd.InsideCall{Op: "Nmount", Mount: req})
	return kernel.Mounted{}, err
}

func (k insideKernel) Unmount(_ context.Context, path string, flags kernel.MountFlags) error {
	_, err := k.call(freebsd.InsideCall{Op: "Unmount", Text: path, Flags: uint64(flags)})
	return err
}

func (k insideKernel) Getfsstat(context.Context) ([]kernel.Mounted, error) {
	a, err := k.call(freebsd.InsideCall{Op: "Getfsstat"})
	return a.Mounted, err
}

func (k insideKernel) SysctlString(_ context.Context, name string) (string, error) {
	a, err := k.call(freebsd.InsideCall{Op: "SysctlString", Text: name})
	return a.Text, err
}

func (k insideKernel) SysctlInt(_ context.Context, name string) (int64, error) {
	a, err := k.call(freebsd.InsideCall{Op: "SysctlInt", Text: name})
	n, _ := strconv.ParseInt(a.Text, 10, 64)
	return n, err
}
