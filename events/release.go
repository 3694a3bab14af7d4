package events

import "slices"

// Events of releases and of updates. Byte counts tell the progress.

// FetchRelease tells that a release is fetched; the steps are below it.
type FetchRelease struct {
	Header  `json:"-"`
	Release string `json:"release"`
}

// Type returns "FetchRelease".
func (FetchRelease) Type() string { return "FetchRelease" }

// MarshalJSON returns the wire form, see [Marshal].
func (e FetchRelease) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e FetchRelease) with(h Header) IocEvent       { e.Header = h; return e }
func (e FetchRelease) subject() string              { return e.Release }

// ReleasePrepareStorage tells that a release's datasets are created.
type ReleasePrepareStorage struct {
	Header  `json:"-"`
	Release string `json:"release"`
	Dataset string `json:"dataset"`
}

// Type returns "ReleasePrepareStorage".
func (ReleasePrepareStorage) Type() string { return "ReleasePrepareStorage" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleasePrepareStorage) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleasePrepareStorage) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleasePrepareStorage) subject() string              { return e.Release }

// ReleaseDownload tells that a release's assets are downloaded; each has its
// own event below.
type ReleaseDownload struct {
	Header  `json:"-"`
	Release string   `json:"release"`
	Assets  []string `json:"assets"`
}

// Type returns "ReleaseDownload".
func (ReleaseDownload) Type() string { return "ReleaseDownload" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseDownload) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e ReleaseDownload) with(h Header) IocEvent {
	e.Header = h
	e.Assets = slices.Clone(e.Assets)
	return e
}
func (e ReleaseDownload) subject() string { return e.Release }

// ReleaseAssetDownload tells how far one asset is downloaded.
type ReleaseAssetDownload struct {
	Header    `json:"-"`
	Release   string `json:"release"`
	Asset     string `json:"asset"`     // for example base.txz
	Received  int64  `json:"received"`  // bytes so far, those of earlier calls included
	Total     int64  `json:"total"`     // bytes in all, 0 if not known
	Rate      int64  `json:"rate"`      // bytes per second that came from the mirror, 0 at first
	Remaining int64  `json:"remaining"` // seconds at that rate, 0 if not known
}

// Type returns "ReleaseAssetDownload".
func (ReleaseAssetDownload) Type() string { return "ReleaseAssetDownload" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseAssetDownload) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleaseAssetDownload) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleaseAssetDownload) subject() string              { return join(e.Release, e.Asset) }

// ReleaseExtraction tells how far one asset is extracted, in bytes of the
// archive.
type ReleaseExtraction struct {
	Header   `json:"-"`
	Release  string `json:"release"`
	Asset    string `json:"asset"`    // for example base.txz
	Received int64  `json:"received"` // bytes so far
	Total    int64  `json:"total"`    // bytes in all, 0 if not known
}

// Type returns "ReleaseExtraction".
func (ReleaseExtraction) Type() string { return "ReleaseExtraction" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseExtraction) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleaseExtraction) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleaseExtraction) subject() string              { return join(e.Release, e.Asset) }

// ReleaseCopyBase tells that a release is copied to the folders basejails
// mount.
type ReleaseCopyBase struct {
	Header  `json:"-"`
	Release string `json:"release"`
}

// Type returns "ReleaseCopyBase".
func (ReleaseCopyBase) Type() string { return "ReleaseCopyBase" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseCopyBase) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleaseCopyBase) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleaseCopyBase) subject() string              { return e.Release }

// ReleaseConfiguration tells that the default files of a release are written.
type ReleaseConfiguration struct {
	Header  `json:"-"`
	Release string `json:"release"`
}

// Type returns "ReleaseConfiguration".
func (ReleaseConfiguration) Type() string { return "ReleaseConfiguration" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseConfiguration) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleaseConfiguration) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleaseConfiguration) subject() string              { return e.Release }

// ReleaseUpdate tells that a release is updated.
type ReleaseUpdate struct {
	Header  `json:"-"`
	Release string `json:"release"`
}

// Type returns "ReleaseUpdate".
func (ReleaseUpdate) Type() string { return "ReleaseUpdate" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseUpdate) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleaseUpdate) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleaseUpdate) subject() string              { return e.Release }

// ReleaseUpdatePull tells that a release's updater is pulled.
type ReleaseUpdatePull struct {
	Header  `json:"-"`
	Release string `json:"release"`
}

// Type returns "ReleaseUpdatePull".
func (ReleaseUpdatePull) Type() string { return "ReleaseUpdatePull" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseUpdatePull) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleaseUpdatePull) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleaseUpdatePull) subject() string              { return e.Release }

// ReleaseUpdateDownload tells how far a release's updates are downloaded.
type ReleaseUpdateDownload struct {
	Header   `json:"-"`
	Release  string `json:"release"`
	Received int64  `json:"received"` // bytes so far
	Total    int64  `json:"total"`    // bytes in all, 0 if not known
}

// Type returns "ReleaseUpdateDownload".
func (ReleaseUpdateDownload) Type() string { return "ReleaseUpdateDownload" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseUpdateDownload) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleaseUpdateDownload) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleaseUpdateDownload) subject() string              { return e.Release }

// ReleaseRecover tells that what an interrupted operation left of a release is
// finished or undone.
type ReleaseRecover struct {
	Header  `json:"-"`
	Release string `json:"release"`
}

// Type returns "ReleaseRecover".
func (ReleaseRecover) Type() string { return "ReleaseRecover" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseRecover) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleaseRecover) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleaseRecover) subject() string              { return e.Release }

// ReleaseDestroy tells that a release and its datasets are destroyed.
type ReleaseDestroy struct {
	Header  `json:"-"`
	Release string `json:"release"`
}

// Type returns "ReleaseDestroy".
func (ReleaseDestroy) Type() string { return "ReleaseDestroy" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ReleaseDestroy) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ReleaseDestroy) with(h Header) IocEvent       { e.Header = h; return e }
func (e ReleaseDestroy) subject() string              { return e.Release }

// ResourceUpdate tells that a jail or release is updated.
type ResourceUpdate struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// Type returns "ResourceUpdate".
func (ResourceUpdate) Type() string { return "ResourceUpdate" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ResourceUpdate) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ResourceUpdate) with(h Header) IocEvent       { e.Header = h; return e }
func (e ResourceUpdate) subject() string              { return e.Resource }

// RunResourceUpdate tells that fetched updates are applied, between a snapshot
// and its removal.
type RunResourceUpdate struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
	Snapshot string `json:"snapshot"` // what a failure rolls back to
}

// Type returns "RunResourceUpdate".
func (RunResourceUpdate) Type() string { return "RunResourceUpdate" }

// MarshalJSON returns the wire form, see [Marshal].
func (e RunResourceUpdate) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e RunResourceUpdate) with(h Header) IocEvent       { e.Header = h; return e }
func (e RunResourceUpdate) subject() string              { return e.Resource }

// ExecuteResourceUpdate tells that the updater runs in a temporary jail.
type ExecuteResourceUpdate struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// Type returns "ExecuteResourceUpdate".
func (ExecuteResourceUpdate) Type() string { return "ExecuteResourceUpdate" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ExecuteResourceUpdate) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ExecuteResourceUpdate) with(h Header) IocEvent       { e.Header = h; return e }
func (e ExecuteResourceUpdate) subject() string              { return e.Resource }
