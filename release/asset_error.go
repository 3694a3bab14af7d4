package release

import (
	"errors"
	"slices"

	"github.com/libioc/go-libioc/internal/archive"
	"github.com/libioc/go-libioc/internal/mirror"
)

// Reasons for which an asset is refused, for errors.Is. An *[AssetError] names
// the asset.
var (
	// ErrHashMismatch: the bytes are not those the MANIFEST names (libioc:
	// InvalidReleaseAssetSignature).
	ErrHashMismatch = errors.New("SHA-256 does not match")
	// ErrTruncated: the archive or its transfer ends too early.
	ErrTruncated = errors.New("archive is truncated")
	// ErrFormat: the file is not an archive, or corrupt.
	ErrFormat = errors.New("not a valid archive")
	// ErrIllegalMember: a member of the archive would act outside the root, is a
	// device, or is too large (libioc: IllegalArchiveContent).
	ErrIllegalMember = errors.New("archive member refused")
	// ErrNotOnMirror: the mirror does not have the release or the asset
	// (libioc: DownloadFailed).
	ErrNotOnMirror = errors.New("not found on the mirror")
	// ErrStalled: no byte arrived for HTTPOptions.StallTimeout, several times in
	// a row.
	ErrStalled = errors.New("transfer stalled")
	// ErrChanged: the asset changed on the mirror again and again while it was
	// downloaded.
	ErrChanged = errors.New("asset changed on the mirror")
	// ErrRedirect: the mirror leads elsewhere in a way that is not safe, such as
	// from https to http.
	ErrRedirect = errors.New("redirect refused")
	// ErrHTTP: the mirror is at http://, where nothing is authenticated. Set
	// HTTPOptions.AllowHTTP, or the MANIFEST's checksum as FetchOptions.SHA256.
	ErrHTTP = errors.New("http is not authenticated")
)

// AssetError is an asset that could not be downloaded or extracted.
type AssetError struct {
	Asset  string // such as "base.txz"
	Member string // of the archive; empty when none is to blame
	Status int    // of the mirror's answer (HTTP); 0 when none was to blame
	Err    error
}

// refused makes an *AssetError of what the mirror or the archive says.
func refused(asset string, err error) error {
	e := &AssetError{Asset: asset, Err: err}
	if member, ok := errors.AsType[*archive.MemberError](err); ok {
		e.Member = member.Name
	}
	if answer, ok := errors.AsType[*mirror.HTTPError](err); ok {
		e.Status = answer.Status
	}
	return e
}

func (e *AssetError) Error() string {
	if e.Member == "" {
		return e.Asset + ": " + e.Err.Error()
	}
	return e.Asset + ": " + e.Member + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *AssetError) Unwrap() error { return e.Err }

// Is matches the reasons above.
func (e *AssetError) Is(target error) bool {
	return slices.ContainsFunc(reasons[target], func(reason error) bool { return errors.Is(e.Err, reason) })
}

// reasons are the errors that each of this package's sentinels stands for.
var reasons = map[error][]error{
	ErrHashMismatch: {archive.ErrHashMismatch, mirror.ErrHashMismatch},
	ErrTruncated:    {archive.ErrTruncated, mirror.ErrTruncated},
	ErrFormat:       {archive.ErrFormat, mirror.ErrManifest},
	ErrNotOnMirror:  {mirror.ErrNotFound, mirror.ErrNoAsset},
	ErrStalled:      {mirror.ErrStalled},
	ErrChanged:      {mirror.ErrChanged},
	ErrRedirect:     {mirror.ErrRedirect},
	ErrHTTP:         {mirror.ErrHTTP},
	ErrIllegalMember: {
		archive.ErrAbsolutePath, archive.ErrDotDot, archive.ErrThroughSymlink, archive.ErrLinkEscape,
		archive.ErrLinkTarget, archive.ErrNotDirectory, archive.ErrDevice, archive.ErrTooLarge,
	},
}
