package jail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Jail is one jail. Its long operations return when they are over, with the
// events that were sent and the operation's error; Generator has the same
// operations as values to stream or to plan.
//
// A Jail holds the configuration that was read when it was loaded. Its methods
// may be called from several goroutines as long as none of them changes the
// configuration; operations lock the jail, here and in other processes.
type Jail struct {
	host     *host.Host
	source   host.Source
	current  atomic.Pointer[state]
	defaults *config.Config
	foreign  bool              // see Foreign
	storage  *zfsstore.Dataset // see Storage
	seen     host.MountTable   // see mountTable
}

// JailGenerator has the operations of a [Jail] as values: each method returns an
// [Operation] to stream, to plan or to run.
type JailGenerator struct{ jail *Jail }

// Generator returns the jail's operations as values.
func (j *Jail) Generator() *JailGenerator { return &JailGenerator{j} }

// of returns the jail, or for a generator of none a jail without a host, whose
// operations are refused.
func (g *JailGenerator) of() *Jail {
	if g == nil || g.jail == nil {
		return new(Jail)
	}
	return g.jail
}

// Status is what the kernel said of a jail when it was loaded or listed.
type Status struct {
	Running  bool
	Identity kernel.Identity // zero unless Running
}

// Spec describes a jail that does not exist yet.
type Spec struct {
	// Name is the jail's name, by libioc's rule (config.ValidName), of characters
	// that a dataset's name may have: ASCII letters, digits, - _ and the dot.
	Name string
	// Source is the root dataset to make it in; empty is the main one.
	Source string
	// Properties are the jail's own properties, such as "exec_start" or
	// "ip4_addr", in their text form.
	Properties map[string]string
}

// New prepares a jail that does not exist yet. Nothing is touched before
// Create. Errors: ErrInvalidName, host.ErrSourceNotFound, host.ErrNotActivated,
// *config.PropertyError.
func New(ctx context.Context, h *host.Host, spec Spec) (*Jail, error) {
	if err := usable(ctx, h); err != nil {
		return nil, err
	}
	if err := newName(spec.Name); err != nil {
		return nil, err
	}
	source, err := h.Source(ctx, spec.Source)
	if err != nil {
		return nil, err
	}
	j, err := generator(ctx, h, source, spec.Name)
	if err != nil {
		return nil, err
	}
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	if j.defaults, err = readDefaults(mounts, source); err != nil {
		return nil, err
	}
	return j.with(spec.Properties)
}

// newName checks the name of a jail to be made. libioc's rule lets characters
// through that no dataset's name can have, which zfs(8) would refuse in the
// middle of a create. What there is already is loaded by libioc's rule alone.
func newName(name string) error {
	if err := config.ValidName(name); err != nil {
		return err
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.", c) {
			return &config.PropertyError{
				Key: "name", Value: name, Reason: fmt.Sprintf("a dataset's name cannot have %q", c), Err: ErrInvalidName,
			}
		}
	}
	return nil
}

// Load reads an existing jail by "name" or "source/name". A jail whose name is a
// UUID is found by the first 8 characters as well; several such jails are an
// *AmbiguousError. A jail with values that could not be understood loads all the
// same, see [Jail.Problems]. Errors: ErrNotFound, ErrAmbiguous,
// host.ErrNotMounted, config.ErrMalformed and those of host.Source.
//
// A jail whose dataset is mounted is loaded without starting any process.
func Load(ctx context.Context, h *host.Host, name string) (*Jail, error) {
	if err := usable(ctx, h); err != nil {
		return nil, err
	}
	sourceName, jailName, hasSource := strings.Cut(name, "/")
	if !hasSource {
		sourceName, jailName = "", name
	}
	if err := config.ValidName(jailName); err != nil {
		return nil, &Error{"load", name, fmt.Errorf("%w: %w", ErrNotFound, err)}
	}
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	if hasSource {
		s, err := h.Source(ctx, sourceName)
		if err != nil {
			return nil, err
		}
		sources = []host.Source{s}
	}
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	f, ok, err := resolve(mounts, sources, jailName)
	if err != nil {
		return nil, &Error{"load", name, err}
	}
	if !ok {
		return nil, &Error{"load", name, missing(ctx, h, sources, jailName)}
	}
	j, err := generator(ctx, h, f.source, f.name)
	if err != nil {
		return nil, err
	}
	if j.defaults, err = readDefaults(mounts, f.source); err != nil {
		return nil, err
	}
	own, err := j.read(ctx, f.path)
	if err != nil {
		return nil, &Error{"load", j.FullName(), err}
	}
	j.current.Store(newState(j.Name(), j.FullName(), f.path, own))
	return j, j.refresh(ctx)
}

