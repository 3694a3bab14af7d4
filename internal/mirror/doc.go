// Package mirror fetches release assets (base.txz, MANIFEST, ...) from FreeBSD's
// download servers, from a directory, or from a single archive file.
//
// [Open] takes the location of one release's directory, for instance
// https://download.freebsd.org/ftp/releases/amd64/amd64/13.2-RELEASE.
// [Mirror.Manifest] reads its checksums, [Mirror.Fetch] downloads an asset:
//
//   - bytes are hashed as they arrive and compared with the expected SHA-256;
//   - they are kept in "<dest>.part" until they are verified, then renamed. A
//     later Fetch continues such a file, in this process or another;
//   - continuing uses Range and If-Range, so a file that changed on the server is
//     fetched from its beginning. Bytes received before are hashed from disk, not
//     fetched again;
//   - a transfer without progress for Options.StallTimeout is ended and, like
//     a broken connection or a 5xx answer, retried with growing delays;
//   - HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured as net/http does.
//
// # http
//
// Checksums that come over http are as good as no checksums: who replaces an archive
// on the way replaces them too. An http URL therefore needs Options.AllowHTTP, or the
// checksum of the checksum file, Options.ManifestSHA256.
//
// # Redirects
//
// At most ten redirects are followed. A redirect to https may name any host: the
// content is verified by its checksum, and TLS authenticates the checksums. A
// redirect from https to http is refused. A redirect from http to http must stay on
// the same host, unless Options.AllowHTTPRedirect is set.
package mirror
