package release

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/internal/tail"
)

// Errors of updates.
var (
	// ErrUpdate: the updater failed. An *[UpdateError] has its output.
	ErrUpdate = errors.New("update failed")
	// ErrNotUpdatable: nobody serves updates for that name, freebsd-update(8), or only
	// one of tree and release is made of packages.
	ErrNotUpdatable = errors.New("no updates are served for this release")
	// ErrNoUpdater: the tree has neither freebsd-update(8) nor hbsd-update.
	ErrNoUpdater = errors.New("the release has no updater")
)

// UpdateError is an updater that did not end well. errors.Is(err, ErrUpdate).
type UpdateError struct {
	Argv     []string
	ExitCode int // -1 when a signal ended it or it did not run
	Signal   int
	Output   string // the end of what it wrote, at most 8 kB
	Err      error  // why it did not run, or the context's error; else nil
}

func (e *UpdateError) Error() string {
	return strings.Join(e.Argv, " ") + ": " + tail.Ended(e.Err, e.Signal, e.ExitCode, e.Output)
}

// Unwrap gives the cause, if it did not run.
func (e *UpdateError) Unwrap() error { return e.Err }

// Is reports whether target is ErrUpdate.
func (e *UpdateError) Is(target error) bool { return target == ErrUpdate }

// VersionError is a tree that is not what its updater was asked for, though the
// updater succeeded: it had no updates, for example. errors.Is(err, ErrUpdate).
type VersionError struct {
	Dataset string // of the tree
	Got     Name
	Want    Name // at any patch level, if it has none
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("the updater succeeded, but %s is %s, not %s", e.Dataset, e.Got, e.Want)
}

// Is reports whether target is ErrUpdate.
func (e *VersionError) Is(target error) bool { return target == ErrUpdate }

// Places in the temporary jail.
const (
	updateTarget = "mnt"                   // the tree to be changed
	updateWork   = "var/db/freebsd-update" // freebsd-update(8), -d
	hbsdWork     = "var/db/hbsd-update"
	updateConf   = "etc/freebsd-update.conf"
)

// What freebsd-update(8) says. Its exit status does not tell these apart from
// failures.
const (
	saysEndOfLife = "HAS PASSED ITS END-OF-LIFE DATE"
	saysNothing   = "No updates are available to install."
)

// maxInstalls bounds how often "install" is run: an upgrade takes up to three,
// for a kernel, the userland and the removal of old shared libraries.
const maxInstalls = 5

// command is one run of an updater and how its end is judged.
type command struct {
	argv []string
	env  []string // instead of the usual one
	// ask answers questions with yes.
	ask bool
	// judge reports whether the run succeeded, and whether the next command is
	// to be run at all.
	judge func(exit int, output []byte) (ok, more bool)
	// repeat runs the command again as long as judge asks for more.
	repeat int
}

// commands are what the updater is asked to do. Tool is the release that the tree is to
// become, and decides which updater it is. A tree of the other kind is refused: pkg(8)
// finds nothing to do where no packages are, and freebsd-update(8) would write over them.
func (u TreeUpdate) commands(tool, tree *saferoot.Root, from Name, arch string) ([]command, error) {
	if _, err := tool.Lstat("usr/sbin/hbsd-update"); err == nil {
		if u.To != "" {
			return nil, fmt.Errorf("%w: hbsd-update does not change to another release", ErrNotUpdatable)
		}
		return []command{{
			argv: []string{"/usr/sbin/hbsd-update", "-V", "-n", "-c", "/etc/hbsd-update.conf",
				"-t", "/" + hbsdWork, "-r", "/" + updateTarget},
			judge: func(exit int, _ []byte) (bool, bool) { return exit == 0, false },
		}}, nil
	}
	switch want, is := packaged(tool), packaged(tree); {
	case want != is:
		return nil, fmt.Errorf("%w: %s", ErrNotUpdatable, otherKind(u.Target, is))
	case want:
		return u.packageCommands(from, arch)
	}
	if _, err := tool.Lstat("usr/sbin/freebsd-update"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoUpdater, err)
	}
	if !from.IsRelease() {
		return nil, fmt.Errorf("%w: %s", ErrNotUpdatable, from)
	}
	argv := []string{
		"/usr/sbin/freebsd-update", "--not-running-from-cron",
		"-b", "/" + updateTarget, "-d", "/" + updateWork, "-f", "/" + updateConf,
		"--currently-running", from.String(),
	}
	if u.Server != "" {
		argv = append(argv, "-s", u.Server)
	}
	if u.Key != "" {
		argv = append(argv, "-k", u.Key)
	}
	with := func(words ...string) []string { return append(argv[:len(argv):len(argv)], words...) }
	get := command{
		argv: with("fetch"),
		// The warning is the last thing fetch does, with status 1 though all
		// went well.
		judge: func(exit int, out []byte) (bool, bool) {
			return exit == 0 || exit == 1 && bytes.Contains(out, []byte(saysEndOfLife)), true
		},
	}
	if u.To != "" {
		to, err := ParseName(u.To)
		if err != nil {
			return nil, err
		}
		get.argv, get.ask = with("-r", to.Base(), "upgrade"), true
	}
	return []command{get, {
		argv: with("install"), ask: true, repeat: maxInstalls,
		judge: func(exit int, out []byte) (bool, bool) {
			nothing := bytes.Contains(out, []byte(saysNothing))
			return exit == 0 || nothing, exit == 0 && !nothing
		},
	}}, nil
}

// updaterConf is freebsd-update.conf(5) for a jail's tree: the userland alone,
// and no merging of changed files in /etc, which would ask an editor to resolve
// conflicts. UpdateIfUnmodified keeps such files as they are.
func updaterConf(conf []byte) []byte {
	var out strings.Builder
	for line := range strings.Lines(string(conf)) {
		if words := strings.Fields(line); len(words) > 0 && (words[0] == "Components" || words[0] == "MergeChanges") {
			continue
		}
		out.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
	out.WriteString("Components world\n")
	return []byte(out.String())
}