// missing distinguishes a jail that does not exist from one that is not mounted.
func missing(ctx context.Context, h *host.Host, sources []host.Source, name string) error {
	for _, source := range sources {
		_, err := h.Store.Get(ctx, source.Jails()+"/"+name, zfsstore.GetOptions{})
		switch {
		case err == nil:
			return fmt.Errorf("%w: %s/%s", host.ErrNotMounted, source.Jails(), name)
		case !absent(err):
			return err
		}
	}
	return ErrNotFound
}

// absent reports whether an error says that no dataset has a name.
func absent(err error) bool {
	return errors.Is(err, zfsstore.ErrNotFound) || errors.Is(err, zfsstore.ErrNoPool) || errors.Is(err, zfsstore.ErrInvalidName)
}

// fullName is a jail's name, with its source's on a host with several.
func fullName(source host.Source, name string, sources int) string {
	if sources > 1 {
		return source.Name + "/" + name
	}
	return name
}

func generator(ctx context.Context, h *host.Host, source host.Source, name string) (*Jail, error) {
	all, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	j := &Jail{host: h, source: source}
	j.current.Store(newState(name, fullName(source, name, len(all)), "", config.New()))
	return j, nil
}

// read reads the configuration of the jail whose dataset is mounted at path.
func (j *Jail) read(ctx context.Context, path string) (*config.Config, error) {
	own, err := config.ReadDir(path)
	if errors.Is(err, config.ErrNoConfig) {
		own, err = j.readProperties(ctx, path)
	}
	return own, err
}

// readProperties reads the ZFS user properties of iocage_legacy 1.7. Inherited
// ones belong to a parent and are none of the jail's.
func (j *Jail) readProperties(ctx context.Context, path string) (*config.Config, error) {
	c, err := configOfDataset(ctx, j.host, j.Dataset())
	if err != nil {
		return nil, err
	}
	if len(c.Keys()) > 0 {
		return c, nil
	}
	// An empty jail has no configuration, but neither has one that is just being
	// made: its journal tells.
	if _, err := os.Lstat(j.journal()); err == nil {
		return nil, fmt.Errorf("%w: %s is being made: %w", ErrNotFound, j.Dataset(), config.ErrNoConfig)
	}
	own, err := config.ReadDir(path)
	if errors.Is(err, config.ErrNoConfig) {
		return c, nil
	}
	return own, err
}

// configOfDataset returns the configuration in the local ZFS user properties of a
// dataset; without any it is empty, and to be written as JSON.
func configOfDataset(ctx context.Context, h *host.Host, dataset string) (*config.Config, error) {
	d, err := h.Store.Get(ctx, dataset, zfsstore.GetOptions{Properties: []string{zfsstore.AllProperties}})
	if errors.Is(err, zfsstore.ErrNotFound) {
		return nil, ErrNotFound // destroyed in the meantime
	}
	if err != nil {
		return nil, err
	}
	if c := legacyConfig(d); len(c.Keys()) > 0 {
		return c, nil
	}
	return config.New(), nil
}

func readDefaults(mounts host.MountTable, source host.Source) (*config.Config, error) {
	c, _, err := defaultsFile(mounts, source)
	return c, err
}

// Name returns the jail's name within its source, libioc's id.
func (j *Jail) Name() string { return j.state().name }

