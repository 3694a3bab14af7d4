// Package archive extracts FreeBSD release archives (base.txz, lib32.txz, ...)
// below a directory without trusting them.
//
// [Extract] reads the archive once. The compressed bytes are hashed as they
// arrive, decompressed (xz, gzip, zstd, bzip2 or plain tar, detected by
// magic bytes) and parsed as tar(5). Every header is checked before that member
// has any effect:
//
//   - a name is relative ("./bin/sh" or "bin/sh"), without a ".." component;
//   - no directory on the way to a name is a symbolic link, whether an earlier
//     member or someone else made it. A symbolic link may point anywhere, it is
//     only text (absolute links are common in a jail's root);
//   - a hard link names something below the root that already exists;
//   - it is neither a device nor a fifo;
//   - sizes and the number of members stay below the limits;
//   - the header is unambiguous (not: two extended headers for one member, a size on
//     a link or directory, ...), so that the checking parser and the extracting
//     program always agree about the meaning of a byte.
//
// Two extractors follow the check. On FreeBSD the checked bytes go, unchanged,
// to the base system's bsdtar(1) ("bsdtar -xpf -"), which restores owners by
// name, modes, times, ACLs and file flags (schg). Elsewhere an extractor in Go
// on [os.Root] restores modes, times and, as root, numeric owners. It cannot set file
// flags, ACLs and extended attributes.
//
// Extract is not atomic: bytes reach the disk before the hash over all of them
// is known. The caller extracts into a directory or dataset of its own and
// destroys that when Extract fails.
//
// Memory stays below 64 MB for archives made with xz's presets up to -8, for any size
// and number of members; see [Options] for the limits.
package archive
