// Package saferoot works on files below a jail's root directory without ever
// following a symbolic link.
//
// Whoever is root inside a jail can replace any directory of it by a link to
// /etc, at any moment. A path that the host joins and hands to open(2) or
// mount(2) then acts on the host. Here every component is opened by itself,
// relative to the directory before it, with O_NOFOLLOW and O_DIRECTORY, and the
// last one is reached through the descriptor of its directory. A link anywhere
// on the way, also one that stays inside the jail, ends the call with an
// *EscapeError. So do "..", absolute paths, and everything that is not a
// directory or regular file: a fifo or device planted in the jail can neither
// hang nor act. Options.SameDevice refuses mount points too.
//
// What was opened stays what it was, even if the jail renames it in the meantime: the
// effect then happens at another place of the jail, never outside of it.
//
// Paths are relative to the root, with slashes on every system: "etc/rc.conf".
// "." is the root itself.
//
// A Root holds one descriptor, the root directory's; all others are closed
// before a call returns, files from OpenFile apart. jail_attach(2) fails with
// EPERM while the process has any directory open, so a Root must be closed
// before a process of this program attaches to a jail.
//
// On systems without openat(2) the standard library's os.Root confines the
// walk, and every component is examined before it is used. That also refuses
// links, but leaves a moment in which a directory can be swapped for a link that
// stays inside the root. The build tag osroot selects this for tests elsewhere.
package saferoot
