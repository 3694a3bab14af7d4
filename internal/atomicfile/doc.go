// Package atomicfile replaces files so that a reader, also after a power loss,
// finds either the old content or the new one, never a mixture.
//
// The new content goes to a temporary file in the same directory, which is
// flushed, given the old file's mode and owner, and renamed over it; then the
// directory is flushed, since rename(2) alone guarantees nothing about the disk. A
// destination that is a symbolic link or otherwise not a regular file is rejected.
package atomicfile
