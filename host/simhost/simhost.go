package simhost

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// Pool and Dataset are the pool and the root dataset of a host opened by New.
const (
	Pool    = "zroot"
	Dataset = Pool + "/iocage"
)

// Host is a simulated machine. The embedded Host is what the packages jail and
// release work on; ZFS and Sim are for injecting faults and looking at what was
// called.
type Host struct {
	*host.Host
	ZFS *simzfs.Store
	Sim *simkernel.Kernel

	log  *stateLog
	temp string // removed by Close
}

// Options are the options of Open.
type Options struct {
	// Dir holds everything. It is made if it does not exist. The default is a new
	// temporary directory, which Close removes.
	Dir string
	// Release is the kernel's release: "13.2-RELEASE", the default, or
	// "15.1-RELEASE".
	Release string
	// Programs are scripted programs besides the built-in ones, see simkernel.Process.
	Programs map[string]simkernel.Program
	// Sources are the root datasets; the default is ioc on zroot/iocage. Their
	// pools are created.
	Sources []host.Source
	// Clock is the time of everything but sleeping programs; default time.Now.
	Clock func() time.Time
	// Kernel may change further options of the simulated kernel.
	Kernel func(*simkernel.Options)
}

// New opens the simulated host in dir, making it if it does not exist. With "" it
// is a new one that Close removes.
func New(dir string) (*Host, error) { return Open(Options{Dir: dir}) }

// Open is New with options. The error is ErrInUse when another process, or this
// one, has the directory open.
func Open(opts Options) (*Host, error) {
	temp := ""
	if opts.Dir == "" {
		var err error
		if temp, err = os.MkdirTemp("", "simhost-"); err != nil {
			return nil, err
		}
		opts.Dir = temp
	}
	h, err := open(opts)
	if err != nil {
		return nil, errors.Join(err, removeTemp(temp))
	}
	h.temp = temp
	return h, nil
}

func open(opts Options) (*Host, error) {
	dir, err := prepare(opts.Dir)
	if err != nil {
		return nil, err
	}
	log, err := openLog(dir)
	if err != nil {
		return nil, err
	}
	h, err := assemble(dir, opts, log)
	if err != nil {
		return nil, errors.Join(err, log.close())
	}
	return h, nil
}

