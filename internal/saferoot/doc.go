// Package saferoot works on files below a jail's root directory without ever
// following a symbolic link.
//
// Root inside a jail can replace any of its directories with a link to /etc, at any
// moment. If the host then passes a joined path to open(2) or mount(2), it acts on
// the host. This package opens every component on its own, relative to the
// directory before it, with O_NOFOLLOW and O_DIRECTORY, and accesses the last one
// through the descriptor of its directory. A link anywhere on the path, even one
// that stays inside the jail, is an *EscapeError. So are "..", absolute paths, and
// anything that is not a directory or regular file: a fifo or device in the jail is
// never opened. Options.SameDevice rejects mount points too.
//
// If the jail renames an open directory, the effect happens elsewhere in the jail,
// never outside of it.
//
// Paths are relative to the root, with slashes on every system: "etc/rc.conf".
// "." is the root itself.
//
// A Root holds one descriptor, of the root directory; all others are closed before
// a call returns, except files from OpenFile. jail_attach(2) fails with
// EPERM while the process has any directory open, so a Root must be closed
// before a process of this program attaches to a jail.
//
// On systems without openat(2) it uses os.Root and examines every component before
// using it. That also rejects links, but not a directory that is replaced, just
// after it was examined, with a link that stays inside the root. The build tag
// osroot selects this for tests on other systems.
package saferoot
