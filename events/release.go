package events

// Events of releases and of updates. Byte counts show the progress.

type (
	// FetchRelease reports that a release is fetched; the steps are below it.
	FetchRelease ReleaseFields
	// ReleaseCopyBase reports that a release is copied to the folders that basejails mount.
	ReleaseCopyBase ReleaseFields
	// ReleaseConfiguration reports that the default files of a release are written.
	ReleaseConfiguration ReleaseFields
	// ReleaseUpdate reports that a release is updated.
	ReleaseUpdate ReleaseFields
	// ReleaseRecover reports that the remains of an interrupted operation on a release are completed or undone.
	ReleaseRecover ReleaseFields
	// ReleaseDestroy reports that a release and its datasets are destroyed.
	ReleaseDestroy ReleaseFields
	// ResourceUpdate reports that a jail or release is updated.
	ResourceUpdate ResourceFields
	// ExecuteResourceUpdate reports that the updater runs in a temporary jail.
	ExecuteResourceUpdate ResourceFields
)

// ReleasePrepareStorage reports that a release's datasets are created.
type ReleasePrepareStorage struct {
	Header  `json:"-"`
	Release string `json:"release"`
	Dataset string `json:"dataset"`
}

// ReleaseDownload reports that a release's assets are downloaded; each has its
// own event below.
type ReleaseDownload struct {
	Header  `json:"-"`
	Release string   `json:"release"`
	Assets  []string `json:"assets"`
}

// ReleaseAssetDownload reports how much of one asset is downloaded.
type ReleaseAssetDownload struct {
	Header    `json:"-"`
	Release   string `json:"release"`
	Asset     string `json:"asset"`     // for example base.txz
	Received  int64  `json:"received"`  // bytes so far, those of earlier calls included
	Total     int64  `json:"total"`     // bytes in all, 0 if not known
	Rate      int64  `json:"rate"`      // bytes per second that came from the mirror, 0 at first
	Remaining int64  `json:"remaining"` // seconds at that rate, 0 if not known
}

// ReleaseExtraction reports how much of one asset is extracted, in bytes of the
// archive.
type ReleaseExtraction struct {
	Header   `json:"-"`
	Release  string `json:"release"`
	Asset    string `json:"asset"`    // for example base.txz
	Received int64  `json:"received"` // bytes so far
	Total    int64  `json:"total"`    // bytes in all, 0 if not known
}

// RunResourceUpdate reports that fetched updates are applied, between a snapshot
// and its removal.
type RunResourceUpdate struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
	Snapshot string `json:"snapshot"` // the target of a rollback on failure
}
