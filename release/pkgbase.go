package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/mirror"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/kernel"
)

// Errors of releases that are made of packages.
var (
	// ErrPackages: pkg(8) failed. A *[PackageError] has its output.
	ErrPackages = errors.New("base packages could not be installed")
	// ErrNoKeys: the host does not have the keys that the packages are signed
	// with. They come with FreeBSD-pkg-bootstrap, or with a newer host.
	ErrNoKeys = errors.New("no keys for base packages")
)

// PackageOptions say how a release is made of packages, freebsd-base(7).
type PackageOptions struct {
	// Repository is the URL of the packages; $ABI, $VERSION_MAJOR and
	// $VERSION_MINOR in braces stand for the release's, as in pkg.conf(5). The
	// default is FreeBSD's own. Without Keys it must be https, ssh or file, unless
	// FetchOptions.HTTP.AllowHTTP is set.
	Repository string
	// Sets are the packages to install, those they depend on included. The
	// default is FreeBSD-set-base-jail.
	Sets []string
	// Keys is the directory of trusted keys, copied to the same place in the
	// release. The default is /usr/share/keys/pkgbase-15 or what the release's
	// major version is. "none" installs packages without a signature.
	Keys string
}

const (
	defaultRepository = "pkg+https://pkg.FreeBSD.org/${ABI}/base_release_${VERSION_MINOR}"
	baseRepository    = "FreeBSD-base"
	baseSet           = "FreeBSD-set-base-jail"
	noKeys            = "none"
	// repositoryConf is kept in the release: by it an update knows that the
	// userland is made of packages.
	repositoryConf = "usr/local/etc/pkg/repos/FreeBSD-base.conf"
)

// firstPackaged is the first major version that has a repository of base
// packages for releases, and whose mirror may lack base.txz.
const firstPackaged = 15

// PackageError is pkg(8) ending with another status than 0. errors.Is(err,
// ErrPackages).
type PackageError struct{ UpdateError }

// Is reports whether target is ErrPackages.
func (e *PackageError) Is(target error) bool { return target == ErrPackages }

// packaged decides whether the release comes as packages: when asked for, or
// when the mirror has no base.txz any more.
func (r *Release) packaged(ctx context.Context, o FetchOptions) (*PackageOptions, error) {
	if o.Packages != nil || o.Archive != "" || o.SHA256 != "" || len(o.Assets) > 0 || r.name.Major() < firstPackaged || !r.name.IsRelease() {
		return o.Packages, nil
	}
	location, err := r.location(ctx, o.Mirror)
	if err != nil {
		return nil, err
	}
	m, err := mirror.Open(location, o.HTTP.mirror())
	if errors.Is(err, mirror.ErrNotFound) {
		return &PackageOptions{}, nil
	}
	if err != nil {
		return nil, refused(mirror.ManifestFile, err)
	}
	there, err := m.Available(ctx, "base.txz")
	if err != nil {
		return nil, refused("base.txz", err)
	}
	if there {
		return nil, nil
	}
	return &PackageOptions{}, nil
}

// stepPackages installs the base system from packages into the new root.
// Undoing the dataset undoes it.
type stepPackages struct {
	RootDataset string   `json:"root_dataset"`
	ABI         string   `json:"abi"`
	OSVersion   int      `json:"osversion"`
	Repository  string   `json:"repository"`
	Keys        string   `json:"keys"`
	Sets        []string `json:"sets"`
	Scratch     string   `json:"scratch"` // directory for the configuration
}

// stepPackages fills in the defaults.
func (r *Release) stepPackages(ctx context.Context, o PackageOptions) (stepPackages, error) {
	f, err := r.host.Kernel.Features(ctx)
	if err != nil {
		return stepPackages{}, err
	}
	if !r.name.HasVersion() || r.name.Minor() < 0 {
		return stepPackages{}, fmt.Errorf("%w: %s has no version", ErrPackages, r.name)
	}
	a := stepPackages{
		RootDataset: r.RootDataset(),
		ABI:         abi(r.name, f.Arch),
		OSVersion:   osVersion(r.name),
		Repository:  cmp.Or(o.Repository, defaultRepository),
		Keys:        cmp.Or(o.Keys, fmt.Sprintf("/usr/share/keys/pkgbase-%d", r.name.Major())),
		Sets:        o.Sets,
		Scratch:     filepath.Join(r.host.CacheDir(), r.source.Name, r.name.Base()+".pkg"),
	}
	a.Repository = strings.NewReplacer(
		"${ABI}", a.ABI, "${VERSION_MAJOR}", fmt.Sprint(r.name.Major()), "${VERSION_MINOR}", fmt.Sprint(r.name.Minor()),
	).Replace(a.Repository)
	if strings.ContainsAny(a.Repository, "\"\\\n") {
		return stepPackages{}, fmt.Errorf("%w: repository %q", ErrPackages, a.Repository)
	}
	if len(a.Sets) == 0 {
		a.Sets = []string{baseSet}
	}
	for _, set := range a.Sets {
		if set == "" || strings.HasPrefix(set, "-") {
			return stepPackages{}, fmt.Errorf("%w: package %q", ErrPackages, set)
		}
	}
	return a, nil
}

// authentic reports why nothing would authenticate the packages, or nil.
func (a stepPackages) authentic(o FetchOptions) error {
	if o.SHA256 != "" {
		return fmt.Errorf("%w: SHA256 is of an archive or a MANIFEST, and packages have neither", ErrPackages)
	}
	scheme, _, _ := strings.Cut(a.Repository, "://")
	switch strings.TrimPrefix(strings.ToLower(scheme), "pkg+") {
	case "https", "ssh", "file":
		return nil
	}
	if a.Keys != noKeys || o.HTTP.AllowHTTP {
		return nil
	}
	return refused(a.Repository, fmt.Errorf("%w: set HTTPOptions.AllowHTTP, or PackageOptions.Keys", ErrHTTP))
}