func removeTemp(dir string) error {
	if dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

// prepare creates the directory and the host files that a new FreeBSD has.
func prepare(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	// Mounts are known by their real path.
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return "", err
	}
	files := map[string]string{
		"etc/rc.conf":              "hostname=\"simhost\"\n",
		"etc/resolv.conf":          "nameserver 192.0.2.53\n",
		"etc/defaults/devfs.rules": devfsRules,
		"etc/passwd":               passwd,
		"etc/group":                group,
	}
	for name, text := range files {
		path := filepath.Join(abs, filepath.FromSlash(name))
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	return abs, nil
}

func assemble(dir string, opts Options, log *stateLog) (*Host, error) {
	h := &Host{log: log}
	kopts := simkernel.Options{
		Release:  opts.Release,
		Programs: opts.Programs,
		Load:     log.kernel,
		Commit:   log.commitKernel,
		Scratch:  filepath.Join(dir, "scratch"),
	}
	if opts.Kernel != nil {
		opts.Kernel(&kopts)
	}
	kopts.Dataset = h.dataset
	// A process that was killed left the files of its tmpfs mounts.
	err := errors.Join(os.RemoveAll(kopts.Scratch), os.Mkdir(kopts.Scratch, 0o755))
	if err != nil {
		return nil, err
	}
	if h.Sim, err = simkernel.New(kopts); err != nil {
		return nil, err
	}
	sources := opts.Sources
	if len(sources) == 0 {
		sources = []host.Source{{Name: "ioc", Dataset: Dataset}}
	}
	version := "2.1.9"
	if strings.HasPrefix(opts.Release, "15") {
		version = "2.4"
	}
	var hookErr error
	h.ZFS, err = simzfs.New(simzfs.Options{
		Pools:   pools(dir, sources),
		Version: version,
		Clock:   opts.Clock,
		Load:    log.store,
		Commit:  log.commitStore,
		Busy:    h.Sim.Busy,
		MountHook: func(e simzfs.MountEvent) {
			hookErr = errors.Join(hookErr, h.mounted(e))
		},
		Jail: h.jail,
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(hookErr, h.attach()); err != nil {
		return nil, err
	}
	ctx := context.Background()
	for _, s := range sources {
		err := h.ZFS.Create(ctx, s.Dataset, zfsstore.CreateOptions{Parents: true})
		if err != nil && !errors.Is(err, zfsstore.ErrExists) {
			return nil, err
		}
	}
	h.Host, err = host.New(h.ZFS, machine{h.Sim, h}, host.Options{
		Sources: sources,
		Files: host.Files{
			RCConf:        filepath.Join(dir, "etc", "rc.conf"),
			ResolvConf:    filepath.Join(dir, "etc", "resolv.conf"),
			DevfsRules:    filepath.Join(dir, "etc", "devfs.rules"),
			DevfsDefaults: filepath.Join(dir, "etc", "defaults", "devfs.rules"),
			Passwd:        filepath.Join(dir, "etc", "passwd"),
			Group:         filepath.Join(dir, "etc", "group"),
			HBSDUpdate:    filepath.Join(dir, "usr", "sbin", "hbsd-update"),
		},
		RunDir:   filepath.Join(dir, "run"),
		StateDir: filepath.Join(dir, "db"),
		CacheDir: filepath.Join(dir, "cache"),
		// File flags would keep the simulated ZFS from removing files.
		ExtractInProcess: true,
		Clock:            opts.Clock,
	})
	return h, err
}

func pools(dir string, sources []host.Source) []simzfs.Pool {
	var out []simzfs.Pool
	seen := map[string]bool{}
	for _, s := range sources {
		name, _, _ := strings.Cut(s.Dataset, "/")
		if seen[name] {
			continue
		}
		seen[name] = true
		out = append(out, simzfs.Pool{
			Name:    name,
			Altroot: filepath.Join(dir, "mnt"),
			Private: filepath.Join(dir, "unmounted", name),
		})
	}
	return out
}

// mounted adds or removes a dataset in the kernel's mount table. A file system keeps
// its id while it is unmounted, under another name and after a reboot; another dataset
// of its name has another one.
func (h *Host) mounted(e simzfs.MountEvent) error {
	m := kernel.Mounted{
		Type: "zfs", From: e.Dataset, Path: e.Path,
		FSID: kernel.FSID{Val: [2]int32{int32(e.GUID), int32(e.GUID >> 32)}},
	}
	if e.Mounted {
		_, err := h.Sim.AttachMount(m)
		return err
	}
	return h.Sim.DetachMount(e.Path, kernel.MntForce)
}

// attach makes the kernel's ZFS mounts agree with the datasets after loading both:
// they may differ if the process was killed between changing them.
func (h *Host) attach() error {
	attached := map[string]string{}
	for _, m := range h.Sim.AttachedMounts() {
		if m.Type == "zfs" {
			attached[m.Path] = m.From
		}
	}
	var all error
	for _, d := range h.ZFS.Mounts() {
		if attached[d.Path] != d.Dataset {
			all = errors.Join(all, h.mounted(simzfs.MountEvent{Dataset: d.Dataset, GUID: d.GUID, Path: d.Path, Mounted: true}))
		}
		delete(attached, d.Path)
	}
	for path := range attached {
		all = errors.Join(all, h.Sim.DetachMount(path, kernel.MntForce))
	}
	return all
}

// dataset returns where the files of a dataset are that is not mounted.
func (h *Host) dataset(name string) (dir string, err error) {
	dir, err = h.ZFS.Files(context.Background(), name)
	switch {
	case errors.Is(err, zfsstore.ErrMounted):
		err = syscall.EBUSY
	case err != nil:
		err = syscall.ENOENT
	}
	return dir, err
}

// jail finds a running jail, for zfs-jail(8).
func (h *Host) jail(name string) (int, bool) {
	key := kernel.ByName(name)
	if jid, err := strconv.Atoi(name); err == nil {
		key = kernel.ByJID(jid)
	}
	id, err := h.Sim.JailIdentify(context.Background(), 0, key)
	return id.JID, err == nil
}

// Reboot restarts the machine: jails, mounts, rules and interfaces are gone, and
// datasets are mounted again.
func (h *Host) Reboot() error {
	if err := h.Sim.Reboot(); err != nil {
		return err
	}
	if err := h.ZFS.Reboot(); err != nil {
		return err
	}
	return h.attach()
}

// Close releases the directory for another process, ends the simulated processes
// and deletes the files of tmpfs mounts. Jails and mounts stay: a later Open finds
// them, as after a kill of this process.
func (h *Host) Close() error {
	return errors.Join(h.Sim.Close(), h.log.close(), removeTemp(h.temp))
}