// FullName returns the name, with the source before it where the host has several.
func (j *Jail) FullName() string { return j.state().fullName }

// String returns the full name and the state of Status, "web (up)".
func (j *Jail) String() string {
	state, _ := j.Field("state")
	return j.FullName() + " (" + state[0] + ")"
}

// LogValue logs the full name and the state, and the jid of a running jail.
func (j *Jail) LogValue() slog.Value {
	state, _ := j.Field("state")
	attrs := []slog.Attr{slog.String("name", j.FullName()), slog.String("state", state[0])}
	if s := j.Status(); s.Running {
		attrs = append(attrs, slog.Int("jid", s.Identity.JID))
	}
	return slog.GroupValue(attrs...)
}

// HumanReadableName returns the name, cut to 8 characters when it is a UUID.
func (j *Jail) HumanReadableName() string { return config.HumanReadableName(j.Name()) }

// Host returns the host that the jail is on.
func (j *Jail) Host() *host.Host { return j.host }

// Source returns the root dataset the jail is in.
func (j *Jail) Source() host.Source { return j.source }

// Identifier returns the jail's name in the kernel, for jls(8) and rctl(8).
func (j *Jail) Identifier() string {
	if j.foreign {
		return j.Name()
	}
	return Identifier(j.source, j.Name())
}

// Identifier returns the name in the kernel of a source's jail: the source's
// name, a dash and the jail's name with every dot replaced by an asterisk,
// because a dot would mean a child jail.
func Identifier(source host.Source, name string) string {
	return source.Name + "-" + strings.ReplaceAll(name, ".", "*")
}

// Dataset holds the jail's configuration, RootDataset its file system.
func (j *Jail) Dataset() string { return j.source.Jails() + "/" + j.Name() }

// RootDataset returns the dataset of the jail's root file system.
func (j *Jail) RootDataset() string { return j.Dataset() + "/root" }

// RootPath returns where the jail's root file system is mounted.
func (j *Jail) RootPath(ctx context.Context) (string, error) {
	return j.host.Mountpoint(ctx, j.RootDataset())
}

// openRoot opens the jail's root file system.
func (j *Jail) openRoot(ctx context.Context) (*saferoot.Root, error) {
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return nil, err
	}
	path, err := mounts.Mountpoint(j.RootDataset())
	if err != nil {
		return nil, err
	}
	return saferoot.Open(path)
}

// mountTable returns what fresh has read, so that a plan is made of one moment and
// hundreds of mounts are read once for it; otherwise what is mounted now.
func (j *Jail) mountTable(ctx context.Context) (host.MountTable, error) {
	if j.seen != nil {
		return j.seen, nil
	}
	return j.host.Mounts(ctx)
}

// Status returns what the kernel said when the jail was loaded or listed, or when the last
// operation of this Jail had started or stopped it.
func (j *Jail) Status() Status { return j.state().status }

// refresh asks the kernel again.
func (j *Jail) refresh(ctx context.Context) error {
	id, err := j.identity(ctx)
	err = ignore.Err(err, ErrForeign)
	if err == nil {
		j.setStatus(id)
	}
	return err
}

// setStatus records the identity of the running jail; zero means that it does not run.
func (j *Jail) setStatus(id kernel.Identity) {
	for { // an operation can publish another change in the meantime
		was := j.current.Load()
		is := *was
		is.status = Status{Running: !id.IsZero(), Identity: id}
		if j.current.CompareAndSwap(was, &is) {
			return
		}
	}
}

// exists reports whether the jail's dataset was there when it was loaded.
func (j *Jail) exists() bool { return j.Path() != "" }

// fstabPath returns the jail's fstab(5), outside the jail's root.
func (j *Jail) fstabPath() string { return filepath.Join(j.Path(), "fstab") }

func (j *Jail) readFstab() ([]byte, error) {
	data, err := os.ReadFile(j.fstabPath())
	return data, ignore.Err(err, os.ErrNotExist)
}
