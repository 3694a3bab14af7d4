package simkernel

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// Options describe the machine that a [Kernel] simulates. The zero value is a freshly
// booted FreeBSD 13.2-RELEASE amd64 with ZFS, VIMAGE and racct, whose file
// system is that of the machine the program runs on.
type Options struct {
	// Release is "13.2-RELEASE" (the default) or "15.1-RELEASE", perhaps with a
	// patch level ("15.1-RELEASE-p1").
	Release string
	// Root is a directory that stands for "/": absolute paths are looked up
	// below it. The default is the real root.
	Root string
	// Scratch is a directory for the files of tmpfs mounts, which end with
	// Close. The default is .scratch below Root, or the directory of temporary
	// files if Root is empty.
	Scratch string
	// FirstJID is the first automatic jid; default 1.
	FirstJID int
	// IncarnationBase is the first cpuset.id of a jail; default 3, since the
	// kernel itself uses the ids below. Freed ids are reused, lowest first, as in
	// cpuset(2).
	IncarnationBase uint64
	// Modules are kernel modules besides those of GENERIC and zfs. They add jail
	// parameters or file systems: "linux", "linprocfs", "linsysfs",
	// "lindebugfs", "fusefs", "vmm", "mac_do"; "ipfw" and "pf" are the packet
	// filters; "sysvipc" brings System V IPC to
	// 15.1, whose recorded kernel lacks it.
	Modules []string
	// Dataset returns the directory that holds the files of a dataset, for nmount(2) of
	// type zfs. Its errors are syscall.ENOENT for an unknown dataset and EBUSY for a
	// mounted one. If Dataset is nil, nmount(2) refuses the type.
	Dataset func(name string) (dir string, err error)
	// NoZFS omits zfs.ko.
	NoZFS bool
	// NoVIMAGE omits vnet(9).
	NoVIMAGE bool
	// NoRACCT sets kern.racct.enable=0.
	NoRACCT bool
	// NoRulesets omits the five rulesets of /etc/defaults/devfs.rules, as on a
	// machine before rc(8) has run.
	NoRulesets bool
	// Jailed makes Features report that this process is in a jail.
	Jailed bool

	Hostname string // kern.hostname; default "simhost"
	HostUUID string // kern.hostuuid; default a fixed one
	HostID   uint64 // kern.hostid

	// Sysctls adds or replaces nodes of sysctl(3).
	Sysctls map[string]string
	// Clock is the time for sleeping programs and start times; the default is
	// the machine's.
	Clock Clock
	// Programs are scripted programs by base name; they replace those of the
	// same name that Process describes. They need no file in a jail.
	Programs map[string]Program
	// PfDisabled leaves pf loaded but not enabled.
	PfDisabled bool
	// PfAnchors are the lines of pf's main ruleset that evaluate anchors, such as
	// `nat-anchor "ioc/*" all`.
	PfAnchors []string

	// Ether is the name of the host's network card; default "em0".
	Ether string

	loaded []string // modules, by kldload(2) since the machine's start

	// Load is the state that an earlier Kernel passed to Commit.
	Load []Record
	// Commit is called once for each call that changed something, with the
	// changed records, in the order of the changes. Its error is returned by that
	// call, although the change was made in memory. It must not call the Kernel.
	Commit func(changed []Record) error
}

// Clock is the time of a [Kernel].
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the context's error.
	Sleep(ctx context.Context, d time.Duration) error
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Record is one record of a Kernel's state.
type Record struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"` // nil: the record is gone
}

// Kernel is a FreeBSD kernel in memory, for tests and for systems that are not
// FreeBSD. Its effects, errno values and messages are those recorded on FreeBSD
// 13.2-RELEASE and 15.1-RELEASE.
//
// Files are real and lie below Options.Root; mounts are a table only, and
// [Kernel.Resolve] finds the real file of a path. All methods are safe for use
// by several goroutines.
type Kernel struct {
	*view
}

var _ kernel.Kernel = (*Kernel)(nil)

// view is the kernel as one jail, or the host, sees it.
type view struct {
	*netView
	s    *machine
	me   *prison
	gone func() error // returns why the view is no longer usable
}

// machine is the state that all views share.
type machine struct {
	opts    Options
	rel     release
	clock   Clock
	params  []param
	byParam map[string]*param
	calls   calls

	mu     sync.Mutex
	bootID string
	boots  int

	jails    jails
	mounts   mounts
	devfs    devfs
	rctl     rctl
	net      network
	firewall firewall
	procs    procs

	dirty dirty
	watch watch
}

// New boots a kernel.
func New(opts Options) (*Kernel, error) {
	if opts.Release == "" {
		opts.Release = "13.2-RELEASE"
	}
	rel, ok := findRelease(opts.Release)
	if !ok {
		return nil, &kernel.CallError{Op: "sim", Subject: opts.Release, Msg: "unknown release", Err: kernel.ErrUnsupported}
	}
	if opts.Root != "" {
		abs, err := filepath.Abs(opts.Root)
		if err != nil {
			return nil, err
		}
		if abs, err = filepath.EvalSymlinks(abs); err != nil {
			return nil, err
		}
		opts.Root = abs
	}
	if opts.Scratch == "" {
		opts.Scratch = os.TempDir()
		if opts.Root != "" {
			opts.Scratch = filepath.Join(opts.Root, ".scratch")
		}
	}
	if opts.FirstJID == 0 {
		opts.FirstJID = 1
	}
	if opts.IncarnationBase == 0 {
		opts.IncarnationBase = 3
	}
	if opts.Hostname == "" {
		opts.Hostname = "simhost"
	}
	if opts.HostUUID == "" {
		opts.HostUUID = "a1b2c3d4-0000-11ee-8000-58169200aa00"
	}
	if opts.Ether == "" {
		opts.Ether = "em0"
	}
	k := &machine{opts: opts, rel: rel, clock: opts.Clock}
	if k.clock == nil {
		k.clock = realClock{}
	}
	k.params, k.byParam = paramTable(rel, opts)
	k.boot()
	if len(opts.Load) > 0 {
		k.dirty.reset()
		if err := k.load(opts.Load); err != nil {
			return nil, err
		}
	}
	if err := k.commit(); err != nil {
		return nil, err
	}
	return &Kernel{k.view(k.jails.host, nil)}, nil
}

