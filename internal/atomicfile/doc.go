// Package atomicfile replaces files so that a reader, and the machine after a
// power loss, finds either the old content or the new one, never a mixture.
//
// The new content goes to a temporary file in the same directory, which is
// flushed, given the old file's mode and owner, and renamed over it; then the
// directory is flushed, since rename(2) alone promises nothing about the disk.
// A destination that is a symbolic link or not a regular file is refused.
package atomicfile
