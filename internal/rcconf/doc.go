// Package rcconf reads and edits files of shell assignments: rc.conf(5),
// periodic.conf(5), and sysctl.conf(5).
//
// Such a file is a program for sh(1). It is scanned as sh does (quotes,
// continued lines, comments, here-documents, compound commands) to find its
// assignments, but nothing is executed. The last assignment counts; one inside
// a condition counts as if the condition held, as sysrc(8) sees it on a machine
// where it does. $name and ${name} are expanded where the file assigned name
// before. A value that depends on anything else, such as the output of a
// command, is ErrDynamic.
//
// Editing replaces the word of an assignment, or adds a line at the end. All
// other bytes stay. Values are quoted so that sh reads back what was set,
// which sysrc(8) does not do: it writes a="dol$lar" and a="q"uote".
//
// The meaning of reading, setting, appending and deleting agrees with
// `sysrc -f` otherwise, with these exceptions:
//
//   - Characters special to sh in a new value are quoted; sysrc writes them as
//     they are, or refuses to when that breaks the file.
//   - A value over several lines is replaced and deleted whole; sysrc edits
//     its first line, leaving a broken value, or refuses.
//   - Deleting a from `a=1; b=2` leaves b; sysrc drops the line.
//   - Deleting the only command of a compound command leaves `:` there; sysrc
//     leaves a file that sh refuses.
//   - Deleting from `export a=1` works; sysrc says so and does nothing.
//   - `a=<tab>"1"` runs a command and sets nothing, so a new value goes to a
//     line of its own; sysrc writes it where it has no effect.
//   - A carriage return before the line end is part of a value, and goes with
//     it; sysrc leaves it behind the new value.
package rcconf
