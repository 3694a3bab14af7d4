package host

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/freebsd"
	"github.com/libioc/go-libioc/zfsstore"
)

// Host is one machine. It is safe for use by several goroutines and holds
// nothing that must be closed.
type Host struct {
	Store  zfsstore.Store
	Kernel kernel.Kernel

	opts  Options
	locks lockTable

	mu      sync.Mutex
	sources []Source
}

// Options say where things are and what time it is. The zero value suits the machine
// the program runs on.
type Options struct {
	// Sources are the root datasets to use. If empty they are looked up, see the
	// package comment.
	Sources []Source
	// Files are the host files that are read, and devfs.rules, which may be
	// written.
	Files Files
	// RunDir holds lock files and nothing else: it is made, or repaired, to be the
	// caller's alone (0700). The default is /var/run/go-libioc.
	RunDir string
	// StateDir holds the journals of running operations and must survive a
	// reboot. The default is /var/db/go-libioc.
	StateDir string
	// CacheDir holds release archives while they are downloaded. The default
	// is /var/cache/go-libioc.
	CacheDir string
	// ExtractInProcess extracts release archives in this process on FreeBSD
	// too, where bsdtar(1) does it otherwise. File flags are not set then.
	ExtractInProcess bool
	// Settle limits how long a failed operation may take to roll back, and an
	// operation after its commit point to finish. The default is two minutes.
	Settle time.Duration
	// Clock returns the current time. The default is time.Now.
	Clock func() time.Time
	// NewUUID returns a random UUID as text. The default is a version 4 UUID of
	// RFC 9562.
	NewUUID func() string
	// Logger, if set, gets what cannot be returned to any caller. By default
	// nothing is logged.
	Logger *slog.Logger
}

// Files are paths of host files; an empty one is FreeBSD's own place.
type Files struct {
	RCConf        string // rc.conf(5), default /etc/rc.conf
	ResolvConf    string // resolver(5), default /etc/resolv.conf
	DevfsRules    string // devfs.rules(5), default /etc/devfs.rules
	DevfsDefaults string // default /etc/defaults/devfs.rules, never written
	Passwd        string // passwd(5), default /etc/passwd
	Group         string // group(5), default /etc/group
	HBSDUpdate    string // exists on HardenedBSD only, default /usr/sbin/hbsd-update
}

// Open returns the machine this program runs on. Except on FreeBSD it returns
// kernel.ErrUnsupported. Everything but reading needs root.
func Open(ctx context.Context, opts Options) (*Host, error) {
	k, err := freebsd.New()
	if err == nil {
		_, err = k.Features(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open host: %w", err)
	}
	return New(zfsstore.NewExec(zfsstore.ExecOptions{}), k, opts)
}

// New returns a host made of any Store and Kernel. Errors: ErrInvalidSourceName,
// ErrSourceNames.
func New(store zfsstore.Store, k kernel.Kernel, opts Options) (*Host, error) {
	if err := checkSources(opts.Sources); err != nil {
		return nil, err
	}
	opts.fill()
	return &Host{Store: store, Kernel: k, opts: opts}, nil
}

func (o *Options) fill() {
	set := func(p *string, value string) { *p = cmp.Or(*p, value) }
	set(&o.Files.RCConf, "/etc/rc.conf")
	set(&o.Files.ResolvConf, "/etc/resolv.conf")
	set(&o.Files.DevfsRules, "/etc/devfs.rules")
	set(&o.Files.DevfsDefaults, "/etc/defaults/devfs.rules")
	set(&o.Files.Passwd, "/etc/passwd")
	set(&o.Files.Group, "/etc/group")
	set(&o.Files.HBSDUpdate, "/usr/sbin/hbsd-update")
	set(&o.RunDir, "/var/run/go-libioc")
	set(&o.StateDir, "/var/db/go-libioc")
	set(&o.CacheDir, "/var/cache/go-libioc")
	if o.Settle <= 0 {
		o.Settle = 2 * time.Minute
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.NewUUID == nil {
		o.NewUUID = randomUUID
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Now returns the host's time.
func (h *Host) Now() time.Time { return h.opts.Clock() }

// NewUUID returns a random UUID.
func (h *Host) NewUUID() string { return h.opts.NewUUID() }

// Files returns the paths of the host's files.
func (h *Host) Files() Files { return h.opts.Files }

// Settle returns how long a rollback may take, see Options.
func (h *Host) Settle() time.Duration { return h.opts.Settle }

// Logger returns the logger, which is never nil.
func (h *Host) Logger() *slog.Logger { return h.opts.Logger }

// CacheDir returns the directory for release archives while they are downloaded.
func (h *Host) CacheDir() string { return h.opts.CacheDir }

// ExtractInProcess reports whether archives are extracted without bsdtar(1).
func (h *Host) ExtractInProcess() bool { return h.opts.ExtractInProcess }

// JournalPath returns the path of the journal of an operation on one resource, such
// as JournalPath("ioc", "jail", "web").
func (h *Host) JournalPath(source, kind, name string) string {
	return filepath.Join(h.opts.StateDir, source, kind, name+".journal")
}

// MarkPath returns the path of the file that marks an operation on one resource as not
// ended, beside the journal of JournalPath: it is in the source's pool, in the source's
// own dataset or, where that is not mounted (canmount=off), in that of all jails or
// releases. It is empty if neither is mounted.
func (h *Host) MarkPath(ctx context.Context, source Source, kind, name string) (string, error) {
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return "", err
	}
	for _, dataset := range []string{source.Dataset, source.Dataset + "/" + kind + "s"} {
		if root, err := mounts.Mountpoint(dataset); err == nil {
			return filepath.Join(root, ".operations", kind, name), nil
		}
	}
	return "", nil
}

// JournalDir returns the directory of the journals of one kind of resource of a
// source.
func (h *Host) JournalDir(source, kind string) string {
	return filepath.Join(h.opts.StateDir, source, kind)
}

func randomUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, crypto/rand
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