// conf is the repository's part of pkg.conf(5).
func (a stepPackages) conf() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: {\n  url: \"%s\",\n", baseRepository, a.Repository)
	if strings.HasPrefix(a.Repository, "pkg+") {
		b.WriteString("  mirror_type: \"srv\",\n")
	}
	if a.Keys != noKeys {
		fmt.Fprintf(&b, "  signature_type: \"fingerprints\",\n  fingerprints: \"%s\",\n", a.Keys)
	}
	b.WriteString("  enabled: yes\n}\n")
	return b.String()
}

// argv is the command line. The first of pkg(8)'s options is the root that the
// others, and the path of the keys, count from.
func (a stepPackages) argv(root, repos string) []string {
	argv := []string{
		"/usr/sbin/pkg", "--rootdir", root, "--repo-conf-dir", repos,
		"-o", "ABI=" + a.ABI, "-o", fmt.Sprintf("OSVERSION=%d", a.OSVersion), "-o", "IGNORE_OSVERSION=yes",
		"install", "-y", "-r", baseRepository,
	}
	return append(argv, a.Sets...)
}

// pkgEnv lets pkg(8), which in the base system only fetches the real one, do so
// without asking.
func pkgEnv() []string {
	return []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin", "LC_ALL=C", "HOME=/root", "ASSUME_ALWAYS_YES=yes"}
}

func (stepPackages) Kind() string     { return "install packages" }
func (a stepPackages) Detail() string { return strings.Join(a.Sets, ", ") + " from " + a.Repository }
func (a stepPackages) Event(e step.Env) events.IocEvent {
	return events.ReleaseDownload{Release: e.Name, Assets: a.Sets}
}

func (a stepPackages) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	_, path, err := step.Located(ctx, e, c, a.RootDataset)
	if err != nil {
		return err
	}
	root, err := saferoot.Open(path)
	if err != nil {
		return err
	}
	defer root.Close()
	if a.Keys != noKeys {
		if err := copyKeys(root, a.Keys); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(a.Scratch, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(a.Scratch)
	if err := os.WriteFile(filepath.Join(a.Scratch, baseRepository+".conf"), []byte(a.conf()), 0o644); err != nil {
		return err
	}
	out := tail.Last(maxMessage)
	argv := a.argv(path, a.Scratch)
	exit, err := kernel.Run(ctx, e.Host.Kernel, updaterLimit, kernel.Command{Argv: argv, Env: pkgEnv(), Stdout: out, Stderr: out})
	if err != nil || !exit.Success() {
		return &PackageError{UpdateError{Argv: argv, ExitCode: exit.Code, Signal: exit.Signal, Output: out.String(), Err: err}}
	}
	if _, err := root.MkdirAll("usr/local/etc/pkg/repos", 0o755); err != nil {
		return err
	}
	return root.WriteFile(repositoryConf, []byte(a.conf()), 0o644)
}

func (a stepPackages) Undo(_ context.Context, _ step.Env, _ *plan.Call) error {
	return os.RemoveAll(a.Scratch)
}

// copyKeys copies the trusted keys below the new root, where pkg(8) looks for
// them when it is given another root.
func copyKeys(root *saferoot.Root, dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(path, filepath.VolumeName(path))), "/")
		if d.IsDir() {
			_, err := root.MkdirAll(name, 0o755)
			return err
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return root.WriteFile(name, data, 0o644)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNoKeys, err)
	}
	return err
}

// abi and osVersion are what pkg(8) calls a release. It would find them out by the tree,
// which has another release before an upgrade.
func abi(n Name, arch string) string { return fmt.Sprintf("FreeBSD:%d:%s", n.Major(), arch) }

func osVersion(n Name) int { return n.Major()*100000 + n.Minor()*1000 } // sys/param.h

// packaged reports whether a userland is made of packages.
func packaged(root *saferoot.Root) bool {
	_, err := root.Lstat(repositoryConf)
	return err == nil
}

// otherKind says that only one of a tree and its release is made of packages.
func otherKind(tree string, packaged bool) string {
	if packaged {
		return fmt.Sprintf("%s has %s and is made of packages, its release is not", tree, repositoryConf)
	}
	return fmt.Sprintf("the release is made of packages, %s has no %s and is not", tree, repositoryConf)
}

// packageCommands update a userland that is made of packages.
func (u TreeUpdate) packageCommands(from Name, arch string) ([]command, error) {
	to := from
	if u.To != "" {
		var err error
		if to, err = ParseName(u.To); err != nil {
			return nil, err
		}
	}
	if !to.HasVersion() || to.Minor() < 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotUpdatable, to)
	}
	argv := []string{
		"/usr/sbin/pkg", "--rootdir", "/" + updateTarget, "--repo-conf-dir", "/usr/local/etc/pkg/repos",
		"-o", "ABI=" + abi(to, arch), "-o", fmt.Sprintf("OSVERSION=%d", osVersion(to)), "-o", "IGNORE_OSVERSION=yes",
		"upgrade", "-y", "-r", baseRepository,
	}
	return []command{{
		argv: argv,
		env:  pkgEnv(),
		judge: func(exit int, out []byte) (bool, bool) {
			return exit == 0, exit == 0 && strings.Contains(string(out), "Your packages are up to date")
		},
	}}, nil
}
