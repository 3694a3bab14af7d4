package events

// Bytes returns how far a transfer is, in bytes, as a progress bar shows it. Total is 0 if
// the event is of no transfer, or its size is not known yet.
func Bytes(e IocEvent) (done, total int64) {
	switch e := e.(type) {
	case ReleaseAssetDownload:
		return e.Received, e.Total
	case ReleaseExtraction:
		return e.Received, e.Total
	case JailProvisioningAssetDownload:
		return e.Received, e.Total
	}
	return 0, 0
}