// boot sets the state of a machine that has just started.
func (k *machine) boot() {
	k.setModules(nil)
	k.boots++
	k.bootID = fmt.Sprintf("sim-%d-%d", k.boots, k.clock.Now().UnixNano())
	k.jails.init(k)
	k.mounts.init(k)
	k.devfs.init(k)
	k.rctl.init(k)
	k.net.init(k)
	k.firewall.init(k)
	k.procs.init(k)
	k.dirty.boot()
}

// Reboot restarts the machine: jails, processes, mounts, rulesets, rctl rules and
// cloned interfaces are gone, files stay, and BootID changes. File systems passed
// to AttachMount have to be attached again.
func (s *Kernel) Reboot() error {
	k := s.s
	k.mu.Lock()
	dead := k.procs.killAll()
	k.mounts.dropScratch()
	k.dirty.forgetAll(k)
	for _, pr := range k.jails.list {
		pr.gone = true
	}
	k.boot()
	s.me = k.jails.host
	err := k.commit()
	k.mu.Unlock()
	for _, p := range dead {
		<-p.done
	}
	return err
}

// Close ends all processes and deletes the files of tmpfs mounts. The records are
// not touched.
func (s *Kernel) Close() error {
	k := s.s
	k.mu.Lock()
	dead := k.procs.killAll()
	k.mounts.dropScratch()
	k.mu.Unlock()
	for _, p := range dead {
		<-p.done
	}
	return nil
}

// Inside returns the kernel as a process of the jail sees it: only its descendants
// are visible, names and paths are its own, and its permissions are limited as
// described in jail(8).
func (s *Kernel) Inside(id kernel.Identity) (kernel.Kernel, error) {
	k := s.s
	k.mu.Lock()
	defer k.mu.Unlock()
	pr, err := k.jails.check("jail_attach", id)
	if err != nil {
		return nil, err
	}
	return k.view(pr, func() error {
		if pr.gone || !pr.alive() {
			return &kernel.JailError{Op: "jail_attach", Name: id.Name, Errno: syscall.EINVAL, Msg: "the jail has ended", Err: kernel.ErrNotFound}
		}
		return nil
	}), nil
}

func (k *machine) view(me *prison, gone func() error) *view {
	v := &view{s: k, me: me, gone: gone}
	v.netView = &netView{v: v}
	return v
}

// do is what every call goes through: context, injected faults, the record of
// calls, one lock, one commit. subject is what an error of the call names.
func (v *view) do(ctx context.Context, op, subject, args string, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := v.s.calls.enter(op, subject, args)
	if err != nil {
		return err
	}
	v.s.mu.Lock()
	if v.gone != nil {
		err = v.gone()
	}
	if err == nil {
		err = fn()
	}
	if cerr := v.s.commit(); err == nil {
		err = cerr
	}
	v.s.mu.Unlock()
	if err == nil {
		err = after
	}
	return err
}

// jailed reports whether the caller is in a jail.
func (v *view) jailed() bool { return v.me.parent != nil }

// Features implements [kernel.Kernel].
func (v *view) Features(ctx context.Context) (kernel.Features, error) {
	var f kernel.Features
	err := v.do(ctx, OpFeatures, "", "", func() error {
		f = kernel.Features{
			OSRelease: v.me.OSRelease, OSRelDate: v.me.OSRelDate,
			Machine: "amd64", Arch: "amd64",
			VIMAGE: !v.s.opts.NoVIMAGE, RACCT: !v.s.opts.NoRACCT,
			JailDesc: v.s.rel.jailDesc, Jailed: v.jailed() || v.s.opts.Jailed,
			SecureLvl: v.me.SecureLevel,
		}
		if !v.s.opts.NoZFS {
			f.ZFSVersion = v.s.rel.zfs
		}
		return nil
	})
	return f, err
}

// BootID implements [kernel.Kernel].
func (v *view) BootID(ctx context.Context) (string, error) {
	var id string
	err := v.do(ctx, OpBootID, "", "", func() error { id = v.s.bootID; return nil })
	return id, err
}

// onDisk returns the real path of a path of the simulated machine, ignoring mounts.
func (k *machine) onDisk(p string) string {
	if runtime.GOOS == "windows" && k.opts.Root == "" {
		return filepath.FromSlash(p)
	}
	return filepath.Join(k.opts.Root, filepath.FromSlash(p))
}

func (k *machine) hasModule(name string) bool {
	for _, m := range slices.Concat(k.opts.Modules, k.opts.loaded) {
		if strings.TrimSuffix(m, ".ko") == name {
			return true
		}
	}
	return false
}
