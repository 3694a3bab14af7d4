package mirror

import (
	"errors"
	"fmt"
	"net/http"
)

// Reasons for which a fetch fails, for errors.Is.
var (
	// ErrNotFound: the file does not exist on the mirror (also HTTP 404 or 410).
	ErrNotFound = errors.New("not found on the mirror")
	// ErrHashMismatch: the checksum is not that of the manifest.
	ErrHashMismatch = errors.New("SHA-256 does not match")
	// ErrTruncated: fewer bytes arrived than were announced.
	ErrTruncated = errors.New("transfer is truncated")
	// ErrTooLarge: more bytes than announced or allowed.
	ErrTooLarge = errors.New("too large")
	// ErrStalled: no byte arrived for Options.StallTimeout.
	ErrStalled = errors.New("transfer stalled")
	// ErrChanged: the file changed on the server while it was fetched.
	ErrChanged = errors.New("file changed on the server")
	// ErrRedirect: a redirect that the policy refuses.
	ErrRedirect = errors.New("redirect refused")
	// ErrNoAsset: the manifest does not name the asset.
	ErrNoAsset = errors.New("asset is not in the manifest")
	// ErrManifest: the checksum file is invalid.
	ErrManifest = errors.New("not a valid checksum file")
	// ErrHTTP: an http URL without Options.AllowHTTP or ManifestSHA256. The text
	// names the fields of package release.
	ErrHTTP = errors.New("http is not authenticated: set HTTPOptions.AllowHTTP, or the MANIFEST's checksum as FetchOptions.SHA256")
	// ErrLocation: not a location of a mirror.
	ErrLocation = errors.New("not a mirror location")
)

// HTTPError is an answer other than 200 or 206.
type HTTPError struct {
	URL    string
	Status int // for instance 503
}

// Error returns the URL and the status with its text.
func (e *HTTPError) Error() string {
	return fmt.Sprintf("GET %s: %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

// Is reports whether target is ErrNotFound and the status is 404 or 410.
func (e *HTTPError) Is(target error) bool {
	return target == ErrNotFound && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}
