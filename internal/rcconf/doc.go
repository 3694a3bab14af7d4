// Package rcconf reads and edits files of shell assignments: rc.conf(5),
// periodic.conf(5), and sysctl.conf(5).
//
// Such a file is a program for sh(1). It is scanned like sh does (quotes, continued
// lines, comments, here-documents, compound commands) to find its assignments, but
// nothing is executed. The last assignment takes effect; one inside a condition is
// read as if the condition were true. $name and ${name} are expanded if the file
// has assigned name before. A value that depends on anything else, such as the
// output of a command, is ErrDynamic.
//
// Editing replaces the word of an assignment, or adds a line at the end. All other
// bytes are preserved. Values are quoted so that sh reads back what was set, unlike
// in sysrc(8), which writes a="dol$lar" and a="q"uote".
//
// Otherwise reading, setting, appending and deleting agree with `sysrc -f`, with
// these exceptions:
//
//   - Characters special to sh in a new value are quoted; sysrc writes them as
//     they are, or fails if that breaks the file.
//   - A value over several lines is replaced and deleted whole; sysrc edits
//     its first line, leaving a broken value, or fails.
//   - Deleting a from `a=1; b=2` leaves b; sysrc drops the line.
//   - Deleting the only command of a compound command leaves `:` there; sysrc
//     leaves a file that sh rejects.
//   - Deleting from `export a=1` works; sysrc reports success and does nothing.
//   - `a=<tab>"1"` runs a command and sets nothing, so a new value goes to a
//     line of its own; sysrc writes it where it has no effect.
//   - A carriage return before the line end is part of a value and removed
//     with it; sysrc leaves it after the new value.
package rcconf
