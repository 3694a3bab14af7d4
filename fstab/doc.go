// Package fstab reads and writes fstab(5) files without losing a byte.
//
// A jail's fstab is edited by people and by several programs: libioc, iocage,
// mount(8), an editor. Parse therefore keeps every line, in order, as it was
// read: blank lines, comments, lines this package cannot read, and entries with
// their own spacing. Marshal returns the same bytes; only an entry that was
// changed is rewritten, as six tab separated fields and " # comment".
//
// Reading follows getfsent(3):
//   - Fields are separated by blanks and tabs. The first four are required,
//     freq and passno default to 0.
//   - Source and destination are decoded as by strunvis(3), so \040 is a blank,
//     \011 a tab, \012 a newline and \134 a backslash. The form "\ ", which
//     libioc writes for a blank and getfsent(3) cannot read, is understood too.
//   - A comment starts at a # which begins a word after the fields, or the line.
//     A # inside a path is part of the path, unlike in libioc.
//
// A line that cannot be read is kept, and File.Check names it: to start a jail
// without it could leave the jail without its data.
//
// An entry is identified by its destination. Several entries with one destination
// are all mounted, in the order of the file, as by mount(8): the last one hides the
// others, which Lines reports as Shadowed. Lines that iocage generated and marked
// with the comment "iocage-auto" stay in the file too, but are not entries.
//
// New entries are written in the form that fstab(5) documents (\040), which
// mount(8) and jail(8) read. libioc, which knows only "\ ", reads it literally;
// a path without blanks, tabs and backslashes is the same in both.
//
// The package does not access any file system: whether a destination may be
// mounted on, and whether its path has a symbolic link, must be checked at the time
// of mounting. A File is not safe for concurrent use.
package fstab
